package cli

import (
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/spf13/cobra"
)

func newDemo(p *Process) *cobra.Command {
	var o viewFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work, without an account and without a network",
		Long: `Run a whole session on this machine: a stand-in for the Hub with a repo in which
things happen, a webhook on it, and a small app that takes the deliveries, is slow
now and then, fails now and then, and goes away once. Nothing outside a temporary
folder is read or changed. Without a terminal it shows each kind of event once and
ends; on a terminal it goes on until Ctrl+C.`,
		Example: `  hf-tap demo
  hf-tap demo --json | head -3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			view, err := o.view(p, "hf-tap demo --help")
			if err != nil {
				return err
			}
			return listen.Demo(cmd.Context(), listen.DemoOptions{View: view, Version: p.Version, Forever: p.Terminal})
		},
	}
	o.register(cmd.Flags())
	return cmd
}
