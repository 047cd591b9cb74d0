// Package ssh has SSH servers for tests of tunnels, on loopback: the real
// sshd with a configuration of its own (Daemon), and a server in this process
// that forwards ports as the public services do, announces addresses in their
// words, and misbehaves on request (Service).
package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// Faults are the ways in which a service fails. The zero value lets everybody in, and
// announces nothing. They can be changed at any moment.
type Faults struct {
	Announce  func(name string) string // what the session prints once the port is forwarded: see Words
	Greet     string                   // what it prints at its beginning
	Banner    string                   // what is said before anybody is let in
	KeyOnly   bool                     // "none" is refused
	Refuse    bool                     // everybody is
	Mute      bool                     // the question is none
	Questions bool                     // they are asked before they are refused
	NoSession bool                     // no session is allowed
	NoForward bool                     // no port is forwarded
	Silent    bool                     // no answer to requests, nor to signs of life
	Raw       func(net.Conn)           // instead of SSH
	EndAfter  bool                     // the session ends once the port is forwarded
	Guests    bool                     // who answers a question with nothing is let in, and nobody else
	SayNo     bool                     // signs of life are answered with a no
	Hold      <-chan struct{}          // they are answered when it is closed
}

// Service is a running service. Its methods may be called from any goroutine.
type Service struct {
	addr string
	run  sync.WaitGroup

	saying sync.Mutex // held while something is printed

	mu      sync.Mutex
	changed chan struct{} // closed and made anew at each change
	ln      net.Listener  // nil while stopped
	faults  Faults
	keys    []ssh.Signer    // of the host
	live    *ssh.ServerConn // the latest
	conns   map[net.Conn]struct{}
	session ssh.Channel // of the latest
	said    string      // in that session since its beginning
	log     []string
}

// StartService starts one on a free loopback port.
func StartService(faults Faults) (*Service, error) {
	key, err := newSigner()
	if err != nil {
		return nil, err
	}
	ln, err := porttest.Listen()
	if err != nil {
		return nil, err
	}
	s := &Service{addr: ln.Addr().String(), faults: faults, keys: []ssh.Signer{key}, conns: map[net.Conn]struct{}{}, changed: make(chan struct{})}
	s.listen(ln)
	return s, nil
}

func newSigner() (ssh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return ssh.NewSignerFromKey(key)
}

// Addr is where clients connect to, as host:port. It stays when the service is
// stopped and resumed.
func (s *Service) Addr() string { return s.addr }

// Resume listens again where it did before.
func (s *Service) Resume() error {
	ln, err := net.Listen("tcp4", s.addr)
	if err != nil {
		return fmt.Errorf("listen for clients: %w", err)
	}
	s.listen(ln)
	return nil
}

func (s *Service) listen(ln net.Listener) {
	s.mu.Lock()
	s.ln = ln
	s.mu.Unlock()
	s.run.Go(func() { s.accept(ln) })
}

// Stop ends all connections, and listens no more.
func (s *Service) Stop() {
	s.mu.Lock()
	ln := s.ln
	s.ln = nil
	s.mu.Unlock()
	if ln != nil {
		_ = ln.Close()
	}
	s.Drop()
}

// Drop ends all connections.
func (s *Service) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Close stops the service, and waits until nothing of it runs any more.
func (s *Service) Close() {
	s.Stop()
	s.run.Wait()
}

// Set changes how it behaves.
func (s *Service) Set(change func(*Faults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.faults)
}

func (s *Service) now() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// HostKey is the key that the service shows.
func (s *Service) HostKey() ssh.PublicKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[0].PublicKey()
}

// NewHostKey makes it show another from now on.
func (s *Service) NewHostKey() error {
	key, err := newSigner()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = []ssh.Signer{key}
	return nil
}

// AddHostKey makes it have one more, of another kind.
func (s *Service) AddHostKey(key ssh.Signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, key)
}

// Log returns what clients did, in order: "none", "key SHA256:…", "in as user",
// "shell", "exec command", "stdin closed", "forward host:port", "keepalive", and "a
// word" where a Raw fault has read one.
func (s *Service) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Until waits until something stands in the log.
func (s *Service) Until(ctx context.Context, what string) error {
	return s.wait(ctx, "something else than "+what, func() bool { return slices.Contains(s.log, what) })
}

// Count is how often something stands in the log.
func (s *Service) Count(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.countLocked(what)
}

// Times waits until something stands in the log that often.
func (s *Service) Times(ctx context.Context, what string, times int) error {
	return s.wait(ctx, "not so often "+what, func() bool { return s.countLocked(what) >= times })
}

func (s *Service) countLocked(what string) (n int) {
	for _, line := range s.log {
		if line == what {
			n++
		}
	}
	return n
}

// Idle waits until no client is connected any more.
func (s *Service) Idle(ctx context.Context) error {
	return s.wait(ctx, "connected", func() bool { return len(s.conns) == 0 })
}

func (s *Service) wait(ctx context.Context, otherwise string, fits func() bool) error {
	for {
		s.mu.Lock()
		ok, changed, log := fits(), s.changed, slices.Clone(s.log)
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("still %s: %w; the log is %q", otherwise, ctx.Err(), log)
		}
	}
}

// update changes something under the lock, and wakes those who wait.
func (s *Service) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Service) note(what string) { s.update(func() { s.log = append(s.log, what) }) }

// Say prints in the latest session.
func (s *Service) Say(text string) {
	s.saying.Lock()
	defer s.saying.Unlock()
	var session ssh.Channel
	s.update(func() {
		session = s.session
		s.said += text
	})
	_, _ = io.WriteString(session, text)
}

// Heard waits until something was printed in the latest session, and the client
// has it.
func (s *Service) Heard(ctx context.Context) error {
	if err := s.wait(ctx, "silent", func() bool { return s.said != "" }); err != nil {
		return err
	}
	s.saying.Lock()
	defer s.saying.Unlock()
	s.mu.Lock()
	live := s.live
	s.mu.Unlock()
	if !answers(live) { // which comes after what was printed
		return errors.New("the client is gone")
	}
	return nil
}

// EndSession ends the latest session, and not its connection.
func (s *Service) EndSession() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.session.Close()
}

// Offer opens a channel to the latest client, as it is: for those that no
// service would open.
func (s *Service) Offer(kind string, extra []byte) (ssh.Channel, error) {
	s.mu.Lock()
	live := s.live
	s.mu.Unlock()
	if live == nil {
		return nil, errors.New("nobody is connected")
	}
	ch, requests, err := live.OpenChannel(kind, extra)
	if err != nil {
		return nil, err
	}
	s.run.Go(func() { ssh.DiscardRequests(requests) })
	return ch, nil
}

// Dial is what the service does when somebody comes to an address: it opens a
// connection through the latest client's tunnel, if that has the address. The address
// that it reports for the forwarding is not the requested one. An empty address means
// the one that the tunnel has.
func (s *Service) Dial(_ context.Context, _, address string) (net.Conn, error) {
	s.mu.Lock()
	said := s.said
	s.mu.Unlock()
	if host, _, err := net.SplitHostPort(address); address != "" && (err != nil || !strings.Contains(said, host)) {
		return nil, fmt.Errorf("%s is nobody's", address)
	}
	ch, err := s.Offer("forwarded-tcpip", ssh.Marshal(struct {
		Addr       string
		Port       uint32
		OriginAddr string
		OriginPort uint32
	}{"public.example", 443, "203.0.113.9", 50123}))
	if err != nil {
		return nil, err
	}
	return conn{ch}, nil
}
