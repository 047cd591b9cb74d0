package cli

import (
	"bufio"
	"errors"
	"fmt"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/diff"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/spf13/cobra"
)

func newEventsDiff(p *Process) *cobra.Command {
	return &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two events",
		Long: `Compare two events: their bodies, and what the targets of the second one answered, as
the screen does. JSON is compared by its values. Lines begin with "-" for what only the
first one has, "+" for what only the second one has, and "~" for values that differ.`,
		Example: "  hf-tap events diff 12 13",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			numbers, err := parseNumbers(args)
			if err != nil {
				return err
			}
			reader, err := p.readHistory(cmd.Context())
			if err != nil {
				return err
			}
			if reader == nil {
				return noEvent(numbers[0])
			}
			defer func() { err = errors.Join(err, reader.Close()) }()
			var events [2]*event.Event
			for i, n := range numbers {
				if events[i], err = getEvent(cmd.Context(), reader, n); err != nil {
					return err
				}
			}
			return p.printDiff(events[0].Masked(), events[1].Masked())
		},
	}
}

func (p *Process) printDiff(before, now *event.Event) error {
	out := bufio.NewWriter(p.Out)
	print := func(s string) { fmt.Fprintln(out, p.notes.Mask.Text(term.Line(s))) } // the writer keeps its error for Flush
	print(fmt.Sprintf("- #%d  %s", before.N, before.Title()))
	print(fmt.Sprintf("+ #%d  %s", now.N, now.Title()))
	for _, section := range diff.Events(before, now) {
		print("")
		print(section.Title)
		for _, l := range section.Lines {
			print(l.String())
		}
	}
	return lines.WriteError(out.Flush())
}
