package history

import (
	"context"
	"errors"
	"fmt"
)

// moreTurns is how many batches of others a caller stores after its own.
const moreTurns = 3

// store has a write stored and waits for its end. A caller that finds nobody
// writing does it itself, and some of what comes meanwhile, too: to wake
// another goroutine and be woken by it takes a third as long as the transaction.
func (s *Store) store(ctx context.Context, w *write) error {
	b, mine, err := s.queue.put(ctx, w)
	if err != nil {
		return err
	}
	if mine {
		s.commit(ctx, b)
		for range moreTurns {
			next, ok := s.queue.again()
			if !ok {
				break
			}
			s.commit(context.Background(), next)
		}
		s.queue.pass(true)
		return <-w.done
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is the goroutine that stores what nobody waits for, and what came
// while somebody else was writing.
func (s *Store) write() {
	defer close(s.queue.drained)
	for {
		b := s.queue.next()
		s.commit(context.Background(), b)
		s.queue.pass(false)
		if b.last {
			return
		}
	}
}

// commit stores a batch: all of it at once, or, when that fails, each part by
// itself. Updates go first: an EndSession must find those from before its call.
func (s *Store) commit(ctx context.Context, b batch) {
	if len(b.writes)+len(b.updates) == 0 {
		return
	}
	err := s.transact(ctx, func(tx *transaction) error {
		if err := tx.applyUpdates(b.updates); err != nil {
			return err
		}
		for _, w := range b.writes {
			if err := w.apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	alone := len(b.updates) == 0 && len(b.writes) == 1
	if err != nil && !alone && !errors.Is(err, errNotBegun) {
		s.commitParts(ctx, b)
		return
	}
	var kept []update
	if err != nil {
		kept = b.updates
	}
	s.release(ctx, b.updates, kept, nil, err)
	for _, w := range b.writes {
		w.done <- err
	}
}

// transact is the writer's, and wakes the subscribers.
func (s *Store) transact(ctx context.Context, apply func(*transaction) error) error {
	changed, err := s.writer.transact(ctx, apply)
	s.copier.committed()
	if changed {
		s.feed.signal()
	}
	return err
}

// release gives updates back to the queue: kept is those to be tried again,
// because of err, and lost why others never can be stored.
func (s *Store) release(ctx context.Context, updates, kept []update, lost, err error) {
	if len(updates) == 0 {
		return
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		// The caller who would have stored them along with its own left.
		s.queue.release(updates, kept, lost, nil)
		return
	}
	err = s.fault("update", err)
	s.trouble.set(errors.Join(lost, err))
	s.queue.release(updates, kept, lost, err)
}

// commitParts gives each write, and the updates of each event, a transaction
// of their own.
func (s *Store) commitParts(ctx context.Context, b batch) {
	kept, lost, err := s.commitUpdates(ctx, b.updates)
	s.release(ctx, b.updates, kept, lost, err)
	for _, w := range b.writes {
		w.done <- s.transact(ctx, w.apply)
	}
}

// commitUpdates stores updates in their order, up to the first that has to
// wait for better times because of err. lost is about those that never can be
// stored.
func (s *Store) commitUpdates(ctx context.Context, updates []update) (kept []update, lost, err error) {
	if len(updates) == 0 {
		return nil, nil, nil
	}
	// Most often they are innocent of what made the batch fail.
	apply := func(updates []update) error {
		return s.transact(ctx, func(tx *transaction) error { return tx.applyUpdates(updates) })
	}
	if apply(updates) == nil {
		return nil, nil, nil
	}
	for i, u := range updates {
		err := apply([]update{u})
		switch {
		case hopeless(err):
			lost = errors.Join(lost, s.fault("update", fmt.Errorf("event %d: %w", u.n, err)))
		case err != nil:
			return updates[i:], lost, err
		}
	}
	return nil, lost, nil
}
