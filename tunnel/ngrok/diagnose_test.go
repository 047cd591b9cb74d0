package ngrok

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

func diagnose(t *testing.T, cfg Config, asker *http.Client) []tunnel.Finding {
	t.Helper()
	p, err := New(cfg)
	return tunneltest.Diagnose(t, p, err, asker, cfg.Options)
}

func TestDiagnoseTriesEachStepAndLeavesNothing(t *testing.T) {
	e := startEdge(t)
	cfg := edgeConfig(e)
	found := diagnose(t, cfg, tunneltest.Client(t))
	if got := tunneltest.Steps(found); got != "reach trust protocol session address round trip" {
		t.Fatalf("found %q: %+v", got, found)
	}
	for _, f := range found {
		if f.Detail == "" || f.Took == 0 && f.Step != "address" {
			t.Errorf("%+v", f)
		}
	}
	if !strings.Contains(found[0].Detail, e.Addr()) || !strings.HasPrefix(found[4].Detail, "http://127.0.0.1:") {
		t.Errorf("%+v", found)
	}
	if err := e.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Live() == 0 }); err != nil {
		t.Error(err)
	}
}

func TestDiagnoseNamesTheStepThatFails(t *testing.T) {
	refused := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	for _, c := range []struct {
		name   string
		faults ngroktest.Faults
		change func(*Config)
		want   string
	}{
		{"nobody there", ngroktest.Faults{}, func(c *Config) { c.Dial = refused }, "reach!"},
		{"proxy", ngroktest.Faults{}, func(c *Config) { c.Dial, c.Proxy = refused, func(string) string { return "p:1" } }, "proxy!"},
		{"untrusted", ngroktest.Faults{}, func(c *Config) { c.Roots = nil }, "reach trust!"},
		{"expired", ngroktest.Faults{Certificate: ngroktest.Expired}, nil, "reach trust!"},
		{"no TLS", ngroktest.Faults{Garbage: ngroktest.Connect}, nil, "reach tls!"},
		{"silent", ngroktest.Faults{Hang: ngroktest.Secured}, nil, "reach trust protocol!"},
		{"another protocol", ngroktest.Faults{Garbage: ngroktest.Secured}, nil, "reach trust protocol!"},
		{"bad token", ngroktest.Faults{AuthCode: ngroktest.BadToken}, nil, "reach trust protocol session!"},
		{"online elsewhere", ngroktest.Faults{BindCode: ngroktest.AlreadyOnline}, nil, "reach trust protocol session!"},
		{"a gateway's page", ngroktest.Faults{Gateway: 502}, nil, "reach trust protocol session address round trip!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startEdge(t)
			e.Set(func(f *ngroktest.Faults) { *f = c.faults })
			cfg, asker := edgeConfig(e), tunneltest.Client(t)
			switch {
			case c.faults.Hang != 0:
				tunneltest.RunOut(t, &cfg.Options, func(ctx context.Context) error {
					return e.Wait(ctx, func(c ngroktest.Counts) bool { return c.Unheard > 0 })
				})
			case c.faults.Gateway != 0:
				tunneltest.RunOut(t, &cfg.Options, tunneltest.Closed(tunneltest.Answered(asker, 2)))
			}
			if c.change != nil {
				c.change(&cfg)
			}
			found := diagnose(t, cfg, asker)
			if got := tunneltest.Steps(found); got != c.want {
				t.Errorf("found %q, want %q: %+v", got, c.want, found)
			}
			last := found[len(found)-1]
			t.Logf("%v", last.Err)
			if strings.Contains(last.Err.Error(), "diagnose") {
				t.Errorf("%v", last.Err)
			}
			if c := e.Counts(); c.Live() != 0 {
				if err := e.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Live() == 0 }); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
