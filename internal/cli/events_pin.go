package cli

import (
	"errors"
	"fmt"

	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/spf13/cobra"
)

func newEventsPin(p *Process) *cobra.Command {
	return p.newPin(true, &cobra.Command{
		Use:   "pin N …",
		Short: "Pin events",
		Long: `Keep events: neither rm nor retention removes them unless they are named, and
the screen compares others with them. A session that runs shows it at once.`,
		Example: "  hf-tap events pin 12 13",
	})
}

func newEventsUnpin(p *Process) *cobra.Command {
	return p.newPin(false, &cobra.Command{
		Use: "unpin N …", Short: "Unpin events",
		Example: "  hf-tap events unpin 12",
	})
}

// newPin makes cmd pin events, or unpin them.
func (p *Process) newPin(on bool, cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if len(args) == 0 {
			return usageError(errors.New("name the events by number"), cmd.CommandPath()+" 12")
		}
		numbers, err := parseNumbers(args)
		if err != nil {
			return err
		}
		store, _, err := p.openHistory(cmd.Context())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		for _, n := range numbers {
			if _, err := getEvent(cmd.Context(), store.Reader, n); err != nil {
				return err
			}
		}
		changed, err := store.Pin(cmd.Context(), on, numbers...)
		if err != nil {
			return err
		}
		words := "unpinned "
		if on {
			words = "pinned "
		}
		_, err = fmt.Fprintln(p.Out, words+present.Count(changed, "event"))
		return lines.WriteError(err)
	}
	return cmd
}
