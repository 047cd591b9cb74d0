package history

import (
	"slices"
	"sync"

	"github.com/hf-tap/hf-tap/event"
)

// queue holds the writes that wait to be stored, in order. It also has one turn,
// which is the right to store them. One caller at a time has the turn: it commits
// the waiting writes in one transaction, and passes the turn to a caller that waits.
//
// A background write is one that no caller waits for, for example an update.
type queue struct {
	mu         sync.Mutex
	turnTaken  bool // a caller has the turn
	closed     bool
	writes     []*write
	size       int64         // bytes of the background writes
	room       chan struct{} // closed and replaced when size shrinks
	background chan struct{} // one slot: there are background writes
}

// write is one change that waits to be stored.
type write struct {
	apply        func(*transaction) error // may run more than once, each time in a new transaction
	size         int64                    // bytes it holds
	n            int64                    // the event that it updates; 0: it is not an update
	state        *event.State             // the state that it stores, if followers have not seen it yet
	needsEarlier bool                     // it fails if an earlier background write has failed
	last         bool                     // the last write before the queue closes; only its own caller may store it

	// For the caller that waits; both are nil in a background write.
	done chan error    // one slot: nil if it was stored, else why not
	turn chan struct{} // one slot: its caller gets the turn
}

// newWrite returns a write that its caller waits for.
func newWrite(size int64, apply func(*transaction) error) *write {
	return &write{apply: apply, size: size, done: make(chan error, 1), turn: make(chan struct{}, 1)}
}

// Limits for the background writes that wait, and for one transaction, in bytes.
const (
	maxWaiting = 64 << 20
	maxBatch   = 16 << 20
	rowSize    = 1 << 10 // stands for what a row holds besides its body
)

func (q *queue) init() {
	q.room, q.background = make(chan struct{}), make(chan struct{}, 1)
}

// enqueue adds a write. mine reports whether its caller has the turn. After the
// last write the error is ErrClosed.
func (q *queue) enqueue(w *write) (mine bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, ErrClosed
	}
	if w.last {
		q.closed = true
		q.makeRoomLocked()
	}
	q.writes = append(q.writes, w)
	mine = !q.turnTaken
	q.turnTaken = true
	return mine, nil
}

// enqueueBackground adds a background write. It blocks while more than maxWaiting
// bytes are queued, but never for a write of size 0. After the last write it does
// nothing.
func (q *queue) enqueueBackground(w *write) {
	for {
		q.mu.Lock()
		room, fits := q.room, w.size == 0 || q.size == 0 || q.size+w.size <= maxWaiting
		if fits && !q.closed {
			q.writes, q.size = append(q.writes, w), q.size+w.size
			q.signalBackgroundLocked()
		}
		closed := q.closed
		q.mu.Unlock()
		if fits || closed {
			return
		}
		<-room
	}
}

func (q *queue) signalBackgroundLocked() {
	select {
	case q.background <- struct{}{}:
	default:
	}
}

// take removes the writes for the next transaction, at most maxBatch bytes of them.
// Only the caller that has the turn calls it. The last write is never in a batch with
// a write of another caller, because that caller would then store it.
func (q *queue) take() []*write {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size, called := 0, int64(0), false
	for _, w := range q.writes {
		if n > 0 && size+w.size > maxBatch || w.last && called {
			break
		}
		n, size, called = n+1, size+w.size, called || w.done != nil
		if w.done == nil {
			q.size -= w.size
		}
	}
	batch := slices.Clone(q.writes[:n])
	q.writes = slices.Delete(q.writes, 0, n)
	q.makeRoomLocked()
	return batch
}

func (q *queue) makeRoomLocked() {
	close(q.room)
	q.room = make(chan struct{})
}

// putBack puts background writes that could not be stored back at the front.
func (q *queue) putBack(writes []*write) {
	if len(writes) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range writes {
		q.size += w.size
	}
	q.writes = append(writes, q.writes...)
	q.signalBackgroundLocked()
}

// pass gives the turn to the caller that has waited longest. If none waits, the turn
// is free.
func (q *queue) pass() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.writes {
		if w.done != nil {
			w.turn <- struct{}{}
			return
		}
	}
	q.turnTaken = false
}

// remove takes a write out of the queue, for a caller that does not want to wait any
// longer. It returns false if the write is already taken for a transaction. If the
// caller got the turn at the same moment, remove passes it on.
func (q *queue) remove(w *write) bool {
	q.mu.Lock()
	i := slices.Index(q.writes, w)
	if i >= 0 {
		q.writes = slices.Delete(q.writes, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 {
		return false
	}
	select {
	case <-w.turn:
		q.pass()
	default:
	}
	return true
}

// abandon drops what is left, and returns how many updates that is.
func (q *queue) abandon() (updates int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.writes {
		if w.n != 0 {
			updates++
		}
	}
	q.writes, q.size = nil, 0
	return updates
}
