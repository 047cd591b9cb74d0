package sandbox_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestOnlyLoopbackAddressesAreServed(t *testing.T) {
	h := sandbox.New(sandbox.Config{})
	t.Cleanup(h.Close)
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		if base, err := h.Start(addr); err == nil {
			t.Errorf("it serves on %s: %s", addr, base)
		}
	}
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), "not a loopback address") {
		t.Errorf("Serve ended with %v", err)
	}
	if err := ln.Close(); err == nil {
		t.Error("Serve left the listener open")
	}
}

func TestARequestHasToNameTheSandboxByItsLoopbackAddress(t *testing.T) {
	p := open(t, sandbox.Config{})
	u, err := url.Parse(p.base)
	p.must(err)
	for host, want := range map[string]int{
		u.Host: 200, "localhost:" + u.Port(): 200, "[::1]:" + u.Port(): 200,
		"evil.example:" + u.Port(): 421, "127.0.0.1:1": 421, "127.0.0.1": 421, "localhost.evil.example:" + u.Port(): 421, "192.0.2.1:" + u.Port(): 421,
	} {
		req, err := http.NewRequest("GET", p.base+hooks, nil)
		p.must(err)
		req.Host = host
		req.Header.Set("Authorization", "Bearer "+p.token)
		if resp, text := p.do(req); resp.StatusCode != want {
			t.Errorf("Host %s: got %d %s, want %d", host, resp.StatusCode, text, want)
		}
	}
}

func TestServeEndsWithItsContextAndWithClose(t *testing.T) {
	for name, end := range map[string]func(*sandbox.Hub, context.CancelFunc){
		"context": func(_ *sandbox.Hub, cancel context.CancelFunc) { cancel() },
		"close":   func(h *sandbox.Hub, _ context.CancelFunc) { h.Close() },
	} {
		h := sandbox.New(sandbox.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- h.Serve(ctx, ln) }()
		end(h, cancel)
		if err := <-ended; err != nil {
			t.Errorf("%s: Serve ended with %v", name, err)
		}
		cancel()
		h.Close()
		if _, err := h.Start("127.0.0.1:0"); err == nil {
			t.Errorf("%s: a closed sandbox starts", name)
		}
	}
}
