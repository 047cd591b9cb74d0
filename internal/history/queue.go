package history

import (
	"context"
	"sync"
	"time"
)

const (
	// updateLag is how long an update waits for others to share a transaction
	// with. It does not ride with an Append that somebody waits for: its pages
	// would be written once for each event rather than once for all of them.
	updateLag = 20 * time.Millisecond
	// updateBatch is how many updates wait at most, so that an Append behind
	// them does not wait long.
	updateBatch = 192
	// retryLag and retryLagMax bound the time to the next try after updates
	// could not be stored, when no Append comes by.
	retryLag    = 50 * time.Millisecond
	retryLagMax = time.Second
	// maxUpdates and maxUpdateBytes bound the backlog of updates. Past them
	// Update waits.
	maxUpdates     = 8192
	maxUpdateBytes = 64 << 20
	// smallBatch is how many writes share a transaction when few are waiting:
	// while some callers wait for theirs, others can do something else. Of many
	// a quarter goes together, up to maxBatch. maxBatchBytes bounds it, too, so
	// that the first in it does not wait long for the last.
	smallBatch    = 4
	maxBatch      = 512
	maxBatchBytes = 16 << 20
)

// write is something that a caller waits for.
type write struct {
	apply func(*transaction) error // may run a second time, after a rollback
	after bool                     // sees what was accepted before it, or fails
	row   *eventRow                // what it stores, of an Append
	size  int64
	done  chan error // one slot
}

// batch is what goes into one transaction, in this order: rows of the spool with
// the updates, then writes.
type batch struct {
	rows     []*eventRow
	updates  []update
	writes   []*write
	numbers  int64  // to be taken for the spool
	giveBack []span // of its numbers
	last     bool   // nothing follows
}

func (b *batch) empty() bool {
	return len(b.rows)+len(b.updates)+len(b.writes)+len(b.giveBack) == 0
}

// queue is what the writer has not stored yet.
type queue struct {
	mu      sync.Mutex
	wake    chan struct{} // one slot: there is work
	timer   *time.Timer   // updates are due, without an Append
	room    *sync.Cond    // the backlog of updates shrank
	drained chan struct{} // closed by the writer when it is done
	closed  bool
	busy    bool // somebody has the turn to write

	writes      []*write
	updates     []update
	updateBytes int64 // with those that the writer holds
	held        int   // updates that the writer holds
	spool       spool
	due         bool          // the backlog is to be stored now, or numbers to be given back
	pause       time.Duration // to the next try, 0 when the last one went well
	accepted    int64         // updates so far
	settled     int64         // of them those that are stored, or never will be
	spooledRows int64         // so far
	storedRows  int64         // of them those that are stored, or never will be
	waiters     []waiter
}

// waiter is a Flush: it waits until settled and storedRows reach its counts.
type waiter struct {
	updates, rows int64
	done          chan error // one slot
}

func (q *queue) init(base string) {
	q.spool.base, q.spool.restAfter = base, spoolRest
	q.wake = make(chan struct{}, 1)
	q.drained = make(chan struct{})
	q.room = sync.NewCond(&q.mu)
	q.timer = time.NewTimer(time.Hour)
	q.timer.Stop()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// put adds a write. When nobody is writing, and nothing is ahead of it, the
// caller gets a batch with the write in it, and the turn to store it. Else the
// writer has been told.
func (q *queue) put(ctx context.Context, w *write) (b batch, mine bool, err error) {
	w.done = make(chan error, 1)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return batch{}, false, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return batch{}, false, err
	}
	q.writes = append(q.writes, w)
	q.due = q.due || w.after && q.backlog() > 0
	if !q.busy && len(q.writes) == 1 {
		return q.take(), true, nil
	}
	if !q.busy {
		q.signal()
	}
	return batch{}, false, nil
}

// accept sees to it that one more update or row is stored.
func (q *queue) accept() {
	switch rows := len(q.spool.rows); {
	case q.backlog() == 1:
		q.timer.Reset(updateLag)
	case rows >= spoolBatch, rows == 0 && len(q.updates) >= updateBatch:
		q.hurry()
	}
}

// backlog counts what nobody waits for and is not stored.
func (q *queue) backlog() int {
	return len(q.updates) + q.held + len(q.spool.rows) + len(q.spool.held)
}

// putUpdate adds an update, after waiting for room. It reports false when the
// queue is closed.
func (q *queue) putUpdate(u update) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && (len(q.updates)+q.held >= maxUpdates || q.updateBytes > 0 && q.updateBytes+u.size > maxUpdateBytes) {
		q.hurry()
		q.room.Wait()
	}
	if q.closed {
		return false
	}
	q.updateBytes += u.size
	q.updates = append(q.updates, u)
	q.accepted++
	q.accept()
	return true
}

// hurry makes the updates due at once, unless the last try failed: then the
// timer decides.
func (q *queue) hurry() {
	if q.pause == 0 && !q.due {
		q.due = true
		q.signal()
	}
}

// flush waits until all updates so far are stored, or could not be.
func (q *queue) flush(ctx context.Context) error {
	q.mu.Lock()
	if q.settled == q.accepted && q.storedRows == q.spooledRows {
		q.mu.Unlock()
		return nil
	}
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	done := make(chan error, 1)
	q.waiters = append(q.waiters, waiter{updates: q.accepted, rows: q.spooledRows, done: done})
	q.due = true
	q.mu.Unlock()
	q.signal()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// next waits for work and for the turn to do it. It takes as much as fits one
// transaction.
func (q *queue) next() batch {
	for {
		if b, ok := q.turn(); ok {
			return b
		}
		select {
		case <-q.wake:
		case <-q.timer.C:
			q.mu.Lock()
			q.due = true
			q.mu.Unlock()
		}
	}
}

func (q *queue) turn() (batch, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy || !q.work() {
		return batch{}, false // whoever has the turn signals at its end
	}
	return q.take(), true
}

func (q *queue) work() bool {
	return len(q.writes) > 0 || q.closed || q.due && (len(q.updates)+len(q.spool.rows)+len(q.spool.held) > 0 || q.spool.resting(time.Now()))
}

// take takes the turn.
func (q *queue) take() batch {
	count, size := 0, int64(0)
	most := min(max(smallBatch, len(q.writes)/4), maxBatch)
	for count < len(q.writes) && count < most && size < maxBatchBytes {
		size += q.writes[count].size
		count++
	}
	b := batch{writes: q.writes[:count:count]}
	q.writes = q.writes[count:]
	if len(q.writes) == 0 {
		q.writes = nil
	}
	rows := len(q.spool.rows)+len(q.spool.held) > 0
	// An event is stored before what came after it, unless it could not be.
	if rows && (q.pause == 0 || q.due || q.closed) {
		b.rows = q.spool.take()
	}
	if q.due || q.closed || len(b.rows) > 0 {
		b.updates, q.updates = q.updates, nil
		q.held, q.due = len(b.updates), false
	}
	now := time.Now()
	if b.numbers = q.spool.wanted(now); q.closed || !rows && q.spool.resting(now) {
		b.numbers, b.giveBack = 0, q.spool.rest()
	}
	q.busy = true
	b.last = q.closed && len(q.writes) == 0
	return b
}

// again lets who has the turn keep it for the writes that have come meanwhile:
// to wake the writer for them would take longer.
func (q *queue) again() (batch, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.writes) == 0 || q.closed {
		return batch{}, false
	}
	return q.take(), true
}

// pass ends a turn. signal is left out by the writer, which looks by itself.
func (q *queue) pass(signal bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	if signal && q.work() {
		q.signal()
	}
}

// backlog is what of a batch nobody waits for.
type backlog struct {
	rows    []*eventRow
	updates []update
}

func (b backlog) size() int { return len(b.rows) + len(b.updates) }

// release gives back what became of the backlog of a batch: kept is to be
// tried again, before all else, and lost is why some of the rest can never
// be stored. err is why some is kept.
func (q *queue) release(taken, kept backlog, lost, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = 0
	for _, u := range taken.updates {
		q.updateBytes -= u.size
	}
	for _, u := range kept.updates {
		q.updateBytes += u.size
	}
	q.settled += int64(len(taken.updates) - len(kept.updates))
	q.storedRows += int64(len(taken.rows) - len(kept.rows))
	q.updates = append(kept.updates, q.updates...)
	if len(taken.rows) > 0 {
		q.spool.stored(kept.rows)
	}
	switch {
	case kept.size() > 0:
		q.pause = min(max(retryLag, 2*q.pause), retryLagMax)
		q.timer.Reset(q.pause)
	case q.backlog() > 0:
		q.pause = 0
		q.timer.Reset(updateLag)
	default:
		q.pause = 0
		if len(q.spool.numbers) > 0 {
			q.timer.Reset(q.spool.restAfter)
		}
	}
	var waiting []waiter
	for _, w := range q.waiters {
		switch {
		case w.updates <= q.settled && w.rows <= q.storedRows:
			w.done <- lost
		case err != nil:
			w.done <- err
		default:
			q.due = true
			waiting = append(waiting, w)
		}
	}
	q.waiters = waiting
	q.room.Broadcast()
}

// close lets nothing more in. It reports false when that was so already.
func (q *queue) close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.closed = true
	q.room.Broadcast()
	q.signal()
	return true
}

// abandon counts the updates and events that are left after the writer has
// ended, ends those who wait for them, and closes the spool.
func (q *queue) abandon() (updates, events int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.waiters {
		w.done <- ErrClosed
	}
	q.waiters = nil
	return len(q.updates), len(q.spool.held) + len(q.spool.rows), q.spool.close()
}
