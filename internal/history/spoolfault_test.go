package history

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// stuck fills the spool of a history that has no room, and gives the events that
// Append returned for.
func stuck(t *testing.T, s *Store) (safe []*event.Event) {
	t.Helper()
	limitPages(t, s, 0)
	for i := range 50 {
		if e := delivery("s", 1000+i, 4000); s.Append(t.Context(), e) == nil {
			safe = append(safe, e)
		}
	}
	for range 6 { // the pause to the next try grows
		if err := s.Flush(t.Context()); !errors.Is(err, ErrFull) {
			t.Fatalf("Flush: %v, want ErrFull", err)
		}
	}
	if len(safe) == 0 {
		t.Fatal("nothing was spooled")
	}
	return safe
}

func TestTheEndOfASessionFindsWhatWaitedForSpace(t *testing.T) {
	s := open(t)
	must(t, s.StartSession(t.Context(), Session{ID: "s", StartedAt: safeTime}))
	burst(t, s)
	safe := stuck(t, s)
	limitPages(t, s, unlimited) // the writer would try again within a second
	if _, err := s.EndSession(t.Context(), "s", safeTime); err != nil {
		t.Fatal(err)
	}
	for _, e := range safe {
		if phase := get(t, s, e.N).Phase; phase != event.PhasePending {
			t.Fatalf("an event of the ended session is %s", phase)
		}
	}
	safe = stuck(t, s)
	limitPages(t, s, unlimited)
	if n, err := s.Delete(t.Context(), safe[3].N); err != nil || n != 1 {
		t.Errorf("Delete = %d, %v", n, err)
	}
}

func TestWhatCannotSeeTheSpoolFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path, Config{})
	must(t, s.StartSession(t.Context(), Session{ID: "s", StartedAt: safeTime}))
	burst(t, s)
	limitPages(t, s, 4) // the end of the session would fit, the events do not
	var safe []*event.Event
	for i := range 20 {
		if e := delivery("s", 1000+i, 60_000); s.Append(t.Context(), e) == nil {
			safe = append(safe, e)
		}
	}
	if err := s.Flush(t.Context()); !errors.Is(err, ErrFull) {
		t.Fatalf("Flush: %v, want ErrFull", err)
	}
	if n, err := s.EndSession(t.Context(), "s", safeTime); !errors.Is(err, ErrFull) {
		t.Errorf("EndSession = %d, %v, want ErrFull", n, err)
	}
	if n, err := s.Delete(t.Context(), safe[0].N); !errors.Is(err, ErrFull) {
		t.Errorf("Delete = %d, %v, want ErrFull", n, err)
	}
	if err := s.Close(); !errors.Is(err, ErrFull) {
		t.Errorf("Close: %v, want ErrFull", err)
	}
	get(t, openAt(t, path, Config{}), safe[0].N)
}

func TestWhatIsAdoptedForAnEndedSessionIsPending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path, Config{})
	must(t, s.StartSession(t.Context(), Session{ID: "dead", StartedAt: safeTime}))
	events := abandoned(t, path)
	if _, err := s.EndSession(t.Context(), "dead", safeTime); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, Config{})
	if phase := get(t, s, events[0].N).Phase; phase != event.PhasePending {
		t.Errorf("the event is %s", phase)
	}
}

func TestAdoptedEventsNeverTakeThePlaceOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path, Config{})
	events := abandoned(t, path) // with numbers that this one gives, too, as if they had not been reserved
	for range 110 {
		keep(t, s, &event.Event{})
	}
	other := openAt(t, path, Config{})
	var found []string
	for _, n := range list(t, other, Query{Session: "dead"}) {
		found = append(found, get(t, other, n).Delivery)
	}
	for _, e := range events {
		if e.Session == "dead" && !slices.Contains(found, e.Delivery) {
			t.Errorf("%s was lost", e.Delivery)
		}
	}
	sound(t, other)
}

func TestAFlushWaitsForUpdatesAndRowsEach(t *testing.T) {
	s := open(t)
	first := keep(t, s, &event.Event{})
	burst(t, s)
	limitPages(t, s, 40)
	unlock := lock(t, s.path)
	s.Update(event.Update{N: first.N, Attempt: &event.Attempt{N: 1}})
	state := func(so func(*queue) bool) func() bool {
		return func() bool {
			s.queue.mu.Lock()
			defer s.queue.mu.Unlock()
			return so(&s.queue)
		}
	}
	await(t, "the writer holds the first update", state(func(q *queue) bool { return q.busy && q.held == 1 }))
	s.Update(event.Update{N: first.N, Attempt: &event.Attempt{N: 2, Body: make([]byte, 1<<20)}}) // for which there is no room
	flushed := make(chan error, 1)
	go func() { flushed <- s.Flush(t.Context()) }()
	await(t, "the flush waits", state(func(q *queue) bool { return len(q.waiters) == 1 }))
	for i := range 5 {
		keep(t, s, delivery("s", 1000+i, 10))
	}
	unlock()
	if err := <-flushed; !errors.Is(err, ErrFull) {
		t.Errorf("Flush: %v, while the update from before it is not stored", err)
	}
	limitPages(t, s, unlimited)
}

func TestManySendersAtTheStartOfABurstLeaveNoHoles(t *testing.T) {
	s := open(t)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 40 {
				keep(t, s, delivery("s", g*100+i, 100))
			}
		})
	}
	wg.Wait()
	if latest := list(t, s, Query{Limit: 1}); latest[0] != 16*40 {
		t.Errorf("the latest of %d events has the number %d", 16*40, latest[0])
	}
}

func TestAnOldBurstTakesNoNumbers(t *testing.T) {
	now := time.Now()
	p := spool{}
	for range burstEvents {
		p.arrived(now)
	}
	if p.wanted(now) == 0 {
		t.Error("a burst takes none")
	}
	if p.wanted(now.Add(2*burstWindow)) > 0 {
		t.Error("one that is over takes some")
	}
}

// TestWhatSendersWriteIsNeverARecord puts a record into a body, and lets later
// records end just before it.
func TestWhatSendersWriteIsNeverARecord(t *testing.T) {
	for name, spoil := range map[string]func(record []byte){
		"whole": func(r []byte) { finish(r, 2, 77) },
		"odd":   func(r []byte) { finish(r, 2, 77); r[recordHead] = 9 },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history.db")
			lock, files, err := makeSpool(path)
			must(t, err)
			forged := encodeEvent(delivery("s", 77, 10)).pack(nil)
			spoil(forged)
			const pad = 100
			stranger := &event.Event{Session: "s", Source: event.SourceHub, Verdict: event.VerdictWrong, Body: append(make([]byte, pad), forged...)}
			must(t, files[0].write(encodeEvent(stranger).pack(nil), 1))
			must(t, files[0].empty())
			stranger.Body = make([]byte, pad)
			must(t, files[0].write(encodeEvent(stranger).pack(nil), 2))
			must(t, closeSpool(lock, files, false))
			if got := list(t, openAt(t, path, Config{}), Query{}); !slices.Equal(got, []int64{2}) {
				t.Errorf("the events %d are there", got)
			}
		})
	}
}

func TestAFileThatCannotBeEmptiedIsUsedNoMore(t *testing.T) {
	s := open(t)
	burst(t, s)
	s.queue.mu.Lock()
	writable := map[*spoolFile]*os.File{}
	for _, f := range s.queue.spool.files {
		readOnly, err := os.Open(f.f.Name())
		must(t, err)
		writable[f], f.f = f.f, readOnly
	}
	s.queue.spool.rows = append(s.queue.spool.rows, func() *eventRow {
		row := encodeEvent(delivery("s", 900, 10))
		s.queue.spool.give(row)
		return row
	}())
	s.queue.spooledRows++
	s.queue.mu.Unlock()
	flush(t, s)
	s.queue.mu.Lock()
	for _, f := range s.queue.spool.files {
		must(t, f.f.Close())
		f.f = writable[f] // later it could be written to
	}
	s.queue.mu.Unlock()
	e := keep(t, s, delivery("s", 901, 10)) // is stored at once
	if waiting(s) != 0 || get(t, openAt(t, s.path, Config{}), e.N).Delivery != e.Delivery {
		t.Error("an event was spooled that nobody could find")
	}
}

func TestALinkHasTheSpoolOfWhatItLeadsTo(t *testing.T) {
	real := filepath.Join(t.TempDir(), "history.db")
	must(t, openAt(t, real, Config{}).Close())
	link := filepath.Join(t.TempDir(), "history.db")
	if err := os.Symlink(real, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	s := openAt(t, link, Config{})
	burst(t, s)
	if len(beside(t, link)) > 0 || len(beside(t, real)) != 3 {
		t.Errorf("beside the link is %q, beside the file %q", beside(t, link), beside(t, real))
	}
}

func TestASpoolThatCannotBeTakenOverHindersNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	events := abandoned(t, path)
	files := beside(t, path)
	blocked := path + files[1]
	must(t, os.Rename(blocked, blocked+"-away"))
	must(t, os.Mkdir(blocked, 0o700)) // as a file that may not be read
	s := openAt(t, path, Config{})
	keep(t, s, &event.Event{})
	if err := s.Err(); err == nil {
		t.Error("nobody is told")
	}
	must(t, s.Close())
	must(t, os.Remove(blocked))
	must(t, os.Rename(blocked+"-away", blocked))
	s = openAt(t, path, Config{})
	for _, e := range events {
		get(t, s, e.N)
	}
}

func TestASpoolIsFoundWithoutItsLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	events := abandoned(t, path)
	must(t, os.Remove(path+beside(t, path)[0]))
	s := openAt(t, path, Config{})
	for _, e := range events {
		get(t, s, e.N)
	}
	if left := beside(t, path); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

func TestReadersOfALockedHistoryAreToldOrServed(t *testing.T) {
	s := open(t)
	burst(t, s)
	s.writer.patience = 30 * time.Millisecond
	unlock := lock(t, s.path)
	e := keep(t, s, delivery("s", 5000, 10))
	if body, err := s.Body(t.Context(), e.N); err != nil || len(body) != 10 {
		t.Errorf("Body: %d bytes, %v", len(body), err)
	}
	if _, err := s.Get(t.Context(), e.N); !errors.Is(err, ErrBusy) {
		t.Errorf("Get: %v, want ErrBusy", err)
	}
	if got := list(t, s, Query{}); len(got) == 0 || slices.Contains(got, e.N) {
		t.Errorf("List: %d", got)
	}
	unlock()
	await(t, "it is stored", func() bool { return waiting(s) == 0 })
	get(t, s, e.N)
}

func TestWhichReplayIsLaterIsKnownAcrossProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	first, second := openAt(t, path, Config{}), openAt(t, path, Config{})
	burst(t, first)
	at := safeTime
	replayed := func(s *Store, e *event.Event, status int) int64 {
		t.Helper()
		at = at.Add(time.Second)
		e.ReceivedAt, e.Targets = at, []string{"x"}
		keep(t, s, e)
		s.Update(event.Update{N: e.N, Phase: event.PhaseSettled, Attempt: &event.Attempt{N: 1, Target: "x", Status: status}})
		flush(t, s)
		return e.N
	}
	n := replayed(first, delivery("first", 1, 10), 500)
	beyond := replayed(second, &event.Event{Session: "second", Source: event.SourceReplay, ReplayOf: n}, 500)
	good := replayed(first, &event.Event{Session: "first", Source: event.SourceReplay, ReplayOf: n}, 200)
	if failed := list(t, first, Query{Failed: true}); good > beyond || len(failed) != 0 {
		t.Errorf("%d failed, its replay %d, too, and %d, later, did not; listed as failed: %d", n, beyond, good, failed)
	}
}
