package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/spf13/cobra"
)

func newWebhooks(p *Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "webhooks",
		Short:   "Look at your webhooks on the Hub, and delete what was left behind",
		Example: "  hf-tap webhooks ls",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWebhooksLs(p), newWebhooksPrune(p))
	return cmd
}

// account is what commands about webhooks work on.
type account struct {
	dir      session.Dir
	client   *hub.Client
	endpoint string
}

// account finds the account. Where only the token is missing or wrong, the
// folder and the endpoint are there beside the error.
func (p *Process) account(f accountFlags) (a account, err error) {
	env, err := hub.FromEnv(p.Getenv)
	if err != nil {
		return a, usageError(err, "unset HF_ENDPOINT, or set it to a URL like https://huggingface.co")
	}
	a.endpoint = env.Endpoint
	if a.dir, err = session.FindDir(p.Getenv); err != nil {
		return a, err
	}
	n, err := f.network(p)
	if err != nil {
		return a, err
	}
	a.client, _, err = f.client(p, env, n.Transport())
	return a, err
}

func newWebhooksLs(p *Process) *cobra.Command {
	var flags accountFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the webhooks of your account",
		Example: `  hf-tap webhooks ls
  hf-tap webhooks ls --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := p.account(flags)
			if err != nil {
				return err
			}
			survey, err := session.Look(cmd.Context(), a.dir, a.client)
			if err != nil {
				return err
			}
			p.tellUnread(survey.Err, survey.Damaged)
			if asJSON {
				return p.webhooksJSON(survey.Webhooks)
			}
			return p.webhooksTable(survey.Webhooks)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array, as the Hub gives it")
	return cmd
}

// tellUnread says which records could not be read, so that where a webhook comes
// from may be unknown.
func (p *Process) tellUnread(err error, damaged []*session.RecordError) {
	if err != nil {
		p.tell("%s: where webhooks come from is unknown", oneLine(err))
	}
	for _, d := range damaged {
		p.tell("%v; to drop it: hf-tap webhooks prune --forget %s", d, d.ID)
	}
}

func (p *Process) webhooksJSON(surveyed []session.Surveyed) error {
	list := make([]hub.Webhook, len(surveyed))
	for i, h := range surveyed {
		list[i] = h.Webhook
		list[i].URL = event.MaskURL(h.URL)
	}
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err = fmt.Fprintln(p.Out, string(term.JSON(b)))
	return closedOutput(err)
}

func (p *Process) webhooksTable(list []session.Surveyed) error {
	if len(list) == 0 {
		p.tell("no webhooks")
		return nil
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTATE\tWATCHES\tDOMAINS\tTARGET\tORIGIN")
	for _, h := range list {
		state := "enabled"
		switch h.Disabled {
		case hub.Enabled:
		case hub.DisabledByUser:
			state = "disabled"
		default:
			state = string(h.Disabled)
		}
		target := event.MaskURL(h.URL)
		if target == "" {
			target = "a job"
		}
		cells := []string{h.ID, state, watchList(h.Watched), strings.Join(h.Domains, ","), target, h.Origin}
		writeRow(w, cells)
	}
	return closedOutput(w.Flush())
}

// writeRow writes a row of a table, made safe for a terminal.
func writeRow(w *tabwriter.Writer, cells []string) {
	for i := range cells {
		cells[i] = term.Line(cells[i])
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}
