package tui

import (
	"context"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/advice"
)

// How the feed is read. While much comes, the time between two readings is longer: an
// event changes several times, and is then read once for all its changes.
const (
	feedLimit  = 2000 // changes, and lines of the app, in one reading
	feedPause  = 25 * time.Millisecond
	busyPause  = 150 * time.Millisecond
	busyNumber = 50 // changes in one reading from which on busyPause counts
	feedRetry  = time.Second
)

// feedUpdate is the result of one reading of the feed.
type feedUpdate struct {
	changes []event.Change
	app     []AppLine
	status  Status
	full    bool // there is more to read
	closed  bool // nothing new will come
	err     error
}

// readFeed reads the feed after a pause. If wait is set, it waits until there is
// something new.
func (m *model) readFeed(after time.Duration, wait bool) tea.Cmd {
	feed, status, appRev := m.cfg.Feed, m.cfg.Status, m.app.rev
	return m.work.command(func(ctx context.Context) tea.Msg {
		var u feedUpdate
		if after > 0 {
			pause(ctx, after)
		}
		if wait {
			select {
			case _, open := <-feed.Wake:
				u.closed = !open
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		u.changes, u.err = feed.Read(ctx, feedLimit)
		u.full = len(u.changes) >= feedLimit
		if feed.App != nil && u.err == nil {
			u.app, u.err = feed.App(ctx, appRev, feedLimit)
			u.full = u.full || len(u.app) >= feedLimit
		}
		u.status = status()
		return u
	})
}

// applyFeed shows what was read, and reads on.
func (m *model) applyFeed(u feedUpdate) tea.Cmd {
	m.header.status = u.status
	m.app.add(u.app, m.focus == paneApp)
	before := m.list.SelectedRow()
	m.list.Apply(u.changes)
	if row := m.list.SelectedRow(); before != nil && row != nil && row.N != before.N {
		m.arrived = arrival{row.N, time.Now()}
	}
	failedBefore := m.header.failed
	m.header.measure(m.list.Failed(), m.list.RecentDurations(latencies))
	for _, change := range u.changes {
		if change.Row != nil {
			m.updatePins(change.Row)
		} else if gone := change.Deleted(); len(gone) > 0 {
			m.pins = slices.DeleteFunc(m.pins, func(n int64) bool {
				return slices.ContainsFunc(gone, func(r [2]int64) bool { return r[0] <= n && n <= r[1] })
			})
		} else if s := change.State; s.Subject == event.SubjectTarget && s.State == string(advice.WrongPath) {
			m.detail.SetPathHint(s.Name, s.Detail)
		}
	}
	var next tea.Cmd
	switch {
	case u.err != nil:
		m.showError(fmt.Errorf("read what is new: %w", u.err))
		next = m.readFeed(feedRetry, false)
	case u.full:
		next = m.readFeed(0, false)
	case u.closed:
	case len(u.changes) > busyNumber:
		next = m.readFeed(busyPause, true)
	default:
		next = m.readFeed(feedPause, true)
	}
	if m.cfg.Bell && m.header.failed > failedBefore {
		next = tea.Batch(next, tea.Raw("\a"))
	}
	return tea.Batch(m.searchBodies(), m.watchBots(u.changes), next)
}

// updatePins keeps the numbers of pinned events, in the order in which they were pinned.
func (m *model) updatePins(r *event.Row) {
	i := slices.Index(m.pins, r.N)
	switch {
	case r.Pinned && i < 0:
		m.pins = append(m.pins, r.N)
	case !r.Pinned && i >= 0:
		m.pins = slices.Delete(m.pins, i, i+1)
	}
}
