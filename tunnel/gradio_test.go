package tunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	frptest "github.com/hf-tap/hf-tap/internal/testserver/frp"
)

func startGradio(t testing.TB, cfg frptest.Config) *frptest.Server {
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

// gradioConfig leads to a server by its look-up.
func gradioConfig(t testing.TB, s *frptest.Server) Config {
	return Config{
		Provider: Gradio, HubURL: hubURL, GradioLookup: s.Lookup(), GradioName: "a kept name", HTTP: client(t),
		Heartbeat: time.Minute, Timeout: time.Minute,
	}
}

// keptGradio is a Keeper of gradio's tunnels, with a receiver that echoes.
type keptGradio struct {
	*Keeper
	t      *testing.T
	client *http.Client
	mu     sync.Mutex
	told   []Status
	news   chan struct{}
}

func keepGradio(t *testing.T, cfg Config) *keptGradio {
	t.Helper()
	w := &keptGradio{t: t, client: client(t), news: make(chan struct{}, 1)}
	prove := func(nonce string) string { return "proof of " + nonce }
	k, err := OpenKeeper(t.Context(), KeeperConfig{
		Open: func(ctx context.Context) (Tunnel, error) { return openGradio(ctx, cfg) },
		Check: func(ctx context.Context, url string) (time.Duration, error) {
			return VerifyOnce(ctx, Probe{URL: url + "/check", Answer: prove, Client: w.client})
		},
		Changed: func(s Status) {
			w.mu.Lock()
			w.told = append(w.told, s)
			w.mu.Unlock()
			select {
			case w.news <- struct{}{}:
			default:
			}
		},
		Times: KeeperTimes{RetryMin: 50 * time.Millisecond, CheckPause: 20 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Keeper = k
	serveHTTP(t, k.Listener(), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if nonce, ours := strings.CutPrefix(r.URL.Path, "/check/"); ours {
			_, _ = io.WriteString(rw, prove(nonce))
			return
		}
		body, _ := io.ReadAll(r.Body) // all of it first: HTTP/1.1 is not for both ways at once
		_, _ = rw.Write(body)
	}))
	if s, err := k.Verify(t.Context()); err != nil || s.State != StateUp {
		t.Fatalf("%+v, %v", s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { k.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// until waits for something to be told, from the first on that is not yet
// looked at.
func (w *keptGradio) until(what string, fits func(Status) bool) Status {
	w.t.Helper()
	ctx := patience(w.t)
	for {
		w.mu.Lock()
		for i, s := range w.told {
			if fits(s) {
				w.told = w.told[i+1:]
				w.mu.Unlock()
				return s
			}
		}
		w.mu.Unlock()
		select {
		case <-w.news:
		case <-ctx.Done():
			w.t.Fatalf("it never was %s: %+v", what, w.Status())
		}
	}
}

func (w *keptGradio) deliver(n int) {
	w.t.Helper()
	for i := range n {
		sent := bytes.Repeat([]byte{0, 1, 0xff, '\r', '\n', byte(i), byte(i >> 8)}, 1+i%300)
		resp, err := w.client.Post(w.Status().URL+"/hook", "application/json", bytes.NewReader(sent))
		if err != nil {
			w.t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(got, sent) {
			w.t.Fatalf("delivery %d: %s, %d bytes came back as %d, %v", i, resp.Status, len(sent), len(got), err)
		}
	}
}

func TestDeliveriesArriveByGradioAlsoAfterTheServerWasKilled(t *testing.T) {
	s := startGradio(t, frptest.Config{})
	w := keepGradio(t, gradioConfig(t, s))
	first := w.Status().URL
	w.deliver(500)
	w.until("up", func(s Status) bool { return s.State == StateUp })
	s.Stop()
	away := w.until("away", func(s Status) bool { return s.State == StateAway })
	var connect *ConnectError
	if !errors.As(away.Cause, &connect) || away.Provider != Gradio {
		t.Errorf("%+v", away)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	up := w.until("up again", func(s Status) bool { return s.State == StateUp })
	if up.URL != first || up.Provider != Gradio {
		t.Errorf("%+v, at first %s", up, first)
	}
	w.deliver(500)
}

func TestGradiosEndOfALoginIsNoOutage(t *testing.T) {
	s := startGradio(t, frptest.Config{})
	w := keepGradio(t, gradioConfig(t, s))
	first := w.Status().URL
	for made := 2; made < 4; made++ {
		s.Kill()
		if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Given == made }); err != nil {
			t.Fatal(err)
		}
		w.deliver(20)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.told {
		if s.State != StateConnecting && (s.State != StateUp || s.URL != first) {
			t.Errorf("told %+v", s)
		}
	}
}

func TestWhatStandsInGradiosWay(t *testing.T) {
	html := "<html>sign in</html>"
	for _, c := range []struct {
		name  string
		fault frptest.Faults
		step  Step
	}{
		{"the look-up is a page", frptest.Faults{LookupBody: &html}, StepProtocol},
		{"it refuses", frptest.Faults{RefuseConns: true}, StepTLS},
		{"its certificate has expired", frptest.Faults{Certificate: frptest.Expired}, StepTrust},
		{"its certificate is another's", frptest.Faults{Certificate: frptest.OtherName}, StepTrust},
		{"it speaks something else", frptest.Faults{GarbageMux: []byte("HTTP/1.1 400\r\n")}, StepProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startGradio(t, frptest.Config{})
			s.Set(func(f *frptest.Faults) { *f = c.fault })
			_, err := openGradio(t.Context(), gradioConfig(t, s))
			var connect *ConnectError
			if !errors.As(err, &connect) || connect.Step != c.step || connect.Provider != Gradio || connect.Server == "" {
				t.Fatalf("%v", err)
			}
			if connect.Expired() != (c.fault.Certificate == frptest.Expired) {
				t.Errorf("%v: expired %v", err, connect.Expired())
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			t.Log(err)
		})
	}
	s := startGradio(t, frptest.Config{})
	s.Stop()
	cfg := gradioConfig(t, s)
	cfg.Proxy = func(address string) string { return fmt.Sprintf("proxy for %s", address) }
	var connect *ConnectError
	if _, err := openGradio(t.Context(), cfg); !errors.As(err, &connect) || connect.Step != StepProxy || connect.Proxy != "proxy for "+s.Addr() {
		t.Errorf("%v", err)
	}
	if _, err := openGradio(t.Context(), Config{GradioServer: "nonsense"}); !errors.Is(err, ErrUsage) {
		t.Errorf("%v", err)
	}
}

func TestWhatGradioRefuses(t *testing.T) {
	for _, c := range []struct {
		name      string
		text      string
		code      string
		permanent bool
	}{
		{"the name is taken", "router config conflict", GradioNameTaken, false},
		{"the token", "token in login doesn't match geheim", GradioBadToken, true},
		{"no HTTP", "type [http] not supported", GradioUnsupported, true},
		{"something else", "not today", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startGradio(t, frptest.Config{Token: "geheim", Own: true})
			s.Set(func(f *frptest.Faults) { f.ProxyError = c.text })
			cfg := gradioConfig(t, s)
			cfg.GradioLookup, cfg.GradioServer, cfg.GradioRoots, cfg.GradioToken = "", s.Addr(), s.CA(), "geheim"
			_, err := openGradio(t.Context(), cfg)
			var refused *ProviderError
			if !errors.As(err, &refused) || refused.Code != c.code || refused.Permanent != c.permanent || refused.Provider != Gradio {
				t.Errorf("%#v", err)
			}
			if strings.Contains(err.Error(), "geheim") {
				t.Errorf("the token stands in %q", err)
			}
		})
	}
}

func TestTwoOfGradiosTunnelsAtOnce(t *testing.T) {
	s := startGradio(t, frptest.Config{})
	cfg := gradioConfig(t, s)
	one := keepGradio(t, cfg)
	cfg.GradioName = ""
	other := keepGradio(t, cfg)
	if one.Status().URL == other.Status().URL {
		t.Fatal("they have one address")
	}
	one.deliver(20)
	other.deliver(20)
}

func TestGradiosLinkTellsHowItIs(t *testing.T) {
	s := startGradio(t, frptest.Config{})
	tun, err := openGradio(t.Context(), gradioConfig(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	linked := tun.(ReconnectingTunnel)
	<-linked.LinkChanged()
	if l := linked.Link(); !l.Up || l.Cause != nil || l.Made != 1 || tun.Provider() != Gradio {
		t.Errorf("%+v", l)
	}
	s.Set(func(f *frptest.Faults) { f.LoginError = "client version is too old" })
	s.Drop()
	_, err = tun.Accept()
	var refused *ProviderError
	if !errors.As(err, &refused) || refused.Code != GradioUnsupported {
		t.Errorf("%v", err)
	}
	if l := linked.Link(); l.Up || !errors.As(l.Cause, &refused) {
		t.Errorf("%+v", l)
	}
}
