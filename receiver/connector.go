package receiver

import (
	"cmp"
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/internal/network"
)

// connector opens the connections to one target.
type connector struct {
	url       *url.URL
	address   string // host:port of the target
	network   *network.Network
	transport *http.Transport
	atIPv6    atomic.Bool // the port was last reached at ::1
}

// Time limits of a connection to a target.
const (
	connectTime = 10 * time.Second
	// idleTime is shorter than the keep-alive of the usual servers (Node and uvicorn
	// 5 s, gunicorn 2 s). Otherwise an event may meet a connection that its server is
	// just closing.
	idleTime = time.Second
)

func newConnector(u *url.URL, roots *x509.CertPool) (*connector, error) {
	cfg := network.Config{Roots: roots, Within: connectTime}
	if loopback.Is(u.Hostname()) {
		cfg.Getenv = func(string) string { return "" } // an invalid proxy in the environment does not matter
	}
	n, err := network.New(cfg)
	if err != nil {
		return nil, err
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	c := &connector{url: u, address: net.JoinHostPort(u.Hostname(), port), network: n, transport: n.TransportHTTP1()}
	c.transport.DialContext = c.orIPv6(c.transport.DialContext, net.JoinHostPort("::1", port))
	c.transport.DisableCompression = true
	c.transport.MaxIdleConns, c.transport.MaxIdleConnsPerHost = 0, 64
	c.transport.IdleConnTimeout = idleTime
	c.transport.ExpectContinueTimeout = 0
	c.transport.MaxResponseHeaderBytes = 256 << 10
	return c, nil
}

// dialer is the type of http.Transport.DialContext.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// orIPv6 returns a dialer that also tries a port of 127.0.0.1 at ::1, where
// "localhost" leads some servers. It begins with the address that was reached the
// last time. The error is that of 127.0.0.1.
func (c *connector) orIPv6(dial dialer, v6 string) dialer {
	if c.url.Hostname() != "127.0.0.1" {
		return dial
	}
	return func(ctx context.Context, network, v4 string) (net.Conn, error) {
		first, second := v4, v6
		if c.atIPv6.Load() {
			first, second = v6, v4
		}
		half, cancel := ctx, context.CancelFunc(func() {})
		if ends, ok := ctx.Deadline(); ok { // on Windows it takes two seconds until a port of this machine refuses
			half, cancel = context.WithTimeout(ctx, time.Until(ends)/2)
		}
		defer cancel()
		conn, err := dial(half, network, first)
		if err == nil {
			return conn, nil
		}
		conn, secondErr := dial(ctx, network, second)
		if secondErr == nil {
			c.atIPv6.Store(second == v6)
			return conn, nil
		}
		if second == v4 {
			err = secondErr
		}
		return nil, err
	}
}

// open opens what a request would be sent on: a connection to the target, or to the
// proxy of http addresses. handshake adds the TLS handshake of an https target.
func (c *connector) open(ctx context.Context, handshake bool) (net.Conn, error) {
	if c.url.Scheme == "https" {
		if handshake {
			return c.transport.DialTLSContext(ctx, "tcp", c.address)
		}
		return c.network.DialContext(ctx, "tcp", c.address)
	}
	address := c.address
	if proxy := c.proxy(); proxy != nil {
		address = network.Address(proxy)
	}
	return c.transport.DialContext(ctx, "tcp", address)
}

// proxy returns the proxy on the way to the target, nil if there is none.
func (c *connector) proxy() *url.URL {
	if c.url.Scheme == "https" {
		return c.network.ProxyFor(c.address)
	}
	proxy, err := c.transport.Proxy(&http.Request{URL: c.url})
	if err != nil {
		return nil // the transport's own function has no error
	}
	return proxy
}
