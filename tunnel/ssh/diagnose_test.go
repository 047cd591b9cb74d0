package ssh

import (
	"context"
	"net"
	"net/http"
	"testing"

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

func diagnose(t *testing.T, cfg setup, asker *http.Client) []tunnel.Finding {
	t.Helper()
	p, err := New(cfg.provider, cfg.Config)
	return tunneltest.Diagnose(t, p, err, asker, cfg.Options)
}

func TestDiagnoseAService(t *testing.T) {
	refused := func(_ *testing.T, c *setup, _ *sshtest.Service) {
		c.Dial, c.Server = tunneltest.Refused, "" // its own port is closed
	}
	well := sshtest.Faults{Announce: sshtest.Words(LocalhostRun)}
	for _, c := range []struct {
		name       string
		faults     sshtest.Faults
		change     func(*testing.T, *setup, *sshtest.Service)
		want, says string
	}{
		{"well", well, nil, "reach trust protocol session address round trip", ""},
		{"its port is closed", well, refused, "reach!", "localhost.run:22"},
		{"its port is closed in the proxy", well, func(t *testing.T, c *setup, s *sshtest.Service) {
			refused(t, c, s)
			c.Proxy = func(string) string { return "p:1" }
		}, "proxy!", "through the proxy p:1"},
		{"it is away", well, func(_ *testing.T, _ *setup, s *sshtest.Service) { s.Stop() }, "reach!", "cannot be reached"},
		{"another host key", well, func(t *testing.T, c *setup, s *sshtest.Service) {
			must(t, *c).Close()
			if err := s.NewHostKey(); err != nil {
				t.Fatal(err)
			}
		}, "reach trust!", "has changed: it was"},
		{"another protocol", sshtest.Faults{Raw: func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400\r\n\r\n")) }}, nil, "reach protocol!", "does not answer as localhost.run does"},
		{"permission denied", sshtest.Faults{Refuse: true}, nil, "reach trust session!", "permission denied"},
		{"no session", sshtest.Faults{NoSession: true}, nil, "reach trust protocol session!", "it allows no session"},
		{"no forwarding", sshtest.Faults{NoForward: true}, nil, "reach trust protocol session!", "it does not forward"},
		{"no announcement", sshtest.Faults{}, func(t *testing.T, c *setup, s *sshtest.Service) {
			tunneltest.RunOut(t, &c.Options, func(ctx context.Context) error { return s.Until(ctx, "forward localhost:80") })
		}, "reach trust protocol session!", "no address was announced within 1m"},
		{"words instead", sshtest.Faults{Announce: func(string) string { return "no more tunnels today\n" }, EndAfter: true}, nil, "reach trust protocol session!", "no more tunnels today"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startService(t, c.faults)
			cfg := settings(t, s, LocalhostRun)
			if c.change != nil {
				c.change(t, &cfg, s)
			}
			tunneltest.WantSteps(t, diagnose(t, cfg, tunneltest.Visitor(t, s.Dial)), c.want, c.says)
		})
	}
	t.Run("a page in place of the tunnel", func(t *testing.T) {
		s := startService(t, well)
		cfg, asker := settings(t, s, LocalhostRun), tunneltest.Visitor(t, tunneltest.Gateway(t))
		tunneltest.RunOut(t, &cfg.Options, tunneltest.Closed(tunneltest.Answered(asker, 2)))
		found := diagnose(t, cfg, asker)
		tunneltest.WantSteps(t, found, "reach trust protocol session address round trip!", "answered 502")
	})
}
