package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/hub"
)

// noon is the time of the tests.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// fakeSession is the session below the interface. It holds events, and records the
// actions that it is asked for.
type fakeSession struct {
	mu     sync.Mutex
	rev    int64
	events map[int64]*event.Event
	order  []feedEntry
	readTo int            // how many entries were read
	old    []*event.Event // of earlier sessions, the newest first
	app    []AppLine
	wake   chan struct{}
	status Status
	asked  []string // what was done, in words
	gets   int
	fail   error // of actions
	now    time.Time
}

type feedEntry struct {
	rev   int64
	n     int64
	state *event.State
}

func newFakeSession() *fakeSession {
	return &fakeSession{now: noon, events: map[int64]*event.Event{}, wake: make(chan struct{}, 1), status: Status{
		Provider: "ngrok", URL: "https://tap.ngrok.app/hf-tap/4f1c", Tunnel: Health{State: "up", Since: noon.Add(-10 * time.Minute)},
		Check: Check{At: noon.Add(-9 * time.Minute), Took: 82 * time.Millisecond}, WebhookID: "65a14fd933eca76f4639fc84",
		Watches: []string{"model:me/whisper-tiny"}, Domains: []string{"repo", "discussion"}, Deliveries: 12,
		Targets: []TargetStatus{{Name: "http://127.0.0.1:3000/hook", At: noon.Add(-5 * time.Minute), Status: 200}},
	}}
}

func (w *fakeSession) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// record records an event or a change of one.
func (w *fakeSession) record(e *event.Event) *event.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rev++
	e.Rev = w.rev
	if e.N == 0 {
		e.N = int64(len(w.events) + 1)
	}
	w.events[e.N] = e
	w.order = append(w.order, feedEntry{rev: w.rev, n: e.N})
	w.signal()
	return e
}

func (w *fakeSession) state(s event.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rev++
	w.order = append(w.order, feedEntry{rev: w.rev, state: &s})
	w.signal()
}

// read returns what has changed since its last call, each event once and as it
// is now.
func (w *fakeSession) read(_ context.Context, limit int) ([]event.Change, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var changes []event.Change
	for ; w.readTo < len(w.order) && len(changes) < limit; w.readTo++ {
		c := w.order[w.readTo]
		if c.state != nil {
			changes = append(changes, event.Change{Rev: c.rev, State: c.state})
		} else if e := w.events[c.n]; e.Rev == c.rev {
			changes = append(changes, event.Change{Rev: c.rev, Row: event.NewRow(e)})
		}
	}
	return changes, nil
}

func (w *fakeSession) get(_ context.Context, n int64) (*event.Event, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gets++
	e, ok := w.events[n]
	for _, o := range w.old {
		if o.N == n {
			e, ok = o, true
		}
	}
	if !ok {
		return nil, fmt.Errorf("there is no event %d", n)
	}
	whole := *e
	return &whole, nil
}

func (w *fakeSession) older(_ context.Context, f *filter.Filter, before int64, limit int) ([]*event.Row, error) {
	var found []*event.Row
	for _, e := range w.old {
		if (before == 0 || e.N < before) && f.Match(e) && len(found) < limit {
			found = append(found, event.NewRow(e))
		}
	}
	return found, nil
}

func (w *fakeSession) act(format string, args ...any) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	words := fmt.Sprintf(format, args...)
	w.asked = append(w.asked, words)
	return words, w.fail
}

func (w *fakeSession) actions() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

func (w *fakeSession) config() Config {
	return Config{
		Secrets: event.NewSecrets("v4lue-of-it"),
		Feed: Feed{Read: w.read, Wake: w.wake, Get: w.get, Older: w.older, App: func(_ context.Context, rev int64, _ int) ([]AppLine, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return slices.Clone(w.app[min(int(rev), len(w.app)):]), nil
		}},
		Status: func() Status { w.mu.Lock(); defer w.mu.Unlock(); return w.status },
		Repo:   "model:me/whisper-tiny", Editor: []string{"true"}, Now: func() time.Time { return w.now }, Zone: time.UTC,
		Actions: Actions{
			Replay: func(_ context.Context, r Replay) (string, error) {
				if r.NewID {
					return w.act("replayed %v as new", r.Numbers)
				}
				return w.act("replayed %v %d times to %q", r.Numbers, r.Times, r.Target)
			},
			ReplayFailed: func(context.Context) (string, error) { return w.act("replayed what failed") },
			Deliver: func(_ context.Context, d Draft) (string, error) {
				return w.act("delivered %d: %s %s %q to %v, keep secret %v, %v", d.Of, d.Method, d.Path, d.Body, d.Targets, d.KeepSecret, d.Header)
			},
			Trigger: func(_ context.Context, k event.Kind, repo string) (string, error) {
				return w.act("triggered %s for %s", k, repo)
			},
			Pause: func(_ context.Context, on bool) (string, error) {
				w.mu.Lock()
				w.status.Paused = on
				w.mu.Unlock()
				return w.act("paused %v", on)
			},
			SetFault: func(_ context.Context, f *Fault) (string, error) {
				w.mu.Lock()
				w.status.Fault = f
				w.mu.Unlock()
				if f == nil {
					return w.act("fault cleared")
				}
				return w.act("fault %d %s %v %d %q", f.Status, f.Delay, f.Drop, f.Times, f.Filter)
			},
			Pin: func(_ context.Context, ns []int64, on bool) (string, error) {
				for _, n := range ns {
					w.mu.Lock()
					e := *w.events[n]
					w.mu.Unlock()
					e.Pinned = on
					w.record(&e)
				}
				return w.act("pinned %v %v", ns, on)
			},
			Save: func(_ context.Context, ns []int64, f Format) (string, error) { return w.act("saved %v as %s", ns, f) },
			SaveApp: func(_ context.Context, text string) (string, error) {
				return w.act("saved the app's output, %d lines", strings.Count(text, "\n"))
			},
			RestartApp: func(context.Context) (string, error) { return w.act("started the app again") },
			Open:       func(_ context.Context, url string) (string, error) { return w.act("opened %s", url) },
			Copy:       func(_ context.Context, text string) error { _, err := w.act("copied %s", text); return err },
		},
	}
}

// delivery makes an event as the Hub sends them, i being its number.
func delivery(i int) *event.Event {
	kind := event.Kinds()[i%len(event.Kinds())]
	repo := hub.Repo{Type: "model", Name: "me/whisper-tiny"}
	p, err := event.Sample(kind, repo, event.SampleOptions{Seed: uint64(i), WebhookID: "65a14fd933eca76f4639fc84"})
	if err != nil {
		panic(err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	at := noon.Add(time.Duration(i) * 7 * time.Second)
	e := &event.Event{
		N: int64(i), Session: "896c0a485a76fc1f", Source: event.SourceHub, DeliveryN: 1, ReceivedAt: at, Verdict: event.VerdictOK, Method: "POST",
		Path: "/hf-tap/4f1c", Body: body, Phase: event.PhaseSettled, Answer: event.Answer{Status: 200, Duration: 3 * time.Millisecond},
		Header:  http.Header{"Content-Type": {"application/json"}, "X-Webhook-Secret": {"s3cret"}, "Webhook-Id": {fmt.Sprintf("d-%d", i)}, "User-Agent": {"huggingface/webhooks"}},
		Targets: []string{"http://127.0.0.1:3000/hook"},
		Attempts: []event.Attempt{{N: 1, Target: "http://127.0.0.1:3000/hook", StartedAt: at.Add(4 * time.Millisecond), Duration: 12 * time.Millisecond, Status: 200,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"ok":true}`)}},
	}
	e.ParseRequest()
	return e
}
