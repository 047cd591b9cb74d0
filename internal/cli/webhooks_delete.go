package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/spf13/cobra"
)

func newWebhooksDelete(p *Process) *cobra.Command {
	var flags accountFlags
	var out webhookOutput
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a webhook",
		Long: `Delete a webhook for good. On a terminal it shows the webhook and asks first; elsewhere
it needs --yes. To stop deliveries for a while: hf-tap webhooks disable ID.`,
		Example: "  hf-tap webhooks delete 65a14fd933eca76f4639fc84 --yes",
		Args:    webhookArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if !yes && !flags.canAsk(p) {
				return usageError(errors.New("webhooks delete needs --yes where it cannot ask"), "hf-tap webhooks delete "+args[0]+" --yes")
			}
			a, err := p.account(flags)
			if err != nil {
				return err
			}
			return p.deleteWebhook(cmd.Context(), a, args[0], yes, out)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	out.registerOne(cmd.Flags())
	flags.register(cmd.Flags())
	return cmd
}

// canAsk reports whether somebody can be asked: standard input is a terminal, and
// not taken by --token -.
func (f *accountFlags) canAsk(p *Process) bool { return p.Interactive && f.token != "-" }

func (p *Process) deleteWebhook(ctx context.Context, a account, id string, yes bool, out webhookOutput) error {
	w, err := a.client.GetWebhook(ctx, id)
	if err != nil {
		return err
	}
	looked := a.look(p, w)
	// Not only for people: a script that deletes it would run for nothing.
	if words := sessionWords(looked, "makes it again: end that session instead"); words != "" && !looked.Muted {
		p.tell("%s", words)
	}
	if looked.Stray {
		p.tell("%s leads to an hf-tap without a record here: another machine may use it", id)
	}
	if !yes {
		sure, err := p.confirm(ctx, fmt.Sprintf("webhook %s %s\ndelete it?", id, webhookWords(w)))
		if err != nil {
			return err
		}
		if !sure {
			return withHint(fmt.Errorf("webhook %s was not deleted", id), "to stop its deliveries and keep it: hf-tap webhooks disable "+id)
		}
	}
	switch err := a.client.DeleteWebhook(ctx, id); {
	case err == nil:
		out.tell(p, "deleted webhook %s", id)
	case errors.Is(err, hub.ErrNotFound), errors.Is(err, hub.ErrInvalid):
		// The Hub says both of a webhook that does not exist, and of others, too.
		list, listErr := a.client.ListWebhooks(ctx)
		if listErr != nil || slices.ContainsFunc(list, func(w hub.Webhook) bool { return w.ID == id }) {
			return errors.Join(err, listErr)
		}
		out.tell(p, "webhook %s is gone already: somebody else has deleted it", id)
	default:
		return p.unanswered(ctx, err, id+" was deleted", "hf-tap webhooks info "+id)
	}
	return out.print(p, looked)
}
