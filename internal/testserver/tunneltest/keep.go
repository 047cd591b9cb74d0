package tunneltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/tunnel"
)

// Kept is a Keeper over a provider's tunnels, with a server behind it that answers
// self-checks, and remembers and echoes what else is posted.
type Kept struct {
	*tunnel.Keeper

	t      testing.TB
	client *http.Client
	news   chan struct{} // one slot
	mu     sync.Mutex
	told   []tunnel.Status
	bodies map[string]int
}

// Quick are times in which a test sees everything happen.
func Quick() tunnel.KeeperTimes {
	return tunnel.KeeperTimes{FirstCheck: time.Minute, LaterCheck: 300 * time.Millisecond, CheckTry: 2 * time.Second, CheckPause: 20 * time.Millisecond,
		CheckEvery: time.Hour, NetworkLook: time.Hour, RetryMin: 20 * time.Millisecond, RetryMax: 200 * time.Millisecond, ProviderRetry: time.Second, RetryRefused: 100 * time.Millisecond}
}

// Keep keeps a provider's tunnel, which is up then. The client visits it.
func Keep(t testing.TB, p tunnel.Provider, c *http.Client, times tunnel.KeeperTimes) *Kept {
	t.Helper()
	w := &Kept{t: t, client: c, news: make(chan struct{}, 1), bodies: map[string]int{}}
	k, err := tunnel.OpenKeeper(t.Context(), tunnel.KeeperConfig{
		Open: p.Open,
		Check: func(ctx context.Context, url string) (time.Duration, error) {
			return tunnel.VerifyOnce(ctx, tunnel.Probe{URL: url + "/check", Answer: Answer, Client: w.client})
		},
		Changed: w.changed, Times: times,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Keeper = k
	Serve(t, k.Listener(), http.HandlerFunc(w.serve))
	if s, err := k.Verify(t.Context()); err != nil || s.State != tunnel.StateUp {
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

// Answer is what the server behind a kept tunnel answers to a nonce.
func Answer(nonce string) string { return "proof of " + nonce }

func (w *Kept) serve(rw http.ResponseWriter, r *http.Request) {
	if nonce, ok := strings.CutPrefix(r.URL.Path, "/check/"); ok {
		_, _ = io.WriteString(rw, Answer(nonce))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.bodies[string(body)]++
	w.mu.Unlock()
	_, _ = rw.Write(body)
}

func (w *Kept) changed(s tunnel.Status) {
	w.t.Logf("%s %s %v", s.State, s.URL, s.Cause)
	w.mu.Lock()
	w.told = append(w.told, s)
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// Until waits for a change to a status that fits, and forgets it and those before
// it.
func (w *Kept) Until(what string, fits func(tunnel.Status) bool) tunnel.Status {
	w.t.Helper()
	ctx := Patience(w.t)
	for {
		w.mu.Lock()
		for i, s := range w.told {
			if fits(s) {
				w.told = w.told[i+1:]
				w.mu.Unlock()
				return s
			}
		}
		w.mu.Unlock()
		select {
		case <-w.news:
		case <-ctx.Done():
			w.t.Fatalf("never %s; now %+v", what, w.Status())
		}
	}
}

// Changes returns the changes that no Until has seen.
func (w *Kept) Changes() []tunnel.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]tunnel.Status(nil), w.told...)
}

// Is is a condition of Until: the state.
func Is(state tunnel.State) func(tunnel.Status) bool {
	return func(s tunnel.Status) bool { return s.State == state }
}

// Away is a condition of Until: away after a refusal with this code.
func Away(code string) func(tunnel.Status) bool {
	return func(s tunnel.Status) bool {
		var refused *tunnel.ProviderError
		return s.State == tunnel.StateAway && errors.As(s.Cause, &refused) && refused.Code == code
	}
}

// Post sends a body to an address, and reports whether it came back to the byte.
func (w *Kept) Post(url, body string) bool {
	resp, err := w.client.Post(url+"/hook", "text/plain", strings.NewReader(body))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK && string(got) == body
}

// Arrived returns how often a body has arrived.
func (w *Kept) Arrived(body string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bodies[body]
}

// MustPost sends n different bodies to an address, and sees each arrive once.
func (w *Kept) MustPost(url string, n int, what string) {
	w.t.Helper()
	for i := range n {
		body := fmt.Sprintf("%s %d\r\n\x00\xff%s", what, i, strings.Repeat(string(rune(i)), i%300))
		if !w.Post(url, body) || w.Arrived(body) != 1 {
			w.t.Fatalf("body %d of %s arrived %d times", i, what, w.Arrived(body))
		}
	}
}

// Arrives sees that the present address leads to the server.
func (w *Kept) Arrives() {
	w.t.Helper()
	if url := w.Status().URL; !w.Post(url, "hello") {
		w.t.Errorf("nothing arrives from %s", url)
	}
}
