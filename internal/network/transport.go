package network

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// handshakeWithin is how long a TLS handshake may take.
const handshakeWithin = 10 * time.Second

// Transport returns a transport for HTTP clients with these proxies and certificates.
// For https it opens connections like DialContext, with the same errors. A request to an
// http:// address is sent to the proxy of HTTP_PROXY itself, because most proxies do not
// allow CONNECT to port 80. The request's context limits the time for an answer.
//
// A change to the transport's TLSClientConfig has no effect on https. The caller closes
// idle connections with CloseIdleConnections.
func (n *Network) Transport() *http.Transport {
	t := n.transport("h2", "http/1.1")
	t.ForceAttemptHTTP2 = true // or a dialer of one's own ends HTTP/2
	t.HTTP2 = &http.HTTP2Config{
		// After a laptop's sleep a connection may be dead without a word.
		SendPingTimeout: 30 * time.Second,
		PingTimeout:     10 * time.Second,
	}
	return t
}

// TransportHTTP1 makes a Transport that speaks only HTTP/1.1, whatever the server
// offers.
func (n *Network) TransportHTTP1() *http.Transport { return n.transport("http/1.1") }

func (n *Network) transport(protocols ...string) *http.Transport {
	return &http.Transport{
		Proxy:       n.proxyForPlain,
		DialContext: n.dialPlain,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return n.dialTLS(ctx, network, address, protocols...)
		},
		TLSClientConfig:        &tls.Config{RootCAs: n.roots, MinVersion: tls.VersionTLS12},
		MaxIdleConns:           16,
		IdleConnTimeout:        60 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// proxyForPlain leaves https to dialTLS.
func (n *Network) proxyForPlain(req *http.Request) (*url.URL, error) {
	if req.URL.Scheme != "http" {
		return nil, nil
	}
	port := req.URL.Port()
	if port == "" {
		port = "80"
	}
	if p := n.proxies.plain.on(n.proxies.direct, net.JoinHostPort(req.URL.Hostname(), port)); p != nil {
		return p.url, nil
	}
	return nil, nil
}

// dialPlain opens connections to http:// addresses that no proxy is for, and to
// the proxy of those that one is for.
func (n *Network) dialPlain(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, n.within)
	defer cancel()
	conn, err := loopback.Dial(ctx, &n.dialer, network, address)
	if p := n.proxies.plain; err != nil && p.has(address) {
		return nil, p.failed("http addresses", err)
	}
	return conn, err
}

// dialTLS opens connections to https:// addresses, on which one of the protocols
// is spoken. The transport also calls it
// to reach a proxy that is itself spoken to in TLS.
func (n *Network) dialTLS(ctx context.Context, network, address string, protocols ...string) (net.Conn, error) {
	if p := n.proxies.plain; p.has(address) && p.url.Scheme == "https" {
		conn, err := n.dialPlain(ctx, network, address)
		if err != nil {
			return nil, err
		}
		// A request for a proxy to pass on is HTTP/1.1 in Go's client.
		secured, err := n.secure(ctx, conn, address, "http/1.1")
		if err != nil {
			return nil, p.failed("http addresses", err)
		}
		return secured, nil
	}
	conn, err := n.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return n.secure(ctx, conn, address, protocols...)
}

// secure makes conn one of TLS. When that fails, it closes conn; the error wraps that
// of crypto/x509.
func (n *Network) secure(ctx context.Context, conn net.Conn, address string, protocols ...string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		conn.Close()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeWithin)
	defer cancel()
	secured := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: n.roots, MinVersion: tls.VersionTLS12, NextProtos: protocols})
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}
