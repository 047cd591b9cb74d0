package history

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// How long updates gather before they are written, and how long the store waits
// before it tries again to write those that failed.
const (
	gatherTime = 5 * time.Millisecond
	retryTime  = time.Second
)

// write stores a call and returns its result. A caller that finds nobody writing
// does it itself, and then passes the turn to one that came meanwhile: to wake a
// goroutine of the store's and be woken by it takes a third as long as the
// transaction.
func (s *Store) write(ctx context.Context, c *call) error {
	mine, err := s.queue.enqueue(c)
	if err != nil {
		return err
	}
	if !mine {
		select {
		case err := <-c.done:
			return err
		case <-c.turn:
		case <-ctx.Done():
			if s.queue.remove(c) {
				return ctx.Err()
			}
			return <-c.done
		}
	}
	runtime.Gosched() // callers that are about to come share the transaction
	if err := s.turn(ctx); err != nil {
		s.queue.remove(c)
		c.done <- err
	}
	s.queue.pass()
	return <-c.done
}

// turn writes what has gathered. An error means that ctx ended before another
// process released the file: all of it waits for the next turn then.
func (s *Store) turn(ctx context.Context) error {
	if s.ready(ctx) == nil {
		s.writer.begin(ctx)
	}
	if ctx.Err() != nil && s.writer.beginErr != nil {
		s.writer.begun = false
		return ctx.Err()
	}
	s.commit(s.queue.take())
	return nil
}

// writeUpdates is the goroutine that writes updates and states that nobody
// waits for.
func (s *Store) writeUpdates() {
	pause := gatherTime
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.queue.stirred:
		}
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = gatherTime
		if s.Flush(context.Background()) != nil { // what failed is in the queue again
			pause = retryTime
		}
	}
}

// commit writes a batch: all of it at once, or, when that fails, each part by
// itself, so that one bad event cannot take others with it. It needs the turn.
func (s *Store) commit(b batch) {
	err := s.transact(b.apply)
	switch {
	case err == nil || b.single():
		s.finish(b.calls, err)
	case errors.Is(err, errFile): // the parts have nothing to do with it
		s.queue.putBack(b.updates, b.states)
		s.finish(b.calls, err)
	default:
		err = s.commitParts(b)
	}
	if err == nil || !hopeless(err) {
		s.setFailing(err)
	}
}

// apply writes a batch: updates first.
func (b batch) apply(tx *transaction) error {
	if err := tx.update(b.updates); err != nil {
		return err
	}
	for _, state := range b.states {
		if err := tx.insertState(state); err != nil {
			return err
		}
	}
	for _, c := range b.calls {
		if err := c.apply(tx); err != nil {
			return err
		}
	}
	return nil
}

// finish returns a result to callers. A state that could not be stored is shown
// all the same.
func (s *Store) finish(calls []*call, err error) {
	for _, c := range calls {
		if err != nil && c.state != nil {
			s.show(*c.state)
		}
		c.done <- err
	}
}

// single reports whether a batch is one call and nothing else.
func (b batch) single() bool { return len(b.calls) == 1 && len(b.updates)+len(b.states) == 0 }

// commitParts writes the parts of a batch one by one. It returns the last error
// that is not about what was to be stored.
func (s *Store) commitParts(b batch) error {
	left, states, failed := s.commitBacklog(b)
	if len(left)+len(states) > 0 {
		s.queue.putBack(left, states)
	}
	for i, c := range b.calls {
		err := failed
		if failed == nil || !c.after {
			err = s.transact(c.apply)
		}
		if err != nil && !hopeless(err) {
			failed = err
		}
		s.finish(b.calls[i:i+1], err)
	}
	return failed
}

// commitBacklog writes what nobody waits for, event by event, and stops at the
// first that fails. Updates that can never be written are dropped, and reported.
func (s *Store) commitBacklog(b batch) (left []event.Update, states []event.Change, err error) {
	together := batch{updates: b.updates, states: b.states}
	if len(b.updates)+len(b.states) == 0 || s.transact(together.apply) == nil {
		return nil, nil, nil
	}
	for i := range b.updates {
		err := s.transact(batch{updates: b.updates[i : i+1]}.apply)
		switch {
		case err != nil && hopeless(err):
			s.report("lost", fmt.Sprintf("an update of event %d: %v", b.updates[i].N, err))
		case err != nil:
			return b.updates[i:], b.states, err
		}
	}
	if len(b.states) > 0 {
		if err := s.transact(batch{states: b.states}.apply); err != nil {
			return nil, b.states, err
		}
	}
	return nil, nil, nil
}
