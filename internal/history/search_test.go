package history

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/hub"
)

// someEvent makes one of many different events.
func someEvent(r *rand.Rand) *event.Event {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	target := "http://127.0.0.1:3000/Hook"
	e := &event.Event{
		Session: pick("s1", "S2"), Source: event.Source(pick("hub", "replay", "trigger", "sandbox")), ReplayOf: int64(r.IntN(3)),
		WebhookID: pick("65a1", "65b2"), Delivery: pick("", "msg_A", "msg_b[1]", "msg_é"),
		Kind: event.Kind(pick("", "repo.update", "repo.content.update", "repo.config.dois.update", "discussion.comment.create", "New.Thing")),
		Repo: hub.Repo{Type: hub.RepoType(pick("model", "dataset", "")), Name: pick("me/m", "Me/Big-Model", "other/x", "")},
		// The events differ in the last digit at least.
		ReceivedAt: time.Unix(1_700_000_000, int64(r.IntN(1000))).UTC(),
		Verdict:    event.Verdict(pick("ok", "wrong", "missing", "unchecked")), Method: "POST", Path: "/hf-tap/x",
		Header: http.Header{"User-Agent": {pick("hub", "curl")}},
		Body:   []byte(pick("", `{"title":"Fix the Typo"}`, `{"title":"a \"quoted\" word"}`, "é\x00 binary \xff", "please merge 500")),
		Phase:  event.Phase(pick("open", "waiting", "settled", "pending")), Answer: event.Answer{Status: r.IntN(2) * 200},
		Pinned: r.IntN(2) == 0, Edited: r.IntN(2) == 0,
	}
	e.Size = int64(len(e.Body))
	if r.IntN(3) > 0 {
		e.Targets = []string{target}
		for range r.IntN(3) {
			status := []int{0, 200, 404, 500}[r.IntN(4)]
			e.Attempts = append(e.Attempts, event.Attempt{
				N: len(e.Attempts) + 1, Target: target, Status: status, Err: map[bool]string{true: "connection Refused"}[status == 0],
				Duration: time.Duration(r.IntN(3)) * time.Second,
			})
		}
	}
	return e
}

func TestASearchFindsWhatTheFilterFitsAndNothingElse(t *testing.T) {
	s := open(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		keep(t, s, someEvent(r))
	}
	var all []*event.Event
	for n := int64(1); n <= 400; n++ {
		all = append(all, get(t, s, n))
	}
	found, left := 0, 0
	for _, text := range []string{
		"", "repo.*", "discussion.*,model:me/*", "kind:repo.update", `kind:"new."`, `kind:*.update,"new.thing"`, "-kind:repo.*", "repo:me/*", "repo:model:me/m", "repo:BIG",
		`repo:"*"`, "verdict:wrong,missing", "status:>=500", "status:0", "status:4xx,5xx", "answer:200", "answer:0", "latency:>1s", "latency:<1s", "target:3000", "target:hook",
		"error:refused", "is:failed", "is:handed", "is:open,waiting", "is:settled", "is:pending", "is:replay", "is:again", "is:pinned", "is:edited", "is:trusted", "source:hub",
		"tries:>1", "size:>10", "size:0", "n:7", "n:100..200", "replay:1", "delivery:msg_a", "delivery:[1]", "delivery:*[1]", "delivery:É", "webhook:65A", "session:s2", "path:hf-tap",
		"header:curl", "body:typo", `body:"a \"quoted\""`, "body:é", "typo", "refused", "500", "#12", `"quoted"`, "msg_b[", "é", "bytes", "***", "ok", "-typo is:failed",
		"jq:.size > 20", `-kind:"new.thing",repo.update`, "-repo:me", "-delivery:msg_", "-verdict:ok -source:hub", "-n:1..300", "-size:0", "-answer:0", "-session:S1", "kind:repo.* status:>=500 -repo:me/*", "MERGE verdict:ok",
	} {
		f, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []int64
		for _, e := range slices.Backward(all) {
			if f.Match(e) {
				want = append(want, e.N)
			}
		}
		must(t, s.Search(t.Context(), Query{Filter: f}, func(row *event.Row) error { got = append(got, row.N); return nil }))
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %d events, and %d fit", text, len(got), len(want))
		}
		n, err := s.Count(t.Context(), Query{Filter: f})
		must(t, err)
		if n < len(want) {
			t.Errorf("%q: SQL leaves out what fits: %d of %d", text, n, len(want))
		}
		found += len(want)
		left += n
	}
	// Were SQL to let everything through, it would be of no use.
	if left > 2*found {
		t.Errorf("SQL lets %d events through, and %d fit", left, found)
	}
}

func TestASearchStopsAtItsLimitAndGoesOnFromThere(t *testing.T) {
	s := open(t)
	for i := range 10 {
		keep(t, s, &event.Event{Session: fmt.Sprint(i % 2)})
	}
	f, err := filter.Parse("session:1")
	must(t, err)
	var got []int64
	collect := func(row *event.Row) error { got = append(got, row.N); return nil }
	must(t, s.Search(t.Context(), Query{Filter: f, Limit: 2}, collect))
	must(t, s.Search(t.Context(), Query{Filter: f, Limit: 2, Before: got[1]}, collect))
	if !slices.Equal(got, []int64{10, 8, 6, 4}) {
		t.Errorf("found %v", got)
	}
}

func TestPinnedEventsStayPinnedAndAreShown(t *testing.T) {
	s, f := live(t, filepath.Join(t.TempDir(), "history.db"))
	for range 3 {
		keep(t, s, &event.Event{Session: "s"})
	}
	read(t, f)
	changed, err := s.Pin(t.Context(), true, 1, 3, 17)
	if err != nil || changed != 2 {
		t.Fatalf("Pin = %d, %v", changed, err)
	}
	if changes := read(t, f); len(changes) != 2 || !changes[0].Row.Pinned || changes[0].Row.N != 1 {
		t.Errorf("followers read %q", words(changes))
	}
	if changed, err = s.Pin(t.Context(), false, 1); err != nil || changed != 1 || get(t, s, 1).Pinned || !get(t, s, 3).Pinned {
		t.Errorf("released %d, %v", changed, err)
	}
	if changed, err = s.Pin(t.Context(), true, 3); err != nil || changed != 0 {
		t.Errorf("what is pinned was changed again: %d, %v", changed, err)
	}
}
