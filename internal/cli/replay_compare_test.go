package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// handlers are a handler that is right, and the same with faults that its users had.
var handlers = map[string]http.HandlerFunc{
	"healthy": handler(nil),
	// It fails for a scope that it does not know.
	"unknown scope": handler(func(w http.ResponseWriter, scope string, answer map[string]any) bool {
		if strings.Contains(scope, ".") {
			http.Error(w, "KeyError: "+scope, http.StatusInternalServerError)
			return true
		}
		return false
	}),
	// It answers 200 with an error in the body.
	"error in 200": handler(func(w http.ResponseWriter, _ string, answer map[string]any) bool {
		answer["error"], answer["ok"] = "incorrect secret", false
		return false
	}),
	// It answers its own comments.
	"own comment": handler(func(_ http.ResponseWriter, scope string, answer map[string]any) bool {
		if scope == "discussion.comment" {
			answer["replied"] = true
		}
		return false
	}),
	// A framework's page instead of JSON.
	"page": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<p>ok</p>")
	},
	"drops the connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
}

// handler answers with what it does, in another order of keys each time, and says
// when.
func handler(fault func(w http.ResponseWriter, scope string, answer map[string]any) bool) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		var payload struct{ Event struct{ Scope string } }
		if err := json.NewDecoder(r.Body).Decode(&payload); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer := map[string]any{"ok": true, "at": time.Now().UnixNano(), "jobs": []any{map[string]any{"id": n.Add(1), "scope": payload.Event.Scope}}}
		if fault != nil && fault(w, payload.Event.Scope, answer) {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", fmt.Sprint(n.Load()))
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func serve(t *testing.T, h http.Handler) (port string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL[strings.LastIndex(srv.URL, ":")+1:]
}

// TestACompareFindsWhatAHandlerDoesOtherwise: deliveries are recorded once, become
// fixtures, and test a handler on another machine.
func TestACompareFindsWhatAHandlerDoesOtherwise(t *testing.T) {
	w := newWorld(t)
	p := w.start(listenArgs("--forward", serve(t, handlers["healthy"])+"/hook", "--count", "3")...)
	p.ready()
	w.happen("repo.update")
	w.happen("discussion.create")
	w.happen("discussion.comment.create")
	p.ends(0)
	fixtures := filepath.Join(t.TempDir(), "fixtures")
	w.run(0, "events", "export", "--format", "fixtures", "--output", fixtures)

	for fault, want := range map[string]string{
		"healthy": "", "unknown scope": `+ FAIL 500 Internal Server Error in |- application/json|~ Content-Type: application/json → text/plain; charset=utf-8|+ KeyError: discussion.comment`,
		"error in 200": `~ .ok true → false|+ .error "incorrect secret"`, "own comment": "+ .replied true", "page": "~ Content-Type: application/json → text/html|+ <p>ok</p>", "drops the connection": "+ FAIL ",
	} {
		t.Run(fault, func(t *testing.T) {
			ci := newWorld(t)
			ci.run(0, "events", "import", fixtures)
			code := 4
			if fault == "healthy" {
				code = 0
			}
			run := ci.run(code, "events", "replay", "--filter", "source:import", "--forward", serve(t, handlers[fault]), "--compare", "--ignore", "at", "--ignore", ".jobs[].id")
			for _, part := range strings.Split(want, "|") {
				if part != "- application/json" && !strings.Contains(run.stdout.text(), part) {
					t.Errorf("%q is not in\n%s", part, run.stdout.text())
				}
			}
			if code == 0 {
				run.has(run.stderr, "3 answers compared, all are the same")
			} else {
				run.mentions("answers differ: ", "hf-tap events diff ")
			}
		})
	}
}

func TestACompareNeedsSomethingToCompareWith(t *testing.T) {
	w := newWorld(t)
	port := serve(t, handlers["healthy"])
	unanswered := recorded(1, `{"event":{"scope":"repo"}}`)
	unanswered.Attempts, unanswered.Targets = nil, nil
	w.record(unanswered, recorded(2, `{"event":{"scope":"repo"}}`))
	w.run(1, "events", "replay", "1", "--forward", port, "--compare").mentions("nothing was compared: no target answered these events before", "hf-tap events replay --compare")
	both := w.run(4, "events", "replay", "1", "2", "--forward", port, "--compare", "--json")
	both.has(both.stderr, "1 event without an answer to compare with")
	both.has(both.stdout, `{"type":"comparison","v":1,"n":5,"of":2,"target":"http://127.0.0.1:`+port+`","same":false,"differences":["- .secret \"***\"","+ .at `)
	// By way of a session, too.
	p := w.start(listenArgs("--forward", port, "--json")...)
	p.ready()
	w.run(4, "events", "replay", "2", "--compare")
	w.run(0, "events", "replay", "5", "--compare", "--ignore", ".at", "--ignore", ".jobs")
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestManyAreReplayedAtARate(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	old := recorded(1, "{}")
	w.record(old, recorded(2, "{}"), recorded(3, "{}"))
	since := old.ReceivedAt.Add(time.Second).Format(time.RFC3339)
	start := time.Now()
	w.run(0, "events", "replay", "--since", since, "--filter", "kind:discussion.*", "--forward", a.port, "--times", "3", "--rate", "20/s")
	if got := strings.Join(a.ids(), " "); got != "delivery-2 delivery-3 delivery-2 delivery-3 delivery-2 delivery-3" {
		t.Errorf("the app got %s", got)
	}
	if took := time.Since(start); took < 250*time.Millisecond {
		t.Errorf("6 events took %v at 20 a second", took)
	}
	none := w.run(0, "events", "replay", "--until", "2020-01-01", "--forward", a.port)
	none.has(none.stderr, "nothing to send again")
}

func TestAnInterruptedReplayIsNotASuccess(t *testing.T) {
	w := newWorld(t)
	came := make(chan struct{}, 1)
	port := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client has gone
		came <- struct{}{}
		<-r.Context().Done()
	}))
	w.record(recorded(1, "{}"))
	p := w.start("events", "replay", "1", "--forward", port, "--compare")
	<-came
	p.signal(os.Interrupt)
	p.ends(130)
}
