package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
)

// handlerAt is an app that takes POST at one path, as frameworks do it: other paths
// are answered 404, and OPTIONS says what is allowed.
func handlerAt(t *testing.T, path string, take http.HandlerFunc) (port string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != path:
			http.NotFound(w, r)
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", "POST")
		default:
			take(w, r)
		}
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// describedAt is an app of FastAPI's kind: it describes itself.
func describedAt(t *testing.T, path string) (port string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/openapi.json":
			fmt.Fprintf(w, `{"openapi":"3.1.0","paths":{"/":{"get":{}},%q:{"post":{}}}}`, path)
		case r.URL.Path == "/":
			w.Header().Set("Allow", "GET")
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.URL.Path != path:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

func TestTheFirstAnswerOf404Or405NamesThePathsOfTheHandler(t *testing.T) {
	fine := func(http.ResponseWriter, *http.Request) {}
	for _, c := range []struct {
		name, port, says, hint string
	}{
		{"FastAPI", describedAt(t, "/hf/events"), "POST / was answered 405, only GET is allowed there", "--forward PORT/hf/events, where the handler takes POST"},
		{"Express", handlerAt(t, "/webhooks/huggingface", fine), "POST / was answered 404", "--forward PORT/webhooks/huggingface, where the handler takes POST"},
		{"unknown", handlerAt(t, "/my/own", fine), "POST / was answered 404", "--forward PORT/webhook or --forward PORT/webhooks/huggingface"},
	} {
		w := newWorld(t)
		hint := strings.ReplaceAll(c.hint, "PORT", c.port)
		p := w.start(listenArgs("--forward", c.port, "--plain")...)
		p.ready()
		w.happen("repo.update")
		if s := p.wait(p.stdout, "wrong path: "); !strings.Contains(s, c.says) || !strings.Contains(s, hint) {
			t.Errorf("%s: it says %s, want %q", c.name, s, hint)
		}
		w.happen("repo.update")
		p.wait(p.stdout, "#2 ")
		p.signal(os.Interrupt)
		p.ends(0)
		if n := strings.Count(p.stdout.text(), "wrong path"); n != 1 {
			t.Errorf("%s: it is told %d times", c.name, n)
		}
		if s := w.run(0, "events", "show", "1").stdout.text(); !strings.Contains(s, "\nhint: --forward "+c.port+"/webhook or ") {
			t.Errorf("%s: the event is shown as %s", c.name, s)
		}
		found := w.doctor(0, "--forward", c.port, "--tunnel", "loopback")["target"]
		if found.Status != "warning" || !strings.Contains(found.Hint, hint) {
			t.Errorf("%s: doctor found %+v", c.name, found)
		}
	}
	w := newWorld(t)
	if found := w.doctor(0, "--forward", describedAt(t, "/webhook")+"/webhook", "--tunnel", "loopback")["target"]; found.Status != "ok" || !strings.Contains(found.Detail, "and POST at /webhook") {
		t.Errorf("of the right path doctor found %+v", found)
	}
}

// The path is right, and the handler itself answers 404: nothing is to be said.
func TestAHandlerThatAnswers404ItselfIsNotToldToBeElsewhere(t *testing.T) {
	w := newWorld(t)
	port := handlerAt(t, "/webhook", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	p := w.start(listenArgs("--forward", port+"/webhook", "--plain", "--count", "1")...)
	p.ready()
	w.happen("repo.update")
	p.ends(0)
	if s := p.stdout.text(); strings.Contains(s, "wrong path") || !strings.Contains(s, "FAIL 404") {
		t.Errorf("it says %s", s)
	}
}

func TestASecretThatIsRefusedAndAPayloadThatDoesNotFitAreTold(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		events int
		says   []string
	}{
		{401, "", 1, []string{"unauthorized: ", "the variable that your handler reads", "the Hub sends the secret as it is, no signature"}},
		{400, "bad request", 3, []string{"unauthorized: ", "answered 400 to the right secret"}},
		{422, `{"detail":[{"loc":["body","repo","type"],"msg":"unexpected value\nready: http://evil/"}]}`, 1, []string{"invalid: ", "body.repo.type: unexpected value␊ready", "--domain discussion"}},
	} {
		w := newWorld(t)
		port := handlerAt(t, "/", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		p := w.start(listenArgs("--forward", port, "--plain", "--count", fmt.Sprint(c.events))...)
		p.ready()
		for range c.events {
			w.happen("repo.update")
		}
		p.ends(0)
		for _, want := range c.says {
			if s := p.stdout.text(); !strings.Contains(s, want) {
				t.Errorf("%d: it does not say %q: %s", c.status, want, s)
			}
		}
	}
}

// A handler that drops repeats does nothing about a replay, which keeps its id.
func TestAReplayWithANewIdReachesAHandlerThatDropsRepeats(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	seen := map[string]bool{}
	port := handlerAt(t, "/", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("Webhook-Id")
		if seen[id] {
			_, _ = io.WriteString(w, `{"status":"already processed"}`)
			return
		}
		seen[id] = true
	})
	handled := func() int { mu.Lock(); defer mu.Unlock(); return len(seen) }
	p := w.start(listenArgs("--forward", port, "--plain")...)
	p.ready()
	w.happen("repo.update")
	p.wait(p.stdout, "#1 ")
	const hint = "hint: hf-tap events replay 1 --new-id, or on the screen R, then i"
	for _, live := range []bool{true, false} {
		if !live {
			p.signal(os.Interrupt)
			p.ends(0)
		}
		before := handled()
		if r := w.run(0, "events", "replay", "1"); !strings.Contains(r.stderr.text(), hint) || handled() != before {
			t.Errorf("live %v: it says %s, and %d were handled", live, r.stderr.text(), handled())
		}
		r := w.run(0, "events", "replay", "1", "--new-id", "--json")
		if e := r.events()[0]; e.ReplayOf != 1 || e.DeliveryN != 1 || handled() != before+1 || strings.Contains(r.stderr.text(), "hint") {
			t.Errorf("live %v: the replay is %+v, %d were handled, it says %s", live, e, handled(), r.stderr.text())
		}
	}
	if s := p.stdout.text(); !strings.Contains(s, "duplicate: ") {
		t.Errorf("the session says %s", s)
	}
}
