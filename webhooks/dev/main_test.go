package dev

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/webhooks"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, ngroktest.IgnoreLingering()...) }

var (
	modelM   = hub.Repo{Type: "model", Name: "me/m"}
	datasetD = hub.Repo{Type: "dataset", Name: "me/d"}
)

// world is a stand-in Hub with the user "me", and the environment of a program.
type world struct {
	*sandbox.Hub
	t        *testing.T
	endpoint string
	env      map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Hub: sandbox.New(sandbox.Config{}), t: t}
	t.Cleanup(w.Close)
	var err error
	if w.endpoint, err = w.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.AddUser("me"), w.AddOrg("us", "me"), w.AddRepo(modelM, false), w.AddRepo(datasetD, false)); err != nil {
		t.Fatal(err)
	}
	token, err := w.AddToken("me", sandbox.Token{})
	if err != nil {
		t.Fatal(err)
	}
	w.env = map[string]string{"HF_ENDPOINT": w.endpoint, "HF_TOKEN": token, "HF_TAP_STATE": filepath.Join(t.TempDir(), "state"), "HOME": t.TempDir()}
	return w
}

func (w *world) happen(kind event.Kind, repo hub.Repo) {
	w.t.Helper()
	if _, err := w.Happen(kind, repo, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) nothingLeft() {
	w.t.Helper()
	if left := w.Webhooks("me"); len(left) > 0 {
		w.t.Errorf("left on the account: %+v", left)
	}
}

// newServer is a server that logs nothing.
func newServer(t *testing.T, config webhooks.Config) *webhooks.Server {
	t.Helper()
	config.Log = slog.New(slog.DiscardHandler)
	s, err := webhooks.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must adds an endpoint.
func must(t *testing.T, s *webhooks.Server, name string, h webhooks.Handler, options ...webhooks.Option) {
	t.Helper()
	if err := s.Handle(name, h, options...); err != nil {
		t.Fatal(err)
	}
}

// counter counts the deliveries of each endpoint.
type counter struct {
	mu   sync.Mutex
	seen map[string][]string
}

func (c *counter) handler(name string) webhooks.Handler {
	return func(_ context.Context, d *webhooks.Delivery) (any, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.seen == nil {
			c.seen = map[string][]string{}
		}
		c.seen[name] = append(c.seen[name], d.Repo.Repo().String())
		return "by " + name, nil
	}
}

func (c *counter) of(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.seen[name], " ")
}

// running is a session that a test has started.
type running struct {
	t        *testing.T
	out, err output
	cancel   context.CancelFunc
	done     chan struct{}
	failed   error
}

// start runs a server's endpoints until the test ends.
func (w *world) start(s *webhooks.Server, options Options) *running {
	ctx, cancel := context.WithCancel(w.t.Context())
	r := &running{t: w.t, cancel: cancel, done: make(chan struct{})}
	p := process{getenv: func(name string) string { return w.env[name] }, out: &r.out, err: &r.err, drain: 20 * time.Millisecond}
	go func() {
		defer close(r.done)
		r.failed = p.run(ctx, s, options)
		r.out.end()
		r.err.end()
	}()
	w.t.Cleanup(func() { cancel(); <-r.done })
	return r
}

// up waits until the session listens.
func (r *running) up() *running {
	r.t.Helper()
	r.wait(&r.err, "ready: ")
	return r
}

// url is the address of an endpoint, as the start message has it.
func (r *running) url(name string) string {
	r.t.Helper()
	line := r.wait(&r.err, "/webhooks/"+name+" ")
	return strings.Fields(line)[2]
}

func (r *running) wait(o *output, want string) string {
	r.t.Helper()
	line, ok := o.wait(want)
	if !ok {
		<-r.done
		r.t.Fatalf("the session ended (%v) without %q\nstdout:\n%s\nstderr:\n%s", r.failed, want, r.out.text(), r.err.text())
	}
	return line
}

func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	<-r.done
	if r.failed != nil {
		r.t.Errorf("the session ended with %v", r.failed)
	}
}

// output is what is printed, to be waited for line by line.
type output struct {
	mu    sync.Mutex
	all   bytes.Buffer
	over  bool
	moved chan struct{} // closed and forgotten when there is more
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.moveLocked()
	return o.all.Write(b)
}

func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.moveLocked()
}

func (o *output) moveLocked() {
	if o.moved != nil {
		close(o.moved)
		o.moved = nil
	}
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// wait returns the first whole line that has a text, or false if none comes.
func (o *output) wait(want string) (string, bool) {
	for {
		o.mu.Lock()
		for line := range strings.Lines(o.all.String()) {
			if whole, ok := strings.CutSuffix(line, "\n"); ok && strings.Contains(whole, want) {
				o.mu.Unlock()
				return whole, true
			}
		}
		if o.over {
			o.mu.Unlock()
			return "", false
		}
		if o.moved == nil {
			o.moved = make(chan struct{})
		}
		moved := o.moved
		o.mu.Unlock()
		<-moved
	}
}
