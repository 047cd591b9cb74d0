package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
	"golang.org/x/crypto/ssh"
)

// startService starts a server that does as the services do.
func startService(t testing.TB, faults sshtest.Faults) *sshtest.Service {
	t.Helper()
	s, err := sshtest.StartService(faults)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// setup is a provider with its settings.
type setup struct {
	provider string
	Config
}

// settings lead to a service in a provider's place.
func settings(t testing.TB, s *sshtest.Service, provider string) setup {
	dir := t.TempDir()
	return setup{provider, Config{
		Options: tunnel.Options{Heartbeat: tunneltest.Forever, Timeout: tunneltest.Forever}, Server: s.Addr(),
		KeyFile: filepath.Join(dir, "state", "id_ed25519"), KnownHosts: filepath.Join(dir, "state", "known_hosts"),
	}}
}

// must opens a tunnel, and closes it at the end of the test.
func must(t testing.TB, cfg setup) tunnel.Tunnel {
	t.Helper()
	p, err := New(cfg.provider, cfg.Config)
	return tunneltest.Open(t, p, err)
}

// try opens a tunnel that may fail.
func try(ctx context.Context, cfg setup) (tunnel.Tunnel, error) {
	p, err := New(cfg.provider, cfg.Config)
	if err != nil {
		return nil, err
	}
	return p.Open(ctx)
}

func TestEachServiceIsAskedInItsOwnWay(t *testing.T) {
	for _, c := range []struct{ provider, url, asked string }{
		{LocalhostRun, "https://0123456789abcd.lhr.life", "exec --output json, forward localhost:80"},
		{Serveo, "https://0123-203-0-113-9.serveousercontent.com", "shell, forward localhost:80"},
		{Pinggy, "https://rnabc-203-0-113-9.a.free.pinggy.link", "shell, forward localhost:0"},
		{SrvUs, "https://abcdefghijklmnopqrstuvwxyz.srv.us", "shell, forward localhost:1"},
		{Tuns, "https://mine.tuns.sh", "shell, forward mine:80"},
	} {
		t.Run(c.provider, func(t *testing.T) {
			s := startService(t, sshtest.Faults{Announce: sshtest.Words(c.provider), Banner: "welcome to https://evil." + c.provider})
			cfg := settings(t, s, c.provider)
			cfg.Name = "mine"
			tun := must(t, cfg)
			if tun.Provider() != c.provider || tun.URL() != c.url || !tun.(tunnel.ReconnectingTunnel).Link().Up {
				t.Errorf("%s at %s: %+v", tun.Provider(), tun.URL(), tun.(tunnel.ReconnectingTunnel).Link())
			}
			log := s.Log()
			if log[0] != "none" || !strings.HasSuffix(strings.Join(log, ", "), c.asked) {
				t.Errorf("it was asked for %q", log)
			}
			remote := tunneltest.Echo(t, tun)
			tunneltest.Thousand(t, tunneltest.Visitor(t, s.Dial), tun.URL())
			if got := <-remote; got != "203.0.113.9:50123" {
				t.Errorf("the client is %q", got)
			}
			if slices.Contains(s.Log(), "stdin closed") {
				t.Error("the session's input was closed")
			}
		})
	}
}

func TestTheSessionsInputStaysOpenAndItsOutputIsTaken(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	tun := must(t, settings(t, s, Serveo))
	tunneltest.Echo(t, tun)
	s.Say(strings.Repeat(strings.Repeat("x", 999)+"\n", 4<<10)) // more than a channel's window holds
	tunneltest.Thousand(t, tunneltest.Visitor(t, s.Dial), tun.URL())
	if slices.Contains(s.Log(), "stdin closed") {
		t.Error("the session's input was closed")
	}
}

// TestSSHFaults: each is told as what it is, and leaves nothing behind, which
// TestMain looks for. Of those that hang, the time runs out when the client has
// come as far as that.
func TestSSHFaults(t *testing.T) {
	const forwards, speaks = "forward localhost:80", "what is announced"
	say := func(text string) func(string) string { return func(string) string { return text } }
	hang := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	for _, c := range []struct {
		name   string
		faults sshtest.Faults
		hangs  string // after what, if it does
		want   string
	}{
		{"hangs before a word", sshtest.Faults{Raw: hang}, "a word", "does not answer as serveo does: no answer"},
		{"hangs after its version", sshtest.Faults{Raw: func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-fake\r\n"); hang(c) }}, "a word", "no answer"},
		{"closes at once", sshtest.Faults{Raw: func(net.Conn) {}}, "", "does not answer as serveo does"},
		{"garbage", sshtest.Faults{Raw: func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); hang(c) }}, "a word", "does not answer as serveo does"},
		{"an endless line", sshtest.Faults{Raw: endless}, "", "overflow reading version string"},
		{"a packet of a gigabyte", sshtest.Faults{Raw: func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-fake\r\n\x40\x00\x00\x00\x04"); hang(c) }}, "", "does not answer as serveo does"},
		{"permission denied", sshtest.Faults{Refuse: true, Banner: "come back with an account"}, "", "serveo refuses: permission denied for tap-"},
		{"permission denied after questions", sshtest.Faults{Refuse: true, Questions: true}, "", "serveo refuses: permission denied for tap-"},
		{"no session", sshtest.Faults{NoSession: true}, "", "serveo refuses: it allows no session: no sessions today"},
		{"no forwarding", sshtest.Faults{NoForward: true, Greet: "try again tomorrow\n"}, "", "serveo refuses: it does not forward localhost:80"},
		{"no answer to the forwarding", sshtest.Faults{Silent: true}, forwards, "no address was announced within"},
		{"no address", sshtest.Faults{}, forwards, "no address was announced within"},
		{"words instead of an address", sshtest.Faults{Announce: say("you have too many tunnels\r\n")}, speaks, "serveo refuses: you have too many tunnels"},
		{"another's address", sshtest.Faults{Announce: say("Forwarding HTTP traffic from https://serveo.net.evil.example\n")}, speaks, "which is not an address of its tunnels"},
		{"an address that is not encrypted", sshtest.Faults{Announce: say("Forwarding HTTP traffic from http://a.serveo.net\n")}, speaks, `announced only "http://a.serveo.net"`},
		{"the dashboard", sshtest.Faults{Announce: say("Forwarding HTTP traffic from https://console.serveo.net\n")}, speaks, "not an address of its tunnels"},
		{"the session ends", sshtest.Faults{EndAfter: true}, "", "serveo refuses: it ended the session"},
		{"the session ends with words", sshtest.Faults{EndAfter: true, Announce: say("bye\n")}, "", "serveo refuses: bye"},
		{"an endless line in the session", sshtest.Faults{Announce: say(strings.Repeat("x", 1<<20))}, forwards, "no address was announced within"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startService(t, c.faults)
			cfg := settings(t, s, Serveo)
			if c.hangs != "" {
				tunneltest.RunOut(t, &cfg.Options, func(ctx context.Context) error {
					if c.hangs == speaks {
						return s.Heard(ctx)
					}
					return s.Until(ctx, c.hangs)
				})
			}
			tun, err := try(t.Context(), cfg)
			if err == nil {
				tun.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
			t.Logf("%v", err)
		})
	}
}

func endless(c net.Conn) {
	for {
		if _, err := c.Write(bytes.Repeat([]byte("x"), 1<<10)); err != nil {
			return
		}
	}
}

func TestAServerThatCannotBeReached(t *testing.T) {
	refused := errors.New("connection refused")
	cfg := setup{LocalhostRun, Config{KnownHosts: t.TempDir() + "/known_hosts"}}
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, refused }
	_, err := try(t.Context(), cfg)
	if !errors.Is(err, refused) || !strings.Contains(err.Error(), "localhost.run:22") {
		t.Errorf("%v", err)
	}
	cfg.Proxy = func(string) string { return "http://proxy:3128" }
	if _, err = try(t.Context(), cfg); !strings.Contains(err.Error(), "through the proxy http://proxy:3128") {
		t.Errorf("%v", err)
	}
}

func TestOpeningEndsWithItsContext(t *testing.T) {
	for name, faults := range map[string]sshtest.Faults{
		"in the handshake": {Raw: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }},
		"at the forward":   {Silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startService(t, faults)
			cfg := settings(t, s, Serveo)
			ctx, cancel := context.WithCancel(t.Context())
			dialed := make(chan struct{})
			cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				defer close(dialed)
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				<-dialed
				if faults.Silent {
					if err := s.Until(tunneltest.Patience(t), "forward localhost:80"); err != nil {
						t.Error(err)
					}
				}
				cancel()
			})
			if _, err := try(ctx, cfg); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			wg.Wait()
		})
	}
}

func TestADropEndsTheTunnel(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	tun := must(t, settings(t, s, Serveo))
	s.Drop()
	_, err := tun.Accept()
	var connect *tunnel.ConnectError
	if !errors.As(err, &connect) || connect.Step != tunnel.StepSession {
		t.Errorf("got %v", err)
	}
	<-tun.(tunnel.ReconnectingTunnel).LinkChanged()
	if l := tun.(tunnel.ReconnectingTunnel).Link(); l.Up || l.Cause == nil {
		t.Errorf("%+v", l)
	}
}

func TestTheEndOfTheSessionEndsTheTunnel(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Pinggy)})
	tun := must(t, settings(t, s, Pinggy))
	s.Say("Your tunnel has expired.\r\n")
	s.EndSession()
	_, err := tun.Accept()
	var refused *tunnel.ProviderError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "Your tunnel has expired.") {
		t.Errorf("got %v", err)
	}
}

func TestASilentServerIsLeftAndAFailureCountsAsAnAnswer(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo), SayNo: true})
	cfg := settings(t, s, Serveo)
	ticks := tunneltest.ByHand(&cfg.Options)
	tun := must(t, cfg)
	for range aliveTicks {
		askForLife(t, s, ticks)
		awaitLife(t, tun)
	}
	if l := tun.(tunnel.ReconnectingTunnel).Link(); !l.Up {
		t.Errorf("a no ended it: %+v", l)
	}
	s.Set(func(f *sshtest.Faults) { f.Silent = true })
	for {
		select {
		case ticks <- time.Time{}:
			continue
		case <-tun.(tunnel.ReconnectingTunnel).LinkChanged():
		}
		break
	}
	if _, err := tun.Accept(); err == nil || !strings.Contains(err.Error(), "no answer within 1h30m0s") {
		t.Errorf("got %v", err)
	}
}

// askForLife lets a beat pass, and waits until the service was asked for a sign
// of life.
func askForLife(t *testing.T, s *sshtest.Service, ticks chan<- time.Time) {
	t.Helper()
	before := s.Count("keepalive")
	ticks <- time.Time{}
	ticks <- time.Time{}
	if err := s.Times(tunneltest.Patience(t), "keepalive", before+1); err != nil {
		t.Fatal(err)
	}
}

// awaitLife waits until the answer has come.
func awaitLife(t *testing.T, tun tunnel.Tunnel) {
	t.Helper()
	for ctx := tunneltest.Patience(t); tun.(*forwarding).asking.Load(); runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatalf("no answer; %+v", tun.(tunnel.ReconnectingTunnel).Link())
		}
	}
}

// TestASuspendedProcessIsNotASilentServer lets happen what a process finds when
// it goes on after a long time: two ticks at once, and an answer that it has
// not read.
func TestASuspendedProcessIsNotASilentServer(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	cfg := settings(t, s, Serveo)
	ticks := tunneltest.ByHand(&cfg.Options)
	tun := must(t, cfg)
	for range 3 {
		answer := make(chan struct{})
		s.Set(func(f *sshtest.Faults) { f.Hold = answer })
		askForLife(t, s, ticks)
		ticks <- time.Time{}
		ticks <- time.Time{}
		close(answer)
		awaitLife(t, tun)
	}
	if l := tun.(tunnel.ReconnectingTunnel).Link(); !l.Up {
		t.Errorf("%+v", l)
	}
}

func TestOnlyTheServiceItselfMovesTheAddress(t *testing.T) {
	t.Run("serveo", func(t *testing.T) {
		s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
		tun := must(t, settings(t, s, Serveo))
		tunneltest.Echo(t, tun)
		was := tun.URL()
		s.Say("Forwarding HTTP traffic from https://evil.serveo.net\r\n")
		tunneltest.Thousand(t, tunneltest.Visitor(t, s.Dial), was) // what was said is read by then
		if tun.URL() != was || tun.(tunnel.ReconnectingTunnel).Link().Made != 1 {
			t.Errorf("it moved to %s", tun.URL())
		}
	})
	t.Run("localhost.run", func(t *testing.T) {
		s := startService(t, sshtest.Faults{Announce: sshtest.Words(LocalhostRun)})
		tun := must(t, settings(t, s, LocalhostRun))
		s.Say(`{"event":"tcpip-forward","address":"another.lhr.life","status":"success"}` + "\n")
		<-tun.(tunnel.ReconnectingTunnel).LinkChanged()
		if l := tun.(tunnel.ReconnectingTunnel).Link(); tun.URL() != "https://another.lhr.life" || l.Made != 2 || !l.Up {
			t.Errorf("%s, %+v", tun.URL(), l)
		}
	})
}

func TestAServerOfTheUsers(t *testing.T) {
	s := startService(t, sshtest.Faults{KeyOnly: true, Announce: func(name string) string { return "HTTPS: https://" + name + ".example.com\n" }})
	cfg := settings(t, s, "ssh://me@ssh.example.com:2222")
	cfg.Home, cfg.Name = t.TempDir(), "mine"
	theirs := newUserKey(t, cfg.Home, "id_ed25519")
	if got := must(t, cfg).URL(); got != "https://mine.example.com" {
		t.Errorf("got %s", got)
	}
	if !slices.Contains(s.Log(), "key "+ssh.FingerprintSHA256(theirs.PublicKey())) || !slices.Contains(s.Log(), "in as me") {
		t.Errorf("it saw %q", s.Log())
	}
	cfg.PublicURL, cfg.Port = "https://tap.example.org", 4567
	tun := must(t, cfg)
	if tun.URL() != "https://tap.example.org" || s.Log()[len(s.Log())-1] != "forward 127.0.0.1:4567" {
		t.Errorf("%s, %q", tun.URL(), s.Log())
	}
	for _, bad := range []string{"ssh://", "ssh://host/path", "ssh://me:secret@host", "ssh://host?x", "ssh://%"} {
		_, err := try(t.Context(), setup{provider: bad})
		if !errors.Is(err, tunnel.ErrUsage) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAServerOfTheUsersMayHaveAnotherPortAndAnAllowedDomain(t *testing.T) {
	const provider = "ssh://me@203.0.113.7"
	s := startService(t, sshtest.Faults{Announce: func(name string) string { return "HTTPS: https://" + name + ".tunnels.example.org:8443\n" }, EndAfter: true})
	cfg := settings(t, s, provider)
	cfg.Name = "mine"
	_, err := try(t.Context(), cfg)
	var refused *tunnel.ProviderError
	if !errors.As(err, &refused) || refused.OtherDomain != "tunnels.example.org" || !strings.Contains(err.Error(), "not an address of its tunnels") {
		t.Errorf("got %v, %+v", err, refused)
	}
	s.Set(func(f *sshtest.Faults) { f.EndAfter = false })
	cfg.Domains = []string{refused.OtherDomain}
	tun := must(t, cfg)
	if tun.URL() != "https://mine.tunnels.example.org:8443" {
		t.Errorf("it is at %s", tun.URL())
	}
	cfg.Domains = []string{"https://tunnels.example.org"}
	if _, err := try(t.Context(), cfg); !errors.Is(err, tunnel.ErrUsage) {
		t.Errorf("got %v", err)
	}
}
