package history

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// gatherTime is how long background writes wait for others to share a transaction.
// retryTime is the pause before background writes that failed are tried again.
const (
	gatherTime = 5 * time.Millisecond
	retryTime  = time.Second
)

// write stores w and returns the result. If no caller has the turn, this one takes
// it, stores w with everything else that waits, and passes the turn on. There is no
// goroutine for this, because waking one and being woken by it would take a third of
// the time of a transaction.
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

// storeNext stores the next batch of the queue. It returns an error only if ctx ended
// while another process held the file. The batch is still in the queue then.
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

// storeInBackground is the goroutine that stores background writes.
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

// commit stores a batch in one transaction. If that fails, it stores each write in a
// transaction of its own, so that one bad event does not fail the others. Background
// writes that fail go back to the queue, except those that can never succeed. The
// caller must have the turn.
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
	var failed error // the file is the reason, not the write
	var back []*write
	var backErr error
	for _, w := range batch {
		err := together
		switch {
		case !apart:
		case backErr != nil && (w.needsEarlier || w.done == nil): // an update must not overtake an earlier one
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

// transact runs apply in a transaction, and publishes the changes. If the guard finds
// that the file was lost or damaged, transact repairs the history and runs apply
// again. The caller must have the turn.
func (s *Store) transact(apply func(*transaction) error) error {
	if err := s.ready(context.Background()); err != nil {
		return err
	}
	done, err := s.writer.transact(apply)
	if done.others {
		s.feed.skip()
	}
	if err != nil {
		if err = s.revive(err); err != nil {
			return err
		}
		if !done.committed || !s.writer.holds(done) {
			if done, err = s.writer.transact(apply); err != nil {
				return err
			}
		}
		s.feed.skip()
	}
	s.writer.noteUnderWay(done.changes)
	s.feed.stored(done.stored)
	s.feed.publish(done.changes, false)
	s.writer.checkpointer.committed()
	return nil
}
