package ngrok

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/tunnel"
)

// defaultServer is where the SDK connects to when it is told nothing else.
const defaultServer = "connect.ngrok-agent.com:443"

// dialTime bounds one try to connect.
const dialTime = 10 * time.Second

// line is the way to ngrok's server. The SDK is given it as its dialer, which
// tells us what the SDK does not: how far a connection came, and why not
// further. It is also what ends the SDK for certain: a session that was made
// while it was told to end would live on.
type line struct {
	cfg    Config
	server string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]struct{}
	last  progress
	tries int // to connect
}

// progress is how far the latest connection came.
type progress struct {
	started   time.Time
	connected time.Duration // how long that took, 0 if it has not come so far
	secured   time.Duration // TLS, with a certificate that is trusted
	dialErr   error
	trustErr  error

	lastDialErr error // of any connection so far
}

func newLine(cfg Config) *line {
	return &line{cfg: cfg, server: cmp.Or(cfg.Server, defaultServer), conns: map[net.Conn]struct{}{}}
}

// Dial connects as net.Dial does.
func (l *line) Dial(network, address string) (net.Conn, error) {
	return l.DialContext(context.Background(), network, address)
}

// DialContext connects, unless the line is cut.
func (l *line) DialContext(ctx context.Context, proto, address string) (net.Conn, error) {
	l.mu.Lock()
	l.last = progress{started: time.Now(), lastDialErr: l.last.lastDialErr}
	l.tries++
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := l.cfg.Dial(ctx, proto, address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.last.dialErr, l.last.lastDialErr = err, err
		return nil, err
	}
	if l.cut {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	l.last.connected = max(1, time.Since(l.last.started))
	conn = &lineConn{conn, l}
	l.conns[conn] = struct{}{}
	return conn, nil
}

// lineConn is a connection that the line knows of while it is open.
type lineConn struct {
	net.Conn
	line *line
}

func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c)
	c.line.mu.Unlock()
	return c.Conn.Close()
}

// stop lets nothing new through. It gives the number of tries so far, and
// whether the last one came to a connection.
func (l *line) stop() (tries int, connected bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	return l.tries, l.last.connected > 0
}

// end closes what is open and lets nothing new through.
func (l *line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		_ = c.(*lineConn).Conn.Close()
	}
	clear(l.conns)
}

func (l *line) progress() progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// secure changes the SDK's TLS settings: the certificate may come from ngrok's
// own authority, whose pool the SDK has put there and shows nowhere else, or
// from one of ours. Pools cannot be put together, so that each is asked in
// turn.
func (l *line) secure(c *tls.Config) {
	pools, name := []*x509.CertPool{c.RootCAs}, c.ServerName
	for _, p := range l.cfg.Roots {
		if p != nil {
			pools = append(pools, p)
		}
	}
	c.InsecureSkipVerify = true // VerifyConnection verifies
	c.VerifyConnection = func(state tls.ConnectionState) error {
		err := network.VerifyPeer(state.PeerCertificates, name, pools)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.last.trustErr = err
		if err == nil {
			l.last.secured = max(1, time.Since(l.last.started)-l.last.connected)
		}
		return err
	}
}

// fault says at which step the latest connection failed, or otherwise when it
// came through all that the line sees of it.
func (l *line) fault(err error, otherwise tunnel.Step) *tunnel.ConnectError {
	p := l.progress()
	switch {
	case p.dialErr != nil:
		return l.at(tunnel.StepReach, p.dialErr)
	case p.trustErr != nil:
		return l.at(tunnel.StepTrust, p.trustErr)
	case p.connected == 0:
		return l.at(tunnel.StepReach, err)
	case p.secured == 0:
		return l.at(tunnel.StepTLS, err)
	}
	return l.at(otherwise, err)
}

// broke says what became of a session that the SDK reports an error of. The
// SDK may be at its next try by then: only what the error is of counts.
func (l *line) broke(err error) *tunnel.ConnectError {
	p := l.progress()
	switch {
	case p.lastDialErr != nil && errors.Is(err, p.lastDialErr):
		return l.at(tunnel.StepReach, p.lastDialErr)
	case p.trustErr != nil:
		return l.at(tunnel.StepTrust, p.trustErr)
	}
	return l.at(tunnel.StepSession, err)
}

func (l *line) at(step tunnel.Step, err error) *tunnel.ConnectError {
	return l.cfg.ConnectError(Name, l.server, step, err)
}
