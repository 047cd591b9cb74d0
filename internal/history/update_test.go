package history

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
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
		got := get(t, s, want.N)
		if got.Rev <= want.Rev {
			t.Errorf("after %+v the revision is %d, and was %d", step.update, got.Rev, want.Rev)
		}
		want.Rev = got.Rev
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %+v (-want +got):\n%s", step.update, diff)
		}
	}
}

func TestUpdatesAreAppliedInOrderAndStoredTogether(t *testing.T) {
	s, f := live(t, filepath.Join(t.TempDir(), "history.db"))
	first, second := oddEvent(), oddEvent()
	first.Session, second.Session = "s", "s"
	keep(t, s, first)
	keep(t, s, second)
	read(t, f)
	unlock := lock(t, s.path) // so that they pile up
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
	// A flush may have begun before the last of them: two changes each at most.
	if changes := read(t, f); len(changes) > 4 {
		t.Errorf("101 updates of two events in one or two commits are %d changes", len(changes))
	}
}

func TestUpdatesOfOneEventInOneCommitAreOneChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // updates gather for a time that the test decides
		s, f := live(t, filepath.Join(t.TempDir(), "history.db"))
		e := keep(t, s, delivery("s", 1, 10))
		read(t, f)
		s.Update(event.Update{N: e.N, Phase: event.PhaseWaiting})
		for _, u := range handedOver(e.N) {
			s.Update(u)
		}
		flush(t, s)
		changes := read(t, f)
		if got := words(changes); !slices.Equal(got, []string{"#1 settled"}) {
			t.Fatalf("three updates are the changes %q", got)
		}
		if row := changes[0].Row; row.Answer.Status != 200 || row.Tries() != 1 {
			t.Errorf("the row is %+v", row)
		}
	})
}

func TestUpdatesAreStoredSoonWithoutAnyHelp(t *testing.T) {
	s, f := live(t, filepath.Join(t.TempDir(), "history.db"))
	e := keep(t, s, delivery("s", 1, 10))
	read(t, f)
	s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
	for len(read(t, f)) == 0 {
		<-f.Wake()
	}
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
	for _, table := range []string{"events", "payloads", "attempts"} {
		if got := count(t, s, table); got != 0 {
			t.Errorf("%s has %d rows", table, got)
		}
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

func TestTheBacklogOfUpdatesIsBounded(t *testing.T) {
	for name, body := range map[string]int{"small ones": 0, "large ones": event.MaxTargetBody} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t)
				e := keep(t, s, &event.Event{})
				u := event.Update{N: e.N, Answer: event.Answer{Status: 1}}
				if body > 0 {
					u.Attempt = &event.Attempt{Body: make([]byte, body)}
				}
				most := int(maxWaiting / updateSize(&u))
				unlock := lock(t, s.path)
				accepted := 0
				var wg sync.WaitGroup
				wg.Go(func() {
					for range most + 9 {
						s.Update(u)
						accepted++
					}
					s.Update(event.Update{N: e.N, Answer: event.Answer{Status: 99}})
				})
				synctest.Wait()
				if accepted != most {
					t.Errorf("%d updates were taken, want %d", accepted, most)
				}
				unlock()
				wg.Wait()
				flush(t, s)
				if got := get(t, s, e.N).Answer.Status; got != 99 {
					t.Errorf("the last update has the status 99, and the event has %d", got)
				}
			})
		})
	}
}

func TestCallersLeaveWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		e := keep(t, s, &event.Event{Session: "s"})
		unlock := lock(t, s.path)
		s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
		var wg sync.WaitGroup
		leave := func(after time.Duration, do func(context.Context) error) {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				if err := do(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a caller that leaves after %s gets %v", after, err)
				}
			})
		}
		// One of them tries to write, the others wait for it; one leaves first, and
		// the turn goes from one that leaves to others that leave in the same moment.
		for i := range 9 {
			leave(time.Duration(1+i/3)*time.Millisecond, func(ctx context.Context) error {
				late := &event.Event{Session: "s"}
				err := s.Append(ctx, late)
				if late.N != 0 {
					t.Errorf("an event that was not stored has the number %d", late.N)
				}
				return err
			})
		}
		leave(2*time.Millisecond, s.Flush)
		wg.Wait()
		if err := s.Err(); err != nil {
			t.Errorf("callers that leave are not a failure: %v", err)
		}
		unlock()
		// The update was taken along by callers that left, and is stored all the same.
		flush(t, s)
		if got := get(t, s, e.N).Phase; got != event.PhaseSettled {
			t.Errorf("the phase is %q", got)
		}
		if got := list(t, s, Query{}); !slices.Equal(got, []int64{e.N}) {
			t.Errorf("the events %d are stored", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Append(ctx, &event.Event{}) // may be stored, and must not hang
	})
}

func TestConcurrentCallersLoseAndMixUpNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	stores := []*Store{openAt(t, path), openAt(t, path)}
	for i, s := range stores {
		must(t, s.StartSession(t.Context(), Session{ID: fmt.Sprint("s", i)}))
	}
	const callers, each = 8, 25
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			s, session := stores[c%len(stores)], fmt.Sprint("s", c%len(stores))
			for i := range each {
				e := &event.Event{
					Session: session, Method: fmt.Sprint(c), Path: fmt.Sprint(i), Body: fmt.Append(nil, c, " ", i), Targets: []string{"t"},
				}
				if err := s.Append(t.Context(), e); err != nil {
					t.Error(err)
					return
				}
				s.Update(event.Update{N: e.N, Phase: event.PhaseSettled, Attempt: &event.Attempt{N: c, Target: "t", Status: i + 1}})
				if err := s.AppendState(t.Context(), event.State{Session: session, Name: fmt.Sprint(c), State: fmt.Sprint(i)}); err != nil {
					t.Error(err)
					return
				}
			}
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()

	// A follower that only ever reads what is new ends with all of it.
	f := stores[0].Follow("s0")
	defer f.Close()
	rows, states, last := map[int64]*event.Row{}, 0, int64(0)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		for _, c := range read(t, f) {
			switch {
			case c.State != nil:
				states++
			case rows[c.Row.N] == nil && c.Row.N <= last:
				t.Fatalf("event %d comes after %d", c.Row.N, last)
			default:
				rows[c.Row.N], last = c.Row, max(last, c.Row.N)
			}
		}
	}
	if len(rows) != callers*each/2 || states != callers*each/2 {
		t.Errorf("the follower read %d events and %d states, want %d of each", len(rows), states, callers*each/2)
	}
	for n, row := range rows {
		e := get(t, stores[1], n)
		if string(e.Body) != e.Method+" "+e.Path {
			t.Errorf("event %d has the body %q, want %s %s", n, e.Body, e.Method, e.Path)
		}
		if row.Phase != event.PhaseSettled || len(e.Attempts) != 1 || fmt.Sprint(e.Attempts[0].N) != e.Method || fmt.Sprint(row.Targets[0].Status-1) != e.Path {
			t.Errorf("event %d was last read as %+v with %+v", n, row, e.Attempts)
		}
	}
	sound(t, stores[0])
}
