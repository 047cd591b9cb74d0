package history

import (
	"slices"
	"sync"

	"github.com/hf-tap/hf-tap/event"
)

// queue is what waits to be stored, in order, and says whose turn it is to store
// it. One caller at a time has the turn: it commits what has gathered in one
// transaction, and passes the turn to a caller that came meanwhile.
type queue struct {
	mu      sync.Mutex
	turnTaken    bool // somebody has it
	closed  bool
	writes  []*write
	size    int64         // bytes of the writes without a caller
	room    chan struct{} // closed and replaced when size shrinks
	background chan struct{} // one slot: there are writes without a caller
}

// write is something to store.
type write struct {
	apply func(*transaction) error // it may run again, in another transaction
	size  int64                    // bytes it holds
	n     int64                    // the event it updates, if that is what it does
	state *event.State             // the state it stores, if followers do not have that yet
	needsEarlier bool                     // it fails when a write without a caller has failed before it
	last  bool                     // its own caller stores it, and nothing follows it

	// Of the caller that waits for it, if there is one.
	done chan error    // one slot: it was stored, or why not
	turn chan struct{} // one slot: its caller gets the turn
}

// newWrite returns a write with a caller.
func newWrite(size int64, apply func(*transaction) error) *write {
	return &write{apply: apply, size: size, done: make(chan error, 1), turn: make(chan struct{}, 1)}
}

// Bounds of what waits without a caller and of what is stored together, in bytes.
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

// enqueueBackground adds a write without a caller, and waits while very many are
// queued. One of size 0 never waits. After the last write it does nothing.
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

// take removes what is stored next, as far as it fits into a transaction. Only
// the caller that has the turn calls it. The last write is not taken together with
// one that has a caller: that caller would store it.
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

// putBack returns writes that could not be stored to their place in front.
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

// pass gives the turn to the caller that has waited longest, or to nobody.
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

// remove takes a write out of the queue. It reports false when the write is being
// stored or was stored. When its caller has just got the turn, the turn is
// passed on.
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
