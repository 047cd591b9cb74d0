package history

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

var safeTime = time.Date(2026, 5, 6, 7, 8, 9, 10, time.UTC)

func TestUpdatesChangeWhatTheyNameAndNothingElse(t *testing.T) {
	s := open(t)
	want := get(t, s, keep(t, s, oddEvent()).N)
	attempt := event.Attempt{
		N: 2, Target: odd, StartedAt: safeTime, Duration: 3, Status: 204,
		Header: http.Header{"X": {odd}}, Body: []byte("taken"),
	}
	for _, step := range []struct {
		update event.Update
		expect func()
	}{
		{event.Update{}, func() {}},
		{event.Update{Phase: event.PhaseSettled}, func() { want.Phase = event.PhaseSettled }},
		{event.Update{Answer: event.Answer{Status: 503}}, func() { want.Answer.Status = 503 }},
		{event.Update{Answer: event.Answer{Duration: 9}}, func() { want.Answer.Duration = 9 }},
		{event.Update{Attempt: &attempt}, func() { want.Attempts = append(want.Attempts, attempt) }},
	} {
		step.update.N = want.N
		s.Update(step.update)
		flush(t, s)
		step.expect()
		want.Rev++
		if diff := cmp.Diff(want, get(t, s, want.N)); diff != "" {
			t.Errorf("after %+v (-want +got):\n%s", step.update, diff)
		}
	}
}

func TestUpdatesAreAppliedInOrder(t *testing.T) {
	s := open(t)
	unlock := lock(t, s.path) // so that they pile up and are merged
	var wg sync.WaitGroup
	wg.Go(func() { keep(t, s, oddEvent()); keep(t, s, oddEvent()) })
	unlock()
	wg.Wait()
	unlock = lock(t, s.path)
	for i := range 50 {
		for n := int64(1); n <= 2; n++ {
			s.Update(event.Update{N: n, Phase: event.PhaseWaiting, Answer: event.Answer{Status: i + 1}, Attempt: &event.Attempt{N: i}})
		}
	}
	s.Update(event.Update{N: 1, Phase: event.PhaseSettled})
	unlock()
	flush(t, s)
	for n, phase := range map[int64]event.Phase{1: event.PhaseSettled, 2: event.PhaseWaiting} {
		e := get(t, s, n)
		if e.Phase != phase || e.Answer.Status != 50 || len(e.Attempts) != 52 {
			t.Errorf("event %d is %s, was answered %d, has %d attempts", n, e.Phase, e.Answer.Status, len(e.Attempts))
		}
		for i, a := range e.Attempts[2:] {
			if a.N != i {
				t.Fatalf("attempt %d of event %d stands in place %d", a.N, n, i)
			}
		}
	}
}

func TestUpdatesAreStoredSoonWithoutAnyHelp(t *testing.T) {
	s := open(t)
	wake, cancel := s.Subscribe()
	defer cancel()
	e := keep(t, s, oddEvent())
	<-wake
	s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
	<-wake
	if got := get(t, s, e.N).Phase; got != event.PhaseSettled {
		t.Errorf("the phase is %q", got)
	}
}

func TestAnUpdateOfADeletedEventChangesNothing(t *testing.T) {
	s := open(t)
	keep(t, s, &event.Event{})
	if _, err := s.Delete(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	s.Update(event.Update{N: 1, Phase: event.PhaseSettled, Attempt: &event.Attempt{Body: []byte("x")}})
	flush(t, s)
	for _, table := range []string{"events", "attempts", "answers"} {
		if got := count(t, s, table); got != 0 {
			t.Errorf("%s has %d rows", table, got)
		}
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

func TestTheBacklogOfUpdatesIsBounded(t *testing.T) {
	for name, body := range map[string]int{"by number": 0, "by bytes": event.MaxTargetBody} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			e := keep(t, s, &event.Event{})
			most := maxUpdates
			if body > 0 {
				most = maxUpdateBytes / body // less, with what else an update holds
			}
			accepted := func() int {
				s.queue.mu.Lock()
				defer s.queue.mu.Unlock()
				return int(s.queue.accepted)
			}
			unlock := lock(t, s.path)
			shared := make([]byte, body)
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := range most + 10 {
					u := event.Update{N: e.N, Answer: event.Answer{Status: i}}
					if body > 0 {
						u.Attempt = &event.Attempt{Body: shared}
					}
					s.Update(u)
				}
			})
			await(t, "the backlog is full", func() bool { return accepted() >= most-1 })
			for range 1000 {
				runtime.Gosched()
			}
			if got := accepted(); got > most {
				t.Errorf("%d updates were taken, want at most %d", got, most)
			}
			unlock()
			wg.Wait()
			flush(t, s)
			if got := get(t, s, e.N).Answer.Status; got != most+9 {
				t.Errorf("the last update has the status %d, want %d", got, most+9)
			}
		})
	}
}

func TestACallerThatWritesForAllLeavesWithItsContextToo(t *testing.T) {
	s := open(t)
	e := keep(t, s, &event.Event{})
	// Waiting, with no timer that would make the writer take the turn.
	s.queue.mu.Lock()
	s.queue.accepted++
	s.queue.updates = append(s.queue.updates, encodeUpdate(event.Update{N: e.N, Phase: event.PhaseSettled}))
	s.queue.mu.Unlock()
	unlock := lock(t, s.path)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Append(ctx, &event.Event{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append: %v", err)
	}
	if err := s.Err(); err != nil {
		t.Errorf("a caller that left is no trouble: %v", err)
	}
	unlock()
	flush(t, s)
	if got := get(t, s, e.N).Phase; got != event.PhaseSettled {
		t.Errorf("the update that it would have stored: the phase is %q", got)
	}
}

func TestFlushAndAppendEndWithTheirContext(t *testing.T) {
	s := open(t)
	e := keep(t, s, &event.Event{Session: "s"})
	unlock := lock(t, s.path)
	s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for range 3 { // one of them writes, the others wait
		wg.Go(func() {
			late := &event.Event{Session: "s"}
			if err := s.Append(ctx, late); !errors.Is(err, context.DeadlineExceeded) || late.N != 0 {
				t.Errorf("Append: %v, n %d", err, late.N)
			}
		})
	}
	if err := s.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush: %v", err)
	}
	wg.Wait()
	unlock()
	// The update rode with an Append that gave up, and is stored all the same.
	flush(t, s)
	if got := get(t, s, e.N).Phase; got != event.PhaseSettled {
		t.Errorf("the phase is %q", got)
	}
	if err := s.Err(); err != nil {
		t.Errorf("a caller that left is no trouble: %v", err)
	}
	if err := s.Append(ctx, &event.Event{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append with a context that has ended: %v", err)
	}
}

func TestConcurrentCallersLoseAndMixUpNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	stores := []*Store{openAt(t, path, Config{}), openAt(t, path, Config{})}
	const callers, each = 8, 25
	var wg sync.WaitGroup
	done := make(chan struct{})
	for c := range callers {
		wg.Go(func() {
			s := stores[c%len(stores)]
			for i := range each {
				e := &event.Event{Session: "s", Method: fmt.Sprint(c), Path: fmt.Sprint(i), Body: fmt.Append(nil, c, i)}
				if err := s.Append(t.Context(), e); err != nil {
					t.Error(err)
					return
				}
				s.Update(event.Update{N: e.N, Phase: event.PhaseSettled, Attempt: &event.Attempt{N: c, Status: i}})
				if err := s.AppendState(t.Context(), event.State{Session: "s", Name: fmt.Sprint(c), State: fmt.Sprint(i)}); err != nil {
					t.Error(err)
					return
				}
			}
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	go func() { wg.Wait(); close(done) }()

	// A reader that only ever asks for what is new ends with all of it.
	events, states, last := map[int64]*event.Event{}, 0, int64(0)
	follow := func() int {
		changes, err := stores[0].Since(t.Context(), "s", last, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if c.Rev <= last {
				t.Fatalf("revision %d comes after %d", c.Rev, last)
			}
			if last = c.Rev; c.Event != nil {
				events[c.Event.N] = c.Event
			} else {
				states++
			}
		}
		return len(changes)
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			follow()
		}
	}
	for follow() > 0 {
	}
	if len(events) != callers*each || states != callers*each {
		t.Errorf("the reader saw %d events and %d states, want %d of each", len(events), states, callers*each)
	}
	for n, e := range events {
		full := get(t, stores[1], n)
		if string(full.Body) != fmt.Sprintf("%s %s", e.Method, e.Path) && string(full.Body) != e.Method+" "+e.Path {
			t.Errorf("event %d has the body %q, want %s %s", n, full.Body, e.Method, e.Path)
		}
		if e.Phase != event.PhaseSettled || len(e.Attempts) != 1 || fmt.Sprint(e.Attempts[0].N, e.Attempts[0].Status) != fmt.Sprintf("%s %s", e.Method, e.Path) {
			t.Errorf("event %d was last seen as %s with %+v", n, e.Phase, e.Attempts)
		}
	}
	sound(t, stores[0])
}
