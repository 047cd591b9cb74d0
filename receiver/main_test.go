package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to happen before it gives up.
const patience = time.Minute

const (
	path   = "/hf-tap/0123456789abcdef"
	secret = "correct horse"

	localKey = "battery staple"
)

// memory is a Recorder that keeps everything in the order in which it came.
type memory struct {
	mu      sync.Mutex
	records []*record
	changed chan struct{} // closed at the next change
	failing error         // what Append answers
	read    int           // bodies read back
}

// record is an event and its updates, one by one.
type record struct {
	event.Event
	recorded event.Phase // that it was appended with
	updates  []event.Update
}

func newMemory() *memory { return &memory{changed: make(chan struct{})} }

func (m *memory) change() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) Append(_ context.Context, e *event.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing != nil {
		return m.failing
	}
	e.N = int64(len(m.records) + 1)
	kept := *e
	kept.Header, kept.Body = e.Header.Clone(), bytes.Clone(e.Body)
	m.records = append(m.records, &record{Event: kept, recorded: e.Phase})
	m.change()
	return nil
}

func (m *memory) Update(u event.Update) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[u.N-1]
	r.updates = append(r.updates, u)
	if u.Phase != "" {
		r.Phase = u.Phase
	}
	if u.Answer != (event.Answer{}) {
		r.Answer = u.Answer
	}
	if u.Attempt != nil {
		r.Attempts = append(r.Attempts, *u.Attempt)
	}
	m.change()
}

func (m *memory) Body(_ context.Context, n int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read++
	return bytes.Clone(m.records[n-1].Body), nil
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing = err
}

// all gives a copy of what is recorded.
func (m *memory) all() []record {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []record
	for _, r := range m.records {
		c := *r
		c.updates = slices.Clone(r.updates)
		c.Attempts = slices.Clone(r.Attempts)
		out = append(out, c)
	}
	return out
}

// await waits until cond holds for what is recorded, and gives that.
func (m *memory) await(t *testing.T, what string, cond func([]record) bool) []record {
	t.Helper()
	tooLate := time.After(patience)
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		got := m.all()
		if cond(got) {
			return got
		}
		select {
		case <-changed:
		case <-tooLate:
			var recorded []string
			for _, r := range got {
				recorded = append(recorded, fmt.Sprintf("#%d %s %d bytes: %s", r.N, r.Phase, r.Size, story(r)))
			}
			t.Fatalf("it never came to this: %s; recorded:\n%s", what, strings.Join(recorded, "\n"))
		}
	}
}

// settled waits until n events are recorded and all of them are settled and
// answered.
func (m *memory) settled(t *testing.T, n int) []record {
	t.Helper()
	return m.await(t, "all settled", func(all []record) bool {
		return len(all) == n && !slices.ContainsFunc(all, func(r record) bool { return r.Phase != event.PhaseSettled || !r.Done() })
	})
}

// states collects what is reported.
type states struct {
	mu  sync.Mutex
	all []event.State
}

func (s *states) report(state event.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, state)
}

// words gives "subject state" of each report.
func (s *states) words() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, state := range s.all {
		words = append(words, string(state.Subject)+" "+state.State)
	}
	return words
}

// tap is a receiver that is being served on loopback.
type tap struct {
	*receiver.Receiver
	history *memory
	states  *states
	url     string // of the public side
	local   string // of the other one
}

// open makes a receiver that checks the secret, and serves it until the test ends.
func open(t *testing.T, config receiver.Config) *tap {
	t.Helper()
	tap := makeTap(t, config)
	tap.url = serve(t, tap.Server()) + path
	local := tap.Server()
	local.Handler = tap.LocalHandler()
	tap.local = serve(t, local) + path
	return tap
}

// makeTap makes a receiver that nobody serves.
func makeTap(t *testing.T, config receiver.Config) *tap {
	t.Helper()
	tap := &tap{history: newMemory(), states: &states{}}
	config.Path = path
	if config.Secret == "" {
		config.Secret = secret
	}
	config.Session, config.LocalKey = "s1", localKey
	config.OnState = tap.states.report
	if config.Recorder == nil {
		config.Recorder = tap.history
	}
	r, err := receiver.New(config)
	if err != nil {
		t.Fatal(err)
	}
	tap.Receiver = r
	t.Cleanup(r.Close)
	return tap
}

// serve serves on loopback until the test ends, and gives the base URL.
func serve(t *testing.T, server *http.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving: %v", err)
		}
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// client keeps no connection, so that none outlives a test.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
}

// post sends a body with headers given as key, value, key, value.
func post(t *testing.T, url string, body []byte, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return send(t, req, headers...)
}

// deliver sends a body as the Hub does, with the right secret.
func (tap *tap) deliver(t *testing.T, body string) *http.Response {
	t.Helper()
	return post(t, tap.url, []byte(body), "X-Webhook-Secret", secret, "Content-Type", "application/json")
}

// send sends a request and reads the answer.
func send(t *testing.T, req *http.Request, headers ...string) *http.Response {
	t.Helper()
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(got))
	return resp
}

// bodyOf reads an answer that send has read already.
func bodyOf(resp *http.Response) string {
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// took is a request as an app got it.
type took struct {
	*http.Request
	body []byte
}

// app is the server under development: it can be stopped and started again on
// the same port.
type app struct {
	addr   string
	handle http.HandlerFunc // nil: 200

	mu     sync.Mutex
	server *http.Server
	done   chan struct{}
	took   []took
}

// newApp picks a port and does not listen on it yet.
func newApp(t *testing.T, handle http.HandlerFunc) *app {
	t.Helper()
	a := &app{addr: porttest.Addr(t), handle: handle}
	t.Cleanup(a.stop)
	return a
}

// runApp is newApp and start.
func runApp(t *testing.T, handle http.HandlerFunc) *app {
	t.Helper()
	a := newApp(t, handle)
	a.start(t)
	return a
}

func (a *app) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", a.addr)
	if err != nil {
		t.Fatal(err)
	}
	server, done := &http.Server{Handler: a}, make(chan struct{})
	a.mu.Lock()
	a.server, a.done = server, done
	a.mu.Unlock()
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
}

// stop is what SIGKILL does: nobody listens any more and all connections break.
func (a *app) stop() {
	a.mu.Lock()
	server, done := a.server, a.done
	a.server = nil
	a.mu.Unlock()
	if server != nil {
		server.Close()
		<-done
	}
}

func (a *app) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	a.mu.Lock()
	a.took = append(a.took, took{req, body})
	a.mu.Unlock()
	if a.handle != nil {
		a.handle(w, req)
	}
}

// all gives what the app took so far.
func (a *app) all() []took {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.took)
}

// route parses a route to the app, with a match in front if there is one.
func (a *app) route(t *testing.T, match string) receiver.Route {
	t.Helper()
	return route(t, match+"http://"+a.addr+"/hook")
}

func route(t *testing.T, s string) receiver.Route {
	t.Helper()
	r, err := receiver.ParseRoute(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func routes(r ...receiver.Route) []receiver.Route { return r }

// with fails the test when got is not what was wanted.
func want[T comparable](t *testing.T, what string, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s: got %v, want %v", what, got, wanted)
	}
}
