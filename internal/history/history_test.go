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
	goleak.VerifyTestMain(m)
}

// open opens a history in a folder of its own and closes it at the end.
func open(t testing.TB) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "history.db"), Config{})
}

func openAt(t testing.TB, path string, c Config) *Store {
	t.Helper()
	s, err := c.Open(t.Context(), path)
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

func since(t testing.TB, s *Store, session string, rev int64, limit int) []Change {
	t.Helper()
	flush(t, s)
	changes, err := s.Since(t.Context(), session, rev, limit)
	if err != nil {
		t.Fatal(err)
	}
	return changes
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

// odd is text with everything that text may hold.
const odd = "a\x00b\xff\xfe\"\\<&>\u2028é\U0001F916\r\n\x1b[31m"

func oddEvent() *event.Event {
	return &event.Event{
		Session: "session", Source: event.SourceHub, ReplayOf: 0, WebhookID: odd, Delivery: odd, Kind: odd,
		Repo: hub.Watch{Type: odd, Name: odd}, ReceivedAt: time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC),
		Verdict: event.VerdictOK, Method: odd, Path: odd,
		Header: http.Header{odd: {odd, "", "plain"}, "Empty": nil, "Content-Type": {"application/json"}},
		Size:   99, Body: []byte(odd), BodyCut: true, Phase: event.PhaseWaiting, Targets: []string{odd, "", "http://127.0.0.1:1"},
		Answer: event.Answer{Status: 200, Duration: 123456789}, Pinned: true, Edited: true,
		Attempts: []event.Attempt{
			{
				N: 1, Target: odd, StartedAt: time.Date(2026, 1, 2, 3, 4, 6, 1, time.UTC), Duration: 7, Status: 500, Err: odd,
				Header: http.Header{odd: {odd}}, Body: bytes.Repeat([]byte(odd), inlineAnswer), BodyCut: true,
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
	e.Rev, e.DeliveryN = 1, 1
	if diff := cmp.Diff(e, get(t, s, e.N)); diff != "" {
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
	state.Rev = 2
	if diff := cmp.Diff([]Change{{Rev: 2, State: &state}}, since(t, s, "session", 1, 0)); diff != "" {
		t.Errorf("the state differs (-stored +read):\n%s", diff)
	}
}

func TestTheZeroEventComesBackOpen(t *testing.T) {
	s := open(t)
	e := keep(t, s, &event.Event{})
	want := &event.Event{N: 1, Rev: 1, DeliveryN: 1, Phase: event.PhaseOpen, Body: []byte{}}
	if diff := cmp.Diff(want, get(t, s, e.N)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e.Phase != event.PhaseOpen {
		t.Errorf("the appended event has the phase %q", e.Phase)
	}
}

func TestListsCarryNeitherHeadersNorBodies(t *testing.T) {
	s := open(t)
	keep(t, s, oddEvent())
	want := oddEvent()
	want.N, want.Rev, want.DeliveryN, want.Header, want.Body = 1, 1, 1, nil, nil
	for i := range want.Attempts {
		want.Attempts[i].Header, want.Attempts[i].Body = nil, nil
	}
	listed, err := s.List(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*event.Event{want}, listed); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Change{{Rev: 1, Event: want}}, since(t, s, "session", 0, 0)); diff != "" {
		t.Errorf("Since (-want +got):\n%s", diff)
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
	s := openAt(t, path, Config{})
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
	for _, table := range []string{"bodies", "attempts", "answers"} {
		if got, want := count(t, s, table), map[string]int{"bodies": 1, "attempts": 2, "answers": 1}[table]; got != want {
			t.Errorf("%s has %d rows, want the %d of the event that is left", table, got, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, Config{})
	if e := keep(t, s, oddEvent()); e.N != 4 {
		t.Errorf("the next event has the number %d, want 4", e.N)
	}
}

func count(t testing.TB, s *Store, table string) (rows int) {
	t.Helper()
	if err := s.readers.db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil {
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
	s := openAt(t, path, Config{})
	wake, _ := s.Subscribe()
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
		"Update": s.Err(), "Get": err,
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if late, cancel := s.Subscribe(); true {
		if _, open := <-late; open {
			t.Error("a late subscriber gets a signal")
		}
		cancel()
	}
	if got := get(t, openAt(t, path, Config{}), e.N).Phase; got != event.PhaseSettled {
		t.Errorf("after opening again the phase is %q", got)
	}
}

func TestSubscribersAreWokenAndNeverWaitedFor(t *testing.T) {
	s := open(t)
	slow, cancelSlow := s.Subscribe()
	quick, cancelQuick := s.Subscribe()
	defer cancelSlow()
	for range 5 {
		keep(t, s, oddEvent())
		<-quick
	}
	if len(slow) != 1 {
		t.Errorf("the slow subscriber has %d signals, want one for all", len(slow))
	}
	cancelQuick()
	keep(t, s, oddEvent())
	if len(quick) != 0 {
		t.Error("a subscriber that left was woken")
	}
	<-slow
	if _, err := s.List(t.Context(), Query{}); err != nil {
		t.Fatal(err)
	}
	if err := s.StartSession(t.Context(), Session{ID: "quiet"}); err != nil {
		t.Fatal(err)
	}
	if len(slow) != 0 {
		t.Error("subscribers are woken though no event and no state changed")
	}
}

func ExampleStore_Since() {
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
	_ = s.AppendState(ctx, event.State{Session: "s", Subject: event.SubjectTunnel, State: "down"})
	s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
	_ = s.Flush(ctx)

	changes, _ := s.Since(ctx, "s", 0, 0)
	for _, c := range changes {
		if c.Event != nil {
			fmt.Println(c.Rev, c.Event.Kind, c.Event.Phase)
		} else {
			fmt.Println(c.Rev, c.State.Subject, c.State.State)
		}
	}
	// Output:
	// 2 tunnel down
	// 3 repo.create settled
}
