package network_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

func TestAConnectionGoesThroughAnHTTPProxy(t *testing.T) {
	p := &connectProxy{target: echo(t)}
	n := open(t, "HTTPS_PROXY=http://"+serve(t, p.handle))
	if got := says(t, n, "tunnel.test:4443", "through"); got != "THROUGH" {
		t.Errorf("got %q", got)
	}
	if got := p.asked.String(); got != "CONNECT tunnel.test:4443" {
		t.Errorf("the proxy was asked for %q", got)
	}
}

func TestAnHTTPProxyGetsTheUserAndThePassword(t *testing.T) {
	p := &connectProxy{target: echo(t), password: "me@corp:pa ss/ä:%"}
	n := open(t, "HTTPS_PROXY=http://me%40corp:pa%20ss%2F%C3%A4:%25@"+serve(t, p.handle))
	if got := says(t, n, "tunnel.test:443", "through"); got != "THROUGH" {
		t.Errorf("got %q", got)
	}
}

func TestAPasswordThatIsMissingAndOneThatIsWrongAreToldApart(t *testing.T) {
	p := &connectProxy{target: echo(t), password: "me:right"}
	address := serve(t, p.handle)
	for _, c := range []struct {
		user string
		want error
		not  error
	}{
		{"", network.ErrPasswordNeeded, network.ErrPasswordRefused},
		{"me:wrong@", network.ErrPasswordRefused, network.ErrPasswordNeeded},
	} {
		err := fails(t, open(t, "HTTPS_PROXY=http://"+c.user+address), "tunnel.test:443")
		var refused *network.ProxyError
		if !errors.As(err, &refused) || refused.Status != 407 || !errors.Is(err, c.want) || errors.Is(err, c.not) {
			t.Errorf("with %q: %v", c.user, err)
		}
		if strings.Contains(err.Error(), "wrong") || !strings.Contains(err.Error(), address) {
			t.Errorf("with %q the error does not tell the proxy, or the password: %v", c.user, err)
		}
		if strings.Contains(err.Error(), "it knows") {
			t.Errorf("Basic is taken for something else: %v", err)
		}
	}
}

func TestAProxyThatKnowsOnlyOtherPasswordsIsQuoted(t *testing.T) {
	n := open(t, "HTTPS_PROXY="+serve(t, func(conn net.Conn) {
		readHeader(conn)
		io.WriteString(conn, "HTTP/1.1 407 no\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate abc\r\n\r\n")
	}))
	err := fails(t, n, "tunnel.test:443")
	if !errors.Is(err, network.ErrPasswordNeeded) || !strings.Contains(err.Error(), `"NTLM, Negotiate"`) {
		t.Errorf("got %v", err)
	}
}

func TestARefusalTellsItsStatusAndItsWords(t *testing.T) {
	n := open(t, "HTTPS_PROXY="+serve(t, func(conn net.Conn) {
		readHeader(conn)
		io.WriteString(conn, "HTTP/1.1 403 Not \x1b[31mthere "+strings.Repeat("x", 500)+"\r\nContent-Length: 3\r\n\r\nno\n")
	}))
	err := fails(t, n, "tunnel.test:443")
	var refused *network.ProxyError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v", err)
	}
	if refused.Status != 403 || len(refused.Text) != 200 || !strings.HasPrefix(refused.Text, "Not \x1b[31mthere x") ||
		refused.Target != "tunnel.test:443" || refused.From != "HTTPS_PROXY" || refused.Err != nil {
		t.Errorf("got %+v", refused)
	}
	if strings.Contains(err.Error(), "\x1b") {
		t.Errorf("the words reach a terminal: %q", err)
	}
}

func TestWhatAServerSaysAtOnceIsNotLost(t *testing.T) {
	p := &connectProxy{target: echo(t), greeting: "SSH-2.0-first\r\n"}
	n := open(t, "HTTPS_PROXY="+serve(t, p.handle))
	if got := says(t, n, "tunnel.test:22", "then"); got != "SSH-2.0-first\r\nTHEN" {
		t.Errorf("got %q", got)
	}
}

func TestInterimAnswersArePassedOver(t *testing.T) {
	n := open(t, "HTTPS_PROXY="+serve(t, func(conn net.Conn) {
		readHeader(conn)
		io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.0 201 fine\r\n\r\nhello")
	}))
	if got := says(t, n, "tunnel.test:22", ""); got != "hello" {
		t.Errorf("got %q", got)
	}
}

func TestAProxyThatIsGoneIsNamed(t *testing.T) {
	address := porttest.Addr(t)
	err := fails(t, open(t, "HTTPS_PROXY=http://me:secret@"+address), "tunnel.test:443")
	var refused *network.ProxyError
	if !errors.As(err, &refused) || refused.Proxy != "http://me:xxxxx@"+address || refused.Status != 0 {
		t.Errorf("got %v", err)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.Errno(10061)) {
		t.Errorf("the reason cannot be told: %v", err)
	}
}

// readHeader reads a request's header.
func readHeader(conn net.Conn) {
	b := make([]byte, 0, 1024)
	one := make([]byte, 1)
	for !strings.HasSuffix(string(b), "\r\n\r\n") {
		if _, err := conn.Read(one); err != nil {
			return
		}
		b = append(b, one...)
	}
}

func TestBrokenProxiesAreErrors(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"garbage":         func(conn net.Conn) { io.WriteString(conn, "\x00\xff\x16\x03 not HTTP\r\n\r\n") },
		"closing at once": func(net.Conn) {},
		"closing midway":  func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 200 OK\r\nA: b\r\n") },
		"an endless header": func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(conn, "A: "+strings.Repeat("b", 1000)+"\r\n"); err != nil {
					return
				}
			}
		},
		"an endless line": func(conn net.Conn) {
			for {
				if _, err := io.WriteString(conn, strings.Repeat("b", 1000)); err != nil {
					return
				}
			}
		},
		"endless interim answers": func(conn net.Conn) {
			for {
				if _, err := io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
					return
				}
			}
		},
	} {
		n := open(t, "HTTPS_PROXY="+serve(t, func(conn net.Conn) {
			readHeader(conn)
			answer(conn)
		}))
		err := fails(t, n, "tunnel.test:443")
		var refused *network.ProxyError
		if !errors.As(err, &refused) || refused.Err == nil {
			t.Errorf("%s: got %v", name, err)
		}
		if strings.HasPrefix(name, "an endless") != strings.Contains(err.Error(), "64 KiB") && name != "endless interim answers" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// silent reads a request, reports that on asked if it has room, and says nothing.
func silent(asked chan<- struct{}) func(net.Conn) {
	return func(conn net.Conn) {
		readHeader(conn)
		select {
		case asked <- struct{}{}:
		default:
		}
		io.Copy(io.Discard, conn)
	}
}

func TestASilentProxyRunsIntoTheDeadline(t *testing.T) {
	drips := func(conn net.Conn) {
		readHeader(conn)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(conn, "H"); err != nil {
				return
			}
		}
	}
	for name, handle := range map[string]func(net.Conn){"silent": silent(make(chan struct{}, 1)), "dripping": drips} {
		for _, scheme := range []string{"http", "https", "socks5"} {
			if scheme == "socks5" && name == "dripping" {
				continue // its answers have a fixed length
			}
			n, err := network.New(network.Config{Getenv: environment("HTTPS_PROXY=" + scheme + "://" + serve(t, handle)), Within: 50 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			err = fails(t, n, "tunnel.test:443")
			var refused *network.ProxyError
			if !errors.As(err, &refused) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer in time") {
				t.Errorf("%s %s: got %v", name, scheme, err)
			}
		}
	}
}

func TestACanceledContextEndsTheWaitForAProxy(t *testing.T) {
	asked := make(chan struct{}, 1)
	n := open(t, "HTTPS_PROXY="+serve(t, silent(asked)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := n.DialContext(ctx, "tcp", "tunnel.test:443")
		failed <- err
	}()
	<-asked
	cancel()
	select {
	case err := <-failed:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(patience):
		t.Fatal("DialContext goes on after its context has ended")
	}
}

func TestAnAddressOrNetworkThatCannotBeIsRefused(t *testing.T) {
	n := open(t, "HTTPS_PROXY="+porttest.Addr(t))
	if _, err := n.DialContext(t.Context(), "udp", "tunnel.test:443"); err == nil || !strings.Contains(err.Error(), "unknown network udp") {
		t.Errorf("got %v", err)
	}
	if _, err := n.DialContext(t.Context(), "tcp", "tunnel.test"); err == nil || !strings.Contains(err.Error(), "missing port") {
		t.Errorf("got %v", err)
	}
}

func TestAnAddressCannotSmuggleAHeader(t *testing.T) {
	p := &connectProxy{target: echo(t)}
	n := open(t, "HTTPS_PROXY="+serve(t, p.handle))
	if err := fails(t, n, "tunnel.test\r\nX-Evil: 1\r\n:443"); err == nil {
		t.Error("it was sent")
	}
	if got := p.asked.String(); got != "" {
		t.Errorf("the proxy was asked for %q", got)
	}
}
