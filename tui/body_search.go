package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event/filter"
)

// searchBatch is how many bodies are searched between two frames. After searchTime a
// batch ends early: a jq expression may take long for each body.
const (
	searchBatch = 100
	searchTime  = 200 * time.Millisecond
)

// searchResult is the result of searching some bodies.
type searchResult struct {
	filterID int
	numbers  []int64 // of the events of the batch
	matches  []bool  // of the first of them, as many as were read
	err      error
}

// setFilter filters the list.
func (m *model) setFilter(f *filter.Filter) tea.Cmd {
	if m.bodySearch.cancel != nil {
		m.bodySearch.cancel()
	}
	m.bodySearch = bodySearch{filterID: m.bodySearch.filterID + 1}
	m.list.SetFilter(f)
	m.noOlder = false
	return m.searchBodies()
}

// searchBodies searches the next bodies, the newest first.
func (m *model) searchBodies() tea.Cmd {
	if m.bodySearch.running || m.list.Undecided() == 0 || m.cfg.Feed.Get == nil {
		return nil
	}
	numbers := m.list.NextUndecided(searchBatch)
	ctx, cancel := context.WithCancel(m.work.ctx)
	m.bodySearch.running, m.bodySearch.batch, m.bodySearch.cancel = true, len(numbers), cancel
	result := searchResult{filterID: m.bodySearch.filterID, numbers: numbers}
	filter, get := m.list.Filter(), m.cfg.Feed.Get
	return m.work.command(func(context.Context) tea.Msg {
		defer cancel()
		began := time.Now()
		for i, n := range numbers {
			if i > 0 && time.Since(began) > searchTime {
				break
			}
			e, err := get(ctx, n)
			if ctx.Err() != nil { // another filter was set, or the session ends
				return result
			}
			if err != nil {
				result.err = err
			}
			result.matches = append(result.matches, err == nil && filter.Match(e))
		}
		return result
	})
}

// applySearch shows the events that match, and searches on.
func (m *model) applySearch(r searchResult) tea.Cmd {
	if r.filterID != m.bodySearch.filterID {
		return nil
	}
	m.bodySearch.running, m.bodySearch.batch = false, 0
	m.bodySearch.decided += len(r.matches)
	m.list.Decide(r.numbers, r.matches)
	if r.err != nil {
		m.showError(fmt.Errorf("search in bodies: %w", r.err))
	}
	return m.searchBodies()
}
