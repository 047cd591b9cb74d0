package session

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	frptest "github.com/hf-tap/hf-tap/internal/testserver/frp"
	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
	sdk "golang.ngrok.com/ngrok/v2"
)

// BenchmarkNgrok measures the whole way of a delivery through ngrok's SDK, taken,
// recorded and answered in ack mode, beside the bare SDK with a handler that does
// nothing. Both hang on one edge on loopback and take turns in the same run: a
// ratio is of two neighbours. A turn of ours ends when all of it is stored, so
// that none of that falls into the other's. With a target, events are handed over
// as well.
//
//	go test -run - -bench Ngrok ./internal/session
func BenchmarkNgrok(b *testing.B) {
	for _, c := range []struct {
		clients int
		target  bool
	}{{1, false}, {16, false}, {16, true}} {
		b.Run(fmt.Sprintf("clients=%d/target=%v", c.clients, c.target), func(b *testing.B) { benchNgrok(b, c.clients, c.target) })
	}
}

func benchNgrok(b *testing.B, clients int, target bool) {
	edge := benchEdge(b)
	pairs(b, clients, tapThrough(b, throughEdge(edge), target), side{bareThrough(b, edge), func() {}}, "bare-req/s")
}

// BenchmarkTunnels measures a session behind a tunnel beside one without any,
// both in ack mode with a target, the tunnel's server on loopback.
//
//	go test -run - -bench Tunnels ./internal/session
func BenchmarkTunnels(b *testing.B) {
	b.Run("ngrok", func(b *testing.B) {
		pairs(b, 16, tapThrough(b, throughEdge(benchEdge(b)), true), tapThrough(b, TunnelConfig{}, true), "direct-req/s")
	})
	b.Run("gradio", func(b *testing.B) {
		server, err := frptest.Start(frptest.Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { server.Close() })
		through := TunnelConfig{Provider: gradio.Name, Gradio: gradio.Config{Lookup: server.Lookup()}}
		pairs(b, 16, tapThrough(b, through, true), tapThrough(b, TunnelConfig{}, true), "direct-req/s")
	})
}

func benchEdge(b *testing.B) *ngroktest.Edge {
	b.Helper()
	edge, err := ngroktest.Start(ngroktest.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { edge.Close() })
	return edge
}

func throughEdge(edge *ngroktest.Edge) TunnelConfig {
	return TunnelConfig{
		Provider: ngrok.Name,
		Ngrok:    ngrok.Config{Token: "any", Server: edge.Addr(), Roots: []*x509.CertPool{edge.CA()}, Domain: "tap.example.app"},
	}
}

// side is one of two that are compared: its address, and what a turn ends with.
type side struct {
	url    string
	stored func()
}

// pairs sends to two addresses in turns.
func pairs(b *testing.B, clients int, ours, theirs side, unit string) {
	pairs := 15
	if testing.Short() {
		pairs = 3
	}
	requests := map[int]int{1: 3200, 16: 6400}[clients]
	post := func(to side) float64 { return postAll(b, to, clients, requests) }
	post(ours)
	post(theirs)
	for b.Loop() {
		var ratios, taps, others []float64
		for range pairs {
			tap, other := post(ours), post(theirs)
			taps, others, ratios = append(taps, tap), append(others, other), append(ratios, tap/other)
		}
		b.ReportMetric(middle(ratios), "ratio")
		b.ReportMetric(slices.Min(ratios), "ratio-min")
		b.ReportMetric(slices.Max(ratios), "ratio-max")
		b.ReportMetric(middle(taps), "req/s")
		b.ReportMetric(middle(others), unit)
		b.ReportMetric(0, "ns/op") // an iteration is all pairs, its time says nothing
	}
}

func middle(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// tapThrough starts a session behind a tunnel.
func tapThrough(b *testing.B, through TunnelConfig, target bool) side {
	b.Helper()
	through.HubURL = "http://127.0.0.1:1"
	cfg := Config{Dir: Dir(b.TempDir()), Endpoint: through.HubURL, NoWebhook: true, Secret: "s3cret", Tunnel: through}
	if target {
		app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		b.Cleanup(app.Close)
		route, err := receiver.ParseRoute(app.URL)
		if err != nil {
			b.Fatal(err)
		}
		cfg.Receiver.Routes = []receiver.Route{route}
	}
	ctx, cancel := context.WithCancel(b.Context())
	front, done := newFront(), make(chan error, 1)
	go func() {
		_, err := Run(ctx, cfg, front)
		done <- err
	}()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	select {
	case live := <-front.up:
		return side{live.URL(), func() {
			if err := live.store.Flush(context.Background()); err != nil {
				b.Error(err)
			}
		}}
	case err := <-done:
		b.Fatal(err)
		return side{}
	}
}

// bareThrough serves by the SDK alone.
func bareThrough(b *testing.B, edge *ngroktest.Edge) string {
	b.Helper()
	agent, err := sdk.NewAgent(sdk.WithAuthtoken("any"), sdk.WithAgentConnectURL(edge.Addr()), sdk.WithAgentConnectCAs(edge.CA()),
		sdk.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	ln, err := agent.Listen(context.Background(), sdk.WithURL("https://bare.example.app"))
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) })}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(ln) })
	b.Cleanup(func() {
		_ = agent.Disconnect()
		_ = srv.Close()
		serving.Wait()
	})
	return ln.URL().String()
}

// postAll sends deliveries as the stand-in Hub does, by net/http, from some
// clients, until all are answered and stored, and gives how many in a second.
func postAll(b *testing.B, to side, clients, requests int) float64 {
	b.Helper()
	body := `{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"model","name":"me/m"},"padding":"` + strings.Repeat("x", 900) + `"}`
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var wg sync.WaitGroup
	errs := make(chan error, clients)
	began := time.Now()
	for range clients {
		wg.Go(func() {
			errs <- func() error {
				for i := range requests / clients {
					req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, to.url, strings.NewReader(body))
					if err != nil {
						return err
					}
					req.Header.Set("Content-Type", "application/json")
					req.Header.Set("X-Webhook-Secret", "s3cret")
					req.Header.Set("Webhook-Id", fmt.Sprintf("delivery-%d", i))
					resp, err := client.Do(req)
					if err != nil {
						return err
					}
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != http.StatusOK {
						return fmt.Errorf("answered %s: %v", resp.Status, err)
					}
				}
				return nil
			}()
		})
	}
	wg.Wait()
	to.stored()
	took := time.Since(began)
	for range clients {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	return float64(requests) / took.Seconds()
}
