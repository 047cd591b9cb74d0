package gradio

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	frptest "github.com/hf-tap/hf-tap/internal/testserver/frp"
	"github.com/hf-tap/hf-tap/tunnel"
)

// hand is a clock that a test moves: half a beat at a time.
type hand struct {
	*way
	ticks chan time.Time
}

// moved makes a configuration whose beats come by hand.
func moved(cfg Config) (Config, hand) {
	h := hand{newWay(), make(chan time.Time)}
	cfg.Clock.Tick = func(time.Duration) (<-chan time.Time, func()) { return h.ticks, func() {} }
	cfg.Dial = h.dial
	return cfg, h
}

// tick moves the clock by half a beat.
func (h hand) tick(t *testing.T) {
	t.Helper()
	select {
	case h.ticks <- time.Time{}:
	case <-patience(t).Done():
		t.Fatal("there is no session")
	}
}

// until moves the clock until the client's state fits.
func (h hand) until(t *testing.T, c *shareTunnel, fits func(tunnel.Link) bool) tunnel.Link {
	t.Helper()
	ctx := patience(t)
	for {
		if s := c.Link(); fits(s) {
			return s
		}
		select {
		case h.ticks <- time.Time{}:
		case <-c.LinkChanged():
		case <-ctx.Done():
			t.Fatalf("it stays %+v", c.Link())
		}
	}
}

// ask moves the clock by a beat, and waits until the server is asked for a sign
// of life.
func (h hand) ask(t *testing.T, s *frptest.Server) {
	t.Helper()
	before := s.Counts().Pings
	h.tick(t)
	h.tick(t)
	if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Pings > before }); err != nil {
		t.Fatal(err)
	}
}

// beat does the same, and waits until something was read.
func (h hand) beat(t *testing.T, s *frptest.Server) {
	t.Helper()
	h.forget()
	h.ask(t, s)
	h.read()
}

// hangs makes a configuration whose times for a login and for a look-up run
// out when a server has got as far as the fault under test, and never before.
func hangs(t *testing.T, cfg Config, s *frptest.Server, reached func(frptest.Counts) bool) Config {
	cfg.Clock.Limit = func(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if s.Wait(ctx, reached) == nil {
				cancel(cause)
			}
		}()
		return ctx, func() {
			cancel(context.Canceled)
			<-ended
		}
	}
	return cfg
}

// way is a way to a server that can hold back what arrives, as if the process
// were suspended: it lies unread.
type way struct {
	mu   sync.Mutex
	gate chan struct{} // closed while everything comes through
	news chan struct{} // one slot: what came through was read
}

func newWay() *way {
	w := &way{gate: make(chan struct{}), news: make(chan struct{}, 1)}
	w.release()
	return w
}

func (w *way) dial(ctx context.Context, proto, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, proto, address)
	if err != nil {
		return nil, err
	}
	return &heldConn{Conn: conn, way: w, closed: make(chan struct{})}, nil
}

func (w *way) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gate = make(chan struct{})
}

func (w *way) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.gate)
}

// forget makes read wait for what is read from now on.
func (w *way) forget() {
	select {
	case <-w.news:
	default:
	}
}

func (w *way) read() { <-w.news }

type heldConn struct {
	net.Conn
	way    *way
	once   sync.Once
	closed chan struct{}
}

func (c *heldConn) Read(p []byte) (int, error) {
	select {
	case c.way.news <- struct{}{}: // the reader comes back for more
	default:
	}
	n, err := c.Conn.Read(p)
	c.way.mu.Lock()
	gate := c.way.gate
	c.way.mu.Unlock()
	select {
	case <-gate:
	case <-c.closed:
	}
	return n, err
}

func (c *heldConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
