package tui

import (
	"slices"
	"sort"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

// maxRows is how many entries the list holds. What is older stays in the
// history and is read a page at a time.
const maxRows = 100_000

// entry is one line of the list: an event or a state.
type entry struct {
	row   *event.Row
	state *event.State
}

// store holds the list's entries in the order in which they came. Each has a
// number of its own, which neither filtering nor dropping the oldest changes:
// the first one's is base, and pages of older events get smaller ones.
type store struct {
	entries []*entry
	base    int64
	byN     map[int64]int64 // an event's N to its entry's number

	filter   *filter.Filter
	shown    []int64        // numbers that the filter fits, nil: all
	open     []int64        // numbers that only the whole event can tell about; the last is next
	fits     map[int64]bool // what was found out by looking at whole events
	searched int            // how many entries at the beginning came from a search
	version  int            // grows with every change of what is shown
}

func newStore() *store {
	return &store{byN: map[int64]int64{}}
}

// len is how many entries are shown.
func (s *store) len() int {
	if s.shown != nil {
		return len(s.shown)
	}
	return len(s.entries)
}

// number gives the number of the i-th entry that is shown.
func (s *store) number(i int) int64 {
	if s.shown != nil {
		return s.shown[i]
	}
	return s.base + int64(i)
}

// get gives an entry by its number, nil when it is not there any more.
func (s *store) get(number int64) *entry {
	i := number - s.base
	if i < 0 || i >= int64(len(s.entries)) {
		return nil
	}
	return s.entries[i]
}

// index finds where an entry is shown, or where the nearest one is.
func (s *store) index(number int64) (i int, exact bool) {
	if s.shown == nil {
		i = int(number - s.base)
		clamped := min(max(i, 0), max(len(s.entries)-1, 0))
		return clamped, clamped == i && i < len(s.entries)
	}
	i = sort.Search(len(s.shown), func(i int) bool { return s.shown[i] >= number })
	if i < len(s.shown) && s.shown[i] == number {
		return i, true
	}
	return min(i, max(len(s.shown)-1, 0)), false
}

// apply adds what is new and replaces what has changed. It gives how many
// entries more are shown at the end.
func (s *store) apply(changes []event.Change) (more int) {
	before := s.len()
	for _, c := range changes {
		s.version++
		if c.Row == nil {
			s.append(&entry{state: c.State})
			continue
		}
		number, known := s.byN[c.Row.N]
		if !known {
			number = s.append(&entry{row: c.Row})
			s.byN[c.Row.N] = number
		} else if e := s.get(number); e.row.Rev <= c.Row.Rev {
			e.row = c.Row
			s.refit(number, c.Row)
		}
	}
	more = s.len() - before
	s.trim()
	return more
}

// append gives the new entry's number.
func (s *store) append(e *entry) int64 {
	number := s.base + int64(len(s.entries))
	s.entries = append(s.entries, e)
	if !s.filter.Empty() {
		s.consider(number, e, true)
	}
	return number
}

// consider asks the filter about an entry and shows it at its place if it fits.
func (s *store) consider(number int64, e *entry, atEnd bool) {
	if e.row == nil {
		return
	}
	fit := s.filter.MatchRow(e.row)
	if fit == filter.FitUnknown {
		if known, ok := s.fits[number]; ok {
			fit = map[bool]filter.Fit{true: filter.FitYes, false: filter.FitNo}[known]
		} else {
			s.open = append(s.open, number)
			return
		}
	}
	if fit == filter.FitYes && atEnd {
		s.shown = append(s.shown, number)
	} else if fit == filter.FitYes {
		s.show(number)
	}
}

// show puts a number into its place among those shown.
func (s *store) show(number int64) {
	if i, there := slices.BinarySearch(s.shown, number); !there {
		s.shown = slices.Insert(s.shown, i, number)
		s.version++
	}
}

// refit asks again about an event that has changed.
func (s *store) refit(number int64, r *event.Row) {
	if s.filter.Empty() {
		return
	}
	fit := s.filter.MatchRow(r)
	i, there := slices.BinarySearch(s.shown, number)
	switch {
	case fit == filter.FitYes:
		s.show(number)
	case fit == filter.FitNo && there:
		s.shown = slices.Delete(s.shown, i, i+1)
	case fit == filter.FitUnknown && !slices.Contains(s.open[max(len(s.open)-1000, 0):], number):
		s.open = append(s.open, number)
	}
}

// trim drops the oldest entries, some at a time, so that it costs little.
func (s *store) trim() {
	over := len(s.entries) - maxRows
	if over < maxRows/50 {
		return
	}
	s.drop(over)
}

// drop takes the first entries away.
func (s *store) drop(n int) {
	for i, e := range s.entries[:n] {
		if e.row != nil {
			delete(s.byN, e.row.N)
		}
		delete(s.fits, s.base+int64(i))
	}
	s.entries = slices.Clone(s.entries[n:]) // a slice would hold what was dropped
	s.base += int64(n)
	s.searched = max(s.searched-n, 0)
	s.version++
	if s.shown != nil {
		i, _ := slices.BinarySearch(s.shown, s.base)
		s.shown = append(make([]int64, 0, len(s.shown)-i), s.shown[i:]...)
	}
	s.open = slices.DeleteFunc(s.open, func(number int64) bool { return number < s.base })
}

// setFilter shows what f fits. Entries whose bodies have to be looked at are
// shown once they have been.
func (s *store) setFilter(f *filter.Filter) {
	if s.searched > 0 { // what another filter brought up has gaps
		s.drop(s.searched)
	}
	s.filter, s.shown, s.open, s.fits = f, nil, nil, map[int64]bool{}
	s.version++
	if f.Empty() {
		return
	}
	s.shown = make([]int64, 0, 1024)
	for i, e := range s.entries {
		s.consider(s.base+int64(i), e, true)
	}
}

// next takes numbers out of those that are open, the newest first.
func (s *store) next(n int) []int64 {
	n = min(n, len(s.open))
	batch := slices.Clone(s.open[len(s.open)-n:])
	s.open = s.open[:len(s.open)-n]
	slices.Reverse(batch)
	return batch
}

// settle says what was found out about an open entry.
func (s *store) settle(number int64, fits bool) {
	e := s.get(number)
	if e == nil {
		return
	}
	s.fits[number] = fits
	i, there := slices.BinarySearch(s.shown, number)
	if fits && !there {
		s.show(number)
	} else if !fits && there {
		s.shown = slices.Delete(s.shown, i, i+1)
		s.version++
	}
}

// prepend adds a page of older events, the newest first. Those that a search
// brought are dropped with the filter.
func (s *store) prepend(rows []*event.Row) int {
	var page []*entry
	for _, r := range rows {
		if _, known := s.byN[r.N]; !known {
			page = append(page, &entry{row: r})
		}
	}
	slices.Reverse(page)
	s.base -= int64(len(page))
	s.entries = append(page, s.entries...)
	for i, e := range page {
		s.byN[e.row.N] = s.base + int64(i)
	}
	if !s.filter.Empty() {
		s.searched += len(page)
		shown := make([]int64, 0, len(page)+len(s.shown))
		for i := range page {
			shown = append(shown, s.base+int64(i))
			s.fits[s.base+int64(i)] = true
		}
		s.shown = append(shown, s.shown...)
	}
	s.version++
	return len(page)
}

// oldest gives the smallest number of an event that is held, 0 if there is none.
func (s *store) oldest() int64 {
	for _, e := range s.entries {
		if e.row != nil {
			return e.row.N
		}
	}
	return 0
}

// before finds the event of the same kind that came before an entry.
func (s *store) before(number int64) *event.Row {
	e := s.get(number)
	if e == nil || e.row == nil {
		return nil
	}
	for i := number - 1; i >= s.base; i-- {
		if o := s.get(i); o.row != nil && o.row.Kind == e.row.Kind {
			return o.row
		}
	}
	return nil
}
