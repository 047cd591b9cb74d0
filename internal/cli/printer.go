package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
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

	settled func(n int64) // called after an event was printed; nil: not

	progress
}

// progress is how far a printer has come.
type progress struct {
	rev     int64  // what has been printed
	seen    int    // trusted events that are done, without refused ones
	done    bool   // what was wanted has come
	late    bool   // it had not when the time was over
	ending  bool   // the session ends: all that comes is printed
	session string // the id of what is printed
	failed  bool   // a target failed
	pending bool   // or was not handed an event
}

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

// Run prints what settles until ctx ends or what was wanted has come.
func (p *printer) Run(ctx context.Context, live *session.Live) error {
	p.session = live.ID
	if p.ready != nil {
		if err := p.ready(live); err != nil {
			return err
		}
	}
	wake, unsubscribe := live.History.Subscribe()
	defer unsubscribe()
	var late <-chan time.Time
	if p.wait > 0 {
		timer := time.NewTimer(p.wait)
		defer timer.Stop()
		late = timer.C
	}
	for {
		if err := p.print(ctx, live); err != nil || p.done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-late:
			p.late = true
			return nil
		}
	}
}

// Last prints what settled while the session was ending.
func (p *printer) Last(ctx context.Context, live *session.Live) error {
	p.ending = true
	return p.print(ctx, live)
}

// print shows all that changed since the last time.
func (p *printer) print(ctx context.Context, live *session.Live) error {
	const page = 200
	for {
		changes, err := live.History.Since(ctx, live.ID, p.rev, page)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if err := p.change(ctx, live.History, c); err != nil {
				return err
			}
			p.rev = c.Rev
			if p.done && !p.ending {
				break
			}
		}
		if err := p.out.Flush(); err != nil {
			return closedOutput(err)
		}
		if len(changes) < page || p.done && !p.ending {
			return nil
		}
	}
}

// change shows one change: a state, or an event that can change no more.
func (p *printer) change(ctx context.Context, store *history.Store, c history.Change) error {
	if c.State != nil {
		return p.state(c.State)
	}
	e := c.Event
	if !e.Done() {
		return nil
	}
	if e.Verdict.Trusted() && !e.Refused() {
		p.seen++
		p.failed = p.failed || e.Failed()
		p.pending = p.pending || e.Phase == event.PhasePending
		wanted, err := p.wanted(ctx, store, e)
		if err != nil {
			return err
		}
		p.done = p.done || p.count > 0 && p.seen >= p.count || wanted
	}
	if err := p.event(ctx, store, e); err != nil {
		return err
	}
	if p.settled != nil {
		p.settled(e.N)
	}
	return nil
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
	case p.failed:
	case p.pending:
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

// wanted reports whether e is what the session was to wait for.
func (p *printer) wanted(ctx context.Context, store *history.Store, e *event.Event) (bool, error) {
	if p.until == nil {
		return false, nil
	}
	return store.Matches(ctx, p.until, e)
}

func (p *printer) event(ctx context.Context, store *history.Store, e *event.Event) error {
	if !p.json {
		return p.line(eventLine(e))
	}
	whole, err := store.Get(ctx, e.N)
	if err != nil {
		return err
	}
	b, err := whole.MarshalJSON()
	if err != nil {
		return err
	}
	return p.line(string(term.JSON(b)))
}

func (p *printer) state(s *event.State) error {
	if !p.json {
		return p.line(stateLine(s))
	}
	b, err := s.MarshalJSON()
	if err != nil {
		return err
	}
	return p.line(string(term.JSON(b)))
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
