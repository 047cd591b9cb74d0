// Package frp is a client of gradio.live's tunnels, which need no account: of
// gradio's fork of frp, and of frp itself, from 0.44 on. It looks the share
// server up, logs in, asks for one public HTTP address, and gives the
// connections to it as a net.Listener.
//
// The protocol, from the outside: TCP; a byte and TLS, trusting the authority
// that the look-up names; yamux; messages of frp (package frpwire) on the first
// stream, encrypted once more; another stream for each public connection, opened
// when the server asks for it.
//
// A Client logs in again by itself after each drop, and when gradio's server
// ends a login, which it does after three days. The address stays, because it
// depends on the name. While there is no connection, State has the cause. The
// Client ends only with Close, or when the server refuses it for good.
package frp

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"crypto/x509"
	"errors"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config says which server to log in at, and how.
type Config struct {
	Server string           // host:port; empty: look it up
	Lookup string           // the URL to do that at; empty: DefaultLookup
	HTTP   *http.Client     // does it; nil: a plain one
	Roots  []*x509.CertPool // trusted for the server besides the look-up's authority; a given server without any is spoken to without TLS
	Token  string           // of a server of the user's own; gradio's has none

	// Name is what the address is made of: the same name has the same address.
	// Who knows it can take the address over. Two sessions must not share one.
	// Empty: a fresh one.
	Name string

	// Dial connects to the server; nil: directly.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Ending is called when Warn is left of the time that gradio's server gives
	// a login, from a goroutine of the Client's, which waits for it. May be nil.
	Ending func(ends time.Time)

	Version   string        // of hf-tap, which the look-up is told
	Heartbeat time.Duration // between two signs of life, 0 for 10 s; without any for 2.5 of them, counted while this process runs, the session is dead
	Timeout   time.Duration // how long a login may take, 0 for 15 s
	Life      time.Duration // how long a login lasts at gradio's server, 0 for 72 h
	Warn      time.Duration // how long before its end that is told, 0 for 1 h
	Conns     int           // how many connections there may be at a time, those in stock among them, 0 for 1024

	// Tests have time pass by events.
	ticker  func(time.Duration) (ticks <-chan time.Time, stop func())
	timeout func(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc)
	drain   time.Duration // see drainTime
}

func (c Config) withDefaults() Config {
	c.Heartbeat = cmp.Or(c.Heartbeat, 10*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 15*time.Second)
	c.Life = cmp.Or(c.Life, 72*time.Hour)
	c.Warn = cmp.Or(c.Warn, time.Hour)
	c.Conns = cmp.Or(c.Conns, 1024)
	c.drain = cmp.Or(c.drain, drainTime)
	if c.ticker == nil {
		c.ticker = func(d time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(d)
			return t.C, t.Stop
		}
	}
	if c.timeout == nil {
		c.timeout = context.WithTimeoutCause
	}
	if c.Name == "" {
		c.Name = crand.Text()
	}
	if c.Ending == nil {
		c.Ending = func(time.Time) {}
	}
	return c
}

// State is how a Client's connection to its server is.
type State struct {
	Up    bool
	Cause error // why it is not up: an *Error or a *Refusal
	Made  int   // how many logins there have been
}

// How long a Client waits before it tries again.
const (
	retryMin = 500 * time.Millisecond
	retryMax = 30 * time.Second
	steady   = 30 * time.Second // a session that lived so long was no failure
)

// Client is a listener whose connections come through a server.
type Client struct {
	cfg     Config
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	conns   chan net.Conn
	over    chan struct{} // closed when no try will do, with err
	err     error
	changed chan struct{} // one slot
	wg      sync.WaitGroup

	mu    sync.Mutex
	state State
	url   string
	addr  net.Addr
}

// Open logs in. The Client outlives ctx: it ends with Close. The error is or
// wraps an *Error, a *Refusal or, where cfg itself is wrong, ErrConfig, unless ctx
// ended.
func Open(ctx context.Context, cfg Config) (*Client, error) {
	c := &Client{cfg: cfg.withDefaults(), conns: make(chan net.Conn), over: make(chan struct{}), changed: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s, err := connect(ctx, c.cfg, nil, c.hand)
	if err != nil {
		c.cancel()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	c.up(s)
	c.wg.Go(func() { c.run(s) })
	return c, nil
}

// run keeps a session.
func (c *Client) run(s *session) {
	for failures := 0; ; {
		warn := time.NewTimer(time.Until(s.since.Add(c.cfg.Life - c.cfg.Warn)))
		cause := c.watch(s, warn.C)
		warn.Stop()
		if c.ctx.Err() != nil {
			s.close()
			return
		}
		if time.Since(s.since) > steady {
			failures = 0
		}
		next, err := c.again(s, cause, &failures)
		if err != nil {
			s.close()
			c.err = err
			close(c.over)
			return
		}
		if next == nil {
			s.close()
			return
		}
		c.up(next)
		old := s
		c.wg.Go(func() { old.drain(c.ctx.Done()) })
		s = next
	}
}

// watch waits until a session needs another in its place, and tells why: nil
// if it is only the time that is over.
func (c *Client) watch(s *session, warn <-chan time.Time) error {
	for {
		select {
		case <-c.ctx.Done():
			return nil
		case <-s.killed:
			return nil
		case <-s.over:
			return s.err
		case <-warn:
			if s.forked {
				c.cfg.Ending(s.since.Add(c.cfg.Life))
			}
		}
	}
}

// again makes a session in place of old. It gives none when the Client is
// closed, and an error when no try will do. While the server has only said
// that old's time is over, old goes on.
func (c *Client) again(old *session, cause error, failures *int) (*session, error) {
	renewing := cause == nil
	old.leaving.Store(renewing)
	for {
		if renewing {
			select {
			case <-old.over:
				renewing, cause = false, old.err
			default:
			}
		}
		if !renewing {
			c.down(cause, old.place.address)
			old.close()
		}
		if !c.pause(*failures) {
			return nil, nil
		}
		*failures++
		next, err := connect(c.ctx, c.cfg, &old.place, c.hand)
		if err == nil {
			return next, nil
		}
		if c.ctx.Err() != nil {
			return nil, nil
		}
		cause = err
		var refused *Refusal
		if errors.As(err, &refused) && refused.Permanent() {
			c.down(err, old.place.address)
			return nil, err
		}
	}
}

// pause waits before another try: not at all before the first, then doubling,
// and by chance up to half shorter. It reports false when the Client is closed.
func (c *Client) pause(failures int) bool {
	if failures == 0 {
		return c.ctx.Err() == nil
	}
	d := min(retryMax, retryMin<<min(failures-1, 10))
	wait := time.NewTimer(d/2 + mrand.N(d/2+1))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

func (c *Client) up(s *session) {
	c.mu.Lock()
	c.state = State{Up: true, Made: c.state.Made + 1}
	c.url, c.addr = s.url, s.mux.LocalAddr()
	c.mu.Unlock()
	c.tell()
}

func (c *Client) down(cause error, server string) {
	var step *Error
	var refused *Refusal
	if !errors.As(cause, &step) && !errors.As(cause, &refused) {
		cause = &Error{StepSession, server, cause}
	}
	c.mu.Lock()
	c.state.Up, c.state.Cause = false, cause
	c.mu.Unlock()
	c.tell()
}

func (c *Client) tell() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// hand gives a connection to Accept, unless its session is gone by then.
func (c *Client) hand(conn net.Conn, gone <-chan struct{}) {
	select {
	case c.conns <- conn:
	case <-gone:
		_ = conn.Close()
	case <-c.ctx.Done():
		_ = conn.Close()
	}
}

// Accept gives the next connection. Its RemoteAddr is the public client's.
func (c *Client) Accept() (net.Conn, error) {
	select {
	case <-c.ctx.Done():
		return nil, net.ErrClosed
	default:
	}
	select {
	case conn := <-c.conns:
		return conn, nil
	case <-c.ctx.Done():
		return nil, net.ErrClosed
	case <-c.over:
		return nil, c.err
	}
}

// Close ends the session and all connections, and waits until nothing of the
// Client runs any more.
func (c *Client) Close() error {
	c.cancel()
	c.wg.Wait()
	return nil
}

// Addr is this machine's end of the connection to the server.
func (c *Client) Addr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addr
}

// URL is the public address, without a slash at its end.
func (c *Client) URL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.url
}

// State tells how the connection to the server is.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Changed receives after each change of State; changes that nobody has looked
// at yet count as one.
func (c *Client) Changed() <-chan struct{} { return c.changed }
