package tunneltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	edgetest "github.com/hf-tap/hf-tap/internal/testserver/edge"
	"github.com/hf-tap/hf-tap/tunnel"
)

// Open opens a tunnel by a provider, and closes it at the end of the test. The
// error is that of the provider's New.
func Open(t testing.TB, p tunnel.Provider, err error) tunnel.Tunnel {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	tun, err := p.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tun.Close(); err != nil {
			t.Error(err)
		}
	})
	return tun
}

// Serve serves on a listener until it fails, which the end of the test waits for.
func Serve(t testing.TB, ln net.Listener, h http.Handler) {
	t.Helper()
	srv := &http.Server{Handler: h, WriteTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() {
		_ = ln.Close()
		_ = srv.Close()
		wg.Wait()
	})
}

// Echo answers each request with its body. The channel receives the address of
// the first client.
func Echo(t testing.TB, ln net.Listener) <-chan string {
	t.Helper()
	remote := make(chan string, 1)
	Serve(t, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case remote <- r.RemoteAddr:
		default:
		}
		body, _ := io.ReadAll(r.Body) // all of it first: HTTP/1.1 is not for both ways at once
		_, _ = w.Write(body)
	}))
	return remote
}

// Thousand posts a thousand bodies to an Echo, from eight clients at a time, and
// compares what comes back to the byte.
func Thousand(t testing.TB, c *http.Client, url string) {
	t.Helper()
	const clients, each = 8, 125
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := range each {
				sent := bytes.Repeat([]byte{0, 1, 2, 0xff, '\r', '\n', byte(i), byte(n)}, 1+n*n/4)
				resp, err := c.Post(url+"/hook", "application/json", bytes.NewReader(sent))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !bytes.Equal(got, sent) {
					t.Errorf("%d bytes came back as %d, %v", len(sent), len(got), err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Client is an http.Client with connections of its own, which end with the test.
func Client(t testing.TB) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// Visitor is a client that comes to public addresses by way of a service, at
// whose edge TLS ends.
func Visitor(t testing.TB, dial func(context.Context, string, string) (net.Conn, error)) *http.Client {
	tr := &http.Transport{DialTLSContext: dial, DialContext: dial, MaxIdleConnsPerHost: 8}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// Gateway is a way to public addresses that leads to a page in place of the
// tunnel.
func Gateway(t testing.TB) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	e, err := edgetest.StartPlain("127.0.0.1:0", "nobody.example:443", Refused)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, e.Addr())
	}
}

// Refused is a network in which every connection is refused.
func Refused(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("connection refused")
}

// Load posts requests from some clients at a time, and returns how many were
// answered a second.
func Load(b *testing.B, url string, clients, requests int) float64 {
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
