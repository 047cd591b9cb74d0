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

// defaultServer is the server that the SDK connects to by default.
const defaultServer = "connect.ngrok-agent.com:443"

// dialTime is the limit for one try to connect.
const dialTime = 10 * time.Second

// dialer connects the SDK to ngrok's server. It knows how far a connection came and why
// it failed, which the SDK does not report. It also closes all connections: a session
// that the SDK opens while it disconnects would stay.
type dialer struct {
	cfg    Config
	server string

	mu    sync.Mutex
	ended bool // no connection is allowed any more
	conns map[net.Conn]struct{}
	last  progress
	tries int // to connect
}

// progress is how far the latest connection came.
type progress struct {
	started   time.Time
	connected time.Duration // how long that took; 0: it has not come so far
	secured   time.Duration // TLS, with a certificate that is trusted
	dialErr   error
	trustErr  error

	lastDialErr error // of the connections so far
}

func newDialer(cfg Config) *dialer {
	return &dialer{cfg: cfg, server: cmp.Or(cfg.Server, defaultServer), conns: map[net.Conn]struct{}{}}
}

// Dial connects as net.Dial does.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects as net.Dialer does.
func (d *dialer) DialContext(ctx context.Context, proto, address string) (net.Conn, error) {
	d.mu.Lock()
	d.last = progress{started: time.Now(), lastDialErr: d.last.lastDialErr}
	d.tries++
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := d.cfg.Dial(ctx, proto, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.last.dialErr, d.last.lastDialErr = err, err
		return nil, err
	}
	if d.ended {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	d.last.connected = max(1, time.Since(d.last.started))
	conn = &openConn{conn, d}
	d.conns[conn] = struct{}{}
	return conn, nil
}

// openConn is an open connection of a dialer.
type openConn struct {
	net.Conn
	dialer *dialer
}

func (c *openConn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.conns, c)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}

// refuseMore allows no further connection. It returns the number of tries so far,
// and whether the last one connected.
func (d *dialer) refuseMore() (tries int, connected bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	return d.tries, d.last.connected > 0
}

// cut closes the open connections and allows no further one.
func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for c := range d.conns {
		_ = c.(*openConn).Conn.Close()
	}
	clear(d.conns)
}

func (d *dialer) progress() progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// secure changes the SDK's TLS settings: the certificate may come from ngrok's own
// authority, whose pool the SDK has set there, or from one of the roots in Config.
func (d *dialer) secure(c *tls.Config) {
	pools, name := []*x509.CertPool{c.RootCAs}, c.ServerName
	for _, p := range d.cfg.Roots {
		if p != nil {
			pools = append(pools, p)
		}
	}
	c.InsecureSkipVerify = true // VerifyConnection verifies
	c.VerifyConnection = func(state tls.ConnectionState) error {
		err := network.VerifyPeer(state.PeerCertificates, name, pools)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.last.trustErr = err
		if err == nil {
			d.last.secured = max(1, time.Since(d.last.started)-d.last.connected)
		}
		return err
	}
}

// connectError returns the step at which the latest connection failed, or otherwise
// if it came through all steps that the dialer sees.
func (d *dialer) connectError(err error, otherwise tunnel.Step) *tunnel.ConnectError {
	p := d.progress()
	switch {
	case p.dialErr != nil:
		return d.at(tunnel.StepReach, p.dialErr)
	case p.trustErr != nil:
		return d.at(tunnel.StepTrust, p.trustErr)
	case p.connected == 0:
		return d.at(tunnel.StepReach, err)
	case p.secured == 0:
		return d.at(tunnel.StepTLS, err)
	}
	return d.at(otherwise, err)
}

// sessionError returns the error of a session that has ended. The SDK may already be
// at its next try, so that the dialer's latest error counts only if err wraps it.
func (d *dialer) sessionError(err error) *tunnel.ConnectError {
	p := d.progress()
	switch {
	case p.lastDialErr != nil && errors.Is(err, p.lastDialErr):
		return d.at(tunnel.StepReach, p.lastDialErr)
	case p.trustErr != nil:
		return d.at(tunnel.StepTrust, p.trustErr)
	}
	return d.at(tunnel.StepSession, err)
}

func (d *dialer) at(step tunnel.Step, err error) *tunnel.ConnectError {
	return d.cfg.ConnectError(Name, d.server, step, err)
}
