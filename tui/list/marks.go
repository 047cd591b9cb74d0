package list

import (
	"maps"
	"slices"
)

// ToggleMark marks the selected event, or removes its mark, and goes to the next one.
// It reports whether an event is selected.
func (l *List) ToggleMark() bool {
	row := l.SelectedRow()
	if row == nil {
		return false
	}
	l.setMark(row.N, !l.marks[row.N])
	l.moveTo(l.Position() + 1)
	return true
}

// ToggleAll marks all events that are shown. If all are marked, it removes their marks.
func (l *List) ToggleAll() {
	shown := l.ShownEvents()
	on := slices.ContainsFunc(shown, func(n int64) bool { return !l.marks[n] })
	for _, n := range shown {
		l.setMark(n, on)
	}
}

// InvertMarks marks the events that are shown and not marked, and removes the marks of
// the others that are shown.
func (l *List) InvertMarks() {
	for _, n := range l.ShownEvents() {
		l.setMark(n, !l.marks[n])
	}
}

func (l *List) setMark(n int64, on bool) {
	if on {
		l.marks[n] = true
	} else {
		delete(l.marks, n)
	}
}

// Marked returns the numbers of the marked events, in order.
func (l *List) Marked() []int64 { return slices.Sorted(maps.Keys(l.marks)) }

// ClearMarks removes all marks.
func (l *List) ClearMarks() { clear(l.marks) }

// ShownEvents returns the numbers of the events that are shown, in the order of the
// list.
func (l *List) ShownEvents() []int64 {
	var numbers []int64
	for i := range l.store.len() {
		if e := l.store.at(i); e.row != nil {
			numbers = append(numbers, e.row.N)
		}
	}
	return numbers
}

// IsShown reports whether an event is in the list and not hidden by the filter.
func (l *List) IsShown(n int64) bool {
	key, ok := l.store.keys[n]
	if !ok {
		return false
	}
	_, exact := l.store.index(key)
	return exact
}
