package receiver_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// memory is a Recorder that keeps events and updates in memory, in their order.
type memory struct {
	mu      sync.Mutex
	records []*record
	changed chan struct{} // closed at the next change
	failing error         // what Append answers
	read    int           // bodies read back
}

// record is an event and its updates.
type record struct {
	event.Event
	recorded event.Phase // at Append
	updates  []event.Update
}

func newMemory() *memory { return &memory{changed: make(chan struct{})} }

func (m *memory) notifyLocked() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) Append(_ context.Context, e *event.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing != nil {
		return m.failing
	}
	e.N = int64(len(m.records) + 1)
	kept := *e
	kept.Header, kept.Body = e.Header.Clone(), bytes.Clone(e.Body)
	m.records = append(m.records, &record{Event: kept, recorded: e.Phase})
	m.notifyLocked()
	return nil
}

func (m *memory) Update(u event.Update) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[u.N-1]
	r.updates = append(r.updates, u)
	if u.Phase != "" {
		r.Phase = u.Phase
	}
	if u.Answer != (event.Answer{}) {
		r.Answer = u.Answer
	}
	if u.Attempt != nil {
		r.Attempts = append(r.Attempts, *u.Attempt)
	}
	m.notifyLocked()
}

func (m *memory) Body(_ context.Context, n int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read++
	return bytes.Clone(m.records[n-1].Body), nil
}

func (m *memory) failAppends(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing = err
}

// list returns a copy of the records.
func (m *memory) list() []record {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []record
	for _, r := range m.records {
		c := *r
		c.updates = slices.Clone(r.updates)
		c.Attempts = slices.Clone(r.Attempts)
		out = append(out, c)
	}
	return out
}

// waitUntil waits until cond is true of the records, and returns them.
func (m *memory) waitUntil(t *testing.T, what string, cond func([]record) bool) []record {
	t.Helper()
	tooLate := time.After(patience)
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		got := m.list()
		if cond(got) {
			return got
		}
		select {
		case <-changed:
		case <-tooLate:
			var recorded []string
			for _, r := range got {
				recorded = append(recorded, fmt.Sprintf("#%d %s %d bytes: %s", r.N, r.Phase, r.Size, story(r)))
			}
			t.Fatalf("waited in vain for: %s; recorded:\n%s", what, strings.Join(recorded, "\n"))
		}
	}
}

// waitSettled waits until n events are recorded and all of them are settled and
// answered.
func (m *memory) waitSettled(t *testing.T, n int) []record {
	t.Helper()
	return m.waitUntil(t, "all events are settled", func(all []record) bool {
		return len(all) == n && !slices.ContainsFunc(all, func(r record) bool { return r.Phase != event.PhaseSettled || !r.Done() })
	})
}
