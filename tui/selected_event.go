package tui

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tui/detail"
)

// showSelected shows the selected event in the detail, as wide as that is.
func (m *model) showSelected() tea.Cmd {
	row, w := m.list.SelectedRow(), m.layout().detail.w
	if row == nil || w == 0 {
		return nil
	}
	subject := detail.Subject{N: row.N, Rev: row.Rev, Width: w}
	if m.detail.Tab() == detail.Diff {
		if base, reason := m.compareWith(row); base != nil {
			subject.Base, subject.BaseRev, subject.BaseReason = base.N, base.Rev, reason
		}
	}
	prepare := m.detail.Show(subject, m.cfg.Feed.Get)
	if prepare == nil {
		return nil
	}
	return m.work.command(func(ctx context.Context) tea.Msg { return prepare(ctx) })
}

// showNotFound shows that the searched phrase does not occur.
func (m *model) showNotFound() { m.showNote(`"` + m.search + `" was not found`) }

// compareWith chooses the event that one is compared with: the one that is marked beside
// it, else the last pinned one of its kind, else the one that it repeats, else the
// previous one of its kind. reason says which.
func (m *model) compareWith(row *event.Row) (base *event.Row, reason string) {
	others := slices.DeleteFunc(m.list.Marked(), func(n int64) bool { return n == row.N })
	if len(others) == 1 {
		if marked := m.list.Row(others[0]); marked != nil {
			return marked, "marked"
		}
	}
	for _, n := range slices.Backward(m.pins) {
		if pinned := m.list.Row(n); pinned != nil && n != row.N && pinned.Kind == row.Kind {
			return pinned, "pinned"
		}
	}
	if original := m.list.Row(row.ReplayOf); original != nil {
		return original, "which this one repeats"
	}
	return m.list.Previous(row.N), "the one before of its kind"
}
