package cli

import (
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
)

func newWebhooksLs(p *Process) *cobra.Command {
	var flags accountFlags
	var out webhookOutput
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the webhooks of your account",
		Long: `List the webhooks of your account: what each watches and calls, whether it is enabled,
and whether an hf-tap on this machine made it. A suspended webhook is shown as
SUSPENDED, with a hint below the list.`,
		Example: `  hf-tap webhooks ls
  hf-tap webhooks ls --json
  hf-tap webhooks ls -q`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			a, err := p.account(flags)
			if err != nil {
				return err
			}
			survey, err := session.Look(cmd.Context(), a.dir, a.client)
			if err != nil {
				return err
			}
			p.tellUnread(survey.Err, survey.Damaged)
			return out.list(p, survey.Webhooks)
		},
	}
	flags.register(cmd.Flags())
	out.register(cmd.Flags(), "print a JSON array, with the origin of each webhook", "print the ids alone, one a line")
	return cmd
}

func (o *webhookOutput) list(p *Process, list []session.Surveyed) error {
	switch {
	case o.json:
		shown := make([]webhookJSON, len(list))
		for i, w := range list {
			shown[i] = shownWebhook(w)
		}
		return p.printJSON(shown)
	case o.quiet:
		for _, w := range list {
			if _, err := fmt.Fprintln(p.Out, p.notes.Shown(w.ID)); err != nil {
				return lines.WriteError(err)
			}
		}
		return nil
	case len(list) == 0:
		p.tell("no webhooks")
		return nil
	}
	t := p.newTable()
	t.add("ID", "STATE", "WATCHES", "DOMAINS", "TARGET", "SECRET", "LAST TRIGGER", "ORIGIN")
	for _, w := range list {
		t.add(w.ID, stateWords(w.State), present.List(w.Watched), strings.Join(texts(w.Domains), ","), aimWords(w.Webhook),
			secretWords(w.HasSecret), triggerWords(w.LastTrigger), w.Origin)
	}
	if err := t.print(p.Out); err != nil {
		return err
	}
	for _, w := range list {
		if w.State == hub.StateSuspended {
			p.tell("%s", suspendedWords(w.ID))
		}
	}
	return nil
}
