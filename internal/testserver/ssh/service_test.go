package ssh

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// enter connects as a client does that wants a port forwarded.
func enter(t *testing.T, address string) *ssh.Client {
	t.Helper()
	c, err := ssh.Dial("tcp", address, &ssh.ClientConfig{User: "me", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAServiceAnnouncesForwardsAndComesBack(t *testing.T) {
	s, err := StartService(Faults{Announce: FreshWords("srv.us")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, label := range []string{"n1-", "n2-"} {
		c := enter(t, s.Addr())
		session, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		out, err := session.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := session.StdinPipe(); err != nil { // else it is closed at once
			t.Fatal(err)
		}
		if err := session.Shell(); err != nil {
			t.Fatal(err)
		}
		ln, err := c.Listen("tcp", "127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 100)
		n, err := out.Read(line)
		host := label + "abcdefghijklmnopqrstuvwxyz.srv.us"
		if err != nil || string(line[:n]) != "1: https://"+host+"/\r\n" {
			t.Errorf("%q, %v", line[:n], err)
		}
		if _, err := s.Dial(t.Context(), "tcp", "other.srv.us:443"); err == nil {
			t.Error("another's name leads here")
		}
		_ = ln.Close()
		if log := s.Log(); !strings.Contains(strings.Join(log, ", "), "none, in as me, shell, forward 127.0.0.1:1") {
			t.Errorf("the log is %q", log)
		}
		was := s.Addr()
		s.Stop()
		if err := s.Idle(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := ssh.Dial("tcp", was, &ssh.ClientConfig{HostKeyCallback: ssh.InsecureIgnoreHostKey()}); err == nil {
			t.Error("a stopped service lets in")
		}
		if err := s.Resume(); err != nil || s.Addr() != was {
			t.Errorf("resumed at %s: %v", s.Addr(), err)
		}
	}
}
