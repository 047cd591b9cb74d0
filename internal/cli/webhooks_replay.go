package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/spf13/cobra"
)

func newWebhooksReplay(p *Process) *cobra.Command {
	var flags accountFlags
	var out webhookOutput
	cmd := &cobra.Command{
		Use:   "replay ID LOG",
		Short: "Let the Hub send a delivery again",
		Long: `Let the Hub send one of its past deliveries again, to the webhook's current URL and with
its current secret. It prints the status that the URL answered, and fails if that is not
2xx. The ids of deliveries are shown only on the webhook's page, under Activity.
"hf-tap webhooks info ID" prints the address of that page.

Events that hf-tap has recorded are sent again without the Hub: hf-tap events replay.`,
		Example: "  hf-tap webhooks replay 65a14fd933eca76f4639fc84 65a2c0ffee33eca76f4639fc",
		Args:    webhookArgs("the id of a delivery"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(checkLogID(args[1]), out.check()); err != nil {
				return err
			}
			a, err := p.account(flags)
			if err != nil {
				return err
			}
			return p.replayDelivery(cmd.Context(), a, args[0], args[1], out)
		},
	}
	out.register(cmd.Flags(), `print {"status": 200}`, "print the status alone")
	flags.register(cmd.Flags())
	return cmd
}

// checkLogID refuses what cannot be the id of a delivery. Which form the Hub's
// ids have is not documented.
func checkLogID(s string) error {
	if s == "" || s == "." || s == ".." || len(s) > 100 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
		return usageError(fmt.Errorf("%q is not the id of a delivery", s), "see the webhook's page: hf-tap webhooks info ID")
	}
	return nil
}

func (p *Process) replayDelivery(ctx context.Context, a account, id, logID string, out webhookOutput) error {
	status, err := a.client.ReplayDelivery(ctx, id, logID)
	page := a.endpoint + "/settings/webhooks/" + id
	switch {
	case errors.Is(err, hub.ErrNotFound): // the webhook or the delivery
		return withHint(err, "its page has the ids of its deliveries: hf-tap webhooks info "+id)
	case err != nil:
		return p.unanswered(ctx, err, "it was sent again", "see the webhook's Activity: "+page)
	}
	out.tell(p, "the Hub sent delivery %s of webhook %s again", logID, id)
	if out.json {
		err = p.printJSON(map[string]int{"status": status})
	} else {
		_, err = fmt.Fprintln(p.Out, status)
		err = lines.WriteError(err)
	}
	switch {
	case err != nil || status/100 == 2:
		return err
	case status == 0:
		return withHint(errors.New("the webhook's URL did not answer the replay"), "hf-tap webhooks info "+id)
	}
	return withHint(fmt.Errorf("the webhook's URL answered the replay with %d", status), "see the webhook's Activity: "+page)
}
