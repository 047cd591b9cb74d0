package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// binary is the program, built once as its users build it.
var binary string

func TestMain(m *testing.M) {
	// Under nohup hang-ups are ignored, and the programs that are started here would
	// inherit that. One that is taken is one that they know.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	dir, err := os.MkdirTemp("", "hf-tap-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "hf-tap")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/hf-tap/hf-tap").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// secret is what the handlers of the tests expect.
const secret = "correct horse battery"

// world is a stand-in Hub with the user "me", and a machine with a state folder and an
// environment of its own.
type world struct {
	*sandbox.Hub
	t        *testing.T
	endpoint string
	token    string
	env      []string
	state    string
	folder   string // in which servers run
}

var modelM = hub.Repo{Type: "model", Name: "me/m"}

func newWorld(t *testing.T, env ...string) *world {
	t.Helper()
	w := &world{Hub: sandbox.New(sandbox.Config{}), t: t, state: filepath.Join(t.TempDir(), "state"), folder: t.TempDir()}
	t.Cleanup(w.Close)
	var err error
	w.endpoint, err = w.Start("127.0.0.1:0")
	must(t, err)
	must(t, errors.Join(w.AddUser("me"), w.AddRepo(modelM, false)))
	w.token, err = w.AddToken("me", sandbox.Token{})
	must(t, err)
	w.env = append([]string{
		"HF_ENDPOINT=" + w.endpoint, "HF_TOKEN=" + w.token, "WEBHOOK_SECRET=" + secret, "HF_TAP_STATE=" + w.state,
		"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "SYSTEMROOT=" + os.Getenv("SYSTEMROOT"),
	}, env...)
	return w
}

func (w *world) history() string { return filepath.Join(w.state, "history.db") }

func (w *world) happen(kind event.Kind) {
	w.t.Helper()
	_, err := w.Happen(kind, modelM, nil)
	must(w.t, err)
}

// nothingLeft checks that no webhook is left on the account, and no record of one.
func (w *world) nothingLeft() {
	w.t.Helper()
	if left := w.Webhooks("me"); len(left) > 0 {
		w.t.Errorf("webhooks are left: %v", left)
	}
	entries, err := os.ReadDir(filepath.Join(w.state, "leases"))
	must(w.t, err)
	for _, e := range entries {
		if e.Name() != ".lock" {
			w.t.Errorf("left in the state folder: %s", e.Name())
		}
	}
}

// server is the server as it runs. Every byte of its output is kept.
type server struct {
	w      *world
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader // what is read here is kept, too
	pipe   *os.File  // where it comes from
	exited chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
	stderr bytes.Buffer
}

func (w *world) serve(args ...string) *server {
	w.t.Helper()
	s := &server{w: w, exited: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"mcp"}, args...)...)
	s.cmd.Env, s.cmd.Dir = w.env, w.folder
	s.cmd.Stderr = &s.stderr
	var err error
	s.in, err = s.cmd.StdinPipe()
	must(w.t, err)
	r, out, err := os.Pipe() // that of the command would be closed by Wait
	must(w.t, err)
	s.cmd.Stdout, s.pipe = out, r
	s.out = io.TeeReader(r, writerFunc(func(b []byte) (int, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.output.Write(b)
	}))
	must(w.t, s.cmd.Start())
	must(w.t, out.Close())
	go func() {
		defer close(s.exited)
		_ = s.cmd.Wait()
	}()
	w.t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.exited
		_ = s.in.Close()
		_ = r.Close()
		s.onlyMessages()
	})
	return s
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// onlyMessages checks that every byte of the output belongs to a message of JSON-RPC, and
// that none of the secrets stands there.
func (s *server) onlyMessages() {
	s.w.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	output := s.output.String()
	for line := range strings.Lines(output) {
		var m struct {
			JSONRPC string
			ID      json.RawMessage
			Method  string
			Result  json.RawMessage
			Error   json.RawMessage
		}
		if !strings.HasSuffix(line, "\n") {
			break // the server was killed, or is not read any more
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.JSONRPC != "2.0" || m.Method == "" && (m.Result == nil) == (m.Error == nil) {
			s.w.t.Errorf("not a message: %v\n%.300s", err, line)
		}
	}
	for _, hidden := range []string{secret, s.w.token} {
		if strings.Contains(output, hidden) {
			s.w.t.Errorf("the output has the secret %q", hidden)
		}
	}
}

// ends waits for the exit code and checks it.
func (s *server) ends(code int) {
	s.w.t.Helper()
	<-s.exited
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.w.t.Errorf("exit code %d, want %d: %s", got, code, s.stderr.String())
	}
}

// client is the SDK's client of a server.
type client struct {
	*sdk.ClientSession
	*server
	t        *testing.T
	progress chan string
}

// connect starts a server with the SDK's client.
func (w *world) connect(args ...string) *client {
	w.t.Helper()
	s := w.serve(args...)
	c := &client{server: s, t: w.t, progress: make(chan string, 1000)}
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, &sdk.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, req *sdk.ProgressNotificationClientRequest) {
			c.progress <- req.Params.Message
		},
	}).Connect(context.WithoutCancel(w.t.Context()), &sdk.IOTransport{Reader: io.NopCloser(s.out), Writer: s.in}, nil)
	must(w.t, err)
	c.ClientSession = session
	w.t.Cleanup(func() { _ = session.Close() })
	return c
}

// args are the arguments of a tool.
type args map[string]any

// value is a value in JSON, and how to get at what is in it.
type value struct {
	t *testing.T
	v any
}

func (v value) key(path ...any) value {
	v.t.Helper()
	at := v.v
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := at.(map[string]any)
			if !ok {
				v.t.Fatalf("no %v in %v", path, v)
			}
			at = m[step]
		case int:
			list, ok := at.([]any)
			if !ok || step >= len(list) {
				v.t.Fatalf("no %v in %v", path, v)
			}
			at = list[step]
		}
	}
	return value{v.t, at}
}

func (v value) number() int {
	v.t.Helper()
	n, ok := v.v.(float64)
	if !ok {
		v.t.Fatalf("%v is not a number", v)
	}
	return int(n)
}

func (v value) text() string {
	s, _ := v.v.(string)
	return s
}

func (v value) len() int {
	list, _ := v.v.([]any)
	return len(list)
}

func (v value) is(want any) {
	v.t.Helper()
	b, err := json.Marshal(want)
	must(v.t, err)
	if raw, isText := want.(string); isText && strings.HasPrefix(raw, "[") {
		b = []byte(raw)
	}
	if got, err := json.Marshal(v.v); err != nil || !bytes.Equal(got, b) {
		v.t.Errorf("got %v, want %s", v, b)
	}
}

// String is the value in JSON.
func (v value) String() string {
	b, _ := json.MarshalIndent(v.v, "", " ")
	return string(b)
}

// try calls a tool and returns its result as it came.
func (c *client) try(tool string, a args) *sdk.CallToolResult {
	c.t.Helper()
	result, err := c.CallTool(context.WithoutCancel(c.t.Context()), &sdk.CallToolParams{Name: tool, Arguments: a})
	if err != nil {
		c.t.Fatalf("%s %v: %v", tool, a, err)
	}
	return result
}

func said(r *sdk.CallToolResult) string {
	var all []string
	for _, c := range r.Content {
		if text, ok := c.(*sdk.TextContent); ok {
			all = append(all, text.Text)
		}
	}
	return strings.Join(all, "\n")
}

// call calls a tool that has to do what it is for.
func (c *client) call(tool string, a args) value {
	c.t.Helper()
	r := c.try(tool, a)
	if r.IsError {
		c.t.Fatalf("%s %v: %s", tool, a, said(r))
	}
	var text any
	if err := json.Unmarshal([]byte(said(r)), &text); err != nil {
		c.t.Fatalf("%s: the text is not JSON: %v", tool, err)
	}
	v := value{c.t, r.StructuredContent}
	if v.String() != (value{c.t, text}).String() {
		c.t.Errorf("%s: the text is not the value:\n%v\n%v", tool, text, v)
	}
	return v
}

// fails calls a tool that has to fail, with these words in its error.
func (c *client) fails(tool string, a args, words ...string) {
	c.t.Helper()
	r := c.try(tool, a)
	if !r.IsError {
		c.t.Errorf("%s %v: %v", tool, a, r.StructuredContent)
	}
	for _, word := range words {
		if !strings.Contains(said(r), word) {
			c.t.Errorf("%s %v lacks %q: %s", tool, a, word, said(r))
		}
	}
}

// handler is a target that checks the secret, and answers as the test says.
type handler struct {
	port string

	mu     sync.Mutex
	bodies []string
	answer func(w http.ResponseWriter, r *http.Request)
}

func newHandler(t *testing.T) *handler {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	h := &handler{}
	_, h.port, _ = net.SplitHostPort(ln.Addr().String())
	srv, done := &http.Server{Handler: h}, make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() { srv.Close(); <-done })
	return h
}

func (h *handler) answers(f func(w http.ResponseWriter, r *http.Request)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = f
}

func (h *handler) got() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.bodies)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Header.Get("X-Webhook-Secret") != secret {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	h.mu.Lock()
	h.bodies = append(h.bodies, string(body))
	answer := h.answer
	h.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	_, _ = io.WriteString(w, "thanks")
}

// deliver posts a delivery to a session's public address.
func deliver(t *testing.T, url, with string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	must(t, err)
	req.Header.Set("X-Webhook-Secret", with)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	must(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if want := map[bool]int{true: 200, false: 403}[with == secret]; resp.StatusCode != want {
		t.Fatalf("the delivery was answered %d", resp.StatusCode)
	}
}

// url is the address of the only webhook.
func (w *world) url() string {
	w.t.Helper()
	all := w.Webhooks("me")
	if len(all) != 1 {
		w.t.Fatalf("%d webhooks", len(all))
	}
	return all[0].URL
}

// within fails when what the test waits for does not come: for good, not for an
// assertion about time.
func within(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatal(what)
	}
}
