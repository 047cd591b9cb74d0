package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// Start serves the Hub on a loopback address, "127.0.0.1:0" for any free port,
// until Close, and gives its base URL. Other addresses are refused. Without an
// Endpoint in Config, payloads have the base URL of the first Start from then on.
func (h *Hub) Start(addr string) (baseURL string, err error) {
	// Not loopback.Is: 0.0.0.0 means this machine, and others reach what listens there.
	if on, err := netip.ParseAddrPort(addr); err != nil || !on.Addr().IsLoopback() {
		return "", fmt.Errorf("starting the sandbox on %q: only loopback addresses, like 127.0.0.1, are served", addr)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("starting the sandbox: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.spawn(func() { _ = h.Serve(h.ctx, ln) }) { // ends with Close, and then has no error
		ln.Close()
		return "", errClosed
	}
	baseURL = "http://" + ln.Addr().String()
	if h.parts.Endpoint == "" {
		h.parts.Endpoint = baseURL
		for _, r := range h.repos {
			r.URL = h.parts.Repo(r.Repo()).URL
		}
	}
	return baseURL, nil
}

var errClosed = errors.New("the sandbox is closed")

// Serve answers calls on a listener, which it closes, until the context or the
// Hub ends. It returns nil then. A listener on an address that is not loopback
// is refused.
func (h *Hub) Serve(ctx context.Context, ln net.Listener) error {
	if addr, ok := ln.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
		ln.Close()
		return fmt.Errorf("serving the sandbox on %s: it is not a loopback address", ln.Addr())
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serving the sandbox: %w", err)
	case <-ctx.Done():
	case <-h.ctx.Done():
	}
	// Calls under way get a moment. Connections without a call count as busy for
	// their first seconds, and are not worth waiting for.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	<-ended
	return nil
}

// rightHost reports whether a request names the Hub by a loopback address and
// the port that it came in on. A web page that resolves its own name to
// 127.0.0.1 sends that name.
func rightHost(r *http.Request) bool {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = strings.Trim(r.Host, "[]"), "80"
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok && itoa(local.Port) != port {
		return false
	}
	return loopback.Is(host)
}

// newClient is what delivers: to loopback addresses only, through no proxy,
// following no redirect.
func newClient(cfg Config) *http.Client {
	dial := cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{
			// After the name was resolved: what counts is where the bytes go.
			Control: func(_, address string, _ syscall.RawConn) error { return onlyLoopback(address) },
		}).DialContext
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				if err != nil {
					return nil, err
				}
				if err := onlyLoopback(conn.RemoteAddr().String()); err != nil {
					return nil, errors.Join(err, conn.Close())
				}
				return conn, nil
			},
			TLSClientConfig:     tlsConfig(cfg.RootCAs),
			MaxIdleConnsPerHost: maxAttempts,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func onlyLoopback(address string) error {
	if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%s is not a loopback address, and the sandbox delivers only to those", address)
	}
	return nil
}
