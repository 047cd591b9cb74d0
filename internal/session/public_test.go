package session

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
)

// edge is a stand-in for ngrok's servers.
func edge(t *testing.T) *ngroktest.Edge {
	t.Helper()
	e, err := ngroktest.Start(ngroktest.Config{Tokens: []string{"good"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// through makes a configuration reach the Hub by an edge, with short times.
func through(cfg Config, e *ngroktest.Edge) Config {
	cfg.Tunnel.Provider, cfg.Tunnel.Ngrok.Token, cfg.Tunnel.Ngrok.Server = ngrok.Name, "good", e.Addr()
	cfg.Tunnel.Ngrok.Roots = []*x509.CertPool{e.CA()}
	cfg.Tunnel.Heartbeat = 2 * time.Second // a machine that stands still for a while is no dead peer
	cfg.Times.Again = 10 * time.Millisecond
	cfg.Times.Tunnel = tunnel.KeeperTimes{RetryMin: 10 * time.Millisecond, RetryMax: 100 * time.Millisecond, RetryRefused: time.Hour, LaterCheck: time.Second, CheckPause: 10 * time.Millisecond}
	return cfg
}

// sink is an app that keeps the bodies it got.
type sink struct {
	url  string
	mu   sync.Mutex
	got  map[string]int // how often each body came
	more chan struct{}  // closed and made anew with each
}

func newSink(t *testing.T) *sink {
	s := &sink{got: map[string]int{}, more: make(chan struct{})}
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got[string(body)]++
		close(s.more)
		s.more = make(chan struct{})
	}))
	t.Cleanup(app.Close)
	s.url = app.URL
	return s
}

func (s *sink) count(body []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[string(body)]
}

// until waits for so many different bodies.
func (s *sink) until(t *testing.T, n int) {
	t.Helper()
	for {
		s.mu.Lock()
		got, more := len(s.got), s.more
		s.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-more:
		case <-t.Context().Done():
			t.Fatalf("%d of %d have come", got, n)
		}
	}
}

func (s *sink) route(t *testing.T) []receiver.Route {
	t.Helper()
	route, err := receiver.ParseRoute(s.url)
	if err != nil {
		t.Fatal(err)
	}
	return []receiver.Route{route}
}

func TestThousandDeliveriesSurviveATunnelThatMoves(t *testing.T) {
	e := edge(t)
	outage{tunnel: through(Config{}, e).Tunnel, suspend: 3, strike: e.Rehost, moves: true}.survive(t)
}

func TestAnOutageIsToldAndTheWebhookIsEnabledAfterwards(t *testing.T) {
	w := newWorld(t, sandbox.Config{Retries: []time.Duration{}, SuspendAfter: 1})
	e, app := edge(t), newSink(t)
	cfg := through(w.config(), e)
	cfg.Receiver.Routes = app.route(t)
	r := w.start(cfg)
	live := r.live()
	e.Set(func(f *ngroktest.Faults) { f.Refuse = true })
	e.DropSessions()
	if away := r.state(live, event.SubjectTunnel, "away"); away.Detail == "" {
		t.Errorf("it is away without a cause: %+v", away)
	}
	if status := live.Tunnel(); status.State != tunnel.StateAway || status.Cause == nil || status.Since.IsZero() {
		t.Errorf("the tunnel is %+v", status)
	}
	if _, err := w.Happen("repo.update", hub.Repo{Type: "model", Name: "me/m"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if hook := w.Webhooks("me")[0]; hook.State != hub.StateSuspended {
		t.Fatalf("the webhook is %v", hook.State)
	}
	e.Heal()
	if enabled := r.state(live, event.SubjectWebhook, "enabled"); !strings.Contains(enabled.Detail, "suspended") {
		t.Errorf("it is said: %+v", enabled)
	}
	if _, err := w.Happen("repo.update", hub.Repo{Type: "model", Name: "me/m"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.stop()
	if all := w.Deliveries(); app.count(all[len(all)-1].Body) != 1 {
		t.Error("what came after the outage did not arrive")
	}
	w.nothingLeft()
}

func TestAHubThatIsAwayWhileTheTunnelMovesIsAskedAgain(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	e := edge(t)
	r := w.start(through(w.config(), e))
	live := r.live()
	back := w.Fault("POST "+webhooksPath+"/*", sandbox.Fault{Status: http.StatusServiceUnavailable})
	e.Rehost()
	r.state(live, event.SubjectWebhook, "unknown")
	back()
	r.state(live, event.SubjectWebhook, "re-pointed")
	r.state(live, event.SubjectWebhook, "known again")
	if at := w.Webhooks("me")[0].URL; at != live.URL() {
		t.Errorf("the webhook points to %s, and the session is at %s", at, live.URL())
	}
	r.stop()
	w.nothingLeft()
}

func TestASessionThatEndsWhileItRepointsLeavesNothing(t *testing.T) {
	for _, when := range []sandbox.When{sandbox.Before, sandbox.After} {
		w := newWorld(t, sandbox.Config{})
		e := edge(t)
		r := w.start(through(w.config(), e))
		r.live()
		hold := w.Hold("POST "+webhooksPath+"/*", when)
		e.Rehost()
		<-hold.Reached()
		r.cancel()
		hold.Release()
		<-r.done
		if r.err != nil {
			t.Errorf("it ended with %v", r.err)
		}
		w.nothingLeft()
	}
}

func TestASessionThatEndsWhileItConnectsLeavesNothing(t *testing.T) {
	for _, phase := range []ngroktest.Phase{ngroktest.Connect, ngroktest.Secured, ngroktest.Auth, ngroktest.Bind} {
		w := newWorld(t, sandbox.Config{})
		e := edge(t)
		e.Set(func(f *ngroktest.Faults) { f.Hang = phase })
		r := w.start(through(w.config(), e))
		if err := e.Wait(t.Context(), func(c ngroktest.Counts) bool { return c.Conns > 0 }); err != nil {
			t.Fatal(err)
		}
		r.cancel()
		<-r.done
		if r.err != nil {
			t.Errorf("in phase %d it ended with %v", phase, r.err)
		}
		if w.CallCount("POST "+webhooksPath) != 0 {
			t.Error("a webhook was made")
		}
		w.nothingLeft()
	}
}

func TestATunnelThatIsRefusedMakesNoWebhook(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*ngroktest.Faults)
		cfg   func(*Config)
		code  string
	}{
		"bad token":      {cfg: func(c *Config) { c.Tunnel.Ngrok.Token = "bad" }, code: ngroktest.BadToken},
		"too many":       {spoil: func(f *ngroktest.Faults) { f.AuthCode = ngroktest.TooMany }, code: ngroktest.TooMany},
		"already online": {spoil: func(f *ngroktest.Faults) { f.BindCode = ngroktest.AlreadyOnline }, code: ngroktest.AlreadyOnline},
		"gateway page":   {spoil: func(f *ngroktest.Faults) { f.Gateway = 502 }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sandbox.Config{})
			e := edge(t)
			if c.spoil != nil {
				e.Set(c.spoil)
			}
			cfg := through(w.config(), e)
			cfg.Times.Verify = 20 * time.Millisecond
			if c.cfg != nil {
				c.cfg(&cfg)
			}
			_, err := Run(t.Context(), cfg, newFront())
			var refused *tunnel.ProviderError
			var wrong *tunnel.WrongAnswerError
			switch {
			case c.code != "" && (!errors.As(err, &refused) || refused.Code != c.code):
				t.Errorf("got %v, want %s", err, c.code)
			case c.code == "" && !errors.As(err, &wrong):
				t.Errorf("got %v", err)
			}
			if w.CallCount("POST "+webhooksPath) != 0 {
				t.Error("a webhook was made")
			}
			w.nothingLeft()
		})
	}
}

func TestDeliveriesThroughTheTunnelAreTheSameToTheByte(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	e, app := edge(t), newSink(t)
	cfg := through(w.config(), e)
	cfg.Receiver.Routes = app.route(t)
	r := w.start(cfg)
	live := r.live()
	bodies := [][]byte{{}, []byte("\x00\xff\r\n"), bytes.Repeat([]byte("\x01big"), 1<<20)}
	for _, body := range bodies {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, live.URL(), bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Webhook-Secret", "s3cret")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("answered %s", resp.Status)
		}
	}
	r.stop()
	for i, body := range bodies {
		if app.count(body) != 1 {
			t.Errorf("body %d (%s) came %d times", i, fmt.Sprintf("%.10q", body), app.count(body))
		}
	}
}
