package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
)

// printer shows a session as lines, for people or as JSON. Both read the feed
// that every front end reads, so that they cannot drift apart.
type printer struct {
	out   *bufio.Writer
	json  bool
	ready func(*session.Live) error // called once, when the session is up

	count int            // end after so many trusted events, 0: never
	until *filter.Filter // end at the first trusted event that matches, nil: never
	wait  time.Duration  // end at the latest so long after ready, 0: never

	hidden *hidden // what no line shows

	columns columns

	settled func(n int64) // called after an event was printed; nil: not

	progress
}

// progress is how far a printer has come.
type progress struct {
	feed    *history.Follower
	unread  []event.Change       // that the feed gave and that have not been shown
	open    map[int64]*openEvent // events that have not been printed
	printed map[int64]bool       // events that have, and whether a target failed
	left    map[int64]bool       // events that were printed and that some target was never handed
	seen    int                  // trusted events that are settled
	done    bool                 // what was wanted has come
	late    bool                 // it had not when the time was over
	ending  bool                 // the session ends: all that comes is printed
	session string               // the id of what is printed
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

// Errors of a session that ended before what was wanted had come.
var (
	errNotInTime = errors.New("the wanted event did not come in time") // within --wait
	errAppEnded  = errors.New("your app ended before the wanted event came")
)

// errClosedOutput says that nobody reads the lines any more. It ends a session
// and is no failure: that is how "| head -1" ends.
var errClosedOutput = errors.New("the output is closed")

func newPrinter(out io.Writer, json bool) *printer {
	return &printer{out: bufio.NewWriterSize(out, 64<<10), json: json}
}

// wanting reports whether the session ends by itself when something has come.
func (p *printer) wanting() bool { return p.count > 0 || p.until != nil }

// Run prints what settles until ctx ends or what was wanted has come. An event
// that does not settle within a second is announced before.
func (p *printer) Run(ctx context.Context, live *session.Live) error {
	p.follow(live)
	defer p.feed.Close()
	if p.ready != nil {
		if err := p.ready(live); err != nil {
			return err
		}
	}
	var late <-chan time.Time
	if p.wait > 0 {
		timer := time.NewTimer(p.wait)
		defer timer.Stop()
		late = timer.C
	}
	announce := time.NewTimer(time.Hour)
	defer announce.Stop()
	for {
		if err := p.print(ctx, live); err != nil || p.done {
			return err
		}
		if next, any := p.nextArrival(); any {
			announce.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.feed.Wake():
		case <-announce.C:
			if err := p.announce(ctx, live.History); err != nil {
				return err
			}
		case <-late:
			p.late = true
			return nil
		}
	}
}

// Last prints what settled while the session was ending.
func (p *printer) Last(ctx context.Context, live *session.Live) error {
	if p.feed == nil {
		p.follow(live)
	}
	p.ending = true
	if err := p.print(ctx, live); err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(p.open)) {
		if row := p.open[n].row; row.Settled() {
			if err := p.settle(ctx, live.History, row); err != nil {
				return err
			}
		}
	}
	return closedOutput(p.out.Flush())
}

func (p *printer) follow(live *session.Live) {
	p.session, p.feed = live.ID, live.History.Follow(live.ID)
}

// print shows all that changed since the last time. What it has read and not shown
// when ctx ends is shown by the next call.
func (p *printer) print(ctx context.Context, live *session.Live) error {
	const page = 200
	for {
		if len(p.unread) == 0 {
			var err error
			if p.unread, err = p.feed.Read(ctx, page); err != nil {
				return err
			}
		}
		last := len(p.unread) == 0
		for len(p.unread) > 0 {
			if err := p.change(ctx, live.History, p.unread[0]); err != nil {
				return err
			}
			p.unread = p.unread[1:]
		}
		if err := p.out.Flush(); err != nil {
			return closedOutput(err)
		}
		if last || p.done && !p.ending {
			return nil
		}
	}
}

// change shows one change: a state, or an event when it settles. Later changes
// of an event may say that it has not failed after all.
func (p *printer) change(ctx context.Context, store *history.Store, c event.Change) error {
	if c.State != nil {
		return p.state(c.State)
	}
	row := c.Row
	if _, printed := p.printed[row.N]; printed {
		p.note(row)
		return nil
	}
	if !row.Done() {
		p.hold(row, false)
		return nil
	}
	if p.done && !p.ending {
		p.hold(row, true) // Last prints it
		return nil
	}
	return p.settle(ctx, store, row)
}

// hold remembers an event that is printed later.
func (p *printer) hold(row *event.Row, announced bool) {
	if o := p.open[row.N]; o != nil {
		o.row = row
		return
	}
	if p.open == nil {
		p.open = map[int64]*openEvent{}
	}
	p.open[row.N] = &openEvent{row: row, seen: time.Now(), announced: announced}
}

// settle prints an event that has settled.
func (p *printer) settle(ctx context.Context, store *history.Store, row *event.Row) error {
	counts := row.Verdict.Trusted() && !row.Refused()
	wanted := false
	if counts {
		var err error
		if wanted, err = p.wanted(ctx, store, row); err != nil {
			return err
		}
	}
	if err := p.event(ctx, store, event.LineEvent, row); err != nil {
		return err
	}
	delete(p.open, row.N)
	if p.printed == nil {
		p.printed, p.left = map[int64]bool{}, map[int64]bool{}
	}
	p.note(row)
	if counts {
		p.seen++
		p.done = p.done || p.count > 0 && p.seen >= p.count || wanted
	}
	if p.settled != nil {
		p.settled(row.N)
	}
	return nil
}

// note remembers what an event that was printed counts as.
func (p *printer) note(row *event.Row) {
	p.printed[row.N] = row.Failed && row.Verdict.Trusted()
	if row.Pending {
		p.left[row.N] = true
	} else {
		delete(p.left, row.N)
	}
}

// nextArrival returns when the next event is to be announced.
func (p *printer) nextArrival() (next time.Time, any bool) {
	for _, o := range p.open {
		if due := o.seen.Add(arrivalDelay); !o.announced && (!any || due.Before(next)) {
			next, any = due, true
		}
	}
	return next, any
}

// announce prints the arrival of events that have not settled for a while.
func (p *printer) announce(ctx context.Context, store *history.Store) error {
	now := time.Now()
	for _, n := range slices.Sorted(maps.Keys(p.open)) {
		o := p.open[n]
		if o.announced || now.Before(o.seen.Add(arrivalDelay)) {
			continue
		}
		if err := p.event(ctx, store, event.LineArrival, o.row); err != nil {
			return err
		}
		o.announced = true
	}
	return closedOutput(p.out.Flush())
}

// unmet tells why a session in order, in which the app has ended or not, was
// none: what was wanted did not come.
func (p *printer) unmet(appEnded bool) error {
	switch {
	case !p.wanting() || p.done:
		return nil
	case p.late:
		return errNotInTime
	case appEnded:
		return errAppEnded
	}
	return nil // who ended it did not want to wait any longer
}

// failure tells what a target did not take, for --fail-on-error.
func (p *printer) failure() error {
	what, which := "a target failed", "--failed"
	switch {
	case slices.Contains(slices.Collect(maps.Values(p.printed)), true):
	case len(p.left) > 0:
		what, which = "an event was not handed over", "--pending"
	default:
		return nil
	}
	hint := "hf-tap events replay " + which
	if p.session != "" {
		hint += " --session " + p.session
	}
	return &hinted{errors.New(what), hint, exitTarget}
}

// wanted reports whether an event is what the session was to wait for.
func (p *printer) wanted(ctx context.Context, store *history.Store, row *event.Row) (bool, error) {
	if p.until == nil {
		return false, nil
	}
	return store.Matches(ctx, p.until, row)
}

// event prints an event as a line of a type: "event", or "arrival" before it
// has settled.
func (p *printer) event(ctx context.Context, store *history.Store, lineType event.LineType, row *event.Row) error {
	if !p.json {
		return p.line(p.hidden.mask(p.columns.event(row)))
	}
	whole, err := store.Get(ctx, row.N)
	if errors.Is(err, history.ErrNotFound) {
		return nil // it was deleted meanwhile
	}
	if err != nil {
		return err
	}
	b, err := whole.JSONLine(lineType)
	if err != nil {
		return err
	}
	return p.line(p.hidden.maskJSON(b))
}

func (p *printer) state(s *event.State) error {
	if !p.json {
		return p.line(p.hidden.mask(p.columns.state(s)))
	}
	b, err := s.JSONLine()
	if err != nil {
		return err
	}
	return p.line(p.hidden.maskJSON(b))
}

func (p *printer) line(s string) error {
	_, err := fmt.Fprintln(p.out, s)
	return closedOutput(err)
}

// closedOutput tells a reader that went away from a write that failed.
func closedOutput(err error) error {
	switch {
	case err == nil:
		return nil
	case isClosedPipe(err):
		return errClosedOutput
	}
	return fmt.Errorf("write the output: %w", err)
}
