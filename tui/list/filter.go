package list

import (
	"slices"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

// Filter is the filter of the list; empty or nil: everything is shown.
func (l *List) Filter() *filter.Filter { return l.store.filter }

// SetFilter shows only what matches a filter. Events whose rows cannot decide it are
// shown after Decide.
func (l *List) SetFilter(f *filter.Filter) {
	l.store.setFilter(f)
	l.updateSelection(0)
}

// Undecided is how many events have to be read whole to decide the filter.
func (l *List) Undecided() int { return len(l.store.undecided) }

// NextUndecided removes the newest undecided events, at most limit, and returns their
// numbers. Their results go to Decide.
func (l *List) NextUndecided(limit int) []int64 { return l.store.nextUndecided(limit) }

// Decide takes the results for the first of some events. The others are undecided
// again.
func (l *List) Decide(numbers []int64, matches []bool) {
	for i, n := range matches {
		l.store.decide(numbers[i], n)
	}
	l.store.decideAgain(numbers[len(matches):])
	l.updateSelection(0)
}

// setFilter asks a new filter about all entries.
func (s *store) setFilter(f *filter.Filter) {
	if s.searched > 0 { // there are gaps between the results of another filter
		s.removeFirst(s.searched)
	}
	s.filter, s.shown, s.undecided = f, nil, nil
	if f.Empty() {
		return
	}
	s.shown = make([]int64, 0, 1024)
	for i, e := range s.entries {
		s.filterNew(s.base+int64(i), e)
	}
}

// filterNew asks the filter about an entry after all that are shown.
func (s *store) filterNew(key int64, e *entry) {
	if e.row == nil {
		return
	}
	switch s.filter.MatchRow(e.row) {
	case filter.FitYes:
		s.shown = append(s.shown, key)
	case filter.FitUnknown:
		s.undecided = append(s.undecided, key)
	}
}

// filterChanged asks the filter again about an event that has changed.
func (s *store) filterChanged(key int64, r *event.Row) {
	if s.filter.Empty() {
		return
	}
	switch s.filter.MatchRow(r) {
	case filter.FitYes:
		s.show(key)
	case filter.FitNo:
		s.hide(key)
	case filter.FitUnknown:
		if !slices.Contains(s.undecided[max(len(s.undecided)-1000, 0):], key) {
			s.undecided = append(s.undecided, key)
		}
	}
}

// show shows an entry at its place.
func (s *store) show(key int64) {
	if i, shown := slices.BinarySearch(s.shown, key); !shown {
		s.shown = slices.Insert(s.shown, i, key)
	}
}

func (s *store) hide(key int64) {
	if i, shown := slices.BinarySearch(s.shown, key); shown {
		s.shown = slices.Delete(s.shown, i, i+1)
	}
}

func (s *store) nextUndecided(limit int) []int64 {
	first := len(s.undecided) - min(limit, len(s.undecided))
	numbers := make([]int64, 0, len(s.undecided)-first)
	for _, key := range slices.Backward(s.undecided[first:]) {
		numbers = append(numbers, s.get(key).row.N)
	}
	s.undecided = s.undecided[:first]
	return numbers
}

// decide shows or hides an event, unless it was removed.
func (s *store) decide(n int64, matches bool) {
	key, ok := s.keys[n]
	switch {
	case !ok:
	case matches:
		s.show(key)
	default:
		s.hide(key)
	}
}

// decideAgain makes events undecided again. The first one is next.
func (s *store) decideAgain(numbers []int64) {
	for _, n := range slices.Backward(numbers) {
		if key, ok := s.keys[n]; ok {
			s.undecided = append(s.undecided, key)
		}
	}
}
