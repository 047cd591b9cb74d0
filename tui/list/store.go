package list

import (
	"slices"
	"sort"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

// maxEntries is how many entries the list holds. Older events stay in the history and
// are read a page at a time.
const maxEntries = 100_000

// entry is an event or a state.
type entry struct {
	row   *event.Row
	state *event.State
}

func (e *entry) time() time.Time {
	if e.state != nil {
		return e.state.At
	}
	return e.row.At
}

// store holds the entries in the order in which they came. An entry has a key that
// neither a filter nor the removal of older entries changes: keys are consecutive, the
// first one's is base, and pages of older events get smaller ones.
type store struct {
	entries []*entry
	base    int64
	keys    map[int64]int64 // by the numbers of events
	failed  map[int64]bool  // the numbers of events of this run that failed
	states  []int64         // the keys of states, in order

	filter    *filter.Filter
	shown     []int64 // the keys of entries that match the filter; nil: all
	undecided []int64 // keys that only the whole event can decide; the last is next
	searched  int     // how many entries at the beginning came from a search
}

func newStore() *store {
	return &store{keys: map[int64]int64{}, failed: map[int64]bool{}}
}

// len is how many entries are shown.
func (s *store) len() int {
	if s.shown != nil {
		return len(s.shown)
	}
	return len(s.entries)
}

// events is how many of the first n entries that are shown are events. A filter shows no
// states.
func (s *store) events(n int) int {
	if s.shown != nil {
		return n
	}
	states, _ := slices.BinarySearch(s.states, s.base+int64(n))
	return n - states
}

// key is the key of the i-th entry that is shown.
func (s *store) key(i int) int64 {
	if s.shown != nil {
		return s.shown[i]
	}
	return s.base + int64(i)
}

// at returns the i-th entry that is shown.
func (s *store) at(i int) *entry { return s.get(s.key(i)) }

// get returns an entry by its key, nil if it was removed.
func (s *store) get(key int64) *entry {
	i := key - s.base
	if i < 0 || i >= int64(len(s.entries)) {
		return nil
	}
	return s.entries[i]
}

// event returns the entry of an event by its number, nil if there is none.
func (s *store) event(n int64) *entry {
	if key, ok := s.keys[n]; ok {
		return s.get(key)
	}
	return nil
}

// index is where an entry is shown, or the nearest one that is.
func (s *store) index(key int64) (i int, exact bool) {
	if s.shown == nil {
		i = int(key - s.base)
		clamped := min(max(i, 0), max(len(s.entries)-1, 0))
		return clamped, clamped == i && i < len(s.entries)
	}
	i = sort.Search(len(s.shown), func(i int) bool { return s.shown[i] >= key })
	if i < len(s.shown) && s.shown[i] == key {
		return i, true
	}
	return min(i, max(len(s.shown)-1, 0)), false
}

// apply adds what is new and replaces what has changed. It returns how many more events
// are shown at the end.
func (s *store) apply(changes []event.Change) (added int) {
	before := s.events(s.len())
	for _, c := range changes {
		if c.Row == nil {
			s.append(&entry{state: c.State})
			continue
		}
		if c.Row.Failed {
			s.failed[c.Row.N] = true
		} else {
			delete(s.failed, c.Row.N)
		}
		key, known := s.keys[c.Row.N]
		if !known {
			s.keys[c.Row.N] = s.append(&entry{row: c.Row})
		} else if e := s.get(key); e.row.Rev <= c.Row.Rev {
			e.row = c.Row
			s.filterChanged(key, c.Row)
		}
	}
	added = s.events(s.len()) - before
	s.trim()
	return added
}

// append adds an entry at the end, and returns its key.
func (s *store) append(e *entry) int64 {
	key := s.base + int64(len(s.entries))
	s.entries = append(s.entries, e)
	if e.state != nil {
		s.states = append(s.states, key)
	}
	if !s.filter.Empty() {
		s.filterNew(key, e)
	}
	return key
}

// trim removes the oldest entries when there are too many, some at a time, so that it
// costs little.
func (s *store) trim() {
	over := len(s.entries) - maxEntries
	if over >= maxEntries/50 {
		s.removeFirst(over)
	}
}

func (s *store) removeFirst(n int) {
	for _, e := range s.entries[:n] {
		if e.row != nil {
			delete(s.keys, e.row.N)
		}
	}
	s.entries = slices.Clone(s.entries[n:]) // a slice would hold what was removed
	s.base += int64(n)
	s.searched = max(s.searched-n, 0)
	first, _ := slices.BinarySearch(s.states, s.base)
	s.states = slices.Clone(s.states[first:])
	if s.shown != nil {
		i, _ := slices.BinarySearch(s.shown, s.base)
		s.shown = append(make([]int64, 0, len(s.shown)-i), s.shown[i:]...)
	}
	s.undecided = slices.DeleteFunc(s.undecided, func(key int64) bool { return key < s.base })
}

// prepend adds a page of older events, the newest first, and returns how many are new.
// The page matches the filter, and is removed with it. Between two sessions is a line.
func (s *store) prepend(rows []*event.Row) int {
	var page []*entry
	next := s.firstRow() // the event after the one that is added
	added := 0
	for _, r := range rows {
		if _, known := s.keys[r.N]; known {
			continue
		}
		if next != nil && next.Session != r.Session {
			page = append(page, &entry{state: endOfSession(r)})
		}
		page = append(page, &entry{row: r})
		next = r
		added++
	}
	slices.Reverse(page)
	s.base -= int64(len(page))
	s.entries = append(page, s.entries...)
	var shown, states []int64
	for i, e := range page {
		key := s.base + int64(i)
		if e.row != nil {
			s.keys[e.row.N] = key
			shown = append(shown, key)
		} else {
			states = append(states, key)
		}
	}
	s.states = append(states, s.states...)
	if !s.filter.Empty() {
		s.searched += len(page)
		s.shown = append(shown, s.shown...)
	}
	return added
}

func (s *store) firstRow() *event.Row {
	for _, e := range s.entries {
		if e.row != nil {
			return e.row
		}
	}
	return nil
}

// endOfSession is the line after the last event of an earlier session.
func endOfSession(last *event.Row) *event.State {
	return &event.State{At: last.At, Subject: event.SubjectSession, Name: last.Session, State: "ended", Detail: "its events are above"}
}

// previous returns the event before one that has the same kind, nil if there is none.
func (s *store) previous(n int64) *event.Row {
	key, ok := s.keys[n]
	if !ok {
		return nil
	}
	kind := s.get(key).row.Kind
	for key--; key >= s.base; key-- {
		if e := s.get(key); e.row != nil && e.row.Kind == kind {
			return e.row
		}
	}
	return nil
}
