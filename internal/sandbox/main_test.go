package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	model   = hub.Repo{Type: "model", Name: "me/m"}
	dataset = hub.Repo{Type: "dataset", Name: "me/d"}
	space   = hub.Repo{Type: "space", Name: "me/s"}
	bucket  = hub.Repo{Type: "bucket", Name: "me/b"}
)

// place is a sandbox with the user "me", a few repos and a client.
type place struct {
	*sandbox.Hub
	t      *testing.T
	base   string
	token  string
	client *hub.Client
}

func open(t *testing.T, cfg sandbox.Config) *place {
	t.Helper()
	if cfg.Seed == 0 {
		cfg.Seed = 1
	}
	p := &place{Hub: sandbox.New(cfg), t: t}
	t.Cleanup(p.Close)
	for _, user := range []string{"me", "you"} {
		p.must(p.AddUser(user))
	}
	for _, repo := range []hub.Repo{model, dataset, space, bucket} {
		p.must(p.AddRepo(repo, false))
	}
	var err error
	p.base, err = p.Start("127.0.0.1:0")
	p.must(err)
	p.token = p.newToken("me", sandbox.Token{})
	p.client = p.clientOf(p.token)
	return p
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) newToken(user string, t sandbox.Token) string {
	p.t.Helper()
	token, err := p.AddToken(user, t)
	p.must(err)
	return token
}

func (p *place) clientOf(token string) *hub.Client {
	p.t.Helper()
	c, err := hub.NewClient(hub.ClientConfig{Endpoint: p.base, Token: token, Retries: -1})
	p.must(err)
	p.t.Cleanup(c.Close)
	return c
}

// listen makes a webhook of the client's user that watches something.
func (p *place) listen(url string, watched ...hub.Watch) hub.Webhook {
	p.t.Helper()
	w, err := p.client.CreateWebhook(p.t.Context(), hub.WebhookSpec{
		URL: url, Watched: watched, Domains: []hub.Domain{"repo", "discussion"}, Secret: "s3cret",
	})
	p.must(err)
	return w
}

// idle waits until every delivery has come to its end.
func (p *place) idle() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	p.must(p.Idle(ctx))
}

// call is one request of a client that sends what it wants.
func (p *place) call(method, path, token, body string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	p.must(err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/json")
	return p.do(req)
}

func (p *place) do(req *http.Request) (*http.Response, string) {
	p.t.Helper()
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	p.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	p.must(err)
	return resp, string(text)
}

// app is a receiver of webhooks that remembers what it got.
type app struct {
	*httptest.Server
	mu     sync.Mutex
	got    []arrival
	answer func(n int, w http.ResponseWriter, r *http.Request) // n counts from 1
}

type arrival struct {
	header  http.Header
	body    []byte
	payload hub.Payload
}

func startApp(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *app {
	a := &app{answer: answer}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		payload, _ := hub.ParsePayload(body)
		a.mu.Lock()
		a.got = append(a.got, arrival{r.Header, body, payload})
		n := len(a.got)
		a.mu.Unlock()
		if a.answer != nil {
			a.answer(n, w, r)
		}
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *app) arrivals() []arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]arrival(nil), a.got...)
}

// kinds lists what arrived, in order.
func (a *app) kinds() string {
	var kinds []string
	for _, got := range a.arrivals() {
		kinds = append(kinds, string(got.payload.Event.Scope)+"."+string(got.payload.Event.Action))
	}
	return strings.Join(kinds, " ")
}

func status(code int) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// quick are pauses too short to notice.
func quick(n int) []time.Duration {
	pauses := make([]time.Duration, n)
	for i := range pauses {
		pauses[i] = time.Millisecond
	}
	return pauses
}

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
