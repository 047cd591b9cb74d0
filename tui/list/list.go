// Package list is the list of events: which are shown, in which columns, and which is
// selected. It follows the newest event until the user moves away from it.
package list

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tui/line"
)

// Intent is what a key or a click asks of the caller.
type Intent int

// The intents.
const (
	None      Intent = iota
	Focus            // an event was selected
	Open             // open the selected event
	ReadOlder        // read events older than the first one
)

// List is the list. It needs New.
type List struct {
	store *store
	marks map[int64]bool // by the numbers of events

	selected int64 // the key of the selected entry
	top      int   // the index of the first entry in sight
	follow   bool  // the selection goes to the newest event
	fresh    int   // how many entries came since the user moved away

	layout layout
	cache  map[int64]cachedRow // by the keys of entries
}

// cachedRow is a row as it was drawn, and what it was drawn from.
type cachedRow struct {
	entry  *entry
	rev    int64
	marked bool
	text   string
}

// New returns an empty list that shows times in a zone. now is for what counts as
// today; mask takes secrets out of a text.
func New(zone *time.Location, now func() time.Time, mask func(string) string) *List {
	return &List{store: newStore(), marks: map[int64]bool{}, follow: true, layout: layout{zone: zone, now: now, mask: mask}, cache: map[int64]cachedRow{}}
}

// Apply adds new events and states, replaces events that have changed, and removes
// those that were deleted.
func (l *List) Apply(changes []event.Change) {
	added := l.store.apply(changes)
	l.forget(changes)
	l.updateSelection(added)
}

// Prepend adds a page of older events, the newest first, and returns how many of them
// are new.
func (l *List) Prepend(rows []*event.Row) int {
	n := l.store.prepend(rows)
	l.updateSelection(0)
	return n
}

// Shown is how many events and states are shown.
func (l *List) Shown() int { return l.store.len() }

// Total is how many events and states there are, with those that are filtered out.
func (l *List) Total() int { return len(l.store.entries) }

// Events is how many events there are.
func (l *List) Events() int { return len(l.store.keys) }

// Row returns an event by its number, nil if the list does not have it.
func (l *List) Row(n int64) *event.Row {
	if e := l.store.event(n); e != nil {
		return e.row
	}
	return nil
}

// Rows returns all events, the newest first.
func (l *List) Rows() iter.Seq[*event.Row] {
	return func(yield func(*event.Row) bool) {
		for _, e := range slices.Backward(l.store.entries) {
			if e.row != nil && !yield(e.row) {
				return
			}
		}
	}
}

// Oldest is the number of the first event, 0 if there is none.
func (l *List) Oldest() int64 {
	for _, e := range l.store.entries {
		if e.row != nil {
			return e.row.N
		}
	}
	return 0
}

// Previous returns the event before one that has the same kind, nil if there is none.
func (l *List) Previous(n int64) *event.Row { return l.store.previous(n) }

// Newest returns the newest event that is shown, nil if there is none.
func (l *List) Newest() *event.Row {
	if l.store.len() == 0 {
		return nil
	}
	return l.store.at(l.newest()).row
}

// SelectedRow returns the selected event, nil if a state or nothing is selected.
func (l *List) SelectedRow() *event.Row {
	if e := l.selectedEntry(); e != nil {
		return e.row
	}
	return nil
}

// SelectedState returns the selected state, nil if an event or nothing is selected.
func (l *List) SelectedState() *event.State {
	if e := l.selectedEntry(); e != nil {
		return e.state
	}
	return nil
}

func (l *List) selectedEntry() *entry {
	if l.store.len() == 0 {
		return nil
	}
	return l.store.get(l.selected)
}

// Position is the index of the selected entry among those that are shown.
func (l *List) Position() int {
	i, _ := l.store.index(l.selected)
	return i
}

// Fresh is how many events and states came since the list stopped following them.
func (l *List) Fresh() int { return l.fresh }

// updateSelection keeps the selection on an entry that is shown. added is how many
// entries were added at the end.
func (l *List) updateSelection(added int) {
	if l.follow {
		l.fresh = 0
	} else if added > 0 {
		l.fresh += added
	}
	if l.store.len() == 0 {
		return
	}
	if newest := l.store.key(l.newest()); l.follow && l.selected < newest {
		l.selected = newest
	} else {
		l.selected = l.store.key(l.Position())
	}
}

// newest is the index of the newest event, or of the newest state if there are only
// states.
func (l *List) newest() int {
	last := l.store.len() - 1
	for i := last; i >= 0; i-- {
		if l.store.at(i).row != nil {
			return i
		}
	}
	return last
}

// Follow makes the list follow the newest event if it is selected, or stop following.
func (l *List) Follow(on bool) { l.follow = on && l.atEnd() }

// atEnd reports whether the newest event is selected, or a state after it. States do
// not take the selection from an event.
func (l *List) atEnd() bool { return l.store.len() == 0 || l.Position() >= l.newest() }

// Move moves the selection down by some entries, or up. Above the first one are the
// older events.
func (l *List) Move(by int) Intent {
	at := l.Position()
	l.moveTo(at + by)
	if at == 0 && by < 0 {
		return ReadOlder
	}
	return None
}

func (l *List) moveTo(i int) {
	n := l.store.len()
	if n == 0 {
		return
	}
	l.selected = l.store.key(min(max(i, 0), n-1))
	l.follow = l.atEnd()
	if l.follow {
		l.fresh = 0
	}
}

// Click selects the entry at a line of the list. If it is selected already, and keys
// go to the list, it asks to open it.
func (l *List) Click(y int, focused bool) Intent {
	i := l.top + y
	switch {
	case i >= l.store.len():
		return None
	case focused && l.store.key(i) == l.selected && l.SelectedRow() != nil:
		return Open
	}
	l.moveTo(i)
	return Focus
}

// ToggleMark marks the selected event, or removes its mark, and goes to the next one.
// It reports whether an event is selected.
func (l *List) ToggleMark() bool {
	row := l.SelectedRow()
	if row == nil {
		return false
	}
	if l.marks[row.N] {
		delete(l.marks, row.N)
	} else {
		l.marks[row.N] = true
	}
	l.moveTo(l.Position() + 1)
	return true
}

// Marked returns the numbers of the marked events, in order.
func (l *List) Marked() []int64 { return slices.Sorted(maps.Keys(l.marks)) }

// ClearMarks removes all marks.
func (l *List) ClearMarks() { clear(l.marks) }

// Render returns the rows in sight, and which of them is selected. focused highlights
// that one.
func (l *List) Render(w, h int, focused bool) (rows []string, cursor int) {
	l.scroll(max(h, 1))
	l.layOut(w, h)
	for i := l.top; i < min(l.top+h, l.store.len()); i++ {
		key := l.store.key(i)
		if key != l.selected {
			rows = append(rows, l.row(key, w))
			continue
		}
		cursor = len(rows)
		over := line.Invert
		if !focused {
			over = line.Strong
		}
		e := l.store.get(key)
		rows = append(rows, l.layout.row(e, true, l.marked(e)).Render(w, over))
	}
	return rows, cursor
}

// Heading returns the names of the columns, as of the last Render.
func (l *List) Heading() line.Line { return l.layout.heading() }

// scroll brings the selected entry into sight.
func (l *List) scroll(height int) {
	n, at := l.store.len(), l.Position()
	if l.follow {
		l.top = n - height // with the states after the newest event
	}
	if at < l.top {
		l.top = at
	}
	if at >= l.top+height {
		l.top = at - height + 1
	}
	l.top = min(max(l.top, 0), max(n-height, 0))
}

// layOut makes the columns as wide as the rows in sight need them. Columns only grow
// while rows come and go, because columns that jump are hard to read.
func (l *List) layOut(w, h int) {
	again := l.layout.outdated(w) || len(l.cache) > 8*h+200
	if again {
		l.layout.reset(w)
		clear(l.cache)
	}
	for i := l.top; i < min(l.top+h, l.store.len()); i++ {
		key := l.store.key(i)
		if _, known := l.cached(key); !known && l.layout.widen(l.store.get(key)) {
			again = true
		}
	}
	if again && l.layout.distribute() {
		clear(l.cache)
	}
}

func (l *List) marked(e *entry) bool { return e.row != nil && l.marks[e.row.N] }

// cached returns the row of an entry if it is as it was drawn last; else what it would
// be drawn from.
func (l *List) cached(key int64) (cachedRow, bool) {
	e := l.store.get(key)
	c := cachedRow{entry: e, marked: l.marked(e)}
	if e.row != nil {
		c.rev = e.row.Rev
	}
	old, ok := l.cache[key]
	if ok && old.entry == c.entry && old.rev == c.rev && old.marked == c.marked {
		return old, true
	}
	return c, false
}

// row returns the row of an entry, and draws it only after a change.
func (l *List) row(key int64, w int) string {
	c, known := l.cached(key)
	if !known {
		c.text = l.layout.row(c.entry, false, c.marked).Render(w, line.Plain)
		l.cache[key] = c
	}
	return c.text
}
