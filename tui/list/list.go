// Package list is the list of events: which are shown, in which columns, and which is
// selected. It follows the newest event until the user moves away from it.
package list

import (
	"iter"
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
	held     bool  // an event is being read: the selection stays
	fresh    int   // how many events came while the selection stayed

	layout layout
	cache  map[int64]cachedRow // by the keys of entries
}

// cachedRow is a row as it was drawn, and what it was drawn from.
type cachedRow struct {
	entry  *entry
	rev    int64
	marked bool
	needs  needs
	text   string // "" until it is drawn
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

// Failed is how many events of this run failed at some target and were not delivered
// since.
func (l *List) Failed() int { return len(l.store.failed) }

// RecentDurations returns how long the last tries of the newest events took, at most n.
func (l *List) RecentDurations(n int) []time.Duration {
	var took []time.Duration
	for _, e := range slices.Backward(l.store.entries[max(len(l.store.entries)-n, 0):]) {
		if e.row == nil {
			continue
		}
		for _, t := range e.row.Targets {
			if t.Tries > 0 && len(took) < n {
				took = append(took, t.Took)
			}
		}
	}
	return took
}

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

// EventPosition is how many events are shown up to the selected entry, and how many at
// all.
func (l *List) EventPosition() (at, of int) {
	return l.store.events(min(l.Position()+1, l.store.len())), l.store.events(l.store.len())
}

// Fresh is how many events came since the list stopped following them.
func (l *List) Fresh() int { return l.fresh }

// updateSelection keeps the selection on an entry that is shown. added is how many
// events were added at the end.
func (l *List) updateSelection(added int) {
	if l.following() {
		l.fresh = 0
	} else if added > 0 {
		l.fresh += added
	}
	if l.store.len() == 0 {
		return
	}
	if newest := l.store.key(l.newest()); l.following() && l.selected < newest {
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

// following reports whether the selection goes to the newest event when one comes.
func (l *List) following() bool { return l.follow && !l.held }

// Following reports whether the user lets the list follow the newest event.
func (l *List) Following() bool { return l.follow }

// Follow makes the list follow the newest event, and go to it, or stop following.
func (l *List) Follow(on bool) {
	if l.follow = on; on {
		l.fresh = 0
		l.selectAt(l.newest())
	}
}

// Hold keeps the selection where it is while an event is read. After it, the list
// follows only if no event came while it was held.
func (l *List) Hold(on bool) {
	if l.held && !on && l.fresh > 0 {
		l.follow = false
	}
	l.held = on
}

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

// MoveEvent moves the selection to the next event, or to the one before, past states.
// It reports whether there is one.
func (l *List) MoveEvent(by int) bool {
	for i := l.Position() + by; i >= 0 && i < l.store.len(); i += by {
		if l.store.at(i).row != nil {
			l.moveTo(i)
			return true
		}
	}
	return false
}

// Jump selects an event by its number. It reports whether the event is shown.
func (l *List) Jump(n int64) bool {
	if !l.IsShown(n) {
		return false
	}
	i, _ := l.store.index(l.store.keys[n])
	l.moveTo(i)
	return true
}

// moveTo selects the i-th entry, or the nearest one. The list stays there.
func (l *List) moveTo(i int) {
	l.follow = false
	l.selectAt(i)
	if l.Position() >= l.newest() {
		l.fresh = 0
	}
}

func (l *List) selectAt(i int) {
	if n := l.store.len(); n > 0 {
		l.selected = l.store.key(min(max(i, 0), n-1))
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
	if l.following() {
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
// while rows come and go, because columns that jump are hard to read; but when a text
// would be shortened, the rows that are no longer in sight lose their room.
func (l *List) layOut(w, h int) {
	reset := l.layout.outdated(w) || len(l.cache) > 8*h+200
	if reset {
		l.layout.reset(w)
		clear(l.cache)
	}
	var inSight needs
	fresh := false
	for i := l.top; i < min(l.top+h, l.store.len()); i++ {
		key := l.store.key(i)
		c, known := l.cached(key)
		if !known {
			c.needs = needsOf(c.entry, l.layout.when(c.entry))
			l.cache[key] = c
			fresh = true
		}
		inSight.add(c.needs)
	}
	if !reset && !fresh {
		return
	}
	if l.layout.distribute(inSight) {
		for key, c := range l.cache {
			c.text = ""
			l.cache[key] = c
		}
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
	c, _ := l.cached(key)
	if c.text == "" {
		c.text = l.layout.row(c.entry, false, c.marked).Render(w, line.Plain)
		l.cache[key] = c
	}
	return c.text
}
