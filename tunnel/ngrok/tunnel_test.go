package ngrok

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

const goodToken = "2abcDEFghiJKLmnoPQRstuVWXyz_1234567890abcdefgh"

// startEdge starts an edge that accepts goodToken.
func startEdge(t testing.TB) *ngroktest.Edge {
	t.Helper()
	cfg := ngroktest.Config{Tokens: []string{goodToken}}
	if testing.Verbose() {
		cfg.Logf = t.Logf
	}
	e, err := ngroktest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// edgeConfig leads to an edge. It gives nothing up by the clock.
func edgeConfig(e *ngroktest.Edge) Config {
	return Config{
		Token: goodToken, Server: e.Addr(), Roots: []*x509.CertPool{e.CA()},
		Options: tunnel.Options{Heartbeat: tunneltest.Forever, Timeout: tunneltest.Forever},
	}
}

// waitsInVain reports whether an agent has said all that it says before it waits
// for an edge that hangs: its hello of TLS or its token are longer than the
// frames before them.
func waitsInVain(c ngroktest.Counts) bool { return c.Hung > 0 || c.Unheard > 64 }

func openEdge(t testing.TB, cfg Config) tunnel.Tunnel {
	t.Helper()
	p, err := New(cfg)
	return tunneltest.Open(t, p, err)
}

// try opens a tunnel that may fail.
func try(ctx context.Context, cfg Config) (tunnel.Tunnel, error) {
	p, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return p.Open(ctx)
}

func TestBodiesComeThroughNgrokToTheByte(t *testing.T) {
	e := startEdge(t)
	tun := openEdge(t, edgeConfig(e))
	if tun.Provider() != Name || !strings.HasPrefix(tun.URL(), "http://127.0.0.1:") || strings.HasSuffix(tun.URL(), "/") {
		t.Errorf("%s at %s", tun.Provider(), tun.URL())
	}
	remote := make(chan string, 1)
	tunneltest.Serve(t, tun, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case remote <- r.RemoteAddr:
		default:
		}
		body, _ := io.ReadAll(r.Body) // all of it first: HTTP/1.1 is not for both ways at once
		_, _ = w.Write(body)
	}))
	c := tunneltest.Client(t)
	for _, size := range []int{0, 1, 4 << 10, 1 << 20} {
		sent := bytes.Repeat([]byte{0, 1, 2, 0xff, '\r', '\n', byte(size)}, size/7+1)
		resp, err := c.Post(tun.URL()+"/hook", "application/json", bytes.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes came back as %d, %v", len(sent), len(got), err)
		}
	}
	if host, _, err := net.SplitHostPort(<-remote); err != nil || host != "127.0.0.1" {
		t.Errorf("the client is %q, %v", host, err)
	}
}

func TestATunnelOutlivesTheContextThatOpenedIt(t *testing.T) {
	e := startEdge(t)
	ctx, cancel := context.WithCancel(t.Context())
	tun, err := try(ctx, edgeConfig(e))
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	cancel()
	tunneltest.Serve(t, tun, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	resp, err := tunneltest.Client(t).Post(tun.URL(), "", nil)
	if err != nil || resp.StatusCode != http.StatusTeapot {
		t.Fatalf("got %v, %v", resp, err)
	}
	resp.Body.Close()
}

func TestADropWhileConnectingIsTriedAgain(t *testing.T) {
	for _, phase := range []ngroktest.Phase{ngroktest.Auth} {
		e := startEdge(t)
		e.Set(func(f *ngroktest.Faults) { f.Drop = phase })
		go func() {
			_ = e.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Auths > 0 && c.Infos > 0 })
			e.Heal()
		}()
		tun := openEdge(t, edgeConfig(e))
		if urls := e.URLs(); len(urls) != 1 || urls[0] != tun.URL() {
			t.Errorf("bound are %q, the tunnel says %q", urls, tun.URL())
		}
	}
}

func TestASlowEdgeIsWaitedFor(t *testing.T) {
	e := startEdge(t)
	e.Set(func(f *ngroktest.Faults) { f.Slow = 100 * time.Millisecond })
	start := time.Now()
	openEdge(t, edgeConfig(e))
	if took := time.Since(start); took < 300*time.Millisecond {
		t.Errorf("the edge was not slow: %s", took)
	}
}

func TestClosingFreesTheAddressAtOnce(t *testing.T) {
	e := startEdge(t)
	cfg := edgeConfig(e)
	cfg.Domain = "me.ngrok.example"
	tun, err := try(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var refused *tunnel.ProviderError
	if _, err := try(t.Context(), cfg); !errors.As(err, &refused) || refused.Code != ngroktest.AlreadyOnline {
		t.Errorf("a second one: %v", err)
	}
	if err := tun.Close(); err != nil {
		t.Error(err)
	}
	if err := e.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Live() == 0 }); err != nil {
		t.Error(err)
	}
	again := openEdge(t, cfg)
	if again.URL() != tun.URL() {
		t.Errorf("the domain led to %s and leads to %s", tun.URL(), again.URL())
	}
}

func TestAcceptEndsWithClose(t *testing.T) {
	e := startEdge(t)
	tun := openEdge(t, edgeConfig(e))
	got := make(chan error, 1)
	go func() {
		_, err := tun.Accept()
		got <- err
	}()
	tun.Close()
	tun.Close()
	if err := <-got; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := tun.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}

// TestATunnelWithoutAConnectionCanBeClosed closes in a pause between two tries to connect, which
// the SDK sleeps through.
func TestATunnelWithoutAConnectionCanBeClosed(t *testing.T) {
	for name, c := range map[string]struct {
		fault ngroktest.Faults
		tries int // the pause after the third is of two seconds
	}{
		"refusing": {ngroktest.Faults{Refuse: true}, 3}, "no session": {ngroktest.Faults{AuthCode: ngroktest.TooMany}, 3},
		"silent": {ngroktest.Faults{Hang: ngroktest.Connect}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t)
			tun := openEdge(t, edgeConfig(e)).(tunnel.ReconnectingTunnel)
			e.Set(func(f *ngroktest.Faults) { *f = c.fault })
			before := e.Counts()
			e.DropSessions()
			if err := e.Wait(tunneltest.Patience(t), func(now ngroktest.Counts) bool { return now.Conns >= before.Conns+c.tries }); err != nil {
				t.Error(err)
			}
			tun.Close()
			if _, err := tun.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept: %v", err)
			}
		})
	}
}

// firstWrite is a way to a server that tells of the first byte that goes out on
// each connection.
func firstWrite(wrote chan<- struct{}) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &tellingConn{Conn: conn, wrote: wrote}, err
	}
}

type tellingConn struct {
	net.Conn
	once  sync.Once
	wrote chan<- struct{}
}

func (c *tellingConn) Write(p []byte) (int, error) {
	c.once.Do(func() { c.wrote <- struct{}{} })
	return c.Conn.Write(p)
}

// TestClosingWaitsForASessionThatIsBeingMade closes when the SDK has just begun
// to speak with a slow edge.
func TestClosingWaitsForASessionThatIsBeingMade(t *testing.T) {
	for range 10 { // also for the race detector, which found muxado's race once in a hundred times
		e := startEdge(t)
		cfg := edgeConfig(e)
		wrote := make(chan struct{}, 10)
		cfg.Dial = firstWrite(wrote)
		cfg.Clock.Limit = func(ctx context.Context, _ time.Duration, _ error) (context.Context, context.CancelFunc) {
			return context.WithCancel(ctx)
		}
		tun := openEdge(t, cfg)
		<-wrote
		e.Set(func(f *ngroktest.Faults) { f.Slow = time.Millisecond })
		e.DropSessions()
		<-wrote
		tun.Close()
		if c := e.Counts(); c.Sessions != 2 || c.Binds != 2 {
			t.Errorf("it did not wait: %+v", c)
		}
	}
}

// TestClosingWithUnacceptedConnections leaves the SDK with connections in
// its hands, for which it would wait for ever.
func TestClosingWithUnacceptedConnections(t *testing.T) {
	e := startEdge(t)
	tun := openEdge(t, edgeConfig(e))
	var clients sync.WaitGroup
	c := tunneltest.Client(t)
	for range 5 {
		clients.Go(func() {
			if resp, err := c.Post(tun.URL(), "", nil); err == nil {
				resp.Body.Close()
			}
		})
	}
	if err := e.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Public == 5 }); err != nil {
		t.Error(err)
	}
	tun.Close()
	clients.Wait()
}

func TestADialerThatIsCutAllowsNoConnection(t *testing.T) {
	e := startEdge(t)
	cfg := edgeConfig(e)
	cfg.Options = cfg.WithDefaults()
	l := newDialer(cfg)
	before, err := l.Dial("tcp", e.Addr())
	if err != nil {
		t.Fatal(err)
	}
	l.cut()
	if _, err := before.Write([]byte("x")); err == nil {
		t.Error("what was open still is")
	}
	before.Close()
	if conn, err := l.Dial("tcp", e.Addr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, %v", conn, err)
	}
}

// codeOf returns the code of a ProviderError, or "" for another error.
func codeOf(err error) string {
	var refused *tunnel.ProviderError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// await waits for a link that fits.
func await(t *testing.T, tun tunnel.ReconnectingTunnel, fits func(tunnel.Link) bool) tunnel.Link {
	t.Helper()
	ctx := tunneltest.Patience(t)
	for {
		if l := tun.Link(); fits(l) {
			return l
		}
		select {
		case <-tun.LinkChanged():
		case <-ctx.Done():
			t.Fatalf("the link stays %+v", tun.Link())
		}
	}
}

func TestTheLinkChangesWithEachDropAndReturn(t *testing.T) {
	e := startEdge(t)
	tun := openEdge(t, edgeConfig(e)).(tunnel.ReconnectingTunnel)
	if l := tun.Link(); !l.Up || l.Made != 1 || l.Cause != nil {
		t.Errorf("at first: %+v", l)
	}
	e.Set(func(f *ngroktest.Faults) { f.AuthCode = ngroktest.BadToken })
	e.DropSessions()
	l := await(t, tun, func(l tunnel.Link) bool { return !l.Up && codeOf(l.Cause) == ngroktest.BadToken })
	if refused := new(tunnel.ProviderError); !errors.As(l.Cause, &refused) || !refused.Permanent {
		t.Errorf("refused: %+v", l.Cause)
	}
	e.Heal()
	if l := await(t, tun, func(l tunnel.Link) bool { return l.Up }); l.Made != 2 || l.Cause != nil {
		t.Errorf("afterwards: %+v", l)
	}
}

func TestASilentPeerIsALostConnection(t *testing.T) {
	e := startEdge(t)
	cfg := edgeConfig(e)
	cfg.Heartbeat = 200 * time.Millisecond
	tun := openEdge(t, cfg).(tunnel.ReconnectingTunnel)
	e.Set(func(f *ngroktest.Faults) { f.Silent = true })
	await(t, tun, func(l tunnel.Link) bool { return !l.Up && tunneltest.StepOf(l.Cause) == tunnel.StepSession })
	e.Heal()
	await(t, tun, func(l tunnel.Link) bool { return l.Up && l.Made > 1 })
}

func TestAStoppedTunnelEndsWithNgroksWords(t *testing.T) {
	e := startEdge(t)
	tun := openEdge(t, edgeConfig(e))
	e.StopTunnels("The endpoint was stopped by an administrator.", "ERR_NGROK_3500")
	_, err := tun.Accept()
	var refused *tunnel.ProviderError
	if !errors.As(err, &refused) || refused.Code != "ERR_NGROK_3500" || !strings.Contains(refused.Message, "administrator") {
		t.Errorf("got %v", err)
	}
}
