package ngrok

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"golang.ngrok.com/ngrok/v2"

	"github.com/hf-tap/hf-tap/tunnel"
)

// The bounds of what the SDK does without a deadline of its own.
const (
	goodbyeTime  = time.Second            // to disconnect in good order
	exchangeTime = 250 * time.Millisecond // for a session that is being made, before it is ended
)

// endpoint is an endpoint of ngrok's as a tunnel. The SDK keeps its session by
// itself, but it does not report another URL after a reconnect.
type endpoint struct {
	*tunnel.LinkState

	agent  ngrok.Agent
	ln     ngrok.EndpointListener
	line   *line
	log    *slog.Logger
	token  string
	cancel context.CancelFunc // of the context that the SDK's session lives in

	conns  chan net.Conn
	over   chan struct{} // closed when the SDK's listener has failed, with err
	err    error
	closed chan struct{}
	close  sync.Once

	trouble chan error    // while opening: what went wrong, the latest
	outcome chan struct{} // one slot: a try to connect, or to bind, has ended
	mu      sync.Mutex
	ended   int  // tries to connect that have succeeded or failed
	bound   bool // the SDK's first bind has succeeded or failed
}

// open connects to ngrok and binds an address there.
func open(ctx context.Context, cfg Config, address string) (_ *endpoint, err error) {
	t := newEndpoint(cfg)
	if t.agent, err = t.newAgent(cfg); err != nil {
		return nil, fmt.Errorf("set up ngrok: %w", err)
	}
	// The context of the first call owns the SDK's whole session, which is to
	// outlive ctx.
	var session context.Context
	session, t.cancel = context.WithCancel(context.WithoutCancel(ctx))
	var opts []ngrok.EndpointOption
	if address != "" {
		opts = append(opts, ngrok.WithURL(address))
	}
	listening := make(chan error, 1)
	go func() {
		var err error
		t.ln, err = t.agent.Listen(session, opts...)
		t.mu.Lock()
		t.bound = true
		t.mu.Unlock()
		signal(t.outcome)
		listening <- err
	}()
	err = t.opening(ctx, listening)
	if err != nil {
		t.hangUp()
		return nil, err
	}
	go t.accept()
	return t, nil
}

func newEndpoint(cfg Config) *endpoint {
	return &endpoint{
		LinkState: tunnel.NewLinkState(), line: newLine(cfg), token: cfg.Token, log: maskedLog(cfg.Log, cfg.Token),
		conns: make(chan net.Conn), over: make(chan struct{}), closed: make(chan struct{}),
		trouble: make(chan error, 1), outcome: make(chan struct{}, 1),
	}
}

func (t *endpoint) newAgent(cfg Config) (ngrok.Agent, error) {
	opts := []ngrok.AgentOption{
		ngrok.WithAuthtoken(cfg.Token),
		ngrok.WithAgentConnectURL(t.line.server),
		ngrok.WithClientInfo("hf-tap", cfg.Version),
		ngrok.WithDialer(t.line),
		ngrok.WithTLSConfig(t.line.secure),
		ngrok.WithHeartbeatInterval(cfg.Heartbeat),
		ngrok.WithHeartbeatTolerance(cfg.Heartbeat * 3 / 2),
		ngrok.WithLogger(t.log), // without one the SDK writes to the screen
		ngrok.WithEventHandler(t.event),
	}
	return ngrok.NewAgent(opts...)
}

// opening waits until the SDK listens. The SDK tries for ever, whatever is
// wrong: what it reports meanwhile is judged here. When opening fails, the
// call to Listen has returned.
func (t *endpoint) opening(ctx context.Context, listening <-chan error) error {
	limited, cancel := t.line.cfg.Limited(ctx, nil)
	defer cancel()
	fail := func(err error) error {
		t.settle()
		t.cancel()
		t.line.end()
		<-listening
		return err
	}
	last := errors.New("no answer")
	for {
		select {
		case err := <-listening:
			if err == nil {
				return nil
			}
			if refused := refusal(err, t.token); refused != nil {
				return refused
			}
			return t.line.fault(err, tunnel.StepSession)
		case last = <-t.trouble:
			if refused := refusal(last, t.token); refused != nil {
				return fail(refused)
			}
			if err := t.obstacle(limited, last); err != nil {
				return fail(cmp.Or(ctx.Err(), err))
			}
		case <-limited.Done():
			if ctx.Err() != nil {
				return fail(ctx.Err())
			}
			return fail(t.line.fault(fmt.Errorf("%w after %s", last, t.line.cfg.Timeout), tunnel.StepProtocol))
		}
	}
}

// obstacle finds out what a connection failed of. It is nil when nothing
// stands in the way: then the SDK's next try may do. What became of the SDK's
// own try is known when it failed early; else its error is lost on the way,
// and the same is tried once more.
func (t *endpoint) obstacle(ctx context.Context, err error) error {
	if p := t.line.progress(); p.dialErr != nil || p.trustErr != nil {
		return t.line.fault(err, tunnel.StepReach)
	}
	_, _, err = probe(ctx, t.line.cfg)
	return err
}

// probe tries the way to ngrok's server up to its protocol, without a
// session. It tells how far it came, and how long the server's answer took.
func probe(ctx context.Context, cfg Config) (progress, time.Duration, error) {
	ctx, cancel := cfg.Limited(ctx, nil)
	defer cancel()
	t := newEndpoint(cfg)
	defer t.line.end()
	agent, err := t.newAgent(cfg)
	if err != nil {
		return progress{}, 0, fmt.Errorf("set up ngrok: %w", err)
	}
	result, err := agent.(ngrok.Diagnoser).Diagnose(ctx, "")
	if err != nil {
		switch {
		case ctx.Err() != nil:
			err = fmt.Errorf("no answer: %w", ctx.Err())
		case ngrok.IsTLSDiagnoseFailure(err), ngrok.IsMuxadoDiagnoseFailure(err):
			err = errors.Unwrap(err) // the step is told by us
		}
		return t.line.progress(), 0, t.line.fault(err, tunnel.StepProtocol)
	}
	return t.line.progress(), result.Latency, nil
}

// event takes what the SDK reports. It must not block, nor call the agent,
// whose lock the SDK holds meanwhile.
func (t *endpoint) event(e ngrok.Event) {
	switch e := e.(type) {
	case *ngrok.EventAgentConnectSucceeded:
		t.setLink(true, nil)
	case *ngrok.EventAgentDisconnected:
		if e.Error == nil { // the end of the session, which we brought about
			return
		}
		select { // keep the latest
		case <-t.trouble:
		default:
		}
		select {
		case t.trouble <- e.Error:
		default:
		}
		var cause error = t.line.broke(e.Error)
		if refused := refusal(e.Error, t.token); refused != nil {
			cause = refused
		}
		t.setLink(false, cause)
	}
}

func (t *endpoint) setLink(up bool, cause error) {
	t.mu.Lock()
	if up || !t.Link().Up { // else a session has ended that was there
		t.ended++
	}
	if up {
		t.Connected()
	} else {
		t.Disconnected(cause)
	}
	t.mu.Unlock()
	signal(t.outcome)
}

// signal fills a slot, if it is empty.
func signal(slot chan struct{}) {
	select {
	case slot <- struct{}{}:
	default:
	}
}

// settle lets the SDK make no further connection, and gives a session that it
// is making a moment to be there or to fail. To end one in its first exchange
// is a data race of muxado's: the stream is closed by changing a frame that the
// session may be writing.
func (t *endpoint) settle() {
	tries, connected := t.line.stop()
	late, cancel := t.line.cfg.Clock.WithTimeout(context.Background(), exchangeTime, nil)
	defer cancel()
	for {
		t.mu.Lock()
		making := connected && tries > t.ended || t.Link().Up && !t.bound
		t.mu.Unlock()
		if !making {
			return
		}
		select {
		case <-t.outcome:
		case <-late.Done():
			return
		}
	}
}

func (t *endpoint) Provider() string { return Name }
func (t *endpoint) Addr() net.Addr   { return t.ln.Addr() }
func (t *endpoint) URL() string      { return strings.TrimRight(t.ln.URL().String(), "/") }

// accept takes connections from the SDK until its listener fails. It goes on
// after Close, because the SDK waits for each connection to be taken.
func (t *endpoint) accept() {
	defer close(t.over)
	for {
		conn, err := t.ln.Accept()
		if err != nil {
			t.err = err
			return
		}
		select {
		case t.conns <- ngrokConn{conn}:
		case <-t.closed:
			_ = conn.Close()
		}
	}
}

// Accept gives the next connection. Its RemoteAddr is the public client's.
func (t *endpoint) Accept() (net.Conn, error) {
	select {
	case <-t.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case conn := <-t.conns:
		return conn, nil
	case <-t.closed:
		return nil, net.ErrClosed
	case <-t.over:
		if refused := refusal(t.err, t.token); refused != nil {
			return nil, refused
		}
		return nil, t.line.at(tunnel.StepSession, t.err)
	}
}

// Close leaves ngrok in good order, within two seconds whatever happens, and
// ends all connections.
func (t *endpoint) Close() error {
	t.close.Do(func() {
		close(t.closed)
		t.hangUp()
		// The SDK's listener can be stuck: taking a connection and closing may
		// each wait for the other. It is not waited for then.
		giveUp := time.NewTimer(goodbyeTime)
		defer giveUp.Stop()
		select {
		case <-t.over:
		case <-giveUp.C:
			t.log.Warn("the SDK's listener does not end")
		}
	})
	return nil
}

// hangUp ends the SDK's session: first as ngrok wants it, so that its side
// knows at once that the address is free, then by closing the connection.
func (t *endpoint) hangUp() {
	t.settle()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = t.agent.Disconnect() // it fails when the session is broken already
	}()
	late := time.NewTimer(goodbyeTime)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
	t.cancel()
	t.line.end()
	<-done
	if t.ln != nil {
		// Between two tries to connect, only this ends Accept. With the line cut,
		// the question that it asks ngrok fails at once.
		go func() { _ = t.ln.Close() }()
	}
}

// ngrokConn is a stream of the SDK's session.
type ngrokConn struct{ net.Conn }

// SetDeadline sets the deadline of reads only: see SetWriteDeadline.
func (c ngrokConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline does nothing: when a write's deadline passes, the session
// still holds the frame, and the next write changes it under its hands, which
// breaks all streams. What is written here is small, and a session that has
// died ends all writes.
func (c ngrokConn) SetWriteDeadline(time.Time) error { return nil }
