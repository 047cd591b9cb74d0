package tunnel

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// mustPost posts different bodies, and sees each arrive once.
func (w *keptWorld) mustPost(url string, n int, what string) {
	w.t.Helper()
	for i := range n {
		body := fmt.Sprintf("%s %d", what, i)
		resp, err := w.client.Post(url+"/hook", "text/plain", strings.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		_ = resp.Body.Close()
		w.mu.Lock()
		got := w.bodies[body]
		w.mu.Unlock()
		if got != 1 || resp.StatusCode != http.StatusOK {
			w.t.Fatalf("%q arrived %d times, %d", body, got, resp.StatusCode)
		}
	}
}

// keptWorld is a Keeper with a server behind it that answers self-checks and
// remembers what else was posted.
type keptWorld = edgeWorld

// keepTunnel keeps the tunnel of a configuration, which is up then.
func keepTunnel(t *testing.T, cfg Config, c *http.Client, times KeeperTimes) *keptWorld {
	t.Helper()
	w := &keptWorld{t: t, client: c, news: make(chan struct{}, 1), bodies: map[string]int{}}
	k, err := OpenKeeper(t.Context(), KeeperConfig{
		Open: Opener(cfg),
		Check: func(ctx context.Context, url string) (time.Duration, error) {
			return VerifyOnce(ctx, Probe{URL: url + "/check", Answer: answer, Client: w.client})
		},
		Changed: w.changed, Times: times,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.k = k
	serveHTTP(t, k.Listener(), http.HandlerFunc(w.serve))
	if s, err := k.Verify(t.Context()); err != nil || s.State != StateUp {
		t.Fatalf("%+v, %v", s, err)
	}
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	running.Go(func() { k.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		w.client.CloseIdleConnections()
	})
	return w
}
