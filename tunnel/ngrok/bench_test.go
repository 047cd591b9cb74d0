package ngrok

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
	"golang.ngrok.com/ngrok/v2"
)

// BenchmarkNgrok measures a server under a Keeper on ngrok's listener, which
// reads each body and compares its secret as a receiver does, beside the bare
// SDK with a handler that does nothing. Both take turns on one edge, because a
// machine's speed changes from one second to the next; a ratio is of two
// neighbours.
//
//	go test -run - -bench Ngrok ./tunnel/ngrok
func BenchmarkNgrok(b *testing.B) {
	const pairs, clients, requests = 10, 8, 800
	e := startEdge(b)
	bare := bareNgrok(b, edgeConfig(e))
	cfg := edgeConfig(e)
	cfg.Domain, cfg.Heartbeat = "ours.ngrok.example", 10*time.Second
	k, err := tunnel.OpenKeeper(context.Background(), tunnel.KeeperConfig{Open: func(ctx context.Context) (tunnel.Tunnel, error) { return try(ctx, cfg) }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = k.Close() })
	want := sha256.Sum256([]byte("secret"))
	tunneltest.Serve(b, k.Listener(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if got := sha256.Sum256([]byte(r.Header.Get("X-Webhook-Secret"))); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	ours := k.Status().URL
	tunneltest.Load(b, ours, clients, requests/4)
	tunneltest.Load(b, bare, clients, requests/4)
	for b.Loop() {
		var ratios, kept []float64
		for range pairs {
			a, z := tunneltest.Load(b, ours, clients, requests), tunneltest.Load(b, bare, clients, requests)
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
	roots := cfg.Roots[0]
	agent, err := ngrok.NewAgent(ngrok.WithAuthtoken(cfg.Token), ngrok.WithAgentConnectURL(cfg.Server),
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
	tunneltest.Serve(b, ln, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return ln.URL().String()
}
