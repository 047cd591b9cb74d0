package cli

import (
	"fmt"

	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/spf13/cobra"
)

func newVersion(p *Process) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  hf-tap version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.Out, "hf-tap", p.Version)
			return lines.WriteError(err)
		},
	}
}
