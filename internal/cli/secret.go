package cli

import (
	"fmt"

	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
)

func newSecret(p *Process) *cobra.Command {
	var f secretFlags
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Print the secret that this machine's webhooks carry",
		Long: `Print the secret that webhooks made by hf-tap on this machine carry in
X-Webhook-Secret: that of --secret-file, else WEBHOOK_SECRET, else one that is made
once and kept, so that a handler is configured once.`,
		Example: `  export WEBHOOK_SECRET=$(hf-tap secret)
  hf-tap secret --new-secret`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := session.FindDir(p.Getenv)
			if err != nil {
				return err
			}
			loose, err := dir.Tighten()
			if line := session.LooseLine(loose); line != "" {
				p.tell("%s", line)
			}
			if err != nil {
				p.tell("%v", err)
			}
			secret, err := f.find(p, dir)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.Out, secret)
			return closedOutput(err)
		},
	}
	f.register(cmd.Flags())
	return cmd
}
