package cli

import (
	"context"
	"fmt"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/spf13/cobra"
)

func newWebhooksEnable(p *Process) *cobra.Command {
	return p.newSwitch(webhookSwitch{
		name: "enable", done: "enabled", undoes: "keeps it enabled itself", call: (*hub.Client).EnableWebhook,
		is: func(d hub.State) bool { return d == hub.StateEnabled },
	}, "Enable a webhook that is disabled or suspended", `Enable a webhook that somebody has disabled, or that the Hub has suspended because its
deliveries failed.`)
}

func newWebhooksDisable(p *Process) *cobra.Command {
	return p.newSwitch(webhookSwitch{
		name: "disable", done: "disabled", undoes: "enables it again", call: (*hub.Client).DisableWebhook,
		is: func(d hub.State) bool { return d != hub.StateEnabled },
	}, "Disable a webhook, and keep it", `Disable a webhook: the Hub delivers nothing to it until it is enabled. "hf-tap
listen --mute ID" does the same for as long as a session runs.`)
}

// webhookSwitch is enable or disable.
type webhookSwitch struct {
	name, done string
	undoes     string // what a live session does when its webhook is switched
	call       func(*hub.Client, context.Context, string) (hub.Webhook, error)
	is         func(hub.State) bool // whether a state is what was asked for
}

func (p *Process) newSwitch(s webhookSwitch, short, long string) *cobra.Command {
	var flags accountFlags
	var out webhookOutput
	cmd := &cobra.Command{
		Use: s.name + " ID", Short: short, Long: long,
		Example: "  hf-tap webhooks " + s.name + " 65a14fd933eca76f4639fc84",
		Args:    webhookArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			a, err := p.account(flags)
			if err != nil {
				return err
			}
			w, err := s.call(a.client, cmd.Context(), args[0])
			if err != nil {
				return p.unanswered(cmd.Context(), err, args[0]+" was "+s.done, "hf-tap webhooks info "+args[0])
			}
			if !s.is(w.State) {
				return withHint(fmt.Errorf("the Hub did not %s webhook %s: it is %s", s.name, w.ID, stateWords(w.State)), "hf-tap webhooks info "+w.ID)
			}
			looked := a.look(p, w)
			out.tell(p, "%s webhook %s, which %s", s.done, w.ID, webhookWords(w))
			if words := sessionWords(looked, s.undoes); words != "" {
				out.tell(p, "%s", words)
			}
			return out.print(p, looked)
		},
	}
	out.registerOne(cmd.Flags())
	flags.register(cmd.Flags())
	return cmd
}
