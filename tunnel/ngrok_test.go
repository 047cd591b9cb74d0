package tunnel

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/tunnel/ngroktest"
)

const goodToken = "2abcDEFghiJKLmnoPQRstuVWXyz_1234567890abcdefgh"

const hubURL = "https://huggingface.co"

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

// edgeConfig leads to an edge.
func edgeConfig(e *ngroktest.Edge) Config {
	return Config{
		Provider: Ngrok, HubURL: hubURL, NgrokToken: goodToken, NgrokServer: e.Addr(), NgrokRoots: []*x509.CertPool{e.CA()},
		Beat: 200 * time.Millisecond,
	}
}

func openEdge(t testing.TB, cfg Config) Tunnel {
	t.Helper()
	tun, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tun.Close(); err != nil {
			t.Error(err)
		}
	})
	return tun
}

// serveHTTP serves on a listener until it fails, which the test waits for.
func serveHTTP(t testing.TB, ln net.Listener, h http.Handler) {
	t.Helper()
	srv := &http.Server{Handler: h, WriteTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() {
		_ = ln.Close()
		_ = srv.Close()
		wg.Wait()
	})
}

// client has connections of its own, which end with the test.
func client(t testing.TB) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// patience gives a context for waits whose end is sure to come.
func patience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestBodiesComeThroughNgrokToTheByte(t *testing.T) {
	e := startEdge(t)
	tun := openEdge(t, edgeConfig(e))
	if tun.Provider() != Ngrok || !strings.HasPrefix(tun.URL(), "http://127.0.0.1:") || strings.HasSuffix(tun.URL(), "/") {
		t.Errorf("%s at %s", tun.Provider(), tun.URL())
	}
	remote := make(chan string, 1)
	serveHTTP(t, tun, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case remote <- r.RemoteAddr:
		default:
		}
		body, _ := io.ReadAll(r.Body) // all of it first: HTTP/1.1 is not for both ways at once
		_, _ = w.Write(body)
	}))
	c := client(t)
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

func TestWhatNgrokRefusesIsAnErrorWithItsCodeAtOnce(t *testing.T) {
	for _, c := range []struct {
		name, token, authCode, bindCode string
		code                            string
		permanent                       bool
	}{
		{"malformed", "not a token", "", "", ngroktest.Malformed, true},
		{"unknown", "2unknown", "", "", ngroktest.BadToken, true},
		{"version 1", goodToken, ngroktest.OldToken, "", ngroktest.OldToken, true},
		{"none", goodToken, ngroktest.NoToken, "", ngroktest.NoToken, true},
		{"too old", goodToken, ngroktest.OldAgent, "", ngroktest.OldAgent, true},
		{"too many sessions", goodToken, ngroktest.TooMany, "", ngroktest.TooMany, false},
		{"online elsewhere", goodToken, "", ngroktest.AlreadyOnline, ngroktest.AlreadyOnline, false},
		{"bad URL", goodToken, "", ngroktest.BadURL, ngroktest.BadURL, true},
		{"something new", goodToken, "ERR_NGROK_777", "", "ERR_NGROK_777", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startEdge(t)
			e.Set(func(f *ngroktest.Faults) { f.AuthCode, f.BindCode = c.authCode, c.bindCode })
			cfg := edgeConfig(e)
			cfg.NgrokToken = c.token
			start := time.Now()
			_, err := Open(t.Context(), cfg)
			took := time.Since(start)
			var refused *ProviderError
			if !errors.As(err, &refused) || refused.Code != c.code || refused.Permanent != c.permanent || refused.Provider != Ngrok {
				t.Fatalf("got %#v, %v", refused, err)
			}
			if took > 900*time.Millisecond {
				t.Errorf("it took %s", took)
			}
			t.Logf("%s after %s", err, took.Round(time.Millisecond))
			if strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "://") || Hint(err) == "" {
				t.Errorf("%q, hint %q", err, Hint(err))
			}
			if err := e.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Live() == 0 }); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARevokedTokenIsRefusedAtTheNextStart(t *testing.T) {
	e := startEdge(t)
	openEdge(t, edgeConfig(e)).Close()
	e.Revoke(goodToken)
	_, err := Open(t.Context(), edgeConfig(e))
	var refused *ProviderError
	if !errors.As(err, &refused) || refused.Code != ngroktest.BadToken {
		t.Errorf("got %v", err)
	}
}

func TestTheTokenIsInNoMessageAndNoLog(t *testing.T) {
	var log bytes.Buffer
	err := fmt.Errorf("authentication failed: %w", errors.New("The authtoken is wrong.\nYour authtoken: "+goodToken+"\n\nERR_NGROK_105\nhttps://dashboard.ngrok.com/x"))
	refused := ngrokRefusal(err, goodToken)
	if refused == nil || strings.Contains(refused.Error(), goodToken) || refused.Code != "ERR_NGROK_105" {
		t.Errorf("got %v", refused)
	}
	l := maskedLog(slog.New(slog.NewTextHandler(&log, nil)), goodToken).With("err", err).WithGroup("g")
	l.Warn("failed with "+goodToken, "err", err, "token", goodToken, slog.Group("h", "t", goodToken), "n", 1)
	if strings.Contains(log.String(), goodToken) || !strings.Contains(log.String(), "g.n=1") {
		t.Errorf("logged %s", log.String())
	}
	maskedLog(nil, "").Error("nobody hears this")
}

// TestTheSDKIsSilent looks at what would be on the screen.
func TestTheSDKIsSilent(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, def := os.Stdout, os.Stderr, slog.Default()
	os.Stdout, os.Stderr = w, w
	slog.SetDefault(slog.New(slog.NewTextHandler(w, nil)))
	defer func() { os.Stdout, os.Stderr = stdout, stderr; slog.SetDefault(def) }()
	e := startEdge(t)
	tun, err := Open(t.Context(), edgeConfig(e))
	if err != nil {
		t.Fatal(err)
	}
	e.DropSessions()
	if err := e.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Sessions == 2 }); err != nil {
		t.Error(err)
	}
	tun.Close()
	e.Set(func(f *ngroktest.Faults) { f.AuthCode = ngroktest.BadToken })
	if _, err := Open(t.Context(), edgeConfig(e)); err == nil {
		t.Error("a bad token opened a tunnel")
	}
	w.Close()
	if said, _ := io.ReadAll(r); len(said) > 0 {
		t.Errorf("on the screen: %s", said)
	}
}

func stepOf(err error) Step {
	var e *ConnectError
	if errors.As(err, &e) {
		return e.Step
	}
	return ""
}

func TestWhatStandsInTheWayIsToldApart(t *testing.T) {
	refused := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	for _, c := range []struct {
		name   string
		faults ngroktest.Faults
		change func(*Config)
		step   Step
		text   string
	}{
		{"untrusted", ngroktest.Faults{}, func(c *Config) { c.NgrokRoots = nil }, StepTrust, "is not trusted"},
		{"expired", ngroktest.Faults{Certificate: ngroktest.Expired}, nil, StepTrust, "is not valid now"},
		{"another's", ngroktest.Faults{Certificate: ngroktest.OtherName}, nil, StepTrust, "is not trusted"},
		{"no TLS", ngroktest.Faults{Garbage: ngroktest.Connect}, nil, StepTLS, "no TLS"},
		{"closed at once", ngroktest.Faults{Refuse: true}, nil, StepTLS, "no TLS"},
		{"another protocol", ngroktest.Faults{Garbage: ngroktest.Secured}, nil, StepProtocol, "does not answer as ngrok"},
		{"closed after TLS", ngroktest.Faults{Drop: ngroktest.Secured}, nil, StepProtocol, "does not answer as ngrok"},
		{"unreachable", ngroktest.Faults{}, func(c *Config) { c.Dial = refused }, StepReach, "connection refused"},
		{"proxy", ngroktest.Faults{}, func(c *Config) { c.Dial, c.Proxy = refused, func(string) string { return "proxy:3128" } }, StepProxy, "through the proxy proxy:3128"},
		{"no such name", ngroktest.Faults{}, func(c *Config) { c.NgrokServer = "no.such.host.invalid:443" }, StepReach, "no.such.host.invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startEdge(t)
			e.Set(func(f *ngroktest.Faults) { *f = c.faults })
			cfg := edgeConfig(e)
			if c.change != nil {
				c.change(&cfg)
			}
			start := time.Now()
			_, err := Open(t.Context(), cfg)
			if stepOf(err) != c.step || !strings.Contains(err.Error(), c.text) || Hint(err) == "" {
				t.Errorf("got %q, hint %q", err, Hint(err))
			}
			if took := time.Since(start); took > 2*time.Second && c.name != "no such name" {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestAServerThatSaysNothingIsGivenUp(t *testing.T) {
	for phase, step := range map[ngroktest.Phase]Step{
		ngroktest.Connect: StepTLS, ngroktest.Secured: StepProtocol, ngroktest.Auth: StepProtocol, ngroktest.Bind: StepProtocol,
	} {
		t.Run(fmt.Sprint(phase), func(t *testing.T) {
			e := startEdge(t)
			e.Set(func(f *ngroktest.Faults) { f.Hang = phase })
			cfg := edgeConfig(e)
			cfg.Beat, cfg.Within = 10*time.Second, 300*time.Millisecond
			start := time.Now()
			_, err := Open(t.Context(), cfg)
			if stepOf(err) != step || !strings.Contains(err.Error(), "no answer") {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestOpeningEndsWithItsContextInEachPhase(t *testing.T) {
	for _, phase := range []ngroktest.Phase{ngroktest.Connect, ngroktest.Secured, ngroktest.Auth, ngroktest.Bind} {
		t.Run(fmt.Sprint(phase), func(t *testing.T) {
			e := startEdge(t)
			e.Set(func(f *ngroktest.Faults) { f.Hang = phase })
			cfg := edgeConfig(e)
			cfg.Beat = 10 * time.Second
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error, 1)
			go func() {
				_, err := Open(ctx, cfg)
				got <- err
			}()
			reached := func(c ngroktest.Counts) bool { return c.Conns > 0 }
			switch phase {
			case ngroktest.Auth:
				reached = func(c ngroktest.Counts) bool { return c.Auths > 0 }
			case ngroktest.Bind:
				reached = func(c ngroktest.Counts) bool { return c.Sessions > 0 }
			}
			if err := e.Wait(patience(t), reached); err != nil {
				t.Error(err)
			}
			cancel()
			start := time.Now()
			if err := <-got; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestATunnelOutlivesTheContextThatOpenedIt(t *testing.T) {
	e := startEdge(t)
	ctx, cancel := context.WithCancel(t.Context())
	tun, err := Open(ctx, edgeConfig(e))
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	cancel()
	serveHTTP(t, tun, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	resp, err := client(t).Post(tun.URL(), "", nil)
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
			_ = e.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Auths > 0 && c.Infos > 0 })
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
	cfg.NgrokDomain = "me.ngrok.example"
	tun, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var refused *ProviderError
	if _, err := Open(t.Context(), cfg); !errors.As(err, &refused) || refused.Code != ngroktest.AlreadyOnline {
		t.Errorf("a second one: %v", err)
	}
	start := time.Now()
	if err := tun.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("closing took %s", took)
	}
	if err := e.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Live() == 0 }); err != nil {
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

// TestClosingAnAwayTunnelIsQuick closes in a pause between two tries to
// connect, which the SDK sleeps through.
func TestClosingAnAwayTunnelIsQuick(t *testing.T) {
	for name, fault := range map[string]ngroktest.Faults{
		"refusing": {Refuse: true}, "silent": {Hang: ngroktest.Connect}, "no session": {AuthCode: ngroktest.TooMany},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t)
			tun := openEdge(t, edgeConfig(e)).(Linked)
			e.Set(func(f *ngroktest.Faults) { *f = fault })
			before := e.Counts()
			e.DropSessions()
			if err := e.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Conns > before.Conns+btoi(fault.Hang == 0) }); err != nil {
				t.Error(err)
			}
			start := time.Now()
			tun.Close()
			if took := time.Since(start); took > 1500*time.Millisecond {
				t.Errorf("closing took %s", took)
			}
			if _, err := tun.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept: %v", err)
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// await waits for a link that fits.
func await(t *testing.T, tun Linked, fits func(Link) bool) Link {
	t.Helper()
	ctx := patience(t)
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

func TestALinkTellsOfDropsAndReturns(t *testing.T) {
	e := startEdge(t)
	tun := openEdge(t, edgeConfig(e)).(Linked)
	if l := tun.Link(); !l.Up || l.Made != 1 || l.Cause != nil {
		t.Errorf("at first: %+v", l)
	}
	e.Set(func(f *ngroktest.Faults) { f.AuthCode = ngroktest.BadToken })
	e.DropSessions()
	l := await(t, tun, func(l Link) bool { return !l.Up && kind(l.Cause) == "provider "+ngroktest.BadToken })
	if refused := new(ProviderError); !errors.As(l.Cause, &refused) || !refused.Permanent {
		t.Errorf("refused: %+v", l.Cause)
	}
	e.Heal()
	if l := await(t, tun, func(l Link) bool { return l.Up }); l.Made != 2 || l.Cause != nil {
		t.Errorf("afterwards: %+v", l)
	}
}

func TestASilentPeerIsADrop(t *testing.T) {
	e := startEdge(t)
	cfg := edgeConfig(e)
	cfg.Beat = 50 * time.Millisecond
	tun := openEdge(t, cfg).(Linked)
	e.Set(func(f *ngroktest.Faults) { f.Silent = true })
	await(t, tun, func(l Link) bool { return !l.Up && stepOf(l.Cause) == StepSession })
	e.Heal()
	await(t, tun, func(l Link) bool { return l.Up && l.Made > 1 })
}

func TestAStoppedTunnelEndsWithNgroksWords(t *testing.T) {
	e := startEdge(t)
	tun := openEdge(t, edgeConfig(e))
	e.StopTunnels("The endpoint was stopped by an administrator.", "ERR_NGROK_3500")
	_, err := tun.Accept()
	var refused *ProviderError
	if !errors.As(err, &refused) || refused.Code != "ERR_NGROK_3500" || !strings.Contains(refused.Message, "administrator") {
		t.Errorf("got %v", err)
	}
}
