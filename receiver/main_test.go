package receiver_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for an event before it fails.
const patience = time.Minute

const (
	path   = "/hf-tap/0123456789abcdef"
	secret = "correct horse"

	localKey = "battery staple"
)

// states collects the reported states.
type states struct {
	mu  sync.Mutex
	all []event.State
}

func (s *states) report(state event.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, state)
}

// words returns "subject state" of each report.
func (s *states) words() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, state := range s.all {
		words = append(words, string(state.Subject)+" "+state.State)
	}
	return words
}

// tap is a receiver under test, with what it has recorded and reported.
type tap struct {
	*receiver.Receiver
	history *memory
	states  *states
	url     string // of the public side
	local   string // of the other one
}

// startTap makes a receiver that checks the secret, and serves it on loopback until
// the test ends.
func startTap(t *testing.T, config receiver.Config) *tap {
	t.Helper()
	tap := newTap(t, config)
	tap.url = serve(t, tap.Server()) + path
	local := tap.Server()
	local.Handler = tap.LocalHandler()
	tap.local = serve(t, local) + path
	return tap
}

// newTap makes a receiver that is not served.
func newTap(t *testing.T, config receiver.Config) *tap {
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

// serve serves on loopback until the test ends, and returns the base URL.
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

// client returns a client that keeps no connections, which would outlive the test.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
}

// post sends a body. headers are key, value, key, value.
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

// bodyOf returns the body of an answer from send.
func bodyOf(resp *http.Response) string {
	b, _ := io.ReadAll(resp.Body)
	return string(b)
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

// want fails the test if got is not as wanted.
func want[T comparable](t *testing.T, what string, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s: got %v, want %v", what, got, wanted)
	}
}
