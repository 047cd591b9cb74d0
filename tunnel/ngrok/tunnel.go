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

// The limits of what the SDK does without a deadline of its own.
const (
	goodbyeTime  = time.Second            // to disconnect in order
	exchangeTime = 250 * time.Millisecond // for a session that is being opened, before it is closed
)

// endpoint is an endpoint of ngrok's as a tunnel. The SDK keeps its session by
// itself, but it does not report another URL after a reconnect.
type endpoint struct {
	*tunnel.LinkState

	agent  ngrok.Agent
	ln     ngrok.EndpointListener
	dialer *dialer
	log    *slog.Logger
	token  string
	cancel context.CancelFunc // ends the SDK's session

	conns  chan net.Conn
	over   chan struct{} // closed when the SDK's listener has failed, with err
	err    error
	closed chan struct{}
	close  sync.Once

	trouble chan error    // the latest error while it is being opened
	outcome chan struct{} // one slot: a try to connect or to bind has ended
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
	// The SDK's session lasts as long as the context of the first call, so that ctx
	// cannot be that one.
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
	err = t.waitUntilOpen(ctx, listening)
	if err != nil {
		t.hangUp()
		return nil, err
	}
	go t.accept()
	return t, nil
}

func newEndpoint(cfg Config) *endpoint {
	return &endpoint{
		LinkState: tunnel.NewLinkState(), dialer: newDialer(cfg), token: cfg.Token, log: maskedLog(cfg.Log, cfg.Token),
		conns: make(chan net.Conn), over: make(chan struct{}), closed: make(chan struct{}),
		trouble: make(chan error, 1), outcome: make(chan struct{}, 1),
	}
}

func (t *endpoint) newAgent(cfg Config) (ngrok.Agent, error) {
	opts := []ngrok.AgentOption{
		ngrok.WithAuthtoken(cfg.Token),
		ngrok.WithAgentConnectURL(t.dialer.server),
		ngrok.WithClientInfo("hf-tap", cfg.Version),
		ngrok.WithDialer(t.dialer),
		ngrok.WithTLSConfig(t.dialer.secure),
		ngrok.WithHeartbeatInterval(cfg.Heartbeat),
		ngrok.WithHeartbeatTolerance(cfg.Heartbeat * 3 / 2),
		ngrok.WithLogger(t.log), // without one the SDK writes to the screen
		ngrok.WithEventHandler(t.event),
	}
	return ngrok.NewAgent(opts...)
}

// waitUntilOpen waits until the SDK listens. The SDK tries without an end, so that
// this decides which of the errors that it reports is final. After an error, the
// call to Listen has returned.
func (t *endpoint) waitUntilOpen(ctx context.Context, listening <-chan error) error {
	limited, cancel := t.dialer.cfg.Limited(ctx, nil)
	defer cancel()
	fail := func(err error) error {
		t.stopConnecting()
		t.cancel()
		t.dialer.cut()
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
			return t.dialer.connectError(err, tunnel.StepSession)
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
			return fail(t.dialer.connectError(fmt.Errorf("%w after %s", last, t.dialer.cfg.Timeout), tunnel.StepProtocol))
		}
	}
}

// obstacle returns why a connection failed, or nil if the SDK's next try may
// succeed. The dialer knows the reason if the connection failed early. Otherwise the
// SDK has lost its error, and obstacle tries the same once more.
func (t *endpoint) obstacle(ctx context.Context, err error) error {
	if p := t.dialer.progress(); p.dialErr != nil || p.trustErr != nil {
		return t.dialer.connectError(err, tunnel.StepReach)
	}
	_, _, err = probe(ctx, t.dialer.cfg)
	return err
}

// probe connects to ngrok's server, up to its protocol but without a session. It
// returns how far it came, and how long the server's answer took.
func probe(ctx context.Context, cfg Config) (progress, time.Duration, error) {
	ctx, cancel := cfg.Limited(ctx, nil)
	defer cancel()
	t := newEndpoint(cfg)
	defer t.dialer.cut()
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
			err = errors.Unwrap(err) // ConnectError has the step
		}
		return t.dialer.progress(), 0, t.dialer.connectError(err, tunnel.StepProtocol)
	}
	return t.dialer.progress(), result.Latency, nil
}

// event handles an event of the SDK. It must not block or call the agent, because
// the SDK holds the agent's lock.
func (t *endpoint) event(e ngrok.Event) {
	switch e := e.(type) {
	case *ngrok.EventAgentConnectSucceeded:
		t.setLink(true, nil)
	case *ngrok.EventAgentDisconnected:
		if e.Error == nil { // Close has ended the session
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
		var cause error = t.dialer.sessionError(e.Error)
		if refused := refusal(e.Error, t.token); refused != nil {
			cause = refused
		}
		t.setLink(false, cause)
	}
}

func (t *endpoint) setLink(up bool, cause error) {
	t.mu.Lock()
	if up || !t.Link().Up { // otherwise a complete session has ended
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

// signal fills a slot if it is empty.
func signal(slot chan struct{}) {
	select {
	case slot <- struct{}{}:
	default:
	}
}

// stopConnecting lets the SDK make no further connection, and waits a moment for a
// session that it is opening. Closing one in its first exchange is a data race of
// muxado: it changes a frame that the session may be writing.
func (t *endpoint) stopConnecting() {
	tries, connected := t.dialer.refuseMore()
	late, cancel := t.dialer.cfg.Clock.WithTimeout(context.Background(), exchangeTime, nil)
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

// accept accepts connections from the SDK until its listener fails. It goes on
// after Close, because the SDK waits until somebody accepts each connection.
func (t *endpoint) accept() {
	defer close(t.over)
	for {
		conn, err := t.ln.Accept()
		if err != nil {
			t.err = err
			return
		}
		select {
		case t.conns <- streamConn{conn}:
		case <-t.closed:
			_ = conn.Close()
		}
	}
}

// Accept returns the next connection. Its RemoteAddr is the public client's.
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
		return nil, t.dialer.at(tunnel.StepSession, t.err)
	}
}

// Close disconnects from ngrok in order, within two seconds in any case, and ends
// all connections.
func (t *endpoint) Close() error {
	t.close.Do(func() {
		close(t.closed)
		t.hangUp()
		// The SDK's listener may never end: accepting a connection and closing can wait
		// for each other.
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

// hangUp ends the SDK's session: first by ngrok's protocol, so that ngrok knows at
// once that the address is free, then by closing the connection.
func (t *endpoint) hangUp() {
	t.stopConnecting()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = t.agent.Disconnect() // fails if the session is already broken
	}()
	late := time.NewTimer(goodbyeTime)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
	t.cancel()
	t.dialer.cut()
	<-done
	if t.ln != nil {
		// Between two tries to connect, only this ends Accept. Its request to ngrok fails
		// at once, because there is no connection any more.
		go func() { _ = t.ln.Close() }()
	}
}

// streamConn is a stream of the SDK's session.
type streamConn struct{ net.Conn }

// SetDeadline sets the deadline of reads only: see SetWriteDeadline.
func (c streamConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline does nothing. After the deadline of a write, the session would
// still hold the frame, and the next write would change it, which breaks all
// streams. Answers are small, and the end of a session ends all writes.
func (c streamConn) SetWriteDeadline(time.Time) error { return nil }
