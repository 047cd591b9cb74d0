// Package edge is the public end of a tunnel service on loopback, for tests. It
// answers by https under each name that a visitor asks for, and passes connections on
// to the tunnel that has the name. At a name that nobody has, it answers as gateways
// do.
//
// Servers of this module's tests give tunnels names of real services. That
// such a name leads to the edge is the test's to see to.
package edge

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Dial opens a connection through the tunnel that has the name in address,
// which is host:port. It fails when no tunnel has it.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Edge is a running edge. Its methods may be called from any goroutine.
type Edge struct {
	ln   net.Listener
	dial Dial
	ca   *authority // nil: no TLS
	ctx  context.Context
	end  context.CancelFunc
	wg   sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Start starts an edge that speaks TLS, on a loopback address, for example
// "127.0.0.1:0".
func Start(address string, dial Dial) (*Edge, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("make the edge's certificates: %w", err)
	}
	return start(address, ca, dial)
}

// StartPlain starts one that speaks HTTP without TLS, and passes everything on
// to one name: for measurements, in which TLS is to have no part.
func StartPlain(address, name string, dial Dial) (*Edge, error) {
	return start(address, nil, func(ctx context.Context, network, _ string) (net.Conn, error) { return dial(ctx, network, name) })
}

func start(address string, ca *authority, dial Dial) (*Edge, error) {
	ln, err := net.Listen("tcp4", address)
	if err != nil {
		return nil, fmt.Errorf("listen for visitors: %w", err)
	}
	e := &Edge{ln: ln, dial: dial, ca: ca, conns: map[net.Conn]struct{}{}}
	e.ctx, e.end = context.WithCancel(context.Background())
	e.wg.Go(e.accept)
	return e, nil
}

// Addr is where visitors connect to, as host:port.
func (e *Edge) Addr() string { return e.ln.Addr().String() }

// CA is a pool with the edge's own authority, whose certificate CAPEM is.
func (e *Edge) CA() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(e.ca.cert)
	return pool
}

// CAPEM is the certificate of the edge's own authority.
func (e *Edge) CAPEM() []byte { return e.ca.pem() }

// Visitor is a transport of which every connection comes to the edge, whatever the
// address. The caller closes its idle connections.
func (e *Edge) Visitor() *http.Transport {
	return &http.Transport{
		MaxIdleConnsPerHost: 16, TLSClientConfig: &tls.Config{RootCAs: e.CA()},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, e.Addr())
		},
	}
}

// Close ends every connection, and waits until nothing of the edge runs any
// more.
func (e *Edge) Close() error {
	e.end()
	err := e.ln.Close()
	e.mu.Lock()
	for c := range e.conns {
		_ = c.Close()
	}
	e.mu.Unlock()
	e.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (e *Edge) accept() {
	for {
		conn, err := e.ln.Accept()
		if err != nil {
			return
		}
		e.wg.Go(func() {
			defer conn.Close()
			if !e.track(conn) {
				return
			}
			defer e.drop(conn)
			e.serve(conn)
		})
	}
}

// track remembers a connection for Close. It reports false if the edge is closed.
func (e *Edge) track(conn net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx.Err() != nil {
		return false
	}
	e.conns[conn] = struct{}{}
	return true
}

func (e *Edge) drop(conn net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.conns, conn)
}

// serve joins a visitor with the tunnel that has the name.
func (e *Edge) serve(conn net.Conn) {
	visitor, name := conn, ""
	if e.ca != nil {
		secure := tls.Server(conn, &tls.Config{
			NextProtos:     []string{"http/1.1"},
			GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return e.ca.leaf(hello.ServerName) },
		})
		if err := secure.HandshakeContext(e.ctx); err != nil {
			return
		}
		visitor, name = secure, secure.ConnectionState().ServerName
		defer secure.Close()
	}
	through, err := e.dial(e.ctx, "tcp", net.JoinHostPort(name, "443"))
	if err != nil {
		refuse(visitor, err)
		return
	}
	if !e.track(through) {
		_ = through.Close()
		return
	}
	defer e.drop(through)
	join(visitor, through)
}

// join copies both ways until one of them ends, and ends both.
func join(a, b net.Conn) {
	var copying sync.WaitGroup
	for _, ends := range [][2]net.Conn{{a, b}, {b, a}} {
		copying.Go(func() {
			_, _ = io.Copy(ends[0], ends[1])
			_ = a.Close()
			_ = b.Close()
		})
	}
	copying.Wait()
}

// refuse answers a request that nobody else will.
func refuse(visitor net.Conn, cause error) {
	_ = visitor.SetDeadline(time.Now().Add(10 * time.Second))
	req, err := http.ReadRequest(bufio.NewReader(visitor))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, req.Body) // who sends still may not hear the answer
	text := fmt.Sprintf("there is no tunnel here: %v\n", cause)
	_, _ = fmt.Fprintf(visitor, "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
}
