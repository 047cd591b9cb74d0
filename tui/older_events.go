package tui

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
)

// olderLimit is how many older events are read at a time.
const olderLimit = 500

// olderResult is a page of older events.
type olderResult struct {
	filterID int
	rows     []*event.Row
	err      error
}

// readOlder reads the events before the first one of the list, from this session and
// from earlier ones.
func (m *model) readOlder() tea.Cmd {
	if m.readingOlder || m.noOlder || m.cfg.Feed.Older == nil {
		return nil
	}
	m.readingOlder = true
	id, filter, before, older := m.bodySearch.filterID, m.list.Filter(), m.list.Oldest(), m.cfg.Feed.Older
	return m.work.command(func(ctx context.Context) tea.Msg {
		rows, err := older(ctx, filter, before, olderLimit)
		return olderResult{filterID: id, rows: rows, err: err}
	})
}

// addOlder adds older events to the list, unless another filter was set.
func (m *model) addOlder(r olderResult) {
	m.readingOlder = false
	switch {
	case r.err != nil:
		m.showError(fmt.Errorf("read older events: %w", r.err))
		return
	case r.filterID != m.bodySearch.filterID:
		return
	}
	for _, row := range r.rows {
		m.updatePins(row)
	}
	m.noOlder = len(r.rows) < olderLimit
	if n := m.list.Prepend(r.rows); n > 0 {
		m.showNote(present.Count(n, "older event"))
	} else {
		m.showNote("no older events")
	}
}
