package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
// itself. What nobody waits for goes first: an EndSession must find what is from
// before its call.
func (s *Store) commit(ctx context.Context, b batch) {
	if b.empty() {
		return
	}
	if b.numbers > 0 && !s.queue.prepare() {
		b.numbers = 0
	}
	var numbers span
	err := s.transact(ctx, len(b.rows), func(tx *transaction) (err error) {
		if err := tx.applyBacklog(b.rows, b.updates); err != nil {
			return err
		}
		for _, w := range b.writes {
			if err := w.apply(tx); err != nil {
				return err
			}
		}
		for _, left := range slices.Backward(b.giveBack) {
			if err := tx.giveBack(left); err != nil {
				return err
			}
		}
		if b.numbers > 0 {
			numbers, err = tx.reserve(b.numbers)
		}
		return err
	})
	all := backlog{rows: b.rows, updates: b.updates}
	alone := all.size() == 0 && len(b.writes) == 1
	if err != nil && !alone && !errors.Is(err, errNotBegun) {
		s.commitParts(ctx, b)
		return
	}
	var kept backlog
	if err != nil {
		kept = all
	} else if b.numbers > 0 {
		s.queue.numbered(numbers)
	}
	s.release(ctx, all, kept, nil, err)
	for _, w := range b.writes {
		w.done <- err
	}
}

// transact is the writer's, and wakes the subscribers. rows is how many of the
// spool it stores.
func (s *Store) transact(ctx context.Context, rows int, apply func(*transaction) error) error {
	s.writer.followed = s.feed.followed()
	changed, err := s.writer.transact(ctx, apply)
	s.copier.committed(rows)
	if changed {
		s.feed.signal()
	}
	return err
}

// release gives a backlog back to the queue: kept is what is to be tried again,
// because of err, and lost why others never can be stored.
func (s *Store) release(ctx context.Context, taken, kept backlog, lost, err error) {
	if taken.size() == 0 {
		return
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		// The caller who would have stored them along with its own left.
		s.queue.release(taken, kept, lost, nil)
		return
	}
	err = s.fault("update", err)
	s.trouble.set(errors.Join(lost, err))
	s.queue.release(taken, kept, lost, err)
}

// commitParts gives each write and each event of the backlog a transaction of
// their own.
func (s *Store) commitParts(ctx context.Context, b batch) {
	all := backlog{rows: b.rows, updates: b.updates}
	kept, lost, err := s.commitBacklog(ctx, all)
	s.release(ctx, all, kept, lost, err)
	for _, w := range b.writes {
		if w.after && kept.size() > 0 {
			w.done <- err // it would miss what is kept
			continue
		}
		w.done <- s.transact(ctx, 0, w.apply)
	}
}

// commitBacklog stores rows, then updates, each in their order, up to the first
// that has to wait for better times because of err. lost is about those that
// never can be stored.
func (s *Store) commitBacklog(ctx context.Context, b backlog) (kept backlog, lost, err error) {
	apply := func(rows []*eventRow, updates []update) error {
		return s.transact(ctx, len(rows), func(tx *transaction) error { return tx.applyBacklog(rows, updates) })
	}
	// Most often they are innocent of what made the batch fail.
	if b.size() == 0 || apply(b.rows, b.updates) == nil {
		return backlog{}, nil, nil
	}
	give := func(n int64, err error) bool {
		if hopeless(err) {
			lost, err = errors.Join(lost, s.fault("update", fmt.Errorf("event %d: %w", n, err))), nil
		}
		return err == nil
	}
	for i, row := range b.rows {
		err := apply(b.rows[i:i+1], nil)
		if taken(err) { // its number should be free; it is worth less than the event
			before := row.n
			row.given = false
			err = apply(b.rows[i:i+1], nil)
			for j := range b.updates {
				if b.updates[j].n == before {
					b.updates[j].n = row.n
				}
			}
		}
		if !give(row.n, err) {
			return backlog{rows: b.rows[i:], updates: b.updates}, lost, err
		}
	}
	for i, u := range b.updates {
		if err := apply(nil, b.updates[i:i+1]); !give(u.n, err) {
			return backlog{updates: b.updates[i:]}, lost, err
		}
	}
	return backlog{}, lost, nil
}
