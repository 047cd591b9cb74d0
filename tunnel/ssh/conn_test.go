package ssh

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
	"golang.org/x/crypto/ssh"
)

func TestAReadWaitsNoLongerThanItsDeadline(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	tun := must(t, settings(t, s, Serveo))
	theirs, err := s.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ours, err := tun.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	if err := ours.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	// Nobody takes what is written: the window fills, and then the deadline counts.
	for err == nil {
		_, err = ours.Write(make([]byte, 64<<10))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
}

func TestClosingEndsConnectionsThatNobodyReadsOrCloses(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	tun := must(t, settings(t, s, Serveo))
	for range 2 {
		theirs, err := s.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		if _, err := theirs.Write([]byte("for nobody")); err != nil {
			t.Fatal(err)
		}
	}
	taken, err := tun.Accept() // one is taken, and one is not
	if err != nil {
		t.Fatal(err)
	}
	if err := tun.Close(); err != nil {
		t.Error(err)
	}
	if _, err := taken.Write([]byte("?")); err == nil {
		t.Error("it is still open")
	}
}

func TestHalfAClosedConnectionStillAnswers(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	tun := must(t, settings(t, s, Serveo))
	theirs, err := s.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ours, err := tun.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = theirs.Write([]byte("all"))
	_, _ = ours.Write([]byte("answer"))
	_ = ours.Close() // what was written goes out all the same
	if got, err := io.ReadAll(theirs); err != nil || string(got) != "answer" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestConnectionsBeyondTheLimitAreRefused(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	tun := must(t, settings(t, s, Serveo))
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range maxForwarded {
		c, err := s.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	var no *ssh.OpenChannelError
	if _, err := s.Dial(t.Context(), "", ""); !errors.As(err, &no) || no.Reason != ssh.ResourceShortage {
		t.Errorf("got %v", err)
	}
	if !tun.(tunnel.ReconnectingTunnel).Link().Up {
		t.Error("it ended")
	}
}

func TestAMalformedConnectionIsRefusedAndTheTunnelStays(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	tun := must(t, settings(t, s, Serveo))
	tunneltest.Echo(t, tun)
	var no *ssh.OpenChannelError
	if _, err := s.Offer("forwarded-tcpip", []byte("?")); !errors.As(err, &no) {
		t.Errorf("malformed: %v", err)
	}
	if _, err := s.Offer("x11", nil); !errors.As(err, &no) {
		t.Errorf("x11: %v", err)
	}
	tunneltest.Thousand(t, tunneltest.Visitor(t, s.Dial), tun.URL())
}
