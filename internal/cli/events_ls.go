package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// listFlags are the flags of events ls, as they were given.
type listFlags struct {
	selected selectFlags
	limit    int
	json     bool
}

func newEventsLs(p *Process) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:   "ls [filter]",
		Short: "List recorded events, the newest last",
		Long: `List recorded events of all sessions, the newest last. An event must match all terms
of the filter: words, key:value, kinds and repos with * for any text, and jq: with an
expression. A leading "-" negates a term. For all keys: hf-tap help filter.`,
		Example: `  hf-tap events ls
  hf-tap events ls 'discussion.*' --limit 5
  hf-tap events ls kind:repo.* 'latency:>1s' -- -repo:me/noisy
  hf-tap events ls --failed --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			matching, err := f.parse(args)
			if err != nil {
				return err
			}
			return f.list(cmd.Context(), p, matching)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) && strings.Contains(unknown.GetSpecifiedShortnames(), ":") {
			return usageError(err, "put a term that begins with - after --: hf-tap events ls -- -kind:repo.*")
		}
		return usageError(err, flagHint(cmd, err))
	})
	f.register(cmd.Flags())
	return cmd
}

func (f *listFlags) register(fs *pflag.FlagSet) {
	f.selected.register(fs)
	fs.IntVarP(&f.limit, "limit", "n", 50, "list the newest N events; 0 lists all")
	fs.BoolVar(&f.json, "json", false, "print one JSON object per event (docs/events.md)")
}

// parse reads the filter that the arguments are, nil without any, and checks the
// flags.
func (f *listFlags) parse(args []string) (matching *filter.Filter, err error) {
	if len(args) > 0 {
		if matching, err = parseFilter(strings.Join(args, " "), "hf-tap events ls", "discussion.* latency:>1s"); err != nil {
			return nil, err
		}
	}
	if f.limit < 0 {
		return nil, atLeast("limit", f.limit, 0, "hf-tap events ls --limit 0")
	}
	return matching, nil
}

func (f *listFlags) list(ctx context.Context, p *Process, matching *filter.Filter) (err error) {
	limit := f.limit
	reader, err := p.readHistory(ctx)
	if err != nil {
		return err
	}
	q := f.selected.query()
	q.Filter = matching
	if limit > 0 {
		q.Limit = limit + 1 // one more says that there are more
	}
	// Numbers alone are kept while paging backwards: a history may hold millions.
	var numbers []int64
	var missing *history.UnreadableError
	var columns lines.Columns
	now := time.Now()
	if reader != nil {
		defer func() { err = errors.Join(err, reader.Close()) }()
		err := reader.Search(ctx, q, func(row *event.Row) error {
			if limit == 0 || len(numbers) < limit {
				columns.Fit(row, now)
			}
			numbers = append(numbers, row.N)
			return nil
		})
		if err != nil && !errors.As(err, &missing) {
			return err
		}
	}
	p.tellCutOff(q.Filter)
	if len(numbers) == 0 && missing == nil {
		if err := f.selected.known(ctx, reader, "hf-tap events ls"); err != nil {
			return err
		}
		if !f.json {
			p.tell("no events")
		}
	}
	if limit > 0 && len(numbers) > limit {
		numbers = numbers[:limit]
		defer func() {
			if err == nil {
				p.tell("stopped after the newest %s: --limit 0 lists all", present.Count(limit, "event"))
			}
		}()
	}
	if missing, err = f.print(ctx, p, reader, numbers, &columns, missing); err != nil {
		return err
	}
	if missing != nil {
		return missing
	}
	return nil
}

// tellCutOff says on how many events the jq of a filter gave up.
func (p *Process) tellCutOff(f *filter.Filter) {
	if n := f.JQCutOff(); n > 0 {
		p.tell("left out %s: the jq expression took too long or too much memory", present.Count(n, "event"))
	}
	if n, why := f.JQFailed(); n > 0 {
		p.tell("the jq expression failed on %s, which are left out: %s", present.Count(n, "event"), why)
	}
}

// print prints events by their numbers, the last one first. It returns missing with
// those that cannot be read added.
func (f *listFlags) print(
	ctx context.Context, p *Process, reader *history.Reader, numbers []int64, columns *lines.Columns, missing *history.UnreadableError,
) (*history.UnreadableError, error) {
	out := bufio.NewWriter(p.Out)
	for _, n := range slices.Backward(numbers) {
		e, err := reader.Get(ctx, n)
		switch {
		case errors.Is(err, history.ErrNotFound):
			continue // deleted since
		case errors.Is(err, history.ErrDamaged):
			if missing == nil {
				missing = &history.UnreadableError{Err: err}
			}
			missing.Events++
			continue
		case err != nil:
			return missing, err
		}
		line := p.notes.Mask.Text(columns.Event(event.NewRow(e)))
		if f.json {
			b, err := e.JSONLine(event.LineEvent)
			if err != nil {
				return missing, err
			}
			line = p.notes.Mask.JSON(b)
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return missing, lines.WriteError(err)
		}
	}
	return missing, lines.WriteError(out.Flush())
}
