package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
)

func newWebhooksInfo(p *Process) *cobra.Command {
	var flags accountFlags
	var out webhookOutput
	cmd := &cobra.Command{
		Use:   "info ID",
		Short: "Show one webhook",
		Long: `Show everything that the Hub returns about a webhook, and whether an hf-tap on this machine made it.
The Hub never returns a secret, only whether there is one.`,
		Example: `  hf-tap webhooks info 65a14fd933eca76f4639fc84
  hf-tap webhooks info 65a14fd933eca76f4639fc84 --json`,
		Args: webhookArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			a, err := p.account(flags)
			if err != nil {
				return err
			}
			w, err := a.client.GetWebhook(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			looked := a.look(p, w)
			if out.json || out.quiet {
				return out.print(p, looked)
			}
			return p.webhookPage(looked, a.endpoint)
		},
	}
	flags.register(cmd.Flags())
	out.registerOne(cmd.Flags())
	return cmd
}

// webhookPage prints a webhook, a line for each of its settings.
func (p *Process) webhookPage(w session.Surveyed, endpoint string) error {
	rows := [][]string{
		{"id", w.ID}, {"state", stateWords(w.State)},
		{"watches", present.List(w.Watched)}, {"domains", present.List(w.Domains)},
	}
	if w.URL != "" {
		rows = append(rows, []string{"url", event.MaskURL(w.URL)})
	}
	if hasJob(w.Webhook) {
		rows = append(rows, jobRows(w.Webhook)...)
	}
	rows = append(rows, []string{"secret", secretWords(w.HasSecret)}, []string{"last trigger", triggerWords(w.LastTrigger)})
	if w.Origin != "" {
		rows = append(rows, []string{"origin", w.Origin})
	}
	rows = append(rows, []string{"page", endpoint + "/settings/webhooks/" + w.ID})
	t := p.newTable()
	for _, row := range rows {
		t.add(row...)
	}
	if err := t.print(p.Out); err != nil {
		return err
	}
	if w.State == hub.StateSuspended {
		p.tell("%s", suspendedWords(w.ID))
	}
	return nil
}

// jobRows are the settings of a Job. Of its environment and its secrets only the
// names are shown.
func jobRows(w hub.Webhook) [][]string {
	j := jobOf(w)
	rows := [][]string{{"job", strings.TrimLeft(strings.TrimPrefix(aimWords(w), "a Job"), ", ")}}
	if words := append(j.Command, j.Arguments...); len(words) > 0 {
		rows = append(rows, []string{"command", fmt.Sprintf("%q", words)})
	}
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(j.Labels)) {
		labels = append(labels, name+"="+j.Labels[name])
	}
	for _, names := range []struct {
		title string
		names []string
	}{{"environment", slices.Sorted(maps.Keys(j.Environment))}, {"job secrets", j.Secrets}, {"labels", labels}} {
		if len(names.names) > 0 {
			rows = append(rows, []string{names.title, strings.Join(names.names, ", ")})
		}
	}
	if j.TimeoutSeconds > 0 {
		rows = append(rows, []string{"time limit", (time.Duration(j.TimeoutSeconds) * time.Second).String()})
	}
	if len(j.Command) > 0 {
		rows = append(rows, []string{"run it here", "hf-tap webhooks job " + w.ID})
	}
	return rows
}
