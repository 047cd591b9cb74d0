package cloudflared

import (
	"net/http"
	"testing"
	"time"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

func diagnose(t *testing.T, cfg Config, asker *http.Client) []tunnel.Finding {
	t.Helper()
	p, err := New(cfg)
	return tunneltest.Diagnose(t, p, err, asker, cfg.Options)
}

func TestDiagnose(t *testing.T) {
	for _, c := range []struct {
		how        cloudflaredtest.Behaviour
		want, says string
	}{
		{cloudflaredtest.Well, "program session address round trip", ""},
		{cloudflaredtest.Limited, "program session!", "429 Too Many Requests"},
		{cloudflaredtest.Unready, "program session!", "no address and connection within 1s"},
		{cloudflaredtest.Evil, "program session!", "not an address of its tunnels"},
	} {
		t.Run(string(c.how), func(t *testing.T) {
			e, cfg := startCloudflare(t, c.how)
			if c.how == cloudflaredtest.Unready {
				cfg.Timeout = time.Second // of which all goes by
			}
			tunneltest.WantSteps(t, diagnose(t, cfg, tunneltest.Visitor(t, e.Dial)), c.want, c.says)
			noneLeft(t, e)
		})
	}
	t.Run("missing", func(t *testing.T) {
		found := diagnose(t, Config{Program: "/nowhere/cloudflared"}, nil)
		tunneltest.WantSteps(t, found, "program!", "cloudflared is not installed")
	})
	t.Run("a page in place of the tunnel", func(t *testing.T) {
		_, cfg := startCloudflare(t, cloudflaredtest.Well)
		asker := tunneltest.Visitor(t, tunneltest.Gateway(t))
		tunneltest.RunOut(t, &cfg.Options, tunneltest.Closed(tunneltest.Answered(asker, 2)))
		found := diagnose(t, cfg, asker)
		tunneltest.WantSteps(t, found, "program session address round trip!", "answered 502")
	})
}
