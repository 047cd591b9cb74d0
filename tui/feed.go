package tui

import (
	"context"
	"fmt"
	"maps"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

type ctx = context.Context

// How the feed is read. The time between two readings is longer while much
// comes: each event changes some times, and is then read once for all of them.
const (
	pullLimit  = 2000
	pullPause  = 25 * time.Millisecond
	busyPause  = 150 * time.Millisecond
	busyNumber = 50
	pullRetry  = time.Second
)

// changes are what a reading of the feed gave.
type changes struct {
	read   []event.Change
	app    []AppLine
	status Status
	full   bool // there is more
	err    error
	closed bool
}

// pull waits for the feed to have something, after a pause, and reads it.
// Without a pause it reads at once.
func (m *model) pull(after time.Duration) tea.Cmd { return m.read(after, after > 0) }

// read waits for a pause, and, if it is to, for the feed to have something.
func (m *model) read(after time.Duration, wait bool) tea.Cmd {
	feed, status, appRev := m.cfg.Feed, m.cfg.Status, m.app.rev
	return m.work.do(func(ctx ctx) tea.Msg {
		closed := false
		if after > 0 {
			pause(ctx, after)
		}
		if wait {
			select {
			case _, open := <-feed.Wake:
				closed = !open
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		c := changes{closed: closed}
		c.read, c.err = feed.Read(ctx, pullLimit)
		c.full = len(c.read) >= pullLimit
		if feed.App != nil && c.err == nil {
			c.app, c.err = feed.App(ctx, appRev, pullLimit)
			c.full = c.full || len(c.app) >= pullLimit
		}
		c.status = status()
		return c
	})
}

// take puts what was read into the list and reads on.
func (m *model) take(c changes) tea.Cmd {
	m.header.status = c.status
	m.app.add(c.app)
	m.list.changed(m.store.apply(c.read))
	for _, change := range c.read {
		if change.Row != nil {
			m.pin(change.Row)
		} else if s := change.State; s.State == wrongPath {
			paths := maps.Clone(m.paths)
			if paths == nil {
				paths = map[string]string{}
			}
			paths[s.Name], m.paths = s.Detail, paths
		}
	}
	var next tea.Cmd
	switch {
	case c.err != nil:
		m.fail(fmt.Errorf("read what is new: %w", c.err))
		next = m.read(pullRetry, false)
	case c.full:
		next = m.pull(0)
	case c.closed: // there is nothing to come
	case len(c.read) > busyNumber:
		next = m.pull(busyPause)
	default:
		next = m.pull(pullPause)
	}
	return tea.Batch(m.scanMore(), m.watchLoops(c.read), next)
}

// pin keeps the list of what is pinned.
func (m *model) pin(r *event.Row) {
	for i, n := range m.pins {
		if n == r.N {
			if !r.Pinned {
				m.pins = append(m.pins[:i:i], m.pins[i+1:]...)
			}
			return
		}
	}
	if r.Pinned {
		m.pins = append(m.pins, r.N)
	}
}

// scan is the search in the bodies of those events whose rows cannot tell
// whether the filter fits.
type scan struct {
	of      int // which filter, counted
	running bool
	batch   int // how many are being looked at
	looked  int
	cancel  context.CancelFunc
}

// scanBatch is how many bodies are looked at between two frames, if that takes
// no longer than scanTime: an expression may take long on each.
const (
	scanBatch = 100
	scanTime  = 200 * time.Millisecond
)

// scanned is what a look into some bodies gave.
type scanned struct {
	of      int
	numbers []int64
	fits    []bool // of as many of the numbers as were looked at
	err     error
}

// scanMore looks into the next bodies, the newest first.
func (m *model) scanMore() tea.Cmd {
	if m.scan.running || len(m.store.open) == 0 || m.cfg.Feed.Get == nil {
		return nil
	}
	m.scan.running = true
	numbers := m.store.next(scanBatch)
	ns := make([]int64, len(numbers))
	for i, number := range numbers {
		ns[i] = m.store.get(number).row.N
	}
	m.scan.batch = len(numbers)
	of, filter, get := m.scan.of, m.store.filter, m.cfg.Feed.Get
	parent, cancel := context.WithCancel(m.work.ctx)
	m.scan.cancel = cancel
	return m.work.do(func(ctx) tea.Msg {
		defer cancel()
		result := scanned{of: of, numbers: numbers}
		began := time.Now()
		for i, n := range ns {
			if i > 0 && time.Since(began) > scanTime {
				break
			}
			e, err := get(parent, n)
			if parent.Err() != nil {
				return result // of a filter that is no longer, or at the end
			}
			if err != nil {
				result.err = err
			}
			result.fits = append(result.fits, err == nil && filter.Match(e))
		}
		return result
	})
}

func (m *model) takeScanned(s scanned) tea.Cmd {
	if s.of != m.scan.of {
		return nil
	}
	m.scan.running, m.scan.batch = false, 0
	m.scan.looked += len(s.fits)
	for i, fits := range s.fits {
		m.store.settle(s.numbers[i], fits)
	}
	for i := len(s.numbers) - 1; i >= len(s.fits); i-- { // the newest is next, as before
		m.store.open = append(m.store.open, s.numbers[i])
	}
	if s.err != nil {
		m.fail(fmt.Errorf("search in bodies: %w", s.err))
	}
	m.list.changed(0)
	return m.scanMore()
}

// setFilter shows what a filter fits.
func (m *model) setFilter(f *filter.Filter) tea.Cmd {
	if m.scan.cancel != nil {
		m.scan.cancel()
	}
	m.scan = scan{of: m.scan.of + 1}
	m.store.setFilter(f)
	m.exhausted = false
	m.list.changed(0)
	return m.scanMore()
}

// olderRows are a page of earlier events.
type olderRows struct {
	of   int
	rows []*event.Row
	end  bool
	err  error
}

// olderPage is how many older events are read at a time.
const olderPage = 500

// older reads a page of events that came before all that are held, of this
// session and of earlier ones.
func (m *model) older() tea.Cmd {
	if m.reading || m.exhausted || m.cfg.Feed.Older == nil {
		return nil
	}
	m.reading = true
	of, filter, before, older := m.scan.of, m.store.filter, m.store.oldest(), m.cfg.Feed.Older
	return m.work.do(func(ctx ctx) tea.Msg {
		rows, err := older(ctx, filter, before, olderPage)
		return olderRows{of: of, rows: rows, err: err, end: len(rows) < olderPage}
	})
}

func (m *model) takeOlder(o olderRows) {
	m.reading = false
	switch {
	case o.err != nil:
		m.fail(fmt.Errorf("read older events: %w", o.err))
		return
	case o.of != m.scan.of:
		return
	}
	n := m.store.prepend(o.rows)
	for _, r := range o.rows {
		m.pin(r)
	}
	m.exhausted = o.end
	m.list.changed(0)
	if n == 0 {
		m.say("no older events")
		return
	}
	m.say(count(n, "older event"))
}
