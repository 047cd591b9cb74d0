package history

import (
	"slices"
	"sync"

	"github.com/hf-tap/hf-tap/event"
)

// queue is what waits to be written, and says whose turn it is to write. One
// caller at a time has the turn: it takes what has gathered, commits it in one
// transaction, and passes the turn to a caller that came meanwhile.
type queue struct {
	mu      sync.Mutex
	turn    bool // somebody has it
	closed  bool
	calls   []*call
	updates []event.Update
	states  []event.Change // that could not be stored before
	size    int64          // bytes that updates hold
	room    chan struct{}  // closed and replaced when size shrinks
	stirred chan struct{}  // one slot: there are updates
}

// call is something to write that its caller waits for.
type call struct {
	apply func(*transaction) error
	size  int64
	state *event.State  // what apply stores, if that is a state
	after bool          // it has to find what was queued before it
	last  bool          // it is written by its own caller
	done  chan error    // one slot: it was written, or why not
	turn  chan struct{} // one slot: its caller gets the turn
}

func newCall(size int64, apply func(*transaction) error) *call {
	return &call{apply: apply, size: size, done: make(chan error, 1), turn: make(chan struct{}, 1)}
}

// Bounds of what waits and of what is written together, in bytes.
const (
	maxUpdates = 64 << 20
	maxBatch   = 16 << 20
	rowSize    = 1 << 10 // stands for what a row holds besides its body
)

func (q *queue) init() {
	q.room, q.stirred = make(chan struct{}), make(chan struct{}, 1)
}

// enqueue adds a call. mine reports whether its caller has the turn: the call is
// the first in the queue then. After the last call the error is ErrClosed.
func (q *queue) enqueue(c *call) (mine bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, ErrClosed
	}
	if c.last {
		q.closed = true
		q.makeRoomLocked()
	}
	q.calls = append(q.calls, c)
	mine = !q.turn
	q.turn = true
	return mine, nil
}

// enqueueUpdate adds an update, and waits while very many are queued. After the
// last call it does nothing.
func (q *queue) enqueueUpdate(u event.Update) {
	size := updateSize(&u)
	for {
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return
		}
		if q.size == 0 || q.size+size <= maxUpdates {
			q.updates, q.size = append(q.updates, u), q.size+size
			q.stirLocked()
			q.mu.Unlock()
			return
		}
		room := q.room
		q.mu.Unlock()
		<-room
	}
}

func updateSize(u *event.Update) int64 {
	size := int64(256)
	if u.Attempt != nil {
		size += rowSize + int64(len(u.Attempt.Body))
	}
	return size
}

// enqueueStates adds states. They are not bounded: there are few.
func (q *queue) enqueueStates(states []event.Change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.states = append(q.states, states...)
	q.stirLocked()
}

func (q *queue) stirLocked() {
	select {
	case q.stirred <- struct{}{}:
	default:
	}
}

// batch is what one turn writes: updates first, because an end of a session has
// to find what is from before it.
type batch struct {
	calls   []*call
	updates []event.Update
	states  []event.Change
}

// take removes all that waits, as far as it fits into a transaction. Only the
// caller that has the turn calls it.
func (q *queue) take() batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := batch{updates: q.updates, states: q.states}
	q.updates, q.states, q.size = nil, nil, 0
	n, size := 0, int64(0)
	for ; n < len(q.calls) && (n == 0 || !q.calls[n].last && size+q.calls[n].size <= maxBatch); n++ {
		size += q.calls[n].size
	}
	b.calls = slices.Clone(q.calls[:n])
	q.calls = slices.Delete(q.calls, 0, n)
	q.makeRoomLocked()
	return b
}

func (q *queue) makeRoomLocked() {
	close(q.room)
	q.room = make(chan struct{})
}

// putBack returns what could not be stored to its place in front.
func (q *queue) putBack(updates []event.Update, states []event.Change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range updates {
		q.size += updateSize(&updates[i])
	}
	if len(q.updates) > 0 { // else they are not copied
		updates = append(updates, q.updates...)
	}
	q.updates, q.states = updates, append(states, q.states...)
	q.stirLocked()
}

// pass gives the turn to the caller that has waited longest, or to nobody.
func (q *queue) pass() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.calls) == 0 {
		q.turn = false
		return
	}
	q.calls[0].turn <- struct{}{}
}

// remove takes a call out of the queue. It reports false when the call is being
// written or was written. When its caller has just got the turn, the turn is
// passed on.
func (q *queue) remove(c *call) bool {
	q.mu.Lock()
	i := slices.Index(q.calls, c)
	if i >= 0 {
		q.calls = slices.Delete(q.calls, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 {
		return false
	}
	select {
	case <-c.turn:
		q.pass()
	default:
	}
	return true
}

// abandon drops what is left, and returns how many updates that is.
func (q *queue) abandon() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := len(q.updates)
	q.updates, q.states, q.size = nil, nil, 0
	return left
}
