package tunnel

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
)

// sshTunnel is one connection to a server. It does not come back: when it
// ends, Accept fails, and the Keeper opens another.
type sshTunnel struct {
	way    *sshWay
	client *ssh.Client
	heard  *announcements // nil where the server announces nothing
	local  net.Addr
	beat   time.Duration

	conns  chan net.Conn
	over   chan struct{} // closed when the connection has ended, with the cause in link
	ended  chan struct{} // closed when the session has
	served chan struct{} // closed when no connections come any more
	closed chan struct{}
	close  sync.Once
	run    sync.WaitGroup // everything that runs for it
	asking atomic.Bool    // for a sign of life that has not come yet

	changed chan struct{} // one slot
	mu      sync.Mutex
	live    map[*sshConn]struct{}
	link    Link
	cause   error // the first reason for the end
}

// openSSH opens a tunnel by SSH.
func openSSH(ctx context.Context, cfg Config, provider string) (Tunnel, error) {
	way, err := newSSHWay(cfg, provider)
	if err != nil {
		return nil, err
	}
	within := cfg.within()
	opening, cancel := cfg.timeout(ctx, within)
	defer cancel()
	client, err := way.dial(opening)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	t := startSSH(way, client)
	// Nothing that waits for the server has a deadline but the connection's end.
	stop := context.AfterFunc(opening, func() { t.fail(opening.Err()) })
	err = t.open(opening)
	if !stop() && err == nil {
		err = opening.Err()
	}
	if err != nil {
		_ = t.Close()
		if ctx.Err() == nil && opening.Err() != nil {
			return nil, t.late(within)
		}
		return nil, cmp.Or(ctx.Err(), err)
	}
	t.run.Go(t.keepAlive)
	return t, nil
}

// startSSH takes over a connection.
func startSSH(way *sshWay, client *ssh.Client) *sshTunnel {
	s := way.service
	t := &sshTunnel{
		way: way, client: client, local: sshAddr(s.server), beat: cmp.Or(way.cfg.Heartbeat, 10*time.Second),
		conns: make(chan net.Conn), live: map[*sshConn]struct{}{}, over: make(chan struct{}), ended: make(chan struct{}), served: make(chan struct{}), closed: make(chan struct{}),
		changed: make(chan struct{}, 1), link: Link{Up: true, Made: 1},
	}
	if s.read != nil {
		t.heard = newAnnouncements(s)
		t.heard.moved = func(string) { t.remade() }
	}
	channels := client.HandleChannelOpen("forwarded-tcpip")
	t.run.Go(func() {
		defer close(t.served)
		t.serve(channels)
	})
	t.run.Go(func() {
		err := client.Wait()
		t.finish(err)
	})
	return t
}

// open asks for the forwarding, and waits for the address.
func (t *sshTunnel) open(ctx context.Context) error {
	s := t.way.service
	if t.heard != nil && s.own && announcesNothing(string(t.client.ServerVersion())) {
		return &ProviderError{Provider: s.provider, Message: "it forwards ports, but gives them no public address", Permanent: true}
	}
	if t.heard != nil {
		// Before the forwarding: some tell its address only to a session that is there.
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
	case <-t.heard.found: // more than one thing may have happened: this one counts
		return nil
	case <-t.over:
		return t.broken()
	case <-t.ended:
		return t.unannounced("it ended the session")
	default:
		return ctx.Err()
	}
}

// announcesNothing reports whether a server is one that forwards ports and
// does no more.
func announcesNothing(version string) bool {
	version = strings.ToLower(version)
	return strings.Contains(version, "openssh") || strings.Contains(version, "dropbear")
}

// late is the error of a time that ran out.
func (t *sshTunnel) late(within time.Duration) error {
	if t.heard != nil && t.heard.why() != "" {
		return t.unannounced("")
	}
	what := "no answer"
	if t.heard != nil {
		what = "no address was announced"
	}
	return t.way.at(StepProtocol, fmt.Errorf("%s within %s", what, within))
}

// unannounced says why there is no address: what the server said counts for
// more than what became of it.
func (t *sshTunnel) unannounced(otherwise string) *ProviderError {
	said := otherwise
	if why := t.heard.why(); why != "" {
		said = why
	}
	e := &ProviderError{Provider: t.way.service.provider, Message: said}
	if t.way.service.own {
		e.OtherDomain = t.heard.elsewhere()
	}
	return e
}

// broken is the error of a connection that has ended: what the server said, if
// it said anything, else how it ended.
func (t *sshTunnel) broken() error {
	if t.heard.why() != "" {
		return t.unannounced("")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cause
}

// startSession starts a shell or a command whose output announces the address.
func (t *sshTunnel) startSession() error {
	s := t.way.service
	ch, requests, err := t.client.OpenChannel("session", nil)
	if err != nil {
		return t.refusal("it allows no session", err)
	}
	var reading sync.WaitGroup
	for _, stream := range []io.Reader{ch, ch.Stderr()} {
		// For as long as it lasts: a session whose output nobody takes stops.
		reading.Go(func() { _, _ = io.Copy(&lines{take: t.heard.line}, stream) })
	}
	reading.Go(func() { ssh.DiscardRequests(requests) })
	t.run.Go(func() {
		reading.Wait()
		close(t.ended)
		t.sessionOver()
	})
	kind, payload := "shell", []byte(nil)
	if s.command != "" {
		kind, payload = "exec", ssh.Marshal(struct{ Command string }{s.command})
	}
	ok, err := ch.SendRequest(kind, true, payload)
	if err != nil || !ok {
		return t.refusal("it allows no session", err)
	}
	return nil // its input stays open: the end of it would end the session
}

// sessionOver ends the connection with its session, as the programs do for
// which these services are made.
func (t *sshTunnel) sessionOver() {
	select {
	case <-t.heard.found:
	default:
		return // open tells
	}
	if _, _, err := t.client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		return // it is the connection that has ended, and the session with it
	}
	said := "it ended the session"
	if words := t.heard.words(); words != "" {
		said += ": " + words
	}
	t.fail(&ProviderError{Provider: t.way.service.provider, Message: said})
}

// forward asks for the remote forwarding. The library's own way insists on an
// echo of the very address and port in each connection, which services do not
// give.
func (t *sshTunnel) forward() error {
	s := t.way.service
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

// refusal is a no of the server, or the error if it was no no.
func (t *sshTunnel) refusal(what string, err error) error {
	var no *ssh.OpenChannelError
	if err != nil && !errors.As(err, &no) {
		select {
		case <-t.over:
		case <-t.closed:
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		return cmp.Or[error](t.cause, t.way.at(StepSession, err))
	}
	if no != nil && no.Message != "" {
		what += ": " + plain(no.Message[:min(len(no.Message), maxSaid)])
	} else if t.heard != nil {
		if words := t.heard.words(); words != "" {
			what += ": " + words
		}
	}
	return &ProviderError{Provider: t.way.service.provider, Message: what}
}

// aliveTicks is how many halves of a beat a server may take to answer.
const aliveTicks = 3

// keepAlive asks for a sign of life again and again. A no is one, too. It counts
// ticks and does not measure time: when the process was suspended, however long,
// two ticks at most come at once, and an answer that had arrived is read before
// the next.
func (t *sshTunnel) keepAlive() {
	ticks, stop := t.way.cfg.ticker(t.beat / 2)
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
			t.fail(t.way.at(StepSession, fmt.Errorf("no sign of life within %s", t.beat*aliveTicks/2)))
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

// fail ends the connection for a reason. The first one counts.
func (t *sshTunnel) fail(cause error) {
	t.mu.Lock()
	t.cause = cmp.Or(t.cause, cause)
	t.mu.Unlock()
	_ = t.client.Close() // it may be closed already
}

// finish notes that the connection has ended.
func (t *sshTunnel) finish(err error) {
	t.mu.Lock()
	t.cause = cmp.Or[error](t.cause, t.way.at(StepSession, cmp.Or(err, io.EOF)))
	t.link.Up, t.link.Cause = false, t.cause
	t.mu.Unlock()
	close(t.over)
	t.tell()
}

// remade notes that the same connection has another address.
func (t *sshTunnel) remade() {
	t.mu.Lock()
	t.link.Made++
	t.mu.Unlock()
	t.tell()
}

func (t *sshTunnel) tell() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// Accept gives the next connection. Its RemoteAddr is what the server tells of
// the client.
func (t *sshTunnel) Accept() (net.Conn, error) {
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

// Close ends the connection and all that came through it, and waits for what
// runs.
func (t *sshTunnel) Close() error {
	t.close.Do(func() {
		close(t.closed)
		t.fail(net.ErrClosed)
		<-t.served // no more come
		t.hangUp()
	})
	t.run.Wait()
	return nil
}

// Link tells how the connection is.
func (t *sshTunnel) Link() Link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.link
}

func (t *sshTunnel) LinkChanged() <-chan struct{} { return t.changed }
func (t *sshTunnel) Provider() string             { return t.way.service.provider }
func (t *sshTunnel) Addr() net.Addr               { return t.local }

// URL is the address that the server announced, or that the user gave.
func (t *sshTunnel) URL() string {
	if t.heard != nil {
		return t.heard.address()
	}
	return t.way.service.public
}
