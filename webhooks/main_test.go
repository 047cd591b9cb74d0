package webhooks_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/webhooks"
)

const secret = "correct horse"

// beTheProgram is the variable that makes the test binary a one-file program,
// one that serves or one that fails.
const beTheProgram = "HF_TAP_TEST_ONE_FILE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(beTheProgram) != "" {
		oneFileProgram()
		return
	}
	for _, name := range []string{"WEBHOOK_SECRET", "PORT", "SPACE_ID", "SPACE_HOST"} {
		os.Unsetenv(name)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // that of the examples
	goleak.VerifyTestMain(m)
}

// tester is a server under test and its log.
type tester struct {
	*webhooks.Server
	t   testing.TB
	log *buffer
	url string // after serve
}

func newServer(t testing.TB, config webhooks.Config) *tester {
	t.Helper()
	l := &buffer{}
	config.Log = slog.New(slog.NewTextHandler(l, nil))
	s, err := webhooks.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return &tester{Server: s, t: t, log: l}
}

// handle registers a handler that must be accepted.
func (s *tester) handle(name string, h webhooks.Handler, options ...webhooks.Option) *tester {
	s.t.Helper()
	if err := s.Handle(name, h, options...); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// serve serves on a real socket until the test ends.
func (s *tester) serve() *tester {
	s.t.Helper()
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// post sends a body over the network, with headers as name, value pairs.
func (s *tester) post(path, body string, headers ...string) (status int, answer string) {
	s.t.Helper()
	resp, answer := send(s.t, s.request(path, body, headers...))
	return resp.StatusCode, answer
}

func (s *tester) request(path, body string, headers ...string) *http.Request {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return req
}

// direct sends a body without a network, as tests with a fake clock need it.
func (s *tester) direct(path, body string, headers ...string) (status int, answer string) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, s.request(path, body, headers...))
	return w.Code, w.Body.String()
}

func send(t testing.TB, req *http.Request) (resp *http.Response, answer string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func want[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// kindBody is a small payload of a scope and action.
func kindBody(scope, action, repo string) string {
	typ, name, _ := strings.Cut(repo, ":")
	return fmt.Sprintf(`{"event":{"action":%q,"scope":%q},"repo":{"type":%q,"name":%q},"webhook":{"id":"65a1","version":3}}`, action, scope, typ, name)
}

func echo(_ context.Context, d *webhooks.Delivery) (any, error) { return d.Kind, nil }

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// oneFileProgram is what main is in a program that only handles webhooks.
func oneFileProgram() {
	webhooks.HandleFunc(sayHello)
	webhooks.Handle("bye", sayHello, webhooks.Match("repo.*"))
	if os.Getenv(beTheProgram) == "fail" {
		webhooks.Handle("say_hello", sayHello)
		webhooks.Handle("", sayHello)
		webhooks.HandleFunc(func(context.Context, *webhooks.Delivery) (any, error) { return nil, nil })
	}
	if err := webhooks.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("stopped")
}

func sayHello(context.Context, *webhooks.Delivery) (any, error) {
	return map[string]string{"message": "hello"}, nil
}
