package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/check"
	"github.com/hf-tap/hf-tap/receiver"
)

const secret = "correct horse"

// handler is a handler without a fault, but for what its fields change.
type handler struct {
	secretOf func(req *http.Request) bool // whether the secret is right
	refuse   func(w http.ResponseWriter)
	methods  func(method string) bool
	before   func(w http.ResponseWriter, req *http.Request) bool // true: it has answered
	work     func(w http.ResponseWriter, p payload, body []byte) bool
	body     func(w http.ResponseWriter, body []byte) bool
	forgets  bool   // it does not know repeats
	answer   string // to all that it takes
	repeat   func(w http.ResponseWriter)

	mu   sync.Mutex
	seen map[string]bool
}

type payload struct {
	Event struct{ Action, Scope string }
	Repo  struct {
		Type, Name, HeadSHA string
	}
	UpdatedRefs []struct {
		Ref            string
		OldSHA, NewSHA *string
	}
	UpdatedConfig map[string]any
	Comment       *struct{ Content *string }
	Discussion    *struct{ Changes *struct{ Base string } }
}

func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if h.before != nil && h.before(w, req) {
		return
	}
	post := func(method string) bool { return method == http.MethodPost }
	if h.methods != nil {
		post = h.methods
	}
	if !post(req.Method) {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	right := func(req *http.Request) bool { return req.Header.Get("X-Webhook-Secret") == secret }
	if h.secretOf != nil {
		right = h.secretOf
	}
	if !right(req) {
		if h.refuse != nil {
			h.refuse(w)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if h.body != nil && h.body(w, body) {
		return
	}
	var p payload
	if json.Unmarshal(body, &p) != nil || p.Event.Scope == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id := req.Header.Get("Webhook-Id")
	h.mu.Lock()
	if h.seen == nil {
		h.seen = map[string]bool{}
	}
	repeat := h.seen[id] && !h.forgets
	h.seen[id] = true
	h.mu.Unlock()
	switch {
	case repeat && h.repeat != nil:
		h.repeat(w)
	case repeat:
		io.WriteString(w, `{"ignored":"this delivery is a repeat"}`)
	case h.work != nil && h.work(w, p, body):
	case h.answer != "":
		io.WriteString(w, h.answer)
	case p.Event.Scope == "repo.content" && (len(p.UpdatedRefs) == 0 || p.UpdatedRefs[0].Ref != "refs/heads/main"):
		io.WriteString(w, `{"ignored":"not a push to main"}`)
	default:
		io.WriteString(w, `{"done":true}`)
	}
}

// report is the results of a run by name.
type report struct {
	t       *testing.T
	results []check.Result
	count   check.Count
}

func (r report) of(name string) check.Result {
	r.t.Helper()
	for _, res := range r.results {
		if res.Name == name {
			return res
		}
	}
	r.t.Fatalf("there is no result of %s", name)
	return check.Result{}
}

func (r report) named(status check.Status) []string {
	var all []string
	for _, res := range r.results {
		if res.Status == status {
			all = append(all, res.Name)
		}
	}
	return all
}

// wants compares the names of the checks that failed, warned, and could not tell.
func (r report) wants(fail, warn, cannotTell string) {
	r.t.Helper()
	for status, want := range map[check.Status]string{check.Fail: fail, check.Warn: warn, check.CannotTell: cannotTell} {
		if got := r.named(status); !slices.Equal(got, strings.Fields(want)) {
			r.t.Errorf("%s: %q\nwant %q", status, got, strings.Fields(want))
			for _, name := range got {
				res := r.of(name)
				r.t.Logf("%s: %s (%s)", name, res.Says, res.Look)
			}
		}
	}
}

func target(t *testing.T, address string) *receiver.HTTPTarget {
	t.Helper()
	to, err := receiver.ParseTarget(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(to.CloseIdleConnections)
	return to
}

// config is a configuration whose times are short.
func config(t *testing.T, address string) check.Config {
	t.Helper()
	return check.Config{
		Target: target(t, address), Secret: secret, Seed: 1,
		Timeout: 5 * time.Second, Busy: 5 * time.Second, Back: 20 * time.Millisecond, Pieces: time.Millisecond,
	}
}

// run checks, and gives the error of a run that cannot.
func run(t *testing.T, cfg check.Config) (report, error) {
	t.Helper()
	r := report{t: t}
	cfg.Report = func(res check.Result) error {
		r.results = append(r.results, res)
		return nil
	}
	var err error
	r.count, err = check.Run(context.WithoutCancel(t.Context()), cfg)
	return r, err
}

func examine(t *testing.T, h http.Handler, change func(*check.Config)) report {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	cfg := config(t, s.URL+"/hook")
	if change != nil {
		change(&cfg)
	}
	r, err := run(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func answers(status int, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

const cannotSee = "own-comment" // without a World

func TestAHealthyHandlerPasses(t *testing.T) {
	r := examine(t, &handler{}, nil)
	r.wants("", "", cannotSee)
	if len(r.results) != len(check.All()) {
		t.Errorf("%d results of %d checks", len(r.results), len(check.All()))
	}
	if got := r.count[check.Pass]; got != len(check.All())-1 {
		t.Errorf("%d have passed", got)
	}
}

const noPushes = "pull-request-ref new-branch deleted-branch tag"

func TestFaultsOfHandlersAreFound(t *testing.T) {
	drop := func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }
	is := func(bad func(p payload) bool, answer func(http.ResponseWriter)) *handler {
		return &handler{work: func(w http.ResponseWriter, p payload, _ []byte) bool {
			if bad(p) {
				answer(w)
				return true
			}
			return false
		}}
	}
	error500 := answers(500, "Internal Server Error")
	for name, c := range map[string]struct {
		h                      *handler
		fail, warn, cannotTell string
	}{
		"the secret is not checked": {&handler{secretOf: func(*http.Request) bool { return true }}, "wrong-secret missing-secret empty-secret longer-secret", "", ""},
		"only its presence is":      {&handler{secretOf: func(req *http.Request) bool { return req.Header.Get("X-Webhook-Secret") != "" }}, "wrong-secret longer-secret", "", ""},
		"only its beginning is":     {&handler{secretOf: func(req *http.Request) bool { return strings.HasPrefix(req.Header.Get("X-Webhook-Secret"), secret) }}, "longer-secret", "", ""},
		"only if there is one":      {&handler{secretOf: func(req *http.Request) bool { s := req.Header.Get("X-Webhook-Secret"); return s == "" || s == secret }}, "missing-secret empty-secret", "", ""},
		"refused with 200":          {&handler{refuse: answers(200, `[{"error":"Invalid secret"},400]`)}, "wrong-secret missing-secret empty-secret longer-secret", "", ""},
		"refused with 500":          {&handler{refuse: error500}, "", "wrong-secret missing-secret empty-secret longer-secret", ""},
		"an unknown scope ends in 500": {is(func(p payload) bool {
			return !slices.Contains([]string{"repo", "repo.content", "repo.config", "discussion", "discussion.comment"}, p.Event.Scope)
		}, error500), "narrower-scope unknown-scope", "", ""},
		"an unknown scope drops the connection": {is(func(p payload) bool { return p.Event.Scope == "collection" }, drop), "unknown-scope", "", ""},
		"an unknown type is refused": {is(func(p payload) bool { return !slices.Contains([]string{"model", "dataset", "space"}, p.Repo.Type) }, answers(422, `{"detail":[{"loc":["body","repo","type"],"msg":"unexpected value"}]}`)),
			"kernel bucket many-files unknown-type", "", ""},
		"an unknown action is refused": {is(func(p payload) bool { return p.Event.Action == "archive" }, answers(400, "")), "unknown-action", "", ""},
		"a name without a slash":       {is(func(p payload) bool { return !strings.Contains(p.Repo.Name, "/") }, error500), "no-owner", "", ""},
		"a hidden comment":             {is(func(p payload) bool { return p.Comment != nil && p.Comment.Content == nil }, error500), "hidden-comment", "", ""},
		"an empty config":              {is(func(p payload) bool { _, ok := p.UpdatedConfig["private"]; return p.UpdatedConfig != nil && !ok }, error500), "empty-config narrower-scope", "", ""},
		"a deleted ref":                {is(func(p payload) bool { return len(p.UpdatedRefs) > 0 && p.UpdatedRefs[0].NewSHA == nil }, error500), "deleted-branch", "", ""},
		"a discussion without changes": {is(func(p payload) bool { return p.Event.Scope == "discussion" && p.Discussion.Changes == nil }, error500), "discussion.delete discussion.update plain-discussion", "", ""},
		"fields that it does not know": {&handler{body: func(w http.ResponseWriter, b []byte) bool { return strict(w, b) }}, "extra-fields", "", ""},
		"a limit for bodies":           {&handler{body: tooLarge}, "many-files", "", ""},
		"a push is a push":             {is(func(p payload) bool { return p.Event.Scope == "repo.content" }, answers(200, `{"done":true}`)), "", "", noPushes},
		"an error in the body":         {is(func(p payload) bool { return p.Event.Scope == "repo" }, answers(200, `{"error":"no model"}`)), "", "repo.create repo.delete repo.update repo.move unknown-action", ""},
		"repeats are not known":        {&handler{forgets: true}, "", "", "repeat repeat-at-once"},
		"repeats are refused":          {&handler{repeat: answers(409, `{"error":"duplicate"}`)}, "", "repeat repeat-at-once", ""},
		"repeats end in 500":           {&handler{repeat: error500}, "repeat repeat-at-once", "", ""},
		"GET is taken":                 {&handler{methods: func(m string) bool { return m == "GET" || m == "POST" }}, "get", "", ""},
		"every method is taken":        {&handler{methods: func(string) bool { return true }}, "get", "", ""},
		"a page stands there":          {&handler{before: page}, "", "", ""},
		"GET ends in 500": {&handler{before: func(w http.ResponseWriter, req *http.Request) bool {
			error5 := req.Method == "GET"
			if error5 {
				w.WriteHeader(500)
			}
			return error5
		}}, "", "get", ""},
		"a charset":                    {&handler{before: noCharset}, "charset", "", ""},
		"what is not JSON ends in 500": {&handler{body: notJSON(error500)}, "", "broken-json empty-body not-json not-an-object", ""},
		"what is not JSON is taken":    {&handler{body: notJSON(answers(200, `{"done":true}`))}, "", "broken-json empty-body not-json not-an-object", ""},
		"what is not JSON ends all":    {&handler{body: notJSON(drop)}, "broken-json empty-body not-json not-an-object", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cannotTell := c.cannotTell
			if strings.Contains(cannotTell, "repeat") {
				cannotTell += " " + cannotSee
			} else {
				cannotTell = strings.TrimSpace(cannotTell + " " + cannotSee)
			}
			examine(t, c.h, nil).wants(c.fail, c.warn, cannotTell)
		})
	}
}

// strict refuses fields that the payload's model does not know.
func strict(w http.ResponseWriter, body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if d.Decode(&hub.Payload{}) == nil || !json.Valid(body) || body[0] != '{' {
		return false
	}
	w.WriteHeader(http.StatusUnprocessableEntity)
	return true
}

func tooLarge(w http.ResponseWriter, body []byte) bool {
	if len(body) <= 100<<10 {
		return false
	}
	w.WriteHeader(http.StatusRequestEntityTooLarge)
	return true
}

func page(w http.ResponseWriter, req *http.Request) bool {
	if req.Method == "POST" {
		return false
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, "<h1>hello</h1>")
	return true
}

func noCharset(w http.ResponseWriter, req *http.Request) bool {
	if req.Method != "POST" || req.Header.Get("Content-Type") == "application/json" || req.Header.Get("X-Webhook-Secret") != secret || req.ContentLength < 100 {
		return false
	}
	w.WriteHeader(http.StatusUnsupportedMediaType)
	return true
}

func notJSON(answer func(http.ResponseWriter)) func(http.ResponseWriter, []byte) bool {
	return func(w http.ResponseWriter, body []byte) bool {
		if json.Valid(body) && body[0] == '{' {
			return false
		}
		answer(w)
		return true
	}
}

func pathOf() string { return os.Getenv("PATH") }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
