package history

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

// burst makes a store take arrivals into its spool. It gives the events that it
// took for that. It does not end by itself, so that a machine that stands still
// for a while changes nothing.
func burst(t testing.TB, s *Store) (taken []*event.Event) {
	t.Helper()
	s.queue.mu.Lock()
	s.queue.spool.restAfter = time.Hour
	s.queue.mu.Unlock()
	return burstThatRests(t, s)
}

// burstThatRests is one that ends after a rest.
func burstThatRests(t testing.TB, s *Store) (taken []*event.Event) {
	t.Helper()
	await(t, "arrivals are spooled", func() bool {
		taken = append(taken, keep(t, s, delivery("s", len(taken), 100)))
		return waiting(s) > 0
	})
	flush(t, s)
	return taken
}

// spoolIsEmpty checks that nothing would be stored again after a crash.
func spoolIsEmpty(t testing.TB, path string) {
	t.Helper()
	for _, name := range beside(t, path) {
		if filepath.Ext(name) == "" {
			continue // the lock
		}
		if rows, err := readRecords(path + name); err != nil || len(rows) > 0 {
			t.Errorf("%s has %d records when all is stored, %v", name, len(rows), err)
		}
	}
}

// waiting counts the events in the spool.
func waiting(s *Store) int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return len(s.queue.spool.rows) + len(s.queue.spool.held)
}

// beside lists the names of the files beside a history that are no SQLite's.
func beside(t testing.TB, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name, ours := strings.CutPrefix(e.Name(), filepath.Base(path)); ours && name != "" && name != "-wal" && name != "-shm" {
			names = append(names, name)
		}
	}
	return names
}

func TestInABurstNobodyWaitsForTheFile(t *testing.T) {
	s := open(t)
	taken := burst(t, s)
	unlock := lock(t, s.path) // as another process does
	for i := range 100 {
		taken = append(taken, keep(t, s, delivery("s", 1000+i, i)))
	}
	unlock()
	for i, e := range taken {
		if e.N != int64(i+1) {
			t.Fatalf("the event %d has the number %d", i+1, e.N)
		}
		e.Rev, e.DeliveryN, e.ReceivedAt = e.N, 1, e.ReceivedAt.UTC().Round(0)
		if diff := cmp.Diff(e, get(t, s, e.N)); diff != "" {
			t.Fatalf("the event %d (-appended +read):\n%s", e.N, diff)
		}
	}
	sound(t, s)
}

func TestWhatWasAppendedIsReadAlsoFromTheSpool(t *testing.T) {
	s := open(t)
	n := burst(t, s)[0].N
	next := func() *event.Event { n++; return keep(t, s, delivery("s", 5000+int(n), 10)) }
	for n < int64(len(list(t, s, Query{}))) {
		n++
	}
	for round := range 20 {
		if e := next(); get(t, s, e.N).Delivery != e.Delivery {
			t.Fatalf("round %d: another event", round)
		}
		e := next()
		if body, err := s.Body(t.Context(), e.N); err != nil || !bytes.Equal(body, e.Body) {
			t.Fatalf("round %d: %d bytes, %v", round, len(body), err)
		}
		e = next()
		if all := list(t, s, Query{Limit: 1}); all[0] != e.N {
			t.Fatalf("round %d: the latest is %d, not %d", round, all[0], e.N)
		}
		e = next()
		if c, err := s.Count(t.Context(), Query{}); err != nil || c != int(e.N) {
			t.Fatalf("round %d: %d events, %v, want %d", round, c, err, e.N)
		}
	}
}

func TestUpdatesOfSpooledEventsAreStoredWithThem(t *testing.T) {
	s := open(t)
	burst(t, s)
	unlock := lock(t, s.path) // so that all are stored together, and later
	keep(t, s, delivery("s", 999, 10))
	await(t, "the writer holds the first", func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return s.queue.busy && len(s.queue.spool.held) == 1
	})
	var events []*event.Event
	for i := range 50 {
		e := keep(t, s, delivery("s", 1000+i, 10))
		events = append(events, e)
		for _, u := range handedOver(e.N) {
			u.N = e.N
			s.Update(u)
		}
		if i%2 == 1 {
			s.Update(event.Update{N: e.N, Attempt: &event.Attempt{N: 2, Target: e.Targets[0], Status: 500, Body: bytes.Repeat([]byte("x"), 2*inlineAnswer)}})
		}
	}
	unlock()
	flush(t, s)
	for i, e := range events {
		got := get(t, s, e.N)
		if got.Phase != event.PhaseSettled || got.Answer.Status != 200 || len(got.Attempts) != 1+i%2 || got.Failed() != (i%2 == 1) {
			t.Fatalf("event %d: %s, answered %d, %d attempts", e.N, got.Phase, got.Answer.Status, len(got.Attempts))
		}
	}
	if failed := list(t, s, Query{Failed: true}); len(failed) != 25 {
		t.Errorf("%d are listed as failed, want 25", len(failed))
	}
	// One revision each: none was stored first and changed then.
	var last int64
	for _, c := range since(t, s, "s", 0, 1<<20) {
		if c.Rev != last+1 {
			t.Fatalf("revision %d follows %d", c.Rev, last)
		}
		last = c.Rev
	}
}

func TestWhatIsDoneToSpooledEventsFindsThem(t *testing.T) {
	s := open(t)
	must(t, s.StartSession(t.Context(), Session{ID: "s", StartedAt: safeTime}))
	burst(t, s)
	e := keep(t, s, delivery("s", 1000, 10))
	if changed, err := s.Pin(t.Context(), true, e.N); err != nil || changed != 1 || !get(t, s, e.N).Pinned {
		t.Errorf("Pin = %d, %v", changed, err)
	}
	e = keep(t, s, delivery("s", 1001, 10))
	if deleted, err := s.Delete(t.Context(), e.N); err != nil || deleted != 1 {
		t.Errorf("Delete = %d, %v", deleted, err)
	}
	e = keep(t, s, delivery("s", 1002, 10))
	if pending, err := s.EndSession(t.Context(), "s", safeTime); err != nil || pending == 0 || get(t, s, e.N).Phase != event.PhasePending {
		t.Errorf("EndSession = %d, %v: %s", pending, err, get(t, s, e.N).Phase)
	}
}

// TestNumbersAreInTheOrderOfAppendingAlsoInABurst mixes what is spooled with what
// is stored at once.
func TestNumbersAreInTheOrderOfAppendingAlsoInABurst(t *testing.T) {
	s := open(t)
	another := openAt(t, s.path, Config{})
	n := int64(len(burst(t, s)))
	for i := range 60 {
		e := delivery("s", 1000+i, 10)
		switch i % 3 {
		case 1:
			e.Source = event.SourceTrigger
		case 2:
			e.Body = make([]byte, maxSpooledEvent+1)
		}
		if n++; keep(t, s, e).N != n {
			t.Fatalf("event %d got the number %d", n, e.N)
		}
		if i%3 == 1 {
			get(t, another, n) // who sent it looks at it, perhaps in another process
		}
	}
	if got := list(t, s, Query{}); int64(len(got)) != n {
		t.Errorf("%d events, want %d", len(got), n)
	}
}

func TestNumbersThatWereNotUsedAreGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path, Config{})
	n := int64(len(burstThatRests(t, s)))
	await(t, "the numbers are given back", func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return len(s.queue.spool.numbers) == 0 && !s.queue.busy
	})
	for _, name := range beside(t, path) {
		if size := fileSize(t, path+name); size > generationSize {
			t.Errorf("after a rest %s has %d bytes", name, size)
		}
	}
	other := openAt(t, path, Config{})
	if e := keep(t, other, &event.Event{}); e.N != n+1 {
		t.Errorf("after a rest the next number is %d, want %d", e.N, n+1)
	}
	n += 1 + int64(len(burstThatRests(t, s)))
	must(t, s.Close())
	if e := keep(t, other, &event.Event{}); e.N != n+1 {
		t.Errorf("after the end the next number is %d, want %d", e.N, n+1)
	}
	if left := beside(t, path); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

func TestNumbersThatOthersHaveGoneOnFromAreNotGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s, other := openAt(t, path, Config{}), openAt(t, path, Config{})
	burstThatRests(t, s)
	beyond := keep(t, other, &event.Event{}).N
	await(t, "the numbers are given back", func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return len(s.queue.spool.numbers) == 0 && !s.queue.busy
	})
	if e := keep(t, s, &event.Event{}); e.N != beyond+1 {
		t.Errorf("after %d the next number is %d", beyond, e.N)
	}
}

func TestStoresInABurstNeverGiveANumberTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	stores := []*Store{openAt(t, path, Config{}), openAt(t, path, Config{})}
	deliveries := map[int64]string{}
	for i := range 3 * spoolNumbers {
		e := keep(t, stores[i/7%2], delivery(fmt.Sprint("s", i/7%2), i, 10))
		if was, given := deliveries[e.N]; given {
			t.Fatalf("the number %d is that of %s and %s", e.N, was, e.Delivery)
		}
		deliveries[e.N] = e.Delivery
	}
	for _, s := range stores {
		flush(t, s)
	}
	for n, id := range deliveries {
		if got := get(t, stores[0], n).Delivery; got != id {
			t.Errorf("event %d is %s, want %s", n, got, id)
		}
	}
}

func TestTheSpoolOfALiveProcessIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path, Config{})
	burst(t, s)
	e := keep(t, s, delivery("s", 1000, 10))
	files := beside(t, path)
	if len(files) != 3 {
		t.Fatalf("%q are there, want a lock and two files", files)
	}
	for _, name := range files {
		if info, err := os.Stat(path + name); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	openAt(t, path, Config{})
	if still := beside(t, path); !slices.Equal(still, files) {
		t.Errorf("%q are left of %q", still, files)
	}
	if got := get(t, s, e.N); got.Delivery != e.Delivery {
		t.Errorf("event %d is %s", e.N, got.Delivery)
	}
	spoolIsEmpty(t, path)
}

func TestAFullHistoryKeepsWhatIsInTheSpool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path, Config{})
	burst(t, s)
	limitPages(t, s, 1)
	var safe []*event.Event
	for i := range 100 {
		e := delivery("s", 1000+i, 4000)
		err := s.Append(t.Context(), e)
		if err == nil {
			safe = append(safe, e)
			continue
		}
		if !errors.Is(err, ErrFull) {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	if err := s.Flush(t.Context()); !errors.Is(err, ErrFull) {
		t.Fatalf("Flush: %v, want ErrFull", err)
	}
	// What comes then is refused rather than promised.
	if err := s.Append(t.Context(), delivery("s", 2000, 8000)); !errors.Is(err, ErrFull) {
		t.Errorf("Append: %v, want ErrFull", err)
	}
	if err := s.Close(); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "are left in its spool until it is opened again") {
		t.Errorf("Close: %v", err)
	}
	s = openAt(t, path, Config{})
	for _, e := range safe {
		if got := get(t, s, e.N); got.Delivery != e.Delivery || len(got.Body) != 4000 {
			t.Errorf("event %d is %s with %d bytes", e.N, got.Delivery, len(got.Body))
		}
	}
	sound(t, s)
}

func TestASpoolHealsWithTheHistory(t *testing.T) {
	s := open(t)
	burst(t, s)
	limitPages(t, s, 0)
	var safe []*event.Event
	for i := range 50 {
		if e := delivery("s", 1000+i, 4000); s.Append(t.Context(), e) == nil {
			s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
			safe = append(safe, e)
		}
	}
	if err := s.Flush(t.Context()); !errors.Is(err, ErrFull) || len(safe) == 0 {
		t.Fatalf("Flush: %v, want ErrFull; %d events are in the spool", err, len(safe))
	}
	limitPages(t, s, unlimited)
	await(t, "all is stored", func() bool { return waiting(s) == 0 })
	flush(t, s)
	for _, e := range safe {
		if got := get(t, s, e.N); got.Delivery != e.Delivery || got.Phase != event.PhaseSettled {
			t.Errorf("event %d is %s, %s", e.N, got.Delivery, got.Phase)
		}
	}
	if err := s.Err(); err != nil {
		t.Errorf("after it healed: %v", err)
	}
	spoolIsEmpty(t, s.path)
	burst(t, s)
}

func TestASpoolThatCannotBeMadeIsDoneWithout(t *testing.T) {
	// A name for the history that is too long with an ending.
	s := openAt(t, filepath.Join(t.TempDir(), strings.Repeat("h", 240)), Config{})
	for i := range 100 {
		if e := keep(t, s, delivery("s", i, 10)); e.N != int64(i+1) {
			t.Fatalf("event %d got the number %d", i+1, e.N)
		}
	}
	if waiting(s) != 0 || len(list(t, s, Query{})) != 100 {
		t.Errorf("%d wait, %d are stored", waiting(s), len(list(t, s, Query{})))
	}
}

func TestTheSpoolIsBounded(t *testing.T) {
	for name, body := range map[string]int{"by number": 0, "by bytes": maxSpooledEvent} {
		t.Run(name, func(t *testing.T) {
			lock, files, err := makeSpool(filepath.Join(t.TempDir(), "history.db"))
			must(t, err)
			p := spool{lock: lock, files: files, numbers: []span{{1, 1 << 20}}}
			taken, bytes := 0, 0
			for row := encodeEvent(delivery("s", 1, body)); taken <= maxSpooled; taken++ {
				record := row.pack(nil)
				if !p.put(row, record, safeTime) {
					break
				}
				bytes += len(record)
			}
			if taken == 0 || taken > maxSpooled || bytes > maxSpoolBytes {
				t.Errorf("%d events of %d bytes wait together", taken, bytes)
			}
			p.take()
			if !p.put(encodeEvent(delivery("s", 2, 10)), encodeEvent(delivery("s", 2, 10)).pack(nil), safeTime) {
				t.Error("nothing is taken after that")
			}
			must(t, closeSpool(lock, files, true))
		})
	}
}
