package history

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// How long writes without a caller gather before they are stored, and how long
// the store waits before it tries again to store those that failed.
const (
	gatherTime = 5 * time.Millisecond
	retryTime  = time.Second
)

// write stores w and returns the result. A caller that finds nobody storing does
// it itself, and then passes the turn to one that came meanwhile: to wake a
// goroutine of the store's and be woken by it takes a third as long as the
// transaction.
func (s *Store) write(ctx context.Context, w *write) error {
	mine, err := s.queue.enqueue(w)
	if err != nil {
		return err
	}
	if !mine {
		select {
		case err := <-w.done:
			return err
		case <-w.turn:
		case <-ctx.Done():
			if s.queue.remove(w) {
				return ctx.Err()
			}
			return <-w.done
		}
	}
	runtime.Gosched() // callers that are about to come share the transaction
	for len(w.done) == 0 {
		if err := s.storeNext(ctx); err != nil {
			s.queue.remove(w)
			w.done <- err
		}
	}
	s.queue.pass()
	return <-w.done
}

// storeNext stores what has gathered. An error means that ctx ended before another
// process released the file: all of it waits for the next storeNext then.
func (s *Store) storeNext(ctx context.Context) error {
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

// storeInBackground is the goroutine that stores writes without a caller.
func (s *Store) storeInBackground() {
	pause := gatherTime
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.queue.background:
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

// commit stores writes: all at once, or, when that fails, each by itself, so that
// one bad event cannot take others with it. It needs the turn.
func (s *Store) commit(batch []*write) {
	together := s.transact(func(tx *transaction) error {
		for _, w := range batch {
			if err := w.apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	apart := together != nil && len(batch) > 1 && !errors.Is(together, errFile)
	var failed error // for a reason that is not in what was to be stored
	var back []*write
	var backErr error
	for _, w := range batch {
		err := together
		switch {
		case !apart:
		case backErr != nil && (w.needsEarlier || w.done == nil): // order counts
			err = backErr
		default:
			err = s.transact(w.apply)
		}
		if err != nil && !isPermanent(err) {
			failed = err
		}
		switch {
		case w.done != nil:
			if err != nil && w.state != nil {
				s.show(*w.state)
			}
			w.done <- err
		case err != nil && isPermanent(err):
			s.report("lost", fmt.Sprintf("an update of event %d: %v", w.n, err))
		case err != nil:
			back, backErr = append(back, w), err
		}
	}
	s.queue.putBack(back)
	if together == nil || failed != nil {
		s.setFailing(failed)
	}
}
