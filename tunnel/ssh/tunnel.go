package ssh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/internal/announce"
)

// forwarding is one connection to a server, which forwards a port, as a tunnel.
// It does not come back: when it ends, Accept fails, and a Keeper opens another.
type forwarding struct {
	*tunnel.LinkState

	dialer *dialer
	client *ssh.Client
	heard  *announcements // nil if the server announces nothing
	local  net.Addr
	beat   time.Duration

	conns  chan net.Conn
	over   chan struct{} // closed when the connection has ended; Link has the cause
	ended  chan struct{} // closed when the session has ended
	served chan struct{} // closed when no more connections come
	closed chan struct{}
	close  sync.Once
	run    sync.WaitGroup // the tunnel's goroutines
	asking atomic.Bool    // a keepalive request has no answer yet

	mu    sync.Mutex
	live  map[*channelConn]struct{}
	cause error // the first reason for the end of the connection
}

// open connects to a provider's server, and asks it to forward a port.
func open(ctx context.Context, cfg Config, provider string) (*forwarding, error) {
	d, err := newDialer(cfg, provider)
	if err != nil {
		return nil, err
	}
	opening, cancel := cfg.Limited(ctx, nil)
	defer cancel()
	client, err := d.dial(opening)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	t := start(d, client)
	// The requests have no deadline of their own: the end of the connection ends them.
	stop := context.AfterFunc(opening, func() { t.fail(opening.Err()) })
	err = t.requestAddress(opening)
	if !stop() && err == nil {
		err = opening.Err()
	}
	if err != nil {
		_ = t.Close()
		if ctx.Err() == nil && opening.Err() != nil {
			return nil, t.timeoutError()
		}
		return nil, cmp.Or(ctx.Err(), err)
	}
	t.run.Go(t.keepAlive)
	return t, nil
}

// start begins to serve a connection.
func start(d *dialer, client *ssh.Client) *forwarding {
	s := d.service
	t := &forwarding{
		LinkState: tunnel.NewLinkState(), dialer: d, client: client, local: serverAddr(s.server), beat: d.cfg.Heartbeat,
		conns: make(chan net.Conn), live: map[*channelConn]struct{}{}, over: make(chan struct{}), ended: make(chan struct{}), served: make(chan struct{}), closed: make(chan struct{}),
	}
	t.Connected()
	if s.read != nil {
		t.heard = newAnnouncements(s)
		t.heard.moved = t.Connected
	}
	channels := client.HandleChannelOpen("forwarded-tcpip")
	t.run.Go(func() {
		defer close(t.served)
		t.serve(channels)
	})
	t.run.Go(func() {
		err := client.Wait()
		t.recordEnd(err)
	})
	return t
}

// requestAddress requests the forwarding, and waits for the address.
func (t *forwarding) requestAddress(ctx context.Context) error {
	s := t.dialer.service
	if t.heard != nil && s.own && announcesNothing(string(t.client.ServerVersion())) {
		return &tunnel.ProviderError{Provider: s.provider, Message: "it forwards ports, but gives them no public address", Permanent: true}
	}
	if t.heard != nil {
		// Before the forwarding, because some servers announce its address only in a
		// session that already exists.
		if err := t.startSession(); err != nil {
			return err
		}
	}
	if err := t.forward(); err != nil {
		return err
	}
	if t.heard == nil {
		return nil
	}
	select {
	case <-t.heard.found:
	case <-t.ended:
	case <-t.over:
	case <-ctx.Done():
	}
	select {
	case <-t.heard.found: // an address counts, even if the session or the connection has ended, too
		return nil
	case <-t.over:
		return t.causeOfEnd()
	case <-t.ended:
		return t.noAddressError("it ended the session")
	default:
		return ctx.Err()
	}
}

// announcesNothing reports whether a server is one that forwards ports without a
// public address.
func announcesNothing(version string) bool {
	version = strings.ToLower(version)
	return strings.Contains(version, "openssh") || strings.Contains(version, "dropbear")
}

// timeoutError returns the error of an opening that took too long.
func (t *forwarding) timeoutError() error {
	if t.heard != nil && t.heard.why() != "" {
		return t.noAddressError("")
	}
	what := "no answer"
	if t.heard != nil {
		what = "no address was announced"
	}
	return t.dialer.at(tunnel.StepProtocol, fmt.Errorf("%s within %s", what, t.dialer.cfg.Timeout))
}

// noAddressError returns why there is no address: the server's own words, or
// otherwise if it printed none.
func (t *forwarding) noAddressError(otherwise string) *tunnel.ProviderError {
	said := otherwise
	if why := t.heard.why(); why != "" {
		said = why
	}
	e := &tunnel.ProviderError{Provider: t.dialer.service.provider, Message: said}
	if t.dialer.service.own {
		e.OtherDomain = t.heard.otherDomain()
	}
	return e
}

// causeOfEnd returns why the connection has ended: the server's own words, if it
// printed any, or the error of the connection.
func (t *forwarding) causeOfEnd() error {
	if t.heard.why() != "" {
		return t.noAddressError("")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cause
}

// startSession starts a shell or a command whose output announces the address.
func (t *forwarding) startSession() error {
	s := t.dialer.service
	ch, requests, err := t.client.OpenChannel("session", nil)
	if err != nil {
		return t.refusal("it allows no session", err)
	}
	var reading sync.WaitGroup
	for _, stream := range []io.Reader{ch, ch.Stderr()} {
		// Until it ends, because a session whose output nobody reads stops.
		reading.Go(func() { _, _ = io.Copy(&announce.Lines{Take: t.heard.line}, stream) })
	}
	reading.Go(func() { ssh.DiscardRequests(requests) })
	t.run.Go(func() {
		reading.Wait()
		close(t.ended)
		t.closeAfterSession()
	})
	kind, payload := "shell", []byte(nil)
	if s.command != "" {
		kind, payload = "exec", ssh.Marshal(struct{ Command string }{s.command})
	}
	ok, err := ch.SendRequest(kind, true, payload)
	if err != nil || !ok {
		return t.refusal("it allows no session", err)
	}
	return nil // its input stays open, because closing it would end the session
}

// closeAfterSession ends the connection after its session has ended, as OpenSSH's client
// does, for which these services are made.
func (t *forwarding) closeAfterSession() {
	select {
	case <-t.heard.found:
	default:
		return // requestAddress returns the error
	}
	if _, _, err := t.client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		return // the connection itself has ended
	}
	said := "it ended the session"
	if words := t.heard.words(); words != "" {
		said += ": " + words
	}
	t.fail(&tunnel.ProviderError{Provider: t.dialer.service.provider, Message: said})
}

// forward requests the remote forwarding. Client.Listen of the library refuses
// connections that do not repeat the requested address and port, as those of the
// services do not.
func (t *forwarding) forward() error {
	s := t.dialer.service
	ok, reply, err := t.client.SendRequest("tcpip-forward", true, ssh.Marshal(struct {
		Addr string
		Port uint32
	}{s.bind, s.port}))
	if err != nil || !ok {
		return t.refusal(fmt.Sprintf("it does not forward %s:%d", s.bind, s.port), err)
	}
	port := s.port
	var bound struct{ Port uint32 }
	if port == 0 && ssh.Unmarshal(reply, &bound) == nil {
		port = bound.Port
	}
	t.local = addrOf(s.bind, port)
	return nil
}

// refusal returns a refusal by the server, or the connection's error if err is not a
// refusal.
func (t *forwarding) refusal(what string, err error) error {
	var no *ssh.OpenChannelError
	if err != nil && !errors.As(err, &no) {
		select {
		case <-t.over:
		case <-t.closed:
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		return cmp.Or[error](t.cause, t.dialer.at(tunnel.StepSession, err))
	}
	if no != nil && no.Message != "" {
		what += ": " + announce.Plain(no.Message[:min(len(no.Message), announce.MaxSaid)])
	} else if t.heard != nil {
		if words := t.heard.words(); words != "" {
			what += ": " + words
		}
	}
	return &tunnel.ProviderError{Provider: t.dialer.service.provider, Message: what}
}

// aliveTicks is how many half heartbeats a server may take to answer.
const aliveTicks = 3

// keepAlive sends keepalive requests, and ends the connection if an answer is late. A
// failure is an answer, too. keepAlive counts ticks and does not measure time: after
// the process was suspended, two ticks at most come at once, and an answer that had
// arrived is read before the next.
func (t *forwarding) keepAlive() {
	ticks, stop := t.dialer.cfg.Clock.Ticker(t.beat / 2)
	defer stop()
	for tick, silent := 1, 0; ; tick++ {
		select {
		case <-t.over:
			return
		case <-ticks:
		}
		if silent++; !t.asking.Load() {
			silent = 0
		}
		switch {
		case silent == aliveTicks:
			t.fail(t.dialer.at(tunnel.StepSession, fmt.Errorf("no answer within %s", t.beat*aliveTicks/2)))
			return
		case silent == 0 && tick%2 == 0:
			t.asking.Store(true)
			t.run.Go(func() {
				if _, _, err := t.client.SendRequest("keepalive@openssh.com", true, nil); err == nil {
					t.asking.Store(false)
				}
			})
		}
	}
}

// fail ends the connection. The first cause is kept.
func (t *forwarding) fail(cause error) {
	t.mu.Lock()
	t.cause = cmp.Or(t.cause, cause)
	t.mu.Unlock()
	_ = t.client.Close() // it may already be closed
}

// recordEnd records that the connection has ended.
func (t *forwarding) recordEnd(err error) {
	t.mu.Lock()
	t.cause = cmp.Or[error](t.cause, t.dialer.at(tunnel.StepSession, cmp.Or(err, io.EOF)))
	cause := t.cause
	t.mu.Unlock()
	t.Disconnected(cause)
	close(t.over)
}

// Accept returns the next connection. Its RemoteAddr is the client's address, as the
// server sends it.
func (t *forwarding) Accept() (net.Conn, error) {
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
		return nil, t.Link().Cause
	}
}

// Close ends the connection and all connections through it, and waits for the
// tunnel's goroutines.
func (t *forwarding) Close() error {
	t.close.Do(func() {
		close(t.closed)
		t.fail(net.ErrClosed)
		<-t.served // no more connections come
		t.hangUp()
	})
	t.run.Wait()
	return nil
}

func (t *forwarding) Provider() string { return t.dialer.service.provider }
func (t *forwarding) Addr() net.Addr   { return t.local }

// URL is the address that the server has announced, or that the user configured.
func (t *forwarding) URL() string {
	if t.heard != nil {
		return t.heard.address()
	}
	return t.dialer.service.public
}
