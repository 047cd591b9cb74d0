package history

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

// follow reads all changes after a revision, in pages.
func follow(t testing.TB, rev int64, page int, since func(rev int64, limit int) ([]Change, error)) (all []Change) {
	t.Helper()
	for {
		changes, err := since(rev, page)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			return all
		}
		all = append(all, changes...)
		rev = changes[len(changes)-1].Rev
	}
}

// TestWhoFollowsReadsWhatTheFileHolds does to a session in a burst whatever can
// be done, also from another process, and reads it from memory and from the file.
func TestWhoFollowsReadsWhatTheFileHolds(t *testing.T) {
	s := open(t)
	another := openAt(t, s.path, Config{})
	_, unsubscribe := s.Subscribe()
	defer unsubscribe()
	r := rand.New(rand.NewPCG(1, 2))
	var numbers []int64
	some := func() int64 {
		recent := max(0, len(numbers)-20)
		if r.IntN(50) == 0 {
			recent = 0
		}
		return numbers[recent+r.IntN(len(numbers)-recent)]
	}
	for _, e := range burst(t, s) {
		numbers = append(numbers, e.N)
	}
	fromMemory := 0
	for step := range 1500 {
		switch kind := r.IntN(100); {
		case kind < 60:
			numbers = append(numbers, keep(t, s, delivery("s", r.IntN(300), 10)).N) // some arrive again
		case kind < 75:
			for _, u := range handedOver(numbers[len(numbers)-1]) {
				s.Update(u)
			}
		case kind < 90 || r.IntN(5) > 0:
			s.Update(event.Update{N: some(), Phase: event.PhaseWaiting, Answer: event.Answer{Status: 503}, Attempt: &event.Attempt{
				N: 2, Target: odd, Status: 500, Err: odd, StartedAt: safeTime, Body: []byte(odd),
			}})
		case kind < 92:
			_, err := s.Pin(t.Context(), r.IntN(2) == 0, some(), some())
			must(t, err)
		case kind < 93:
			_, err := s.Delete(t.Context(), some())
			must(t, err)
		case kind < 95:
			must(t, s.AppendState(t.Context(), event.State{Session: "s", Subject: event.SubjectTunnel, State: odd}))
		case kind < 97:
			numbers = append(numbers, keep(t, s, &event.Event{Session: "s", Source: event.SourceReplay, ReplayOf: some()}).N)
		case kind < 98:
			keep(t, s, delivery("other", step, 10))
		case kind < 99:
			n := numbers[len(numbers)-1]
			flush(t, s)
			_, err := another.Pin(t.Context(), true, n)
			must(t, err)
			s.Update(event.Update{N: n, Answer: event.Answer{Status: 418}}) // of what memory has without the pin
		default:
			must(t, another.AppendState(t.Context(), event.State{Session: "s", Subject: event.SubjectHistory, State: "elsewhere"}))
		}
		if step%5 > 0 {
			continue
		}
		flush(t, s)
		latest := s.writer.tail.last
		rev, page := max(0, latest-int64(r.IntN(12))), 1+r.IntN(50)
		if _, ok := s.writer.tail.since("s", rev, page); ok {
			fromMemory++
		}
		got := follow(t, rev, page, func(rev int64, limit int) ([]Change, error) { return s.Since(t.Context(), "s", rev, limit) })
		want := follow(t, rev, 1<<20, func(rev int64, limit int) ([]Change, error) { return s.sinceStored(t.Context(), "s", rev, limit) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("step %d, after revision %d (-file +read):\n%s", step, rev, diff)
		}
	}
	if fromMemory < 50 {
		t.Errorf("memory had what was asked for %d times only", fromMemory)
	}
}

func TestAReaderMayChangeWhatItGotFromMemory(t *testing.T) {
	s := open(t)
	_, unsubscribe := s.Subscribe()
	defer unsubscribe()
	burst(t, s)
	keep(t, s, delivery("s", 1000, 10))
	flush(t, s)
	rev := s.writer.tail.last - 1
	first, ok := s.writer.tail.since("s", rev, 10)
	if !ok || len(first) != 1 {
		t.Fatalf("%d changes, %v", len(first), ok)
	}
	first[0].Event.Targets[0], first[0].Event.Kind = "changed", "changed"
	if again, _ := s.writer.tail.since("s", rev, 10); again[0].Event.Targets[0] == "changed" || again[0].Event.Kind == "changed" {
		t.Error("another reader sees the change")
	}
}

func TestMemoryHoldsTheLatestChangesOnly(t *testing.T) {
	s := open(t)
	_, unsubscribe := s.Subscribe()
	defer unsubscribe()
	burst(t, s)
	for i := range 2 * maxTail {
		keep(t, s, delivery("s", i, 10))
	}
	flush(t, s)
	if held := len(s.writer.tail.changes); held == 0 || held > maxTail+maxSpooled {
		t.Errorf("%d changes are held", held)
	}
	seen := map[int64]bool{}
	for _, c := range follow(t, 0, 1000, func(rev int64, limit int) ([]Change, error) { return s.Since(t.Context(), "s", rev, limit) }) {
		seen[c.Event.N] = true
	}
	if all := len(list(t, s, Query{Limit: 1 << 20})); len(seen) != all {
		t.Errorf("%d of %d events are read", len(seen), all)
	}
}
