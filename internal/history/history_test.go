package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("HISTORY_TEST_APPEND_TO"); path != "" {
		appendForever(path)
		return
	}
	if path := os.Getenv("HISTORY_TEST_KEEP_APPENDING_TO"); path != "" {
		appendForAnother(path)
		return
	}
	if path := os.Getenv("HISTORY_TEST_DELETE_FROM"); path != "" {
		deleteForever(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// open opens a history in a folder of its own and closes it at the end.
func open(t testing.TB) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "history.db"))
}

func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// keep appends e.
func keep(t testing.TB, s *Store, e *event.Event) *event.Event {
	t.Helper()
	if err := s.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return e
}

func get(t testing.TB, s *Store, n int64) *event.Event {
	t.Helper()
	e, err := s.Get(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func flush(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// follow returns all changes of a session so far, as a new follower reads them.
func follow(t testing.TB, s *Store, session string) []event.Change {
	t.Helper()
	flush(t, s)
	f := s.Follow(session)
	defer f.Close()
	return read(t, f)
}

// read returns what a follower has not read yet, a few changes at a time.
func read(t testing.TB, f *Follower) (all []event.Change) {
	t.Helper()
	for {
		changes, err := f.Read(t.Context(), 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			return all
		}
		all = append(all, changes...)
	}
}

// words names changes: the number and phase of an event, or a state.
func words(changes []event.Change) []string {
	out := []string{}
	for _, c := range changes {
		if c.State != nil {
			out = append(out, c.State.State)
		} else {
			out = append(out, fmt.Sprintf("#%d %s", c.Row.N, c.Row.Phase))
		}
	}
	return out
}

// lock takes the place of a writer in another process, until the returned
// function is called.
func lock(t testing.TB, path string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", address(path, "rw", "busy_timeout(5000)"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// await lets other goroutines run until what it waits for is so. It is for
// states that nothing announces.
func await(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute until %s", what)
		}
	}
}

// readUntil reads changes until one of them is a state of the history with that
// name, and returns its detail.
func readUntil(t testing.TB, f *Follower, state string) (detail string) {
	t.Helper()
	for {
		for _, c := range read(t, f) {
			if c.State != nil && c.State.Subject == event.SubjectHistory && c.State.State == state {
				return c.State.Detail
			}
		}
		if _, open := <-f.Wake(); !open {
			t.Fatalf("the history was closed before it was %q", state)
		}
	}
}

// live opens a history and starts the session "s", which the follower reads.
func live(t testing.TB, path string) (*Store, *Follower) {
	t.Helper()
	s := openAt(t, path)
	must(t, s.StartSession(t.Context(), Session{ID: "s", StartedAt: safeTime}))
	f := s.Follow("s")
	t.Cleanup(f.Close)
	read(t, f)
	return s, f
}

// odd is text with everything that text may hold.
const odd = "a\x00b\xff\xfe\"\\<&>\u2028é\U0001F916\r\n\x1b[31m"

func oddEvent() *event.Event {
	return &event.Event{
		Session: "session", Source: event.SourceHub, ReplayOf: 0, WebhookID: odd, Delivery: odd, Kind: odd,
		Repo: hub.Repo{Type: odd, Name: odd}, ReceivedAt: time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC),
		Verdict: event.VerdictOK, Method: odd, Path: odd,
		Header: http.Header{odd: {odd, "", "plain"}, "Empty": nil, "Content-Type": {"application/json"}},
		Size:   99, Body: []byte(odd), BodyCut: true, Phase: event.PhaseWaiting, Targets: []string{odd, "", "http://127.0.0.1:1"},
		Answer: event.Answer{Status: 200, Duration: 123456789}, Pinned: true, Edited: true,
		Attempts: []event.Attempt{
			{
				N: 1, Target: odd, StartedAt: time.Date(2026, 1, 2, 3, 4, 6, 1, time.UTC), Duration: 7, Status: 500, Err: odd,
				Header: http.Header{odd: {odd}}, Body: bytes.Repeat([]byte(odd), 1000), BodyCut: true,
			},
			{N: 1, Target: "", Header: http.Header{}, Body: []byte{}},
		},
	}
}

func TestAnEventComesBackByteForByte(t *testing.T) {
	s := open(t)
	e := keep(t, s, oddEvent())
	if e.N != 1 {
		t.Errorf("the first event has the number %d", e.N)
	}
	got := get(t, s, e.N)
	e.Rev, e.DeliveryN, e.Family = got.Rev, 1, 1
	if diff := cmp.Diff(e, got); diff != "" {
		t.Errorf("what came back differs (-stored +read):\n%s", diff)
	}
	body, err := s.Body(t.Context(), e.N)
	if err != nil || string(body) != odd {
		t.Errorf("Body = %q, %v", body, err)
	}
	state := event.State{
		Session: "session", At: time.Date(2026, 1, 2, 3, 4, 5, 9, time.UTC),
		Subject: event.SubjectTunnel, Name: odd, State: odd, Detail: odd,
	}
	if err := s.AppendState(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	changes := follow(t, s, "session")
	if diff := cmp.Diff(&state, changes[0].State); len(changes) != 2 || diff != "" {
		t.Errorf("%d changes; the state differs (-stored +read):\n%s", len(changes), diff)
	}
}

func TestTheZeroEventComesBackOpen(t *testing.T) {
	s := open(t)
	e := keep(t, s, &event.Event{})
	got := get(t, s, e.N)
	want := &event.Event{N: 1, Rev: got.Rev, Family: 1, DeliveryN: 1, Phase: event.PhaseOpen, Body: []byte{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e.Phase != event.PhaseOpen {
		t.Errorf("the appended event has the phase %q", e.Phase)
	}
}

func TestARowIsTheSameFromTheFeedAndFromTheFile(t *testing.T) {
	s := open(t)
	f := s.Follow("session")
	defer f.Close()
	read(t, f) // from here on it reads what is published
	e := keep(t, s, oddEvent())
	s.Update(event.Update{N: e.N, Attempt: &event.Attempt{N: 2, Target: odd, Status: 503, Duration: 8, Err: odd}})
	flush(t, s)
	published := read(t, f)
	listed, err := s.List(t.Context(), Query{})
	must(t, err)
	stored := follow(t, s, "session")
	same := cmp.AllowUnexported(event.Row{})
	for what, row := range map[string]*event.Row{"List": listed[0], "a follower from the file": stored[0].Row, "the whole event": event.NewRow(get(t, s, e.N))} {
		if diff := cmp.Diff(published[len(published)-1].Row, row, same); diff != "" {
			t.Errorf("%s (-published +read):\n%s", what, diff)
		}
	}
}

func TestTheLargestBodiesAreKept(t *testing.T) {
	s := open(t)
	body := make([]byte, 32<<20)
	for i := range body {
		body[i] = byte(i * i >> 8)
	}
	answer := body[:event.MaxTargetBody]
	e := keep(t, s, &event.Event{Body: body})
	s.Update(event.Update{N: e.N, Attempt: &event.Attempt{Body: answer}})
	flush(t, s)
	got := get(t, s, e.N)
	if string(got.Body) != string(body) || string(got.Attempts[0].Body) != string(answer) {
		t.Errorf("%d and %d bytes came back, not what was stored", len(got.Body), len(got.Attempts[0].Body))
	}
}

func TestMissingEventsAreNotFound(t *testing.T) {
	s := open(t)
	if _, err := s.Get(t.Context(), 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if _, err := s.Body(t.Context(), 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("Body: %v", err)
	}
}

func TestNumbersAreNeverUsedTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path)
	for range 3 {
		keep(t, s, oddEvent())
	}
	deleted, err := s.Delete(t.Context(), 3, 2, 17)
	if err != nil || deleted != 2 {
		t.Fatalf("Delete = %d, %v; want the 2 that were there", deleted, err)
	}
	if _, err := s.Get(t.Context(), 3); !errors.Is(err, ErrNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
	for _, table := range []string{"payloads", "attempts"} {
		if got, want := count(t, s, table), map[string]int{"payloads": 1, "attempts": 2}[table]; got != want {
			t.Errorf("%s has %d rows, want the %d of the event that is left", table, got, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path)
	if e := keep(t, s, oddEvent()); e.N != 4 {
		t.Errorf("the next event has the number %d, want 4", e.N)
	}
}

func count(t testing.TB, s *Store, table string) (rows int) {
	t.Helper()
	if err := s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestArrivalsOfADeliveryAreCounted(t *testing.T) {
	s := open(t)
	arrival := func(source event.Source, verdict event.Verdict, webhook, delivery string) int {
		t.Helper()
		e := keep(t, s, &event.Event{Source: source, Verdict: verdict, WebhookID: webhook, Delivery: delivery})
		return get(t, s, e.N).DeliveryN
	}
	for i, step := range []struct {
		source            event.Source
		verdict           event.Verdict
		webhook, delivery string
		want              int
	}{
		{event.SourceHub, event.VerdictWrong, "w", "d", 1}, // a stranger's does not count
		{event.SourceHub, event.VerdictOK, "w", "d", 1},
		{event.SourceHub, event.VerdictMissing, "w", "d", 1},
		{event.SourceReplay, event.VerdictOK, "w", "d", 1}, // nor does the user's own
		{event.SourceTrigger, event.VerdictOK, "w", "d", 1},
		{event.SourceHub, event.VerdictUnchecked, "w", "d", 2},
		{event.SourceSandbox, event.VerdictOK, "w", "d", 3},
		{event.SourceHub, event.VerdictOK, "other", "d", 1},
		{event.SourceHub, event.VerdictOK, "w", "other", 1},
		{event.SourceHub, event.VerdictOK, "w", "", 1},
		{event.SourceHub, event.VerdictOK, "w", "", 1},
		{event.SourceHub, event.VerdictOK, "w", "d", 4},
	} {
		if got := arrival(step.source, step.verdict, step.webhook, step.delivery); got != step.want {
			t.Errorf("step %d is arrival %d, want %d", i, got, step.want)
		}
	}
}

func TestCloseStoresWhatWaitsAndEndsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path)
	wake := s.Follow("session").Wake()
	e := keep(t, s, oddEvent())
	s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range wake { // ends when it is closed
	}
	for _, name := range []string{path + "-wal", path + "-shm"} {
		if _, err := os.Stat(name); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	s.Update(event.Update{N: e.N, Phase: event.PhasePending})
	_, err := s.Get(t.Context(), e.N)
	for what, err := range map[string]error{
		"Append": s.Append(t.Context(), oddEvent()), "AppendState": s.AppendState(t.Context(), event.State{}),
		"Get": err, "Flush": s.Flush(t.Context()),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if _, open := <-s.Follow("session").Wake(); open {
		t.Error("a late follower gets a signal")
	}
	if got := get(t, openAt(t, path), e.N).Phase; got != event.PhaseSettled {
		t.Errorf("after opening again the phase is %q", got)
	}
}

func TestFollowersAreWokenAndNeverWaitedFor(t *testing.T) {
	s := open(t)
	slow, quick := s.Follow("session"), s.Follow("session")
	defer slow.Close()
	for range 5 {
		keep(t, s, oddEvent())
		<-quick.Wake()
	}
	if len(slow.Wake()) != 1 {
		t.Errorf("the slow follower has %d signals, want one for all", len(slow.Wake()))
	}
	quick.Close()
	keep(t, s, oddEvent())
	if len(quick.Wake()) != 0 {
		t.Error("a follower that left was woken")
	}
	<-slow.Wake()
	if _, err := s.List(t.Context(), Query{}); err != nil {
		t.Fatal(err)
	}
	if err := s.StartSession(t.Context(), Session{ID: "quiet"}); err != nil {
		t.Fatal(err)
	}
	if len(slow.Wake()) != 0 {
		t.Error("followers are woken though no event and no state changed")
	}
}

func ExampleStore_Follow() {
	dir, err := os.MkdirTemp("", "history")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(dir, "history.db"))
	if err != nil {
		panic(err)
	}
	defer s.Close()

	e := &event.Event{Session: "s", Kind: "repo.create"}
	_ = s.Append(ctx, e)
	_ = s.AppendState(ctx, event.State{Session: "s", Subject: event.SubjectTunnel, State: "down", At: time.Now()})
	s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
	_ = s.Flush(ctx)

	follower := s.Follow("s")
	defer follower.Close()
	changes, _ := follower.Read(ctx, 100)
	for _, c := range changes {
		if c.Row != nil {
			fmt.Println(c.Row.N, c.Row.Kind, c.Row.Phase)
		} else {
			fmt.Println(c.State.Subject, c.State.State)
		}
	}
	// Output:
	// 1 repo.create settled
	// tunnel down
}
