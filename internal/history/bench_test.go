package history

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// delivery is an event as the Hub sends it, with a body of size bytes.
func delivery(session string, i, size int) *event.Event {
	return &event.Event{
		Session: session, Source: event.SourceHub, WebhookID: "65a1f0c2d4e5b6a7c8d9e0f1",
		Delivery: fmt.Sprintf("msg_%024x", uint64(i)*0x9e3779b97f4a7c15),
		Kind:     "repo.content.update", Repo: hub.Repo{Type: "model", Name: "me/m"},
		ReceivedAt: time.Now(), Verdict: event.VerdictOK, Method: "POST", Path: "/hf-tap/0123456789abcdef0123456789abcdef",
		Header: http.Header{
			"Content-Type": {"application/json"}, "Content-Length": {"1024"}, "User-Agent": {"huggingface-webhooks/1.0"},
			"X-Webhook-Secret": {"a secret that is long enough"}, "Webhook-Id": {fmt.Sprintf("msg_%024x", i)},
			"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"https"}, "Accept-Encoding": {"gzip"},
		},
		Size: int64(size), Body: bytes.Repeat([]byte{'x'}, size), Phase: event.PhaseOpen,
		Targets: []string{"http://127.0.0.1:7860/webhooks"},
	}
}

func handedOver(n int64) []event.Update {
	return []event.Update{
		{N: n, Answer: event.Answer{Status: 200, Duration: time.Millisecond}},
		{N: n, Phase: event.PhaseSettled, Attempt: &event.Attempt{
			N: 1, Target: "http://127.0.0.1:7860/webhooks", StartedAt: time.Now(), Duration: time.Millisecond, Status: 200,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"ok":true}`),
		}},
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			benchmarkAppend(b, clients, false, (*Store).Append)
		})
	}
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("with-updates/clients=%d", clients), func(b *testing.B) {
			benchmarkAppend(b, clients, true, (*Store).Append)
		})
	}
	// The baseline: a transaction for each event, on the same writer.
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("baseline/clients=%d", clients), func(b *testing.B) {
			var mu sync.Mutex
			benchmarkAppend(b, clients, false, func(s *Store, ctx context.Context, e *event.Event) error {
				mu.Lock()
				defer mu.Unlock()
				return s.Append(ctx, e)
			})
		})
	}
}

func benchmarkAppend(b *testing.B, clients int, updates bool, store func(*Store, context.Context, *event.Event) error) {
	s, err := Open(b.Context(), filepath.Join(b.TempDir(), "history.db"))
	if err != nil {
		b.Fatal(err)
	}
	must(b, s.StartSession(b.Context(), Session{ID: "session"}))
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				e := delivery("session", int(i), 1024)
				if err := store(s, b.Context(), e); err != nil {
					b.Error(err)
					return
				}
				if updates {
					for _, u := range handedOver(e.N) {
						s.Update(u)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := s.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRead reads what a screen asks for at each frame, one change, and a
// first page, from histories of two sizes.
func BenchmarkRead(b *testing.B) {
	sizes := []int{1_000, 1_000_000}
	if testing.Short() {
		sizes = []int{1_000, 20_000}
	}
	for _, size := range sizes {
		s := open(b)
		grow(b, s, size)
		must(b, s.StartSession(b.Context(), Session{ID: "mine"}))
		e := keep(b, s, delivery("mine", 0, 1024))
		for i := range 999 {
			keep(b, s, delivery("mine", i, 1024))
		}
		ring := s.Follow("mine")
		defer ring.Close()
		if _, err := ring.Read(b.Context(), 10_000); err != nil {
			b.Fatal(err)
		}
		for name, ask := range map[string]func() (int, error){
			"one-change": func() (int, error) {
				s.Update(handedOver(e.N)[1])
				flush(b, s)
				c, err := ring.Read(b.Context(), 100)
				return len(c) - 1, err
			},
			"no-change": func() (int, error) { c, err := ring.Read(b.Context(), 100); return len(c), err },
			"page-of-100": func() (int, error) {
				f := s.Follow("mine")
				defer f.Close()
				c, err := f.Read(b.Context(), 100)
				return len(c) - 100, err
			},
			"list-100": func() (int, error) {
				l, err := s.List(b.Context(), Query{Session: "old", Limit: 100})
				return len(l) - 100, err
			},
			"list-failed": func() (int, error) { l, err := s.List(b.Context(), Query{Failed: true}); return len(l), err },
		} {
			b.Run(fmt.Sprintf("%s/events=%d", name, size), func(b *testing.B) {
				for b.Loop() {
					if surplus, err := ask(); err != nil || surplus != 0 {
						b.Fatal(surplus, err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("append/events=%d", size), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				keep(b, s, delivery("more", i, 1024))
			}
		})
	}
}

// grow adds settled events of an earlier session in one statement, as another
// process would.
func grow(b *testing.B, s *Store, size int) {
	b.Helper()
	other, err := sql.Open("sqlite", address(s.Path(), "rw", "busy_timeout(5000)"))
	must(b, err)
	defer other.Close()
	must(b, s.StartSession(b.Context(), Session{ID: "old"}))
	_, err = other.ExecContext(b.Context(), `WITH RECURSIVE series(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM series WHERE value < ?)
		INSERT INTO events SELECT value, value, value, 'old', 'hub', 0, 'w', hex(randomblob(12)), 1, 'repo.content.update', 'model:me/m',
		value, 'ok', 'settled', 200, 1, 0, 0, 0, 0, 0, 1024, 0, 'POST', '/hf-tap/x', 'pushed main', NULL FROM series`, size)
	must(b, err)
}
