package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

func (p *Process) account(f accountFlags) (account, error) {
	env, err := hub.FromEnv(p.Getenv)
	if err != nil {
		return account{}, usageError(err, "unset HF_ENDPOINT, or set it to a URL like https://huggingface.co")
	}
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return account{}, err
	}
	n, err := f.network(p)
	if err != nil {
		return account{}, err
	}
	client, _, err := f.client(p, env, n.Transport())
	return account{dir, client, env.Endpoint}, err
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
			list, err := a.client.ListWebhooks(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return p.webhooksJSON(list)
			}
			return p.webhooksTable(list, a.dir)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array, as the Hub gives it")
	return cmd
}

func (p *Process) webhooksJSON(list []hub.Webhook) error {
	if list == nil {
		list = []hub.Webhook{}
	}
	for i := range list {
		list[i].URL = event.MaskURL(list[i].URL)
	}
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err = fmt.Fprintln(p.Out, string(term.JSON(b)))
	return closedOutput(err)
}

func (p *Process) webhooksTable(list []hub.Webhook, dir session.Dir) error {
	if len(list) == 0 {
		p.tell("no webhooks")
		return nil
	}
	origins, err := session.Origins(dir, list)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTATE\tWATCHES\tDOMAINS\tTARGET\tORIGIN")
	for i, h := range list {
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
		cells := []string{h.ID, state, watchList(h.Watched), strings.Join(h.Domains, ","), target, origins[i]}
		for j := range cells {
			cells[j] = term.Line(cells[j])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return closedOutput(w.Flush())
}

func newWebhooksPrune(p *Process) *cobra.Command {
	var flags accountFlags
	cmd := &cobra.Command{
		Use:   "prune [id …]",
		Short: "Delete webhooks that killed sessions left behind",
		Long: `Delete webhooks that sessions on this machine left behind when they were killed;
every start of listen does the same. Webhooks of sessions that live are not
touched. Those that lead to an hf-tap and that this machine has no record of are listed,
and deleted only when you name them.`,
		Example: "  hf-tap webhooks prune",
		RunE: func(cmd *cobra.Command, ids []string) error {
			for i, s := range ids {
				id, err := hub.ParseWebhookID(s)
				if err != nil {
					return usageError(err, "hf-tap webhooks ls")
				}
				ids[i] = id
			}
			a, err := p.account(flags)
			if err != nil {
				return err
			}
			return p.prune(cmd.Context(), a, ids)
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

func (p *Process) prune(ctx context.Context, a account, ids []string) error {
	who, err := a.client.WhoAmI(ctx)
	if err != nil {
		return err
	}
	swept, sweepErr := session.Sweep(ctx, a.dir, a.client, a.endpoint, who.Name)
	for _, id := range swept.Deleted {
		p.tell("deleted %s, left behind by a session that was killed", id)
	}
	for _, id := range swept.Enabled {
		p.tell("enabled %s, muted by a session that was killed", id)
	}
	for _, k := range swept.Kept {
		if !k.Live {
			p.tell("kept the record of session %s: %s", k.ID, k.Why)
		}
	}
	list, err := a.client.ListWebhooks(ctx)
	if err != nil {
		return errors.Join(sweepErr, err)
	}
	strays, err := session.Strays(a.dir, list)
	if err != nil {
		return errors.Join(sweepErr, err)
	}
	errs := []error{sweepErr}
	for _, w := range strays {
		if !slices.Contains(ids, w.ID) {
			p.tell("no record here of %s, which watches %s; to delete it: hf-tap webhooks prune %s", w.ID, watchList(w.Watched), w.ID)
			continue
		}
		if err := a.client.DeleteWebhook(ctx, w.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		p.tell("deleted %s, of which there was no record here", w.ID)
	}
	for _, id := range ids {
		if !slices.ContainsFunc(strays, func(w hub.Webhook) bool { return w.ID == id }) && !slices.Contains(swept.Deleted, id) {
			errs = append(errs, withHint(notPruned(list, id), "hf-tap webhooks ls"))
		}
	}
	if len(swept.Deleted)+len(swept.Enabled)+len(swept.Kept)+len(strays)+len(ids) == 0 {
		p.tell("nothing was left behind")
	}
	return errors.Join(errs...)
}

// notPruned tells why a webhook that was named was not deleted.
func notPruned(list []hub.Webhook, id string) error {
	if slices.ContainsFunc(list, func(w hub.Webhook) bool { return w.ID == id }) {
		return fmt.Errorf("the webhook %s was not made by a killed hf-tap, and is left alone", id)
	}
	return fmt.Errorf("your account has no webhook %s", id)
}
