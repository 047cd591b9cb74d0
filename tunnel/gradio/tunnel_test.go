package gradio

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	frptest "github.com/hf-tap/hf-tap/internal/testserver/frp"
	"github.com/hf-tap/hf-tap/tunnel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var nobody = log.New(io.Discard, "", 0)

func start(t testing.TB, cfg frptest.Config) *frptest.Server {
	t.Helper()
	s, err := frptest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// steadily makes a configuration that takes no pause for the end.
func steadily(cfg Config) Config {
	cfg.Heartbeat, cfg.Timeout, cfg.drain = time.Minute, time.Minute, time.Hour
	if cfg.Name == "" {
		cfg.Name = "me"
	}
	return cfg
}

// looked leads to a server by its look-up.
func looked(s *frptest.Server) Config { return steadily(Config{Lookup: s.Lookup()}) }

// must opens a tunnel, and closes it at the end of the test.
func must(t testing.TB, cfg Config) *shareTunnel {
	t.Helper()
	c, err := try(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// try opens a tunnel that may fail.
func try(ctx context.Context, cfg Config) (*shareTunnel, error) {
	p, err := New(cfg)
	if err != nil {
		return nil, err
	}
	tun, err := p.Open(ctx)
	if err != nil {
		return nil, err
	}
	return tun.(*shareTunnel), nil
}

// wantError opens what cannot be opened.
func wantError(t *testing.T, cfg Config, step tunnel.Step, text string) {
	t.Helper()
	c, err := try(t.Context(), cfg)
	if err == nil {
		_ = c.Close()
		t.Fatal("it opened")
	}
	var e *tunnel.ConnectError
	if !errors.As(err, &e) || e.Step != step || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %q at %q", err, text, step)
	}
}

// serve answers with what is sent, until the test ends.
func serve(t testing.TB, ln net.Listener, h http.Handler) {
	t.Helper()
	srv := &http.Server{Handler: h, ErrorLog: nobody, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() {
		_ = ln.Close()
		_ = srv.Close()
		wg.Wait()
	})
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("From", r.RemoteAddr)
	_, _ = w.Write(body)
}

func public(t testing.TB) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: time.Minute}
}

func post(c *http.Client, url string, body []byte) (*http.Response, []byte, error) {
	resp, err := c.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp, got, err
}

// patience is for waits whose end is sure to come.
func patience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a state.
func until(t testing.TB, c *shareTunnel, fits func(tunnel.Link) bool) tunnel.Link {
	t.Helper()
	ctx := patience(t)
	for {
		if s := c.Link(); fits(s) {
			return s
		}
		select {
		case <-c.LinkChanged():
		case <-ctx.Done():
			t.Fatalf("it stays %+v", c.Link())
		}
	}
}

func TestBodiesComeThroughToTheByte(t *testing.T) {
	for name, cfg := range map[string]frptest.Config{"gradio's": {}, "plain": {Plain: true}, "plain with a token": {Plain: true, Token: "geheim"}, "one's own": {Own: true, Token: "geheim"}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, cfg)
			mine := steadily(Config{Server: s.Addr(), Token: cfg.Token})
			if !cfg.Plain {
				mine.Roots = []*x509.CertPool{nil, s.CA()}
			}
			if name == "gradio's" {
				mine = looked(s)
			}
			c := must(t, mine)
			serve(t, c, http.HandlerFunc(echo))
			client := public(t)
			for i := range 1000 {
				sent := bytes.Repeat([]byte{0, 0xff, '\r', '\n', byte(i)}, 1+i%97)
				if i%250 == 0 {
					sent = bytes.Repeat(sent, 1+1<<20/len(sent))
				}
				resp, got, err := post(client, c.URL()+"/hook", sent)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, sent) {
					t.Fatalf("%d bytes came back as %d", len(sent), len(got))
				}
				if from, _, _ := net.SplitHostPort(resp.Header.Get("From")); from != "127.0.0.1" {
					t.Fatalf("from %s", from)
				}
			}
		})
	}
}

func TestTheSameNameHasTheSameAddress(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	first := c.URL()
	_ = c.Close()
	if c = must(t, looked(s)); c.URL() != first {
		t.Errorf("%s, then %s", first, c.URL())
	}
	cfg := looked(s)
	cfg.Name = "other"
	other := must(t, cfg)
	if other.URL() == first {
		t.Error("two names have one address")
	}
	serve(t, c, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "one") }))
	serve(t, other, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "other") }))
	for u, want := range map[string]string{c.URL(): "one", other.URL(): "other"} {
		if _, got, err := post(public(t), u, nil); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	fresh := looked(s)
	fresh.Name = ""
	if a, b := must(t, fresh).URL(), must(t, fresh).URL(); a == b {
		t.Errorf("two tunnels without a name are both at %s", a)
	}
}

func TestEachFaultOfAServerIsAnErrorAtItsStep(t *testing.T) {
	text := func(s string) *string { return &s }
	gigabyte := []byte("1\x00\x00\x00\x00\x40\x00\x00\x00")
	for _, c := range []struct {
		name  string
		fault frptest.Faults
		step  tunnel.Step
		want  string
	}{
		{"closes at once", frptest.Faults{RefuseConns: true}, tunnel.StepTLS, ""},
		{"hangs before TLS", frptest.Faults{HangConns: true}, tunnel.StepTLS, "no answer within 1m"},
		{"speaks another protocol", frptest.Faults{GarbageConn: []byte("SSH-2.0-x\r\n")}, tunnel.StepTLS, ""},
		{"sends an endless line in place of TLS", frptest.Faults{GarbageConn: []byte("x")}, tunnel.StepTLS, ""},
		{"has an expired certificate", frptest.Faults{Certificate: frptest.Expired}, tunnel.StepTrust, "expired"},
		{"has another's certificate", frptest.Faults{Certificate: frptest.OtherName}, tunnel.StepTrust, "127.0.0.1"},
		{"has a certificate of nobody", frptest.Faults{Certificate: frptest.Stranger}, tunnel.StepTrust, "unknown authority"},
		{"speaks HTTP after TLS", frptest.Faults{GarbageMux: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")}, tunnel.StepProtocol, "invalid"},
		{"sends an endless line in place of the protocol", frptest.Faults{GarbageMux: []byte("x")}, tunnel.StepProtocol, "invalid"},
		{"hangs at the login", frptest.Faults{HangLogin: true}, tunnel.StepProtocol, "no answer within 1m"},
		{"drops at the login", frptest.Faults{DropAtLogin: true}, tunnel.StepProtocol, ""},
		{"sends garbage at the login", frptest.Faults{GarbageLogin: []byte("garbage")}, tunnel.StepProtocol, "no message of frp's"},
		{"sends a frame of a gigabyte", frptest.Faults{GarbageLogin: gigabyte}, tunnel.StepProtocol, "1073741824 bytes"},
		{"answers something else", frptest.Faults{GarbageLogin: []byte("4\x00\x00\x00\x00\x00\x00\x00\x02{}")}, tunnel.StepProtocol, "in answer to a login"},
		{"drops at the address", frptest.Faults{DropAtProxy: true}, tunnel.StepProtocol, ""},
		{"announces what is not encrypted", frptest.Faults{Announce: text("http://evil.example")}, tunnel.StepProtocol, "not encrypted"},
		{"announces nonsense", frptest.Faults{Announce: text("https://u:p@evil.example/x")}, tunnel.StepProtocol, "not an address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, frptest.Config{})
			s.Set(func(f *frptest.Faults) { *f = c.fault })
			cfg := looked(s)
			if c.fault.HangConns || c.fault.HangLogin {
				cfg = hangs(t, cfg, s, func(c frptest.Counts) bool { return c.Hung > 0 })
			}
			wantError(t, cfg, c.step, c.want)
			if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Live() == 0 }); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("is not there", func(t *testing.T) {
		s := start(t, frptest.Config{})
		s.Stop()
		wantError(t, looked(s), tunnel.StepReach, "refused")
	})
	t.Run("speaks without TLS", func(t *testing.T) {
		wantError(t, looked(start(t, frptest.Config{Plain: true})), tunnel.StepTLS, "")
	})
	t.Run("speaks TLS where it is not expected", func(t *testing.T) {
		wantError(t, steadily(Config{Server: start(t, frptest.Config{}).Addr()}), tunnel.StepProtocol, "")
	})
	if _, err := try(t.Context(), steadily(Config{Server: "not an address"})); err == nil || !strings.Contains(err.Error(), "host:7000") {
		t.Error(err)
	}
}

func TestRefusalsOfTheServerAreProviderErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		cfg    frptest.Config
		fault  frptest.Faults
		reason string
	}{
		{"the name is taken", frptest.Config{}, frptest.Faults{ProxyError: "new proxy [x] error: router config conflict"}, NameTaken},
		{"the token is wrong", frptest.Config{Token: "geheim"}, frptest.Faults{}, BadToken},
		{"no HTTP", frptest.Config{}, frptest.Faults{ProxyError: "type [http] not supported when vhost http port is not set"}, Unsupported},
		{"something else", frptest.Config{}, frptest.Faults{LoginError: "come back\nlater"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, c.cfg)
			s.Set(func(f *frptest.Faults) { *f = c.fault })
			_, err := try(t.Context(), looked(s))
			var refused *tunnel.ProviderError
			if !errors.As(err, &refused) || refused.Code != c.reason || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestOpeningEndsWithItsContext(t *testing.T) {
	s := start(t, frptest.Config{})
	s.Set(func(f *frptest.Faults) { f.HangLogin = true })
	cfg := looked(s)
	cfg.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Wait(patience(t), func(c frptest.Counts) bool { return c.Conns == 1 })
		cancel()
	})
	if _, err := try(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	wg.Wait()
}

// tapped is a connection whose bytes somebody else sees.
type tapped struct {
	net.Conn
	mu   *sync.Mutex
	seen *bytes.Buffer
}

func (c tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen.Write(p[:n])
	return n, err
}

func TestWithATokenSecretsAreEncryptedOnTheWire(t *testing.T) {
	for name, cfg := range map[string]frptest.Config{"TLS": {}, "a token": {Plain: true, Token: "geheim"}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, cfg)
			var mu sync.Mutex
			var seen bytes.Buffer
			mine := steadily(Config{Server: s.Addr(), Token: cfg.Token})
			if !cfg.Plain {
				mine.Roots = []*x509.CertPool{s.CA()}
			}
			mine.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				return tapped{conn, &mu, &seen}, err
			}
			c := must(t, mine)
			serve(t, c, http.HandlerFunc(echo))
			const secret = "whsec_that_nobody_may_see"
			if _, got, err := post(public(t), c.URL(), []byte(secret)); err != nil || string(got) != secret {
				t.Fatalf("%q, %v", got, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if seen.Len() < 100 || bytes.Contains(seen.Bytes(), []byte(secret)) {
				t.Errorf("the secret is seen, in %d bytes", seen.Len())
			}
		})
	}
}
