package list

import (
	"slices"

	"github.com/hf-tap/hf-tap/event"
)

// forget removes the events that a change says were deleted.
func (l *List) forget(changes []event.Change) {
	for _, c := range changes {
		if ranges := c.Deleted(); len(ranges) > 0 {
			l.selected = l.store.remove(ranges, l.selected)
			for n := range l.marks {
				if l.store.event(n) == nil {
					delete(l.marks, n)
				}
			}
		}
	}
}

// remove removes events, by the ranges of their numbers. Entries after them get other
// keys: it returns the one of an entry that had a key before, or of the one behind it.
func (s *store) remove(ranges [][2]int64, key int64) int64 {
	gone := func(e *entry) bool {
		return e.row != nil && slices.ContainsFunc(ranges, func(r [2]int64) bool { return r[0] <= e.row.N && e.row.N <= r[1] })
	}
	before := make([]int64, len(s.entries)+1) // how many are removed before each entry
	kept := make([]*entry, 0, len(s.entries))
	for i, e := range s.entries {
		before[i+1] = before[i]
		if gone(e) {
			before[i+1]++
			delete(s.keys, e.row.N)
			delete(s.failed, e.row.N)
			continue
		}
		kept = append(kept, e)
		if e.row != nil {
			s.keys[e.row.N] -= before[i]
		}
	}
	moved := func(key int64) (int64, bool) {
		i := min(max(key-s.base, 0), int64(len(s.entries)))
		return key - before[i], i < int64(len(s.entries)) && before[i+1] == before[i]
	}
	move := func(keys []int64) []int64 {
		var left []int64
		for _, key := range keys {
			if to, there := moved(key); there {
				left = append(left, to)
			}
		}
		return left
	}
	key, _ = moved(key)
	if s.shown != nil {
		s.shown = append([]int64{}, move(s.shown)...) // nil would show all
	}
	s.undecided, s.states = move(s.undecided), move(s.states)
	s.searched -= int(before[min(s.searched, len(s.entries))])
	s.entries = kept
	return key
}
