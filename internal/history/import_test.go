package history

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

// each returns the events that Each gives.
func each(t testing.TB, s *Store, q Query) (all []*event.Event) {
	t.Helper()
	if err := s.Each(t.Context(), q, func(e *event.Event) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEachGivesWholeEventsTheOldestFirst(t *testing.T) {
	s := open(t)
	for i := range 1200 {
		size := 100
		if i%100 == 0 {
			size = 3 << 20 // more than a page has
		}
		e := keep(t, s, delivery("s", i, size))
		for _, u := range handedOver(e.N) {
			s.Update(u)
		}
	}
	keep(t, s, oddEvent())
	keep(t, s, &event.Event{})
	flush(t, s)
	all := each(t, s, Query{})
	if len(all) != 1202 {
		t.Fatalf("%d events", len(all))
	}
	for i, e := range all {
		if e.N != int64(i+1) {
			t.Fatalf("event %d is in the place of %d", e.N, i+1)
		}
		if i%97 == 0 || i > 1190 {
			if diff := cmp.Diff(get(t, s, e.N), e); diff != "" {
				t.Errorf("event %d is not what Get returns: %s", e.N, diff)
			}
		}
	}
	f, err := filter.Parse("jq:.nothing")
	must(t, err)
	if got := each(t, s, Query{Filter: f}); len(got) != 0 {
		t.Errorf("%d events fit %s", len(got), f)
	}
	if got := each(t, s, Query{After: 1199, Until: safeTime.Add(100 * 365 * 24 * time.Hour), Filter: mustParse(t, "kind:repo.*")}); len(got) != 1 || got[0].N != 1200 {
		t.Errorf("narrowed down: %d", len(got))
	}
}

func TestAnInterruptedReadSaysSo(t *testing.T) {
	s := open(t)
	for i := range 300 {
		e := keep(t, s, delivery("s", i, 10))
		s.Update(handedOver(e.N)[1])
	}
	flush(t, s)
	f := mustParse(t, "jq:.x")
	for i := range 60 {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for range i * 20 {
				runtime.Gosched()
			}
			cancel()
		})
		for _, err := range []error{
			s.Each(ctx, Query{}, func(*event.Event) error { return nil }),
			s.Search(ctx, Query{Filter: f}, func(*event.Row) error { return nil }),
		} {
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		wg.Wait()
	}
}

func mustParse(t testing.TB, s string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse(s)
	must(t, err)
	return f
}

func TestAQueryNarrowsDownByTime(t *testing.T) {
	s := open(t)
	for i := range 5 {
		settled(t, s, "s", safeTime.Add(time.Duration(i)*time.Hour), 1)
	}
	keep(t, s, &event.Event{}) // no time
	q := Query{Since: safeTime.Add(time.Hour), Until: safeTime.Add(3 * time.Hour)}
	if got := list(t, s, q); !slices.Equal(got, []int64{3, 2}) {
		t.Errorf("%v", got)
	}
}

func TestAnImportKeepsWhatEventsWereAndTheirRelations(t *testing.T) {
	s := open(t)
	must(t, s.StartSession(t.Context(), Session{ID: "runs"}))
	keep(t, s, &event.Event{Session: "runs"}) // takes number 1
	target := "http://127.0.0.1:1/x"
	file := func(n, replayOf int64, session, delivery string, status int) *event.Event {
		return &event.Event{
			N: n, ReplayOf: replayOf, Session: session, Source: event.SourceHub, Delivery: delivery, WebhookID: "w", Kind: "repo.update",
			ReceivedAt: safeTime, Verdict: event.VerdictOK, Method: "POST", Path: "/x", Body: []byte("{}"), Size: 2, Phase: event.PhaseSettled,
			Targets: []string{target}, Pinned: n == 7, Edited: true,
			Attempts: []event.Attempt{{N: 1, Target: target, Status: status, StartedAt: safeTime, Body: []byte("said")}},
		}
	}
	first := []*event.Event{file(7, 0, "theirs", "d", 500), file(8, 99, "runs", "e", 500)}
	second := []*event.Event{file(9, 7, "theirs", "", 200), file(10, 0, "theirs", "d", 200), file(11, 0, "", "f", 200)}
	i := s.NewImport("import")
	for _, batch := range [][]*event.Event{first, second} {
		must(t, i.Add(t.Context(), batch))
	}
	var got []string
	for n := int64(2); n <= 6; n++ {
		e := get(t, s, n)
		got = append(got, fmt.Sprintf("%d of %s replays %d, family %d, by %s, failed %v, pinned %v, %q", e.N, e.Session, e.ReplayOf, e.Family, e.Source, e.Failed(), e.Pinned, e.Attempts[0].Body))
	}
	want := []string{
		`2 of theirs replays 0, family 2, by import, failed false, pinned true, "said"`, // delivered by 4
		`3 of import replays 0, family 3, by import, failed true, pinned false, "said"`, // its session runs, 99 is not in the file
		`4 of theirs replays 2, family 2, by import, failed false, pinned false, "said"`,
		`5 of theirs replays 0, family 2, by import, failed false, pinned false, "said"`,
		`6 of import replays 0, family 6, by import, failed false, pinned false, "said"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if e := get(t, s, 2); e.DeliveredBy[target] != 4 || !e.Edited {
		t.Errorf("event 2: %+v", e)
	}
	if second[2].N != 6 || second[0].ReplayOf != 2 {
		t.Errorf("the caller has %d and %d", second[2].N, second[0].ReplayOf)
	}
	if changes := follow(t, s, "runs"); len(changes) != 1 {
		t.Errorf("the running session's followers read %d changes, want its own event", len(changes))
	}
	if open, err := s.OpenSessions(t.Context()); err != nil || len(open) != 1 {
		t.Errorf("open sessions: %v, %v", open, err)
	}
}
