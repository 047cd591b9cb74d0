package history

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/hf-tap/hf-tap/event"
)

// ringSize is how many changes are held for followers.
const ringSize = 8192

// feed holds the latest changes of the history in memory, for all followers. A
// follower that is slow does not hold up the writer: it misses changes, and reads them
// from the file. The zero value is ready.
type feed struct {
	mu        sync.Mutex
	ring      []event.Change // the change with position p is at p % ringSize
	first     uint64         // position of the oldest change that is held
	next      uint64         // position of the next change
	rev       int64          // the last revision that was published
	waiting   []event.Change // states that were published and are not in the file yet
	followers map[*Follower]struct{}
	closed    bool
}

// publish adds changes and wakes followers. Those that are not in the file yet
// are kept until stored is called with them.
func (f *feed) publish(changes []event.Change, waiting bool) {
	if len(changes) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		f.ring = make([]event.Change, ringSize)
	}
	for _, c := range changes {
		f.ring[f.next%ringSize] = c
		f.next++
		f.rev = max(f.rev, c.Rev)
	}
	f.first = max(f.first, f.next-min(f.next, ringSize))
	if waiting {
		f.waiting = append(f.waiting, changes...)
	}
	f.wakeLocked()
}

// stored notes that states are in the file by now.
func (f *feed) stored(states []event.Change) {
	if len(states) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = slices.DeleteFunc(f.waiting, func(w event.Change) bool {
		return slices.ContainsFunc(states, func(s event.Change) bool { return s.Rev == w.Rev })
	})
}

// skip makes all followers read the file, because another process has written to it.
func (f *feed) skip() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++ // a gap in the ring, which no follower has read
	f.first = f.next
	f.wakeLocked()
}

func (f *feed) wakeLocked() {
	for follower := range f.followers {
		select {
		case follower.wake <- struct{}{}:
		default: // it has not looked since the last time: one signal is enough
		}
	}
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for follower := range f.followers {
		close(follower.wake)
	}
	f.followers = nil
}

// Follower reads the changes of a session from its beginning on: each event as
// it is after the change, new ones in the order of their numbers, and states.
// Its methods are called by one goroutine at a time.
type Follower struct {
	store   *Store
	session string
	wake    chan struct{}

	position uint64   // of the next change to read from the ring
	rev      int64    // all changes up to here were read
	catchUp  *catchUp // set while it reads from the file

	// The rows that were read from the file and will come again in the ring: the
	// revision of each event, and the revisions of states.
	events map[int64]int64
	states map[int64]struct{}
}

// catchUp is the position of a follower that reads changes from the file, page by page.
type catchUp struct {
	position uint64 // of the ring when the reading began: it goes on there
	rev      int64  // the reading covers all changes up to here
	after    int64  // the last event number that was read
	states   []event.Change
	started  bool
}

// Follow starts to follow a session, from its first event.
func (s *Store) Follow(session string) *Follower {
	f := &Follower{store: s, session: session, wake: make(chan struct{}, 1), catchUp: &catchUp{}}
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if s.feed.closed {
		close(f.wake)
		return f
	}
	if s.feed.followers == nil {
		s.feed.followers = map[*Follower]struct{}{}
	}
	s.feed.followers[f] = struct{}{}
	return f
}

// Wake returns a channel that holds a value when changes may be available. It is closed
// when the history is.
func (f *Follower) Wake() <-chan struct{} { return f.wake }

// Close ends the following.
func (f *Follower) Close() {
	f.store.feed.mu.Lock()
	defer f.store.feed.mu.Unlock()
	delete(f.store.feed.followers, f)
}

// Read returns what has changed since the last call, at most limit changes; none
// when there is nothing new. After an error the next call goes on where the last
// one without an error ended.
func (f *Follower) Read(ctx context.Context, limit int) ([]event.Change, error) {
	if f.catchUp == nil {
		if changes, ok := f.fromRing(limit); ok {
			return changes, nil
		}
		f.catchUp = &catchUp{}
	}
	var changes []event.Change
	for f.catchUp != nil && len(changes) == 0 {
		var err error
		if changes, err = f.fromFile(ctx, limit); err != nil {
			return nil, f.store.fault("read", err)
		}
	}
	if len(changes) < limit {
		more, _ := f.fromRing(limit - len(changes))
		changes = append(changes, more...)
	}
	return changes, nil
}

// fromRing returns changes from memory. It returns false if the ring no longer holds
// the next one.
func (f *Follower) fromRing(limit int) ([]event.Change, bool) {
	feed := &f.store.feed
	feed.mu.Lock()
	defer feed.mu.Unlock()
	if f.position < feed.first {
		return nil, false
	}
	var changes []event.Change
	for ; f.position < feed.next && len(changes) < limit; f.position++ {
		c := feed.ring[f.position%ringSize]
		f.rev = max(f.rev, c.Rev)
		if c.Session() == f.session && !f.has(c) {
			changes = append(changes, c)
		}
	}
	if f.position == feed.next {
		f.events, f.states = nil, nil
	}
	return changes, true
}

// has reports whether a change was read from the file.
func (f *Follower) has(c event.Change) bool {
	if c.Row != nil {
		return c.Rev <= f.events[c.Row.N]
	}
	_, ok := f.states[c.Rev]
	return ok
}

// fromFile reads the next page of changes from the file. After the last page it sets
// f.catchUp to nil: the follower then goes on in the ring.
func (f *Follower) fromFile(ctx context.Context, limit int) ([]event.Change, error) {
	c := f.catchUp
	var waiting []event.Change
	if !c.started {
		feed := &f.store.feed
		feed.mu.Lock()
		c.position, c.rev, waiting = feed.next, feed.rev, slices.Clone(feed.waiting)
		feed.mu.Unlock()
	}
	var events, states []event.Change
	err := f.store.read(ctx, func(v *view) (err error) {
		if !c.started {
			var touched int64 // by other processes
			if err := v.tx.QueryRowContext(ctx, sqlTouched).Scan(&touched); err != nil {
				return err
			}
			c.rev = max(c.rev, touched)
			if states, err = v.statesSince(f.session, f.rev); err != nil {
				return err
			}
		}
		events, err = v.changesSince(f.session, f.rev, c.after, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !c.started {
		c.started, c.states = true, f.newStates(states, waiting)
		if f.events == nil {
			f.events, f.states = map[int64]int64{}, map[int64]struct{}{}
		}
	}
	more := len(events) == limit
	changes := f.merge(events, limit, more)
	if !more && len(changes) < limit {
		f.position, f.rev, f.catchUp = c.position, max(f.rev, c.rev), nil
	}
	return changes, nil
}

// newStates returns the states of a session that were not read yet, in the order
// of their revisions: those that are in the file, and those that wait.
func (f *Follower) newStates(stored, waiting []event.Change) []event.Change {
	for _, w := range waiting {
		known := slices.ContainsFunc(stored, func(s event.Change) bool { return s.Rev == w.Rev })
		if w.Session() == f.session && w.Rev > f.rev && !known {
			stored = append(stored, w)
		}
	}
	stored = slices.DeleteFunc(stored, f.has)
	slices.SortFunc(stored, func(a, b event.Change) int { return cmp.Compare(a.Rev, b.Rev) })
	return stored
}

// merge returns events and states in the order of time, at most limit of them, and
// records what was read. more means that another page of events follows: then a state
// that is later than all events of this page waits for that one.
func (f *Follower) merge(events []event.Change, limit int, more bool) (changes []event.Change) {
	c := f.catchUp
	for len(changes) < limit {
		switch {
		case len(c.states) > 0 && (len(events) == 0 && !more || len(events) > 0 && c.states[0].State.At.Before(events[0].Row.At)):
			f.states[c.states[0].Rev] = struct{}{}
			changes, c.states = append(changes, c.states[0]), c.states[1:]
		case len(events) > 0:
			read := events[0]
			c.after = read.Row.N
			if !f.has(read) {
				changes = append(changes, read)
			}
			f.events[c.after], events = read.Rev, events[1:]
		default:
			return changes
		}
	}
	return changes
}
