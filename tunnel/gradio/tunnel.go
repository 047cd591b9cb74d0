package gradio

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/tunnel"
)

// The pauses between two tries to log in.
const (
	retryMin = 500 * time.Millisecond
	retryMax = 30 * time.Second
	steady   = 30 * time.Second // after a session that lasted this long, the pauses start again
)

// shareTunnel is a listener whose connections come from a share server, by one
// session after another.
type shareTunnel struct {
	*tunnel.LinkState

	cfg    Config
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	conns  chan net.Conn
	over   chan struct{} // closed after a permanent refusal, which is err
	err    error
	wg     sync.WaitGroup

	mu   sync.Mutex
	url  string
	addr net.Addr
}

// open logs in. The tunnel outlives ctx.
func open(ctx context.Context, cfg Config) (*shareTunnel, error) {
	c := &shareTunnel{LinkState: tunnel.NewLinkState(), cfg: cfg, conns: make(chan net.Conn), over: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s, err := connect(ctx, c.cfg, nil, c.pass)
	if err != nil {
		c.cancel()
		return nil, cmp.Or(ctx.Err(), err)
	}
	c.up(s)
	c.wg.Go(func() { c.run(s) })
	return c, nil
}

// run replaces each session that ends, until Close or a permanent refusal.
func (c *shareTunnel) run(s *session) {
	for failures := 0; ; {
		warn := time.NewTimer(time.Until(s.since.Add(c.cfg.life - c.cfg.warn)))
		cause := c.watch(s, warn.C)
		warn.Stop()
		if c.ctx.Err() != nil {
			s.close()
			return
		}
		if time.Since(s.since) > steady {
			failures = 0
		}
		next, err := c.replace(s, cause, &failures)
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

// watch waits until a session must be replaced, and returns why it ended. It returns
// nil if the session still works and only its time is over.
func (c *shareTunnel) watch(s *session, warn <-chan time.Time) error {
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
				c.cfg.Ending(s.since.Add(c.cfg.life))
			}
		}
	}
}

// replace logs in again after cause has ended the old session. It returns nil if the
// tunnel is closed, and an error after a permanent refusal. Without a cause, the old
// session works until the new one does.
func (c *shareTunnel) replace(old *session, cause error, failures *int) (*session, error) {
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
		next, err := connect(c.ctx, c.cfg, &old.place, c.pass)
		if err == nil {
			return next, nil
		}
		if c.ctx.Err() != nil {
			return nil, nil
		}
		cause = err
		var refused *tunnel.ProviderError
		if errors.As(err, &refused) && refused.Permanent {
			c.down(err, old.place.address)
			return nil, err
		}
	}
}

// pause waits before the next try. There is no pause before the first; each further
// one is twice as long as the one before, and up to half shorter by chance. It
// reports false if the tunnel is closed.
func (c *shareTunnel) pause(failures int) bool {
	if failures == 0 {
		return c.ctx.Err() == nil
	}
	d := min(retryMax, retryMin<<min(failures-1, 10))
	wait := time.NewTimer(d/2 + rand.N(d/2+1))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

func (c *shareTunnel) up(s *session) {
	c.mu.Lock()
	c.url, c.addr = s.url, s.mux.LocalAddr()
	c.mu.Unlock()
	c.Connected()
}

func (c *shareTunnel) down(cause error, server string) {
	var connect *tunnel.ConnectError
	var refused *tunnel.ProviderError
	if !errors.As(cause, &connect) && !errors.As(cause, &refused) {
		cause = c.cfg.ConnectError(Name, server, tunnel.StepSession, cause)
	}
	c.Disconnected(cause)
}

// pass passes a connection to Accept, unless its session ends before.
func (c *shareTunnel) pass(conn net.Conn, gone <-chan struct{}) {
	select {
	case c.conns <- conn:
	case <-gone:
		_ = conn.Close()
	case <-c.ctx.Done():
		_ = conn.Close()
	}
}

// Accept returns the next connection. Its RemoteAddr is the public client's.
func (c *shareTunnel) Accept() (net.Conn, error) {
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

// Close ends the session and all connections, and waits for the tunnel's
// goroutines.
func (c *shareTunnel) Close() error {
	c.cancel()
	c.wg.Wait()
	return nil
}

// Addr is this machine's end of the connection to the server.
func (c *shareTunnel) Addr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addr
}

// URL is the public address, without a slash at its end.
func (c *shareTunnel) URL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.url
}

// Provider is the name of the provider.
func (c *shareTunnel) Provider() string { return Name }
