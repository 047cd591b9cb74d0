package ssh

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

func (s *Service) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		stopped := false
		s.update(func() {
			s.conns[conn] = struct{}{}
			stopped = s.ln != ln
		})
		if stopped {
			_ = conn.Close() // Stop may not have seen it
		}
		s.run.Go(func() {
			defer s.update(func() { delete(s.conns, conn) })
			defer conn.Close()
			if raw := s.now().Raw; raw != nil {
				raw(&rawConn{Conn: conn, service: s})
				return
			}
			s.serve(conn)
		})
	}
}

func (s *Service) config() *ssh.ServerConfig {
	f := s.now()
	no := errors.New("no")
	c := &ssh.ServerConfig{
		NoClientAuth: true,
		NoClientAuthCallback: func(ssh.ConnMetadata) (*ssh.Permissions, error) {
			s.note("none")
			if f.KeyOnly || f.Refuse || f.Guests {
				return nil, no
			}
			return nil, nil
		},
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.note("key " + ssh.FingerprintSHA256(key))
			if f.Refuse || f.Guests {
				return nil, no
			}
			return nil, nil
		},
	}
	switch {
	case f.Guests:
		c.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			if answers, err := ask("", "", []string{"password: "}, []bool{false}); err != nil || !slices.Equal(answers, []string{""}) {
				return nil, no
			}
			return nil, nil
		}
	case f.Questions:
		c.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			if !f.Mute {
				_, _ = ask("", "", []string{"password: "}, []bool{false})
			}
			return nil, no
		}
	}
	if f.Banner != "" {
		c.BannerCallback = func(ssh.ConnMetadata) string { return f.Banner }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.keys {
		c.AddHostKey(key)
	}
	return c
}

func (s *Service) serve(conn net.Conn) {
	c, channels, requests, err := ssh.NewServerConn(conn, s.config())
	if err != nil {
		return
	}
	s.mu.Lock()
	s.live, s.session, s.said = c, nil, ""
	s.mu.Unlock()
	s.note("in as " + c.User())
	s.run.Go(func() {
		for offered := range channels {
			s.channel(c, offered)
		}
	})
	for r := range requests {
		s.request(r)
	}
}

func (s *Service) channel(c *ssh.ServerConn, offered ssh.NewChannel) {
	if offered.ChannelType() != "session" || s.now().NoSession {
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
			_, _ = io.WriteString(ch, s.now().Greet)
			_ = r.Reply(true, nil)
		}
	})
	s.run.Go(func() {
		if n, err := ch.Read(make([]byte, 1)); n > 0 || err == io.EOF && answers(c) {
			s.note("stdin closed")
		}
	})
}

// answers reports whether a connection still does.
func answers(c *ssh.ServerConn) bool {
	_, _, err := c.SendRequest("keepalive@openssh.com", true, nil)
	return err == nil
}

func (s *Service) request(r *ssh.Request) {
	f := s.now()
	switch {
	case r.Type == "tcpip-forward":
		var forward struct {
			Addr string
			Port uint32
		}
		if err := ssh.Unmarshal(r.Payload, &forward); err != nil {
			s.note("malformed forward: " + err.Error())
		}
		s.note("forward " + net.JoinHostPort(forward.Addr, strconv.FormatUint(uint64(forward.Port), 10)))
		if f.Silent {
			return
		}
		s.mu.Lock()
		session := s.session
		s.mu.Unlock()
		_ = r.Reply(!f.NoForward, ssh.Marshal(struct{ Port uint32 }{40123}))
		if f.Announce != nil && session != nil && !f.NoForward {
			s.Say(f.Announce(forward.Addr))
		}
		if f.EndAfter && session != nil {
			_ = session.Close()
		}
	case f.Silent:
	default:
		s.note("keepalive")
		if f.Hold != nil {
			<-f.Hold
		}
		_ = r.Reply(!f.SayNo, nil)
	}
}

// rawConn is a connection without SSH, of which the client's first word is
// noted.
type rawConn struct {
	net.Conn
	service *Service
	once    sync.Once
}

func (c *rawConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.once.Do(func() { c.service.note("a word") })
	}
	return n, err
}

// conn is a channel as a net.Conn. It has no deadlines.
type conn struct{ ssh.Channel }

func (conn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (conn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (conn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (conn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (conn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
