package listen

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/session"
)

// follower reads the changes of a session, prints and counts its events, and decides
// when the session is to end. It is what all front ends have in common, so that they
// cannot drift apart; with a printer it is the one that prints lines.
type follower struct {
	printer *lines.Printer // nil: nothing is printed
	stop    Stop
	settled func(n int64) // called after an event was printed; nil: not

	Tally
	feed   *history.Follower    // nil before the session is up
	unread []event.Change       // that the feed gave and that have not been shown
	open   map[int64]*openEvent // events that have not been printed
	seen   int                  // trusted events that are settled
	done   bool                 // what was wanted has come
	late   bool                 // it had not when the time was over
	ending bool                 // the session ends: all that comes is printed
}

// openEvent is an event that has not settled yet.
type openEvent struct {
	row       *event.Row
	seen      time.Time
	announced bool
}

// arrivalDelay is how long an event may take to settle before its arrival is
// printed.
const arrivalDelay = time.Second

// Run reads changes until ctx ends or the stop condition is met. An event that does not
// settle within a second is announced before.
func (f *follower) Run(ctx context.Context, live *session.Live) error {
	f.feed = live.Follow()
	defer f.feed.Close()
	var late <-chan time.Time
	if f.stop.Wait > 0 {
		timer := time.NewTimer(f.stop.Wait)
		defer timer.Stop()
		late = timer.C
	}
	announce := time.NewTimer(time.Hour)
	defer announce.Stop()
	for {
		if err := f.read(ctx, live); err != nil || f.done {
			return err
		}
		if next, any := f.nextArrival(); any {
			announce.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.feed.Wake():
		case <-announce.C:
			if err := f.announce(ctx, live); err != nil {
				return err
			}
		case <-late:
			f.late = true
			return nil
		}
	}
}

// Last reads what settled while the session was ending.
func (f *follower) Last(ctx context.Context, live *session.Live) error {
	if f.feed == nil {
		f.feed = live.Follow()
		defer f.feed.Close()
	}
	f.ending = true
	if err := f.read(ctx, live); err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(f.open)) {
		if row := f.open[n].row; row.Settled() {
			if err := f.settle(ctx, live, row); err != nil {
				return err
			}
		}
	}
	return f.flush()
}

// read shows all changes since the last call. What it has read and not shown when ctx
// ends is shown by the next call.
func (f *follower) read(ctx context.Context, live *session.Live) error {
	const page = 200
	for {
		if len(f.unread) == 0 {
			var err error
			if f.unread, err = f.feed.Read(ctx, page); err != nil {
				return err
			}
		}
		last := len(f.unread) == 0
		for len(f.unread) > 0 {
			if err := f.change(ctx, live, f.unread[0]); err != nil {
				return err
			}
			f.unread = f.unread[1:]
		}
		if err := f.flush(); err != nil {
			return err
		}
		if last || f.done && !f.ending {
			return nil
		}
	}
}

// change shows one change: a state, or an event when it settles. Later changes
// of an event may say that it has not failed after all.
func (f *follower) change(ctx context.Context, live *session.Live, c event.Change) error {
	row := c.Row
	switch {
	case c.State != nil && f.printer != nil:
		return f.printer.State(c.State)
	case c.State != nil:
	case f.knows(row.N):
		f.Note(row)
	case !row.Done():
		f.hold(row, false)
	case f.done && !f.ending:
		f.hold(row, true) // Last prints it
	default:
		return f.settle(ctx, live, row)
	}
	return nil
}

// hold keeps an event that is not settled yet, to print it later.
func (f *follower) hold(row *event.Row, announced bool) {
	if o := f.open[row.N]; o != nil {
		o.row = row
		return
	}
	if f.open == nil {
		f.open = map[int64]*openEvent{}
	}
	f.open[row.N] = &openEvent{row: row, seen: time.Now(), announced: announced}
}

// settle prints and counts an event that has settled.
func (f *follower) settle(ctx context.Context, live *session.Live, row *event.Row) error {
	counts := row.Verdict.Trusted() && !row.Refused()
	wanted := false
	if counts && f.stop.Until != nil {
		var err error
		if wanted, err = live.Matches(ctx, f.stop.Until, row); err != nil {
			return err
		}
	}
	if err := f.print(ctx, live, event.LineEvent, row); err != nil {
		return err
	}
	delete(f.open, row.N)
	f.Note(row)
	if counts {
		f.seen++
		f.done = f.done || f.stop.Count > 0 && f.seen >= f.stop.Count || wanted
	}
	if f.settled != nil {
		f.settled(row.N)
	}
	return nil
}

// nextArrival returns when the next event must be announced.
func (f *follower) nextArrival() (next time.Time, any bool) {
	for _, o := range f.open {
		if due := o.seen.Add(arrivalDelay); !o.announced && (!any || due.Before(next)) {
			next, any = due, true
		}
	}
	return next, any
}

// announce prints the arrival of events that have not settled for a while.
func (f *follower) announce(ctx context.Context, live *session.Live) error {
	now := time.Now()
	for _, n := range slices.Sorted(maps.Keys(f.open)) {
		o := f.open[n]
		if o.announced || now.Before(o.seen.Add(arrivalDelay)) {
			continue
		}
		if err := f.print(ctx, live, event.LineArrival, o.row); err != nil {
			return err
		}
		o.announced = true
	}
	return f.flush()
}

// unmet returns an error if a session ended normally, but its stop condition was not
// met.
func (f *follower) unmet(appEnded bool) error {
	switch {
	case !f.stop.wants() || f.done:
		return nil
	case f.late:
		return ErrNotInTime
	case appEnded:
		return ErrAppEnded
	}
	return nil // who ended it did not want to wait any longer
}

func (f *follower) print(ctx context.Context, live *session.Live, lineType event.LineType, row *event.Row) error {
	if f.printer == nil {
		return nil
	}
	return f.printer.Event(lineType, row, func() (*event.Event, error) {
		e, err := live.Event(ctx, row.N)
		if errors.Is(err, history.ErrNotFound) {
			return nil, nil // it was deleted
		}
		return e, err
	})
}

func (f *follower) flush() error {
	if f.printer == nil {
		return nil
	}
	return f.printer.Flush()
}
