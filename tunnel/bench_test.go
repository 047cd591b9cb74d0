package tunnel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.ngrok.com/ngrok/v2"
)

// BenchmarkNgrok measures a server under a Keeper on ngrok's listener, which
// reads each body and compares its secret as a receiver does, beside the bare
// SDK with a handler that does nothing. Both take turns on one edge, because a
// machine's speed changes from one second to the next; a ratio is of two
// neighbours.
//
//	go test -run - -bench Ngrok ./tunnel
func BenchmarkNgrok(b *testing.B) {
	const pairs, clients, requests = 10, 8, 800
	e := startEdge(b)
	bare := bareNgrok(b, edgeConfig(e))
	cfg := edgeConfig(e)
	cfg.NgrokDomain, cfg.Heartbeat = "ours.ngrok.example", 10*time.Second
	k, err := OpenKeeper(context.Background(), KeeperConfig{Open: func(ctx context.Context) (Tunnel, error) { return Open(ctx, cfg) }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = k.Close() })
	want := sha256.Sum256([]byte("secret"))
	serveHTTP(b, k.Listener(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if got := sha256.Sum256([]byte(r.Header.Get("X-Webhook-Secret"))); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	ours := k.Status().URL
	load(b, ours, clients, requests/4)
	load(b, bare, clients, requests/4)
	for b.Loop() {
		var ratios, kept []float64
		for range pairs {
			a, z := load(b, ours, clients, requests), load(b, bare, clients, requests)
			ratios, kept = append(ratios, a/z), append(kept, a)
		}
		slices.Sort(ratios)
		slices.Sort(kept)
		b.ReportMetric(ratios[pairs/2], "ratio")
		b.ReportMetric(ratios[0], "ratio-min")
		b.ReportMetric(ratios[pairs-1], "ratio-max")
		b.ReportMetric(kept[pairs/2], "req/s")
	}
}

// bareNgrok serves with the SDK and nothing else.
func bareNgrok(b *testing.B, cfg Config) string {
	roots := cfg.NgrokRoots[0]
	agent, err := ngrok.NewAgent(ngrok.WithAuthtoken(cfg.NgrokToken), ngrok.WithAgentConnectURL(cfg.NgrokServer),
		ngrok.WithAgentConnectCAs(roots), ngrok.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(func() { _ = agent.Disconnect(); cancel() })
	ln, err := agent.Listen(ctx)
	if err != nil {
		b.Fatal(err)
	}
	serveHTTP(b, ln, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return ln.URL().String()
}

// load posts requests from some clients, and returns how many a second.
func load(b *testing.B, url string, clients, requests int) float64 {
	body := bytes.Repeat([]byte("x"), 1500)
	tr := &http.Transport{MaxIdleConnsPerHost: clients}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	start := time.Now()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range requests / clients {
				req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/hook", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("X-Webhook-Secret", "secret")
				resp, err := c.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("answered %d", resp.StatusCode)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(requests) / time.Since(start).Seconds()
}
