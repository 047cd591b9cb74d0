package cli

import (
	"errors"
	"fmt"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/spf13/cobra"
)

// dismissFlags are the flags of events dismiss, as they were given.
type dismissFlags struct{ selectFlags }

// parse reads the numbers of the events that are named: none if the flags choose
// them.
func (f *dismissFlags) parse(args []string) ([]int64, error) {
	if (len(args) > 0) == (f.failed || f.pending) || len(args) > 0 && f.session != "" {
		return nil, usageError(errors.New("name the events by number, or choose them by --failed or --pending"), "hf-tap events dismiss --pending")
	}
	return parseNumbers(args)
}

func newEventsDismiss(p *Process) *cobra.Command {
	var f dismissFlags
	cmd := &cobra.Command{
		Use:   "dismiss [N …]",
		Short: "Stop counting events as failed or pending",
		Long: `Stop counting events as failed or pending: those named by number, or those that the
flags select. Their replays and repeated deliveries are dismissed with them. The events stay in the history, and can still be replayed by number.`,
		Example: `  hf-tap events dismiss 12 13
  hf-tap events dismiss --pending
  hf-tap events dismiss --failed --session 5e55ab01c0ffee42`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			numbers, err := f.parse(args)
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
			for _, q := range f.queries() {
				err := store.Search(cmd.Context(), q, func(row *event.Row) error { numbers = append(numbers, row.N); return nil })
				if err != nil {
					return err
				}
			}
			if len(numbers) == 0 {
				if err := f.known(cmd.Context(), store.Reader, "hf-tap events dismiss --failed"); err != nil {
					return err
				}
			}
			n, err := store.Dismiss(cmd.Context(), numbers...)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.Out, "dismissed "+present.Count(n, "event"))
			return lines.WriteError(err)
		},
	}
	f.register(cmd.Flags())
	return cmd
}
