package ngrok

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

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
			cfg.Token = c.token
			_, err := try(t.Context(), cfg)
			var refused *tunnel.ProviderError
			if !errors.As(err, &refused) || refused.Code != c.code || refused.Permanent != c.permanent || refused.Provider != Name {
				t.Fatalf("got %#v, %v", refused, err)
			}
			t.Log(err)
			if strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "://") {
				t.Errorf("%q", err)
			}
			if err := e.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Live() == 0 }); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARevokedTokenIsRefusedAtTheNextStart(t *testing.T) {
	e := startEdge(t)
	openEdge(t, edgeConfig(e)).Close()
	e.Revoke(goodToken)
	_, err := try(t.Context(), edgeConfig(e))
	var refused *tunnel.ProviderError
	if !errors.As(err, &refused) || refused.Code != ngroktest.BadToken {
		t.Errorf("got %v", err)
	}
}

func TestTheTokenIsInNoMessageAndNoLog(t *testing.T) {
	var log bytes.Buffer
	err := fmt.Errorf("authentication failed: %w", errors.New("The authtoken is wrong.\nYour authtoken: "+goodToken+"\n\nERR_NGROK_105\nhttps://dashboard.ngrok.com/x"))
	refused := refusal(err, goodToken)
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

// lockedBuffer is written to by goroutines of the SDK that are not waited for.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
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
	var log lockedBuffer
	cfg := edgeConfig(e)
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	tun, err := try(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.DropSessions()
	if err := e.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Sessions >= 2 }); err != nil {
		t.Error(err)
	}
	tun.Close()
	e.Set(func(f *ngroktest.Faults) { f.AuthCode = ngroktest.BadToken })
	if _, err := try(t.Context(), edgeConfig(e)); err == nil {
		t.Error("a bad token opened a tunnel")
	}
	w.Close()
	if said, _ := io.ReadAll(r); len(said) > 0 {
		t.Errorf("on the screen: %s", said)
	}
	if !strings.Contains(log.String(), "reconnect") {
		t.Errorf("in the log: %s", log.String())
	}
}

func TestEachObstacleHasItsStep(t *testing.T) {
	refused := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	for _, c := range []struct {
		name   string
		faults ngroktest.Faults
		change func(*Config)
		step   tunnel.Step
		text   string
	}{
		{"untrusted", ngroktest.Faults{}, func(c *Config) { c.Roots = nil }, tunnel.StepTrust, "is not trusted"},
		{"expired", ngroktest.Faults{Certificate: ngroktest.Expired}, nil, tunnel.StepTrust, "is not valid now"},
		{"another's", ngroktest.Faults{Certificate: ngroktest.OtherName}, nil, tunnel.StepTrust, "is not trusted"},
		{"no TLS", ngroktest.Faults{Garbage: ngroktest.Connect}, nil, tunnel.StepTLS, "no TLS"},
		{"closed at once", ngroktest.Faults{Refuse: true}, nil, tunnel.StepTLS, "no TLS"},
		{"another protocol", ngroktest.Faults{Garbage: ngroktest.Secured}, nil, tunnel.StepProtocol, "does not answer as ngrok"},
		{"closed after TLS", ngroktest.Faults{Drop: ngroktest.Secured}, nil, tunnel.StepProtocol, "does not answer as ngrok"},
		{"unreachable", ngroktest.Faults{}, func(c *Config) { c.Dial = refused }, tunnel.StepReach, "connection refused"},
		{"proxy", ngroktest.Faults{}, func(c *Config) { c.Dial, c.Proxy = refused, func(string) string { return "proxy:3128" } }, tunnel.StepProxy, "through the proxy proxy:3128"},
		{"no such name", ngroktest.Faults{}, func(c *Config) { c.Server = "no.such.host.invalid:443" }, tunnel.StepReach, "no.such.host.invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startEdge(t)
			e.Set(func(f *ngroktest.Faults) { *f = c.faults })
			cfg := edgeConfig(e)
			if c.change != nil {
				c.change(&cfg)
			}
			_, err := try(t.Context(), cfg)
			if tunneltest.StepOf(err) != c.step || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %q", err)
			}
		})
	}
}

func TestAServerThatSaysNothingIsGivenUp(t *testing.T) {
	for phase, step := range map[ngroktest.Phase]tunnel.Step{
		ngroktest.Connect: tunnel.StepTLS, ngroktest.Secured: tunnel.StepProtocol, ngroktest.Auth: tunnel.StepProtocol, ngroktest.Bind: tunnel.StepProtocol,
	} {
		t.Run(fmt.Sprint(phase), func(t *testing.T) {
			e := startEdge(t)
			e.Set(func(f *ngroktest.Faults) { f.Hang = phase })
			cfg := edgeConfig(e)
			tunneltest.RunOut(t, &cfg.Options, func(ctx context.Context) error {
				return e.Wait(ctx, waitsInVain)
			})
			_, err := try(t.Context(), cfg)
			if tunneltest.StepOf(err) != step || !strings.Contains(err.Error(), "no answer") {
				t.Errorf("got %v", err)
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
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error, 1)
			go func() {
				_, err := try(ctx, cfg)
				got <- err
			}()
			if err := e.Wait(tunneltest.Patience(t), waitsInVain); err != nil {
				t.Error(err)
			}
			cancel()
			if err := <-got; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}
