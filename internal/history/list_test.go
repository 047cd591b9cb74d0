package history

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

func list(t testing.TB, s *Store, q Query) []int64 {
	t.Helper()
	events, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	numbers := []int64{}
	for _, e := range events {
		numbers = append(numbers, e.N)
	}
	return numbers
}

func TestListNarrowsDownAndPages(t *testing.T) {
	s := open(t)
	yes, no := true, false
	for _, e := range []event.Event{
		{Session: "a", Verdict: event.VerdictOK, Source: event.SourceHub, Delivery: "d1"},                                    // 1
		{Session: "a", Verdict: event.VerdictWrong, Source: event.SourceHub, Delivery: "d2", Phase: event.PhaseSettled},      // 2
		{Session: "b", Verdict: event.VerdictUnchecked, Source: event.SourceTrigger, Phase: event.PhasePending},              // 3
		{Session: "b", Verdict: event.VerdictMissing, Source: event.SourceReplay, Delivery: "d1", Phase: event.PhaseWaiting}, // 4
		{Session: "a", Verdict: event.VerdictOK, Source: event.SourceSandbox, Delivery: "d1", Phase: event.PhaseSettled},     // 5
	} {
		keep(t, s, &e)
	}
	for _, test := range []struct {
		name string
		q    Query
		want []int64
	}{
		{"all", Query{}, []int64{5, 4, 3, 2, 1}},
		{"a session", Query{Session: "a"}, []int64{5, 2, 1}},
		{"no such session", Query{Session: "c"}, []int64{}},
		{"a page", Query{Limit: 2}, []int64{5, 4}},
		{"the next page", Query{Limit: 2, Before: 4}, []int64{3, 2}},
		{"the last page of a session", Query{Session: "a", Limit: 2, Before: 2}, []int64{1}},
		{"open", Query{Phase: event.PhaseOpen}, []int64{1}},
		{"settled", Query{Phase: event.PhaseSettled}, []int64{5, 2}},
		{"waiting", Query{Phase: event.PhaseWaiting}, []int64{4}},
		{"pending", Query{Phase: event.PhasePending}, []int64{3}},
		{"from the Hub", Query{Source: event.SourceHub}, []int64{2, 1}},
		{"trusted", Query{Trusted: &yes}, []int64{5, 3, 1}},
		{"not trusted", Query{Trusted: &no}, []int64{4, 2}},
		{"a delivery", Query{Delivery: "d1"}, []int64{5, 4, 1}},
		{"together", Query{Delivery: "d1", Session: "a", Trusted: &yes, Before: 5}, []int64{1}},
	} {
		if diff := cmp.Diff(test.want, list(t, s, test.q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if n, err := s.Count(t.Context(), test.q); err != nil || test.q.Limit == 0 && n != len(test.want) || n < len(test.want) {
			t.Errorf("%s: Count = %d, %v, want %d", test.name, n, err, len(test.want))
		}
	}
}

// arrived appends an event, or a replay of one, with an attempt that is
// answered with each status, and leaves it in a phase.
func arrived(t *testing.T, s *Store, replayOf int64, phase event.Phase, statuses ...int) int64 {
	t.Helper()
	const target = "http://127.0.0.1:1"
	e := keep(t, s, &event.Event{ReplayOf: replayOf, Targets: []string{target}})
	for i, status := range statuses {
		s.Update(event.Update{N: e.N, Attempt: &event.Attempt{N: i + 1, Target: target, Status: status}})
		flush(t, s)
	}
	s.Update(event.Update{N: e.N, Phase: phase})
	flush(t, s)
	return e.N
}

func TestFailedEventsAreListedUntilAReplayMakesThemGood(t *testing.T) {
	const settled, opened, pending = event.PhaseSettled, event.PhaseOpen, event.PhasePending
	s := open(t)
	expect := func(what string, want ...int64) {
		t.Helper()
		if got := list(t, s, Query{Failed: true}); !slices.Equal(got, want) {
			t.Errorf("%s: %d are listed, want %d", what, got, want)
		}
	}
	arrived(t, s, 0, settled, 200)
	arrived(t, s, 0, settled, 500, 200)
	arrived(t, s, 0, settled)
	expect("what went well in the end")
	bad := arrived(t, s, 0, settled, 200, 500)
	expect("the last attempt failed", bad)
	replay := arrived(t, s, bad, settled, 500)
	expect("a replay failed too: only the first of the two", bad)
	if got := arrived(t, s, replay, opened); got != replay+1 {
		t.Fatal(got)
	}
	expect("a replay is under way", bad)
	arrived(t, s, bad, settled)
	expect("a replay had no target: nobody took it", bad)
	arrived(t, s, bad, pending)
	expect("a replay was never handed over", bad)
	arrived(t, s, replay, settled, 200)
	expect("a replay of the replay was taken: that makes both good")
	again := arrived(t, s, bad, settled, 503)
	expect("sent once more, and refused", again)
	if _, err := s.Delete(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	expect("the first was deleted: its family stays together", again)
	arrived(t, s, replay, settled, 204)
	expect("taken again")
}

func TestPendingEventsAreListedUntilTheyAreHandedOver(t *testing.T) {
	s := open(t)
	expect := func(what string, want ...int64) {
		t.Helper()
		if got := list(t, s, Query{Pending: true}); !slices.Equal(got, want) {
			t.Errorf("%s: %d are listed, want %d", what, got, want)
		}
	}
	arrived(t, s, 0, event.PhaseSettled, 500)
	arrived(t, s, 0, event.PhaseWaiting)
	expect("none is pending")
	first := arrived(t, s, 0, event.PhasePending)
	second := arrived(t, s, 0, event.PhasePending)
	expect("two are", second, first)
	replay := arrived(t, s, first, event.PhasePending)
	expect("a replay is pending too: only the first of the two", second, first)
	arrived(t, s, first, event.PhaseSettled)
	expect("a replay had no target", second, first)
	failed := arrived(t, s, replay, event.PhaseSettled, 500)
	expect("a replay of the replay was handed over", second)
	if got := list(t, s, Query{Failed: true}); !slices.Contains(got, failed) {
		t.Errorf("the replay that failed is not among the failed: %d", got)
	}
}

func TestFailedIsWhatTheEventSays(t *testing.T) {
	s := open(t)
	targets := []string{"a", "b"}
	e := keep(t, s, &event.Event{Targets: targets})
	for i, a := range []event.Attempt{
		{Target: "a", Status: 500},
		{Target: "b", Status: 200},
		{Target: "elsewhere", Status: 500},
		{Target: "a", Status: 200, Err: "the body broke off"},
		{Target: "a", Status: 299},
		{Target: "b", Err: "refused"},
		{Target: "b", Status: 302},
		{Target: "b", Status: 200},
	} {
		s.Update(event.Update{N: e.N, Attempt: &a})
		flush(t, s)
		listed := len(list(t, s, Query{Failed: true})) == 1
		if want := get(t, s, e.N).Failed(); listed != want || i == 0 && !want {
			t.Errorf("after attempt %d List says %t and the event %t", i, listed, want)
		}
	}
	keep(t, s, &event.Event{Targets: targets, Attempts: []event.Attempt{{Target: "b", Status: 404}}})
	if got := list(t, s, Query{Failed: true}); !slices.Equal(got, []int64{2}) {
		t.Errorf("an event that was appended with its attempts: %d", got)
	}
}

func TestEndSessionMarksWhatWasNotHandedOver(t *testing.T) {
	s := open(t)
	start := Session{
		ID: "mine", StartedAt: safeTime, PID: 7, Endpoint: "https://huggingface.co", User: "me", URL: "https://first",
	}
	must(t, s.StartSession(t.Context(), start))
	start.URL = "https://second"
	must(t, s.StartSession(t.Context(), start))
	must(t, s.StartSession(t.Context(), Session{ID: "other", StartedAt: safeTime.Add(time.Hour)}))
	for _, e := range []event.Event{
		{Session: "mine"}, {Session: "mine", Phase: event.PhaseWaiting}, {Session: "mine", Phase: event.PhaseSettled},
		{Session: "mine", Phase: event.PhasePending}, {Session: "other"}, {Session: "mine"},
	} {
		keep(t, s, &e)
	}
	follower := s.Follow("mine")
	defer follower.Close()
	read(t, follower)
	s.Update(event.Update{N: 6, Phase: event.PhaseSettled}) // not stored yet, and counts
	ended := safeTime.Add(time.Minute)
	if pending, err := s.EndSession(t.Context(), "mine", ended); err != nil || pending != 2 {
		t.Fatalf("EndSession = %d, %v, want 2", pending, err)
	}
	if got := list(t, s, Query{Phase: event.PhasePending}); !slices.Equal(got, []int64{4, 2, 1}) {
		t.Errorf("%d are pending", got)
	}
	if got := get(t, s, 5).Phase; got != event.PhaseOpen {
		t.Errorf("another session's event is %s", got)
	}
	got := words(read(t, follower))
	slices.Sort(got) // the update of #6 is stored before the end or with it
	if !slices.Equal(got, []string{"#1 pending", "#2 pending", "#6 settled"}) {
		t.Errorf("followers read %q", got)
	}
	if pending, err := s.EndSession(t.Context(), "mine", ended.Add(time.Hour)); err != nil || pending != 0 {
		t.Errorf("ended again: %d, %v", pending, err)
	}
	if pending, err := s.EndSession(t.Context(), "nobody's", ended); err != nil || pending != 0 {
		t.Errorf("a session that is not known: %d, %v", pending, err)
	}
	sessions, err := s.Sessions(t.Context(), 0)
	must(t, err)
	mine := start
	mine.EndedAt, mine.Events = ended, 5
	want := []Session{{ID: "other", StartedAt: safeTime.Add(time.Hour), Events: 1}, mine}
	if diff := cmp.Diff(want, sessions); diff != "" {
		t.Errorf("Sessions (-want +got):\n%s", diff)
	}
	if sessions, err = s.Sessions(t.Context(), 1); err != nil || len(sessions) != 1 {
		t.Errorf("Sessions(1) = %+v, %v", sessions, err)
	}
}

// TestReadersGoByTheIndexes keeps a scan of the whole history, and the sorting
// of what may be long, out of what is asked all the time.
func TestReadersGoByTheIndexes(t *testing.T) {
	s := open(t)
	yes := true
	type question struct {
		text  string
		args  []any
		sorts bool // what it sorts is short
	}
	questions := []question{
		{sqlChanges, []any{7, "s", "s", 1, 10}, false}, {sqlRow, []any{1}, false}, {sqlPayload, []any{1}, false}, {sqlAttempts, []any{1}, false},
		{sqlUnfinished, []any{"s"}, false}, {sqlArrival, []any{"d", "w"}, false}, {sqlLastN, nil, false},
		{sqlEarlierLeft, []any{1, 2}, true}, {sqlLaterOfFamily, []any{1, 2}, true}, {sqlLeftOfFamily, []any{1}, true},
	}
	for _, q := range []Query{
		{Session: "s"}, {Session: "s", Before: 9, Trusted: &yes}, {Before: 9}, {Failed: true}, {Pending: true},
		{Failed: true, Session: "s"}, {Pending: true, Session: "s"}, {Delivery: "d"},
	} {
		from, args := q.from()
		questions = append(questions, question{"SELECT " + rowColumns + " FROM " + from + " ORDER BY e.n DESC LIMIT 9", args, q.Delivery != "" || q.Failed || q.Pending})
	}
	for _, q := range questions {
		rows, err := s.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q.text, q.args...)
		must(t, err)
		for rows.Next() {
			var id, parent, unused int
			var detail string
			must(t, rows.Scan(&id, &parent, &unused, &detail))
			scan := strings.HasPrefix(detail, "SCAN") && !strings.HasSuffix(detail, "INDEX events_left") && !strings.Contains(detail, "CONSTANT") // which holds only what is left
			if scan || !q.sorts && strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s\n\t%s", q.text, detail)
			}
		}
		must(t, rows.Err())
	}
}
