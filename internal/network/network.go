// Package network opens the connections that leave this machine, to the Hub
// and to tunnels, so that all of them honour the same proxies and trust the
// same certificates.
//
// Proxies come from the environment as they do for curl and for Go's own
// clients: HTTPS_PROXY for TLS and for everything that is not HTTP, HTTP_PROXY
// for plain HTTP, ALL_PROXY where one of these is not set, NO_PROXY for what is
// reached directly. Each name is looked up in lower case first. What runs on
// this machine is never asked for through a proxy, whatever the variables say.
package network

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// Config is what New needs. The zero value takes the proxies of the process's
// environment and the system's certificates.
type Config struct {
	Getenv func(string) string // os.Getenv if nil
	CAFile string              // PEM file with roots to trust beside the system's, "" for none
	Roots  *x509.CertPool      // the roots to trust where there is no CAFile; nil for the system's
	Within time.Duration       // how long a connection may take to open, with the proxy's answer; 0 for 30 s

	Proxy, ProxyFrom string // a proxy where no variable names one, and what does; "" for none
	NoProxy          string // what is reached without a proxy where NO_PROXY is not set, in its form
}

// Network opens connections. It can be used from several goroutines at once.
type Network struct {
	proxies proxies
	roots   *x509.CertPool
	within  time.Duration
	dialer  net.Dialer
}

// New reads the proxies of the environment and the CA file. The error says
// which variable or file is wrong, without the passwords in it.
func New(cfg Config) (*Network, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	proxies, err := readProxies(cfg)
	if err != nil {
		return nil, err
	}
	n := &Network{proxies: proxies, roots: cfg.Roots, within: cmp.Or(max(cfg.Within, 0), 30*time.Second)}
	if cfg.CAFile != "" {
		if n.roots, err = readRoots(cfg.CAFile); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Roots are the certificates to trust: the system's and those of the CA file.
// It is nil if there is no CA file, which crypto/tls reads as the system's. The
// pool is shared: it must not be changed.
func (n *Network) Roots() *x509.CertPool { return n.roots }

// ProxyFor is the proxy, with its user and password, through which DialContext
// reaches an address of the form host or host:port; nil if it goes there
// directly. The scheme is http, https or socks5.
func (n *Network) ProxyFor(address string) *url.URL {
	if p := n.proxies.secure.on(n.proxies.direct, withPort(address)); p != nil {
		u := *p.url
		return &u
	}
	return nil
}

// Via says for people how DialContext reaches an address, as in
// "http://me:xxxxx@proxy:3128, from HTTPS_PROXY", or "directly".
func (n *Network) Via(address string) string {
	if p := n.proxies.secure.on(n.proxies.direct, withPort(address)); p != nil {
		return p.masked() + ", from " + p.from
	}
	return "directly"
}

// DialContext opens a TCP connection to an address of the form host:port:
// directly, or through the proxy that HTTPS_PROXY or ALL_PROXY names. The name
// of a host is looked up by the proxy if there is one, whatever its kind. What
// the proxy makes impossible is a *ProxyError.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("connect to %q: %w", address, net.UnknownNetworkError(network))
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("connect to %q: %w", address, err)
	}
	ctx, cancel := context.WithTimeout(ctx, n.within)
	defer cancel()
	if p := n.proxies.secure.on(n.proxies.direct, address); p != nil {
		return n.through(ctx, p, address)
	}
	return loopback.Dial(ctx, &n.dialer, network, address)
}

// through asks the proxy p for a connection to address.
func (n *Network) through(ctx context.Context, p *proxy, address string) (net.Conn, error) {
	conn, err := n.dialer.DialContext(ctx, "tcp", p.address())
	if err != nil {
		return nil, p.failed(address, err)
	}
	// Closing is the one thing that ends a read or write of every kind of
	// connection at once.
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		conn.Close()
	})
	opened, err := n.connectThrough(ctx, conn, p, address)
	if !stop() {
		<-closed
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, p.failed(address, err)
	}
	return opened, nil
}

func (n *Network) connectThrough(ctx context.Context, conn net.Conn, p *proxy, address string) (net.Conn, error) {
	switch p.url.Scheme {
	case "socks5":
		return conn, connectSOCKS(ctx, conn, p, address)
	case "https":
		secured, err := n.secure(ctx, conn, p.address(), "http/1.1")
		if err != nil {
			return nil, err
		}
		conn = secured
	}
	return connectCONNECT(conn, p, address)
}
