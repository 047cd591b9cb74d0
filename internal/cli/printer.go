package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hf-tap/hf-tap/event"
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

	count int           // end after so many trusted events, 0: never
	until *event.Filter // end at the first trusted event that matches, nil: never
	wait  time.Duration // end at the latest so long after ready, 0: never

	settled func(n int64) // called after an event was printed; nil: not

	rev  int64 // what has been printed
	seen int   // trusted events that are settled
	done bool  // what was wanted has come
	fail bool  // a target failed, or was never there
}

// errNotInTime says that the wanted events did not come within --wait.
var errNotInTime = errors.New("the wanted event did not come in time")

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
			if p.wanting() {
				return errNotInTime
			}
			return nil
		}
	}
}

// Last prints what settled while the session was ending.
func (p *printer) Last(ctx context.Context, live *session.Live) error {
	p.count, p.until = 0, nil // they have ended it already, or never will
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
			if p.done {
				break
			}
		}
		if err := p.out.Flush(); err != nil {
			return closedOutput(err)
		}
		if len(changes) < page || p.done {
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
	if e.Phase != event.PhaseSettled && e.Phase != event.PhasePending {
		return nil
	}
	if e.Verdict.Trusted() {
		p.seen++
		p.fail = p.fail || e.Failed() || e.Phase == event.PhasePending
		wanted, err := p.wanted(ctx, store, e)
		if err != nil {
			return err
		}
		p.done = p.count > 0 && p.seen >= p.count || wanted
	}
	if err := p.event(ctx, store, e); err != nil {
		return err
	}
	if p.settled != nil {
		p.settled(e.N)
	}
	return nil
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
