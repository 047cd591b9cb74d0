package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/config"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// removeFlags are the flags of events rm, as they were given.
type removeFlags struct {
	filter, older, session string
	yes                    bool
}

func newEventsRm(p *Process) *cobra.Command {
	var f removeFlags
	cmd := &cobra.Command{
		Use:   "rm [N …]",
		Short: "Remove events for good",
		Long: `Remove events with their bodies and attempts for good: those named by number, or those
that the flags select. Events stay if they are pinned and not named, or still being
delivered. On a terminal it asks first; elsewhere it needs --yes. It can be used while
sessions run. The file does not become smaller: new events use the free space.`,
		Example: `  hf-tap events rm 3 --yes
  hf-tap events rm --older 30d --yes
  hf-tap events rm --filter 'kind:repo.* source:trigger' --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, named, err := f.parse(p, args)
			if err != nil {
				return err
			}
			return f.remove(cmd.Context(), p, q, named)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *removeFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.filter, "filter", "", "events that match this filter (hf-tap help filter)")
	fs.StringVar(&f.older, "older", "", "events received longer ago than this: 30d, 12h")
	fs.StringVar(&f.session, "session", "", "events of the session with this id")
	fs.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
}

// parse reads the numbers of the events that are named, or the query for those
// that the flags choose.
func (f *removeFlags) parse(p *Process, args []string) (q history.Query, named []int64, err error) {
	chosen := f.filter != "" || f.older != "" || f.session != ""
	if chosen == (len(args) > 0) {
		return q, nil, usageError(errors.New("name the events by number, or choose them by --filter, --older or --session"), "hf-tap events rm --older 30d")
	}
	if named, err = parseNumbers(args); err != nil {
		return q, nil, err
	}
	q.Session = f.session
	if f.filter != "" {
		if q.Filter, err = parseFilter(f.filter, "hf-tap events rm --filter", "source:trigger"); err != nil {
			return q, nil, err
		}
	}
	if f.older != "" {
		age, err := config.ParseAge(f.older) // 30m may be meant as months
		if err != nil {
			return q, nil, usageError(fmt.Errorf("%q is not an age in hours, days or weeks", f.older), "hf-tap events rm --older 30d")
		}
		q.Until = time.Now().Add(-age)
	}
	if !f.yes && !p.Interactive {
		return q, nil, usageError(errors.New("events rm needs a terminal to ask, or --yes"), "add --yes")
	}
	return q, named, nil
}

func (f *removeFlags) remove(ctx context.Context, p *Process, q history.Query, named []int64) (err error) {
	store, _, err := p.openHistory(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	numbers, remove := slices.Clone(named), store.Delete
	if len(named) > 0 {
		err = checkRemovable(ctx, store, named)
	} else {
		numbers, err = f.choose(ctx, p, store, q)
		remove = store.DeleteUnpinned
	}
	if err != nil {
		return err
	}
	if !f.yes && len(numbers) > 0 {
		sure, err := p.confirm(ctx, fmt.Sprintf("remove %s for good?", present.Count(len(numbers), "event")))
		if err != nil {
			return err
		}
		if !sure {
			return withHint(errors.New("nothing was removed"), "to keep them out of --failed and --pending instead: hf-tap events dismiss")
		}
	}
	removed, err := p.removeAll(ctx, numbers, remove)
	_, printed := fmt.Fprintln(p.Out, "removed "+present.Count(removed, "event"))
	return errors.Join(err, lines.WriteError(printed))
}

// checkRemovable reports an event that does not exist or is not settled.
func checkRemovable(ctx context.Context, store *history.Store, named []int64) error {
	for _, n := range named {
		e, err := getEvent(ctx, store.Reader, n)
		if err != nil && !errors.Is(err, history.ErrDamaged) {
			return err
		}
		if e != nil && !event.NewRow(e).Settled() {
			return withHint(fmt.Errorf("event %d is still being delivered", n), fmt.Sprintf("hf-tap events show %d", n))
		}
	}
	return nil
}

// choose returns the events that the flags choose, the oldest first, and says which of
// them stay.
func (f *removeFlags) choose(ctx context.Context, p *Process, store *history.Store, q history.Query) (numbers []int64, err error) {
	var pinned, underWay int
	err = store.Search(ctx, q, func(row *event.Row) error {
		switch {
		case row.Pinned:
			pinned++
		case !row.Settled():
			underWay++
		default:
			numbers = append(numbers, row.N)
		}
		return nil
	})
	if err != nil && !errors.Is(err, history.ErrDamaged) {
		return nil, err
	}
	p.tellCutOff(q.Filter)
	if len(numbers)+pinned+underWay == 0 {
		selected := selectFlags{session: f.session}
		return nil, selected.known(ctx, store.Reader, "hf-tap events rm")
	}
	if pinned > 0 {
		p.tell("%s: name them by number to remove them", stay(pinned, "pinned event"))
	}
	if underWay > 0 {
		p.tell("%s: still being delivered", stay(underWay, "event"))
	}
	slices.Reverse(numbers)
	return numbers, err
}

func stay(n int, what string) string {
	if n == 1 {
		return present.Count(n, what) + " stays"
	}
	return present.Count(n, what) + " stay"
}

// removeBatch is how many events one transaction removes: a session that runs waits
// for it.
const removeBatch = 1000

// removeAll removes events and returns how many. What was removed before an error, or
// before the process is killed, is gone, and the rest is whole.
func (p *Process) removeAll(ctx context.Context, numbers []int64, remove func(context.Context, ...int64) (int, error)) (removed int, err error) {
	progress := newProgress(p.Err, p.ErrTerminal, "removed", len(numbers))
	defer progress.Done()
	for batch := range slices.Chunk(numbers, removeBatch) {
		n, err := remove(ctx, batch...)
		removed += n
		if err != nil {
			return removed, err
		}
		progress.Add(len(batch))
	}
	return removed, nil
}
