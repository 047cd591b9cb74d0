package tunnel

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// fakeService is an SSH server in this process that forwards ports as the
// services do, and announces addresses in their words.
type fakeService struct {
	t   testing.TB
	ln  net.Listener
	run sync.WaitGroup

	mu      sync.Mutex
	faults  fakeFaults
	key     ssh.Signer
	second  ssh.Signer      // of another kind
	live    *ssh.ServerConn // the latest
	all     map[net.Conn]struct{}
	session ssh.Channel // of the latest
	forward fakeForward
	log     []string // "none", "key …", "shell", "exec …", "stdin closed", "forward host:port", "keepalive"
	news    chan struct{}
}

type fakeForward struct {
	Addr string
	Port uint32
}

// fakeFaults say how it behaves. The zero value lets everybody in, and
// announces nothing.
type fakeFaults struct {
	announce  func(name string) string // what the session prints once the port is forwarded
	greet     string                   // what it prints at its beginning
	banner    string
	keyOnly   bool // "none" is refused
	refuse    bool // everybody is
	mute      bool // the question is none
	questions bool // they are asked before they are
	noSession bool
	noForward bool
	silent    bool           // no answer to requests, nor to signs of life
	raw       func(net.Conn) // instead of SSH
	endAfter  bool           // the session ends once the port is forwarded
	guests    bool           // who answers a question with nothing is let in, and nobody else
	sayNo     bool           // signs of life are answered with a no
}

func startFake(t testing.TB, faults fakeFaults) *fakeService {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeService{t: t, ln: ln, faults: faults, key: newSigner(t), all: map[net.Conn]struct{}{}, news: make(chan struct{}, 1)}
	s.run.Go(s.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		s.drop()
		s.run.Wait()
	})
	return s
}

func newSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func (s *fakeService) set(change func(*fakeFaults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.faults)
}

func (s *fakeService) now() fakeFaults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

func (s *fakeService) note(what string) {
	s.mu.Lock()
	s.log = append(s.log, what)
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *fakeService) noted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// until waits for something to be noted.
func (s *fakeService) until(what string) {
	s.t.Helper()
	ctx := patience(s.t)
	for !slices.Contains(s.noted(), what) {
		select {
		case <-s.news:
		case <-ctx.Done():
			s.t.Fatalf("never %q, but %q", what, s.noted())
		}
	}
}

// drop ends all connections.
func (s *fakeService) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		_ = c.Close()
	}
}

func (s *fakeService) accept() {
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.all[conn] = struct{}{}
		s.mu.Unlock()
		s.run.Go(func() {
			defer func() {
				_ = conn.Close()
				s.mu.Lock()
				delete(s.all, conn)
				s.mu.Unlock()
			}()
			if raw := s.now().raw; raw != nil {
				raw(conn)
				return
			}
			s.serve(conn)
		})
	}
}

func (s *fakeService) config() *ssh.ServerConfig {
	f := s.now()
	c := &ssh.ServerConfig{
		NoClientAuth: true,
		NoClientAuthCallback: func(ssh.ConnMetadata) (*ssh.Permissions, error) {
			s.note("none")
			if f.keyOnly || f.refuse || f.guests {
				return nil, errors.New("no")
			}
			return nil, nil
		},
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.note("key " + ssh.FingerprintSHA256(key))
			if f.refuse || f.guests {
				return nil, errors.New("no")
			}
			return nil, nil
		},
	}
	if f.guests {
		c.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			if answers, err := ask("", "", []string{"password: "}, []bool{false}); err != nil || !slices.Equal(answers, []string{""}) {
				return nil, errors.New("no")
			}
			return nil, nil
		}
	}
	if f.questions {
		c.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			if !f.mute {
				_, _ = ask("", "", []string{"password: "}, []bool{false})
			}
			return nil, errors.New("no")
		}
	}
	if f.banner != "" {
		c.BannerCallback = func(ssh.ConnMetadata) string { return f.banner }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.AddHostKey(s.key)
	if s.second != nil {
		c.AddHostKey(s.second)
	}
	return c
}

func (s *fakeService) serve(conn net.Conn) {
	c, channels, requests, err := ssh.NewServerConn(conn, s.config())
	if err != nil {
		return
	}
	s.mu.Lock()
	s.live, s.session = c, nil
	s.mu.Unlock()
	s.note("in as " + c.User())
	s.run.Go(func() {
		for offered := range channels {
			s.channel(offered)
		}
	})
	for r := range requests {
		s.request(r)
	}
}

func (s *fakeService) channel(offered ssh.NewChannel) {
	if offered.ChannelType() != "session" || s.now().noSession {
		_ = offered.Reject(ssh.Prohibited, "no sessions today")
		return
	}
	ch, requests, err := offered.Accept()
	if err != nil {
		return
	}
	s.run.Go(func() {
		for r := range requests {
			what := r.Type
			var command struct{ Command string }
			if r.Type == "exec" && ssh.Unmarshal(r.Payload, &command) == nil {
				what += " " + command.Command
			}
			s.mu.Lock()
			s.session = ch
			s.mu.Unlock()
			s.note(what)
			_, _ = io.WriteString(ch, s.now().greet)
			_ = r.Reply(true, nil)
		}
	})
	s.run.Go(func() {
		if n, err := ch.Read(make([]byte, 1)); n > 0 || err == io.EOF && s.alive() {
			s.note("stdin closed")
		}
	})
}

// alive reports whether the latest connection still answers.
func (s *fakeService) alive() bool {
	s.mu.Lock()
	live := s.live
	s.mu.Unlock()
	_, _, err := live.SendRequest("keepalive@openssh.com", true, nil)
	return err == nil
}

func (s *fakeService) request(r *ssh.Request) {
	f := s.now()
	switch {
	case r.Type == "tcpip-forward":
		var forward fakeForward
		if err := ssh.Unmarshal(r.Payload, &forward); err != nil {
			s.t.Error(err)
		}
		s.mu.Lock()
		s.forward = forward
		session := s.session
		s.mu.Unlock()
		s.note("forward " + addrOf(forward.Addr, forward.Port).String())
		if f.silent {
			return
		}
		_ = r.Reply(!f.noForward, ssh.Marshal(struct{ Port uint32 }{40123}))
		if f.announce != nil && session != nil && !f.noForward {
			_, _ = io.WriteString(session, f.announce(forward.Addr))
		}
		if f.endAfter && session != nil {
			_ = session.Close()
		}
	case f.silent:
	default:
		_ = r.Reply(!f.sayNo, nil)
		s.note("keepalive")
	}
}

// say prints in the session.
func (s *fakeService) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(s.session, text)
}

// connect is what the service does when somebody comes to the address. What it
// tells of the forwarding is not what was asked for.
func (s *fakeService) connect(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	live := s.live
	s.mu.Unlock()
	ch, requests, err := live.OpenChannel("forwarded-tcpip", ssh.Marshal(struct {
		Addr       string
		Port       uint32
		OriginAddr string
		OriginPort uint32
	}{"public.example", 443, "203.0.113.9", 50123}))
	if err != nil {
		return nil, err
	}
	return newSSHConn(ch, requests, sshAddr("a"), sshAddr("b"), &s.run, func(*sshConn) {}), nil
}

// visitor asks through the service, by https, which ends at its edge.
func (s *fakeService) visitor(t testing.TB) *http.Client {
	tr := &http.Transport{DialTLSContext: s.connect, DialContext: s.connect}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// config leads to the service in a provider's place.
func (s *fakeService) settings(t testing.TB, provider string) Config {
	dir := t.TempDir()
	return Config{
		Provider: provider, HubURL: hubURL, SSHServers: map[string]string{provider: s.ln.Addr().String()},
		SSHKeyFile: filepath.Join(dir, "state", "id_ed25519"), KnownHosts: filepath.Join(dir, "state", "known_hosts"),
		Beat: 5 * time.Second, Within: 10 * time.Second,
	}
}

// The services' own words, as they print them: with colours, and carriage
// returns.
func inTheWordsOf(provider string) func(name string) string {
	return func(name string) string {
		switch provider {
		case LocalhostRun:
			return `{"connection_id":"1","event":"authn","message":"authenticated as anonymous user","status":"success"}` + "\n" +
				`{"connection_id":"1","event":"tcpip-forward","message":"0123456789abcd.lhr.life tunneled with tls termination, https://0123456789abcd.lhr.life","address":"0123456789abcd.lhr.life","listen_host":"localhost","listen_port":80,"status":"success"}` + "\n"
		case Serveo:
			return "\x1b[32mForwarding HTTP traffic from https://0123-203-0-113-9.serveousercontent.com\x1b[0m\r\nPress g to start a GUI session and ctrl-c to quit.\r\n"
		case Pinggy:
			return "You are not authenticated.\r\nYour tunnel will expire in 60 minutes. Upgrade to Pinggy Pro to get unrestricted tunnels. https://dashboard.pinggy.io\r\n\r\n" +
				"http://rnabc-203-0-113-9.a.free.pinggy.link\r\nhttps://rnabc-203-0-113-9.a.free.pinggy.link\r\n"
		case SrvUs:
			return "1: https://abcdefghijklmnopqrstuvwxyz.srv.us/\r\n"
		}
		return "Press Ctrl-C to close the session.\r\n\r\nStarting SSH Forwarding service for \x1b[33mhttp:80\x1b[0m. Forwarded connections can be accessed via the following methods:\r\n" +
			"\x1b[34mHTTP\x1b[0m: http://" + name + ".tuns.sh\r\n\x1b[34mHTTPS\x1b[0m: https://" + name + ".tuns.sh\r\n\r\n"
	}
}
