package tunnel

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

var presets = []string{LocalhostRun, Serveo, Pinggy, SrvUs, Tuns}

// openFake opens a tunnel through a service.
func openFake(t testing.TB, cfg Config) Tunnel { t.Helper(); return openEdge(t, cfg) }

// echo serves what is posted back, and remembers who asked.
func echo(t testing.TB, ln net.Listener) <-chan string {
	t.Helper()
	remote := make(chan string, 1)
	serveHTTP(t, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case remote <- r.RemoteAddr:
		default:
		}
		body, _ := io.ReadAll(r.Body) // all of it first: HTTP/1.1 is not for both ways at once
		_, _ = w.Write(body)
	}))
	return remote
}

// thousand posts bodies from some clients at a time, and compares what comes
// back to the byte.
func thousand(t testing.TB, c *http.Client, url string) {
	t.Helper()
	const clients, each = 8, 125
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := range each {
				sent := bytes.Repeat([]byte{0, 1, 2, 0xff, '\r', '\n', byte(i), byte(n)}, 1+n*n/4)
				resp, err := c.Post(url+"/hook", "application/json", bytes.NewReader(sent))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !bytes.Equal(got, sent) {
					t.Errorf("%d bytes came back as %d, %v", len(sent), len(got), err)
					return
				}
			}
		})
	}
	wg.Wait()
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
			s := startFake(t, fakeFaults{announce: inTheWordsOf(c.provider), banner: "welcome to https://evil." + c.provider})
			cfg := s.settings(t, c.provider)
			cfg.SSHName = "mine"
			tun := openFake(t, cfg)
			if tun.Provider() != c.provider || tun.URL() != c.url || !tun.(Linked).Link().Up {
				t.Errorf("%s at %s: %+v", tun.Provider(), tun.URL(), tun.(Linked).Link())
			}
			log := s.noted()
			if log[0] != "none" || !strings.HasSuffix(strings.Join(log, ", "), c.asked) {
				t.Errorf("it was asked for %q", log)
			}
			remote := echo(t, tun)
			thousand(t, s.visitor(t), tun.URL())
			if got := <-remote; got != "203.0.113.9:50123" {
				t.Errorf("the client is %q", got)
			}
			if slices.Contains(s.noted(), "stdin closed") {
				t.Error("the session's input was closed")
			}
		})
	}
}

func TestTheSessionsInputStaysOpenAndItsOutputIsTaken(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	tun := openFake(t, s.settings(t, Serveo))
	echo(t, tun)
	s.say(strings.Repeat(strings.Repeat("x", 999)+"\n", 4<<10)) // more than a channel's window holds
	thousand(t, s.visitor(t), tun.URL())
	if slices.Contains(s.noted(), "stdin closed") {
		t.Error("the session's input was closed")
	}
}

func TestOurKeyIsMadeOnceAndIsTheOnlyOneThatServicesSee(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(SrvUs), keyOnly: true})
	cfg := s.settings(t, SrvUs)
	cfg.SSHHome = t.TempDir()
	theirs := writeKey(t, cfg.SSHHome, "id_ed25519")
	var seen []string
	for range 2 {
		tun := openFake(t, cfg)
		tun.Close()
		for _, line := range s.noted() {
			if key, ok := strings.CutPrefix(line, "key "); ok && !slices.Contains(seen, key) {
				seen = append(seen, key)
			}
		}
	}
	info, err := os.Stat(cfg.SSHKeyFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	ours, err := ownKey(cfg.SSHKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{ssh.FingerprintSHA256(ours.PublicKey())}; !slices.Equal(seen, want) || seen[0] == ssh.FingerprintSHA256(theirs.PublicKey()) {
		t.Errorf("it saw %q, want %q", seen, want)
	}
}

func TestTwoWhoMakeTheKeyAtOnceHaveOne(t *testing.T) {
	file := t.TempDir() + "/state/id"
	var wg sync.WaitGroup
	keys := make([]string, 8)
	for i := range keys {
		wg.Go(func() {
			signer, err := ownKey(file)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = ssh.FingerprintSHA256(signer.PublicKey())
		})
	}
	wg.Wait()
	if len(slices.Compact(keys)) != 1 {
		t.Errorf("%q", keys)
	}
}

func TestAServerIsTrustedOnFirstUseAndRefusedOnChange(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	cfg := s.settings(t, Serveo)
	openFake(t, cfg).Close()
	openFake(t, cfg).Close()
	known, err := os.ReadFile(cfg.KnownHosts)
	if err != nil || strings.Count(string(known), "\n") != 1 {
		t.Errorf("%q, %v", known, err)
	}
	was := ssh.FingerprintSHA256(s.key.PublicKey())
	s.mu.Lock()
	s.key = newSigner(t)
	s.mu.Unlock()
	is := ssh.FingerprintSHA256(s.key.PublicKey())
	_, err = Open(t.Context(), cfg)
	var changed *HostKeyError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), was) || !strings.Contains(err.Error(), is) || !strings.Contains(Hint(err), cfg.KnownHosts) {
		t.Errorf("%v; %s", err, Hint(err))
	}
	if after, _ := os.ReadFile(cfg.KnownHosts); !bytes.Equal(known, after) {
		t.Errorf("known hosts are now %q", after)
	}
	if log := s.noted(); log[len(log)-1] != "forward localhost:80" {
		t.Errorf("after the host key: %q", log)
	}
}

func TestAnotherKindOfHostKeyBesideTheKnownOneIsNoChange(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	cfg := s.settings(t, Serveo)
	openFake(t, cfg).Close()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.second = second
	s.mu.Unlock()
	openFake(t, cfg)
}

func TestAFileOfKnownHostsThatCannotBeReadIsAnError(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	cfg := s.settings(t, Serveo)
	openFake(t, cfg).Close()
	for _, file := range []string{cfg.KnownHosts, cfg.SSHKeyFile} {
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("not what it was\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrSSHFiles) || !strings.Contains(err.Error(), file) || Hint(err) == "" {
			t.Errorf("%v", err)
		}
		if err := os.WriteFile(file, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg.KnownHosts = ""
	if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrSSHFiles) {
		t.Errorf("without a file: %v", err)
	}
}

func TestGuestsAnswerWithNothing(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Pinggy), guests: true})
	openFake(t, s.settings(t, Pinggy))
	// Where no guests are expected, no question is answered.
	s.set(func(f *fakeFaults) { f.announce = inTheWordsOf(Serveo) })
	if _, err := Open(t.Context(), s.settings(t, Serveo)); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v", err)
	}
}

func TestGuestsWhoAreRefusedAreToldSo(t *testing.T) {
	for name, faults := range map[string]fakeFaults{
		"at once":            {refuse: true},
		"after a question":   {refuse: true, questions: true},
		"without a question": {refuse: true, questions: true, mute: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startFake(t, faults)
			_, err := Open(t.Context(), s.settings(t, Pinggy))
			var refused *ProviderError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAMalformedConnectionIsRefusedAndTheTunnelStays(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	tun := openFake(t, s.settings(t, Serveo))
	echo(t, tun)
	s.mu.Lock()
	live := s.live
	s.mu.Unlock()
	var no *ssh.OpenChannelError
	if _, _, err := live.OpenChannel("forwarded-tcpip", []byte("?")); !errors.As(err, &no) {
		t.Errorf("malformed: %v", err)
	}
	if _, _, err := live.OpenChannel("x11", nil); !errors.As(err, &no) {
		t.Errorf("x11: %v", err)
	}
	thousand(t, s.visitor(t), tun.URL())
}

// TestSSHFaults: each is told as what it is, soon, and leaves nothing behind,
// which TestMain looks for.
func TestSSHFaults(t *testing.T) {
	say := func(text string) func(string) string { return func(string) string { return text } }
	hang := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	for _, c := range []struct {
		name   string
		faults fakeFaults
		want   string
	}{
		{"hangs before a word", fakeFaults{raw: hang}, "does not answer as serveo does: no answer"},
		{"hangs after its version", fakeFaults{raw: func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-fake\r\n"); hang(c) }}, "no answer"},
		{"closes at once", fakeFaults{raw: func(net.Conn) {}}, "does not answer as serveo does"},
		{"garbage", fakeFaults{raw: func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); hang(c) }}, "does not answer as serveo does"},
		{"an endless line", fakeFaults{raw: endless}, "overflow reading version string"},
		{"a packet of a gigabyte", fakeFaults{raw: func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-fake\r\n\x40\x00\x00\x00\x04"); hang(c) }}, "does not answer as serveo does"},
		{"permission denied", fakeFaults{refuse: true, banner: "come back with an account"}, "serveo refuses: permission denied for tap-"},
		{"permission denied after questions", fakeFaults{refuse: true, questions: true}, "serveo refuses: permission denied for tap-"},
		{"no session", fakeFaults{noSession: true}, "serveo refuses: it allows no session: no sessions today"},
		{"no forwarding", fakeFaults{noForward: true, greet: "try again tomorrow\n"}, "serveo refuses: it does not forward localhost:80"},
		{"no answer to the forwarding", fakeFaults{silent: true}, "no address was announced within"},
		{"no address", fakeFaults{}, "no address was announced within"},
		{"words instead of an address", fakeFaults{announce: say("you have too many tunnels\r\n")}, "serveo refuses: you have too many tunnels"},
		{"another's address", fakeFaults{announce: say("Forwarding HTTP traffic from https://serveo.net.evil.example\n")}, "which is not an address of its tunnels"},
		{"an address that is not encrypted", fakeFaults{announce: say("Forwarding HTTP traffic from http://a.serveo.net\n")}, `announced only "http://a.serveo.net"`},
		{"the dashboard", fakeFaults{announce: say("Forwarding HTTP traffic from https://console.serveo.net\n")}, "not an address of its tunnels"},
		{"the session ends", fakeFaults{endAfter: true}, "serveo refuses: it ended the session"},
		{"the session ends with words", fakeFaults{endAfter: true, announce: say("bye\n")}, "serveo refuses: bye"},
		{"an endless line in the session", fakeFaults{announce: say(strings.Repeat("x", 1<<20))}, "no address was announced within"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startFake(t, c.faults)
			cfg := s.settings(t, Serveo)
			cfg.Within = 300 * time.Millisecond
			tun, err := Open(t.Context(), cfg)
			if err == nil {
				tun.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || Hint(err) == "" {
				t.Errorf("%v; %s", err, Hint(err))
			}
			t.Logf("%v; %s", err, Hint(err))
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

func TestTheWayToAServerCanBeBlocked(t *testing.T) {
	refused := errors.New("connection refused")
	cfg := Config{
		Provider: LocalhostRun, HubURL: hubURL, KnownHosts: t.TempDir() + "/known_hosts",
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, refused },
	}
	_, err := Open(t.Context(), cfg)
	if !errors.Is(err, refused) || !strings.Contains(err.Error(), "localhost.run:22") || !strings.Contains(Hint(err), "port 443") {
		t.Errorf("%v; %s", err, Hint(err))
	}
	cfg.Proxy = func(string) string { return "http://proxy:3128" }
	if _, err = Open(t.Context(), cfg); !strings.Contains(err.Error(), "through the proxy http://proxy:3128") {
		t.Errorf("%v", err)
	}
}

func TestOpeningEndsWithItsContext(t *testing.T) {
	for name, faults := range map[string]fakeFaults{
		"in the handshake": {raw: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }},
		"at the forward":   {silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startFake(t, faults)
			cfg := s.settings(t, Serveo)
			ctx, cancel := context.WithCancel(t.Context())
			dialed := make(chan struct{})
			cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				defer close(dialed)
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				<-dialed
				if faults.silent {
					s.until("forward localhost:80")
				}
				cancel()
			})
			if _, err := Open(ctx, cfg); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			wg.Wait()
		})
	}
}

func TestADropEndsTheTunnel(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	tun := openFake(t, s.settings(t, Serveo))
	s.drop()
	_, err := tun.Accept()
	var connect *ConnectError
	if !errors.As(err, &connect) || connect.Step != StepSession {
		t.Errorf("got %v", err)
	}
	<-tun.(Linked).LinkChanged()
	if l := tun.(Linked).Link(); l.Up || l.Cause == nil {
		t.Errorf("%+v", l)
	}
}

func TestTheEndOfTheSessionEndsTheTunnel(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Pinggy)})
	tun := openFake(t, s.settings(t, Pinggy))
	s.say("Your tunnel has expired.\r\n")
	s.mu.Lock()
	_ = s.session.Close()
	s.mu.Unlock()
	_, err := tun.Accept()
	var refused *ProviderError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "Your tunnel has expired.") {
		t.Errorf("got %v", err)
	}
}

func TestASilentServerIsFoundOutAndANoIsASignOfLife(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo), sayNo: true})
	cfg := s.settings(t, Serveo)
	cfg.Beat = 20 * time.Millisecond
	tun := openFake(t, cfg)
	s.until("keepalive")
	if !tun.(Linked).Link().Up {
		t.Error("a no ended it")
	}
	s.set(func(f *fakeFaults) { f.silent = true })
	if _, err := tun.Accept(); err == nil || !strings.Contains(err.Error(), "no sign of life within 30ms") {
		t.Errorf("got %v", err)
	}
}

func TestOnlyTheServiceItselfMovesTheAddress(t *testing.T) {
	t.Run("serveo", func(t *testing.T) {
		s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
		tun := openFake(t, s.settings(t, Serveo))
		echo(t, tun)
		was := tun.URL()
		s.say("Forwarding HTTP traffic from https://evil.serveo.net\r\n")
		thousand(t, s.visitor(t), was) // what was said is read by then
		if tun.URL() != was || tun.(Linked).Link().Made != 1 {
			t.Errorf("it moved to %s", tun.URL())
		}
	})
	t.Run("localhost.run", func(t *testing.T) {
		s := startFake(t, fakeFaults{announce: inTheWordsOf(LocalhostRun)})
		tun := openFake(t, s.settings(t, LocalhostRun))
		s.say(`{"event":"tcpip-forward","address":"another.lhr.life","status":"success"}` + "\n")
		<-tun.(Linked).LinkChanged()
		if l := tun.(Linked).Link(); tun.URL() != "https://another.lhr.life" || l.Made != 2 || !l.Up {
			t.Errorf("%s, %+v", tun.URL(), l)
		}
	})
}

func TestAReadWaitsNoLongerThanItsDeadline(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	tun := openFake(t, s.settings(t, Serveo))
	theirs, err := s.connect(t.Context(), "", "")
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
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	tun := openFake(t, s.settings(t, Serveo))
	for range 2 {
		theirs, err := s.connect(t.Context(), "", "")
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
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	tun := openFake(t, s.settings(t, Serveo))
	theirs, err := s.connect(t.Context(), "", "")
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

func TestMoreConnectionsThanThereMayBeAreRefused(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Serveo)})
	tun := openFake(t, s.settings(t, Serveo))
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range maxForwarded {
		c, err := s.connect(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	var no *ssh.OpenChannelError
	if _, err := s.connect(t.Context(), "", ""); !errors.As(err, &no) || no.Reason != ssh.ResourceShortage {
		t.Errorf("got %v", err)
	}
	if !tun.(Linked).Link().Up {
		t.Error("it ended")
	}
}

func TestTunnelsByNameHaveTheSameNameInEachRun(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Tuns)})
	cfg := s.settings(t, Tuns)
	first := openFake(t, cfg).URL()
	if second := openFake(t, cfg).URL(); first != second || !strings.HasPrefix(first, "https://tap-") {
		t.Errorf("%s, then %s", first, second)
	}
	// Taken: the server gives another, and that is the address.
	s.set(func(f *fakeFaults) {
		f.announce = func(string) string {
			return "The subdomain is unavailable. Assigning a random subdomain.\nHTTPS: https://other.tuns.sh\n"
		}
	})
	if got := openFake(t, cfg).URL(); got != "https://other.tuns.sh" {
		t.Errorf("got %s", got)
	}
}

// TestAServiceDropsAndIsOpenedAgainUnderAKeeper: the name is the same, and what
// is posted afterwards arrives.
func TestAServiceDropsAndIsOpenedAgainUnderAKeeper(t *testing.T) {
	s := startFake(t, fakeFaults{announce: inTheWordsOf(Tuns)})
	w := keepTunnel(t, s.settings(t, Tuns), s.visitor(t), quick)
	before := w.k.Status().URL
	w.mustPost(before, 500, "before")
	s.drop()
	w.until("away", is(Away))
	now := w.until("up again", is(Up))
	if now.URL != before {
		t.Errorf("%s, then %s", before, now.URL)
	}
	w.mustPost(now.URL, 500, "after")

	// The name is another's by then: the Keeper tells the new address.
	s.set(func(f *fakeFaults) { f.announce = func(string) string { return "HTTPS: https://other.tuns.sh\n" } })
	s.drop()
	w.until("away", is(Away))
	if now := w.until("up again", is(Up)); now.URL != "https://other.tuns.sh" {
		t.Errorf("it is %s now", now.URL)
	}
}

func TestAServerOfOnesOwn(t *testing.T) {
	s := startFake(t, fakeFaults{keyOnly: true, announce: func(name string) string { return "HTTPS: https://" + name + ".example.com\n" }})
	cfg := s.settings(t, "ssh://me@ssh.example.com:2222")
	cfg.SSHHome, cfg.SSHName = t.TempDir(), "mine"
	theirs := writeKey(t, cfg.SSHHome, "id_ed25519")
	if got := openFake(t, cfg).URL(); got != "https://mine.example.com" {
		t.Errorf("got %s", got)
	}
	if !slices.Contains(s.noted(), "key "+ssh.FingerprintSHA256(theirs.PublicKey())) || !slices.Contains(s.noted(), "in as me") {
		t.Errorf("it saw %q", s.noted())
	}
	cfg.PublicURL, cfg.Port = "https://tap.example.org", 4567
	tun := openFake(t, cfg)
	if tun.URL() != "https://tap.example.org" || s.noted()[len(s.noted())-1] != "forward 127.0.0.1:4567" {
		t.Errorf("%s, %q", tun.URL(), s.noted())
	}
	for _, bad := range []string{"ssh://", "ssh://host/path", "ssh://me:secret@host", "ssh://host?x", "ssh://%"} {
		_, err := Open(t.Context(), Config{Provider: bad, HubURL: hubURL})
		if !errors.Is(err, ErrUsage) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// writeKey makes a key of the user's.
func writeKey(t testing.TB, dir, name string) ssh.Signer {
	t.Helper()
	signer, err := ownKey(dir + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}
