package ngrok

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"

	"go.uber.org/goleak"
)

// Config is what an edge accepts. The zero value accepts every token.
type Config struct {
	Tokens []string // the tokens that may connect; none: any that is not empty
	HTTPS  bool     // bound hosts speak TLS with a certificate of the edge's CA, and their URLs are https
	Logf   func(format string, args ...any)
}

// Edge is a running edge. Its methods may be called from any goroutine.
type Edge struct {
	cfg Config
	ca  *authority
	ln  net.Listener
	wg  sync.WaitGroup
	end chan struct{} // closed by Close

	mu       sync.Mutex
	changed  chan struct{} // closed and made anew at each change
	faults   Faults
	counts   Counts
	revoked  []string
	conns    map[io.Closer]struct{} // everything that Close has to close
	sessions map[*session]struct{}
	hosts    map[string]*host // by what was asked for, "" for a host of the edge's choice
	former   []*host          // hosts that Rehost took out of use: they answer 404
	granted  map[string]*host // by the token that a bind is taken up again with
	closed   bool
}

// Counts counts what has happened at an edge so far.
type Counts struct {
	Conns    int // connections of agents, whatever became of them
	Auths    int // questions for a session, whatever the answer
	Sessions int // sessions that were granted
	Binds    int // binds that were granted
	Refused  int // questions that were answered with an error code
	Infos    int // questions for the edge's region, as a diagnosis asks
	Unheard  int // bytes that agents have said to an edge that hangs before they have a session
	Hung     int // questions that are not answered because the edge hangs
	Ended    int // granted sessions that have ended
	Public   int // connections to bound hosts
}

// Live is how many sessions there are now.
func (c Counts) Live() int { return c.Sessions - c.Ended }

// Start starts an edge on a free loopback port.
func Start(cfg Config) (*Edge, error) {
	if cfg.Logf == nil {
		cfg.Logf = func(string, ...any) {}
	}
	ca, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("make the edge's certificates: %w", err)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for agents: %w", err)
	}
	e := &Edge{
		cfg: cfg, ca: ca, ln: ln, end: make(chan struct{}), changed: make(chan struct{}),
		conns: map[io.Closer]struct{}{}, sessions: map[*session]struct{}{}, hosts: map[string]*host{}, granted: map[string]*host{},
	}
	e.wg.Go(e.acceptAgents)
	return e, nil
}

// Addr is where agents connect to, as host:port.
func (e *Edge) Addr() string { return e.ln.Addr().String() }

// CA is a pool with the certificate of the edge's own authority.
func (e *Edge) CA() *x509.CertPool { return e.ca.pool() }

// CAPEM is the certificate of the edge's own authority.
func (e *Edge) CAPEM() []byte { return slices.Clone(e.ca.pem) }

// Close ends every session and connection, closes every port, and waits until
// nothing of the edge runs any more.
func (e *Edge) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	close(e.end)
	open := make([]io.Closer, 0, len(e.conns)+1)
	for c := range e.conns {
		open = append(open, c)
	}
	e.mu.Unlock()
	err := e.ln.Close()
	for _, c := range open {
		_ = c.Close()
	}
	e.wg.Wait()
	return err
}

// Counts returns what has happened so far.
func (e *Edge) Counts() Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts
}

// Wait returns when what has happened fits, or with the error of ctx.
func (e *Edge) Wait(ctx context.Context, fits func(Counts) bool) error {
	for {
		e.mu.Lock()
		counts, changed := e.counts, e.changed
		e.mu.Unlock()
		if fits(counts) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("at the edge %+v: %w", counts, ctx.Err())
		}
	}
}

// URLs are the addresses of the hosts that are bound now.
func (e *Edge) URLs() (urls []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.hosts {
		if h.bound != nil {
			urls = append(urls, h.url)
		}
	}
	slices.Sort(urls)
	return urls
}

// change changes the edge's state and wakes those who wait for a change.
func (e *Edge) change(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
	close(e.changed)
	e.changed = make(chan struct{})
}

var errClosed = errors.New("the edge is closed")

// track remembers a connection for Close. If the edge is closed, it closes the
// connection at once and reports false.
func (e *Edge) track(c io.Closer) bool {
	e.mu.Lock()
	closed := e.closed
	if !closed {
		e.conns[c] = struct{}{}
	}
	e.mu.Unlock()
	if closed {
		_ = c.Close()
	}
	return !closed
}

func (e *Edge) drop(c io.Closer) {
	e.mu.Lock()
	delete(e.conns, c)
	e.mu.Unlock()
	_ = c.Close()
}

// IgnoreLingering makes goleak ignore goroutines that ngrok's SDK leaves running for a
// while after everything is closed: a pause between two connection attempts, a heartbeat
// that checks its session only at the next beat, and the goroutine of a broken session
// that waits to be sure that it is broken.
func IgnoreLingering() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("golang.ngrok.com/ngrok/v2/internal/tunnel/client.(*reconnectingSession).connect"),
		goleak.IgnoreAnyFunction("golang.ngrok.com/muxado/v2.(*Heartbeat).requester"),
		goleak.IgnoreAnyFunction("golang.ngrok.com/muxado/v2.(*Heartbeat).check"),
	}
}
