package tunnel

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	edgetest "github.com/hf-tap/hf-tap/internal/testserver/edge"
	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
)

// wantSteps looks at what a doctor found: how far the way leads, and at its end
// what is wrong, and what to do about that.
func wantSteps(t *testing.T, found []Finding, want, says, hint string) {
	t.Helper()
	last := found[len(found)-1]
	if got := strings.Join(steps(found), " "); got != want {
		t.Errorf("found %q, want %q: %+v", got, want, found)
	}
	switch {
	case says == "" && last.Err != nil:
		t.Errorf("%v", last.Err)
	case says != "" && (last.Err == nil || !strings.Contains(last.Err.Error(), says)):
		t.Errorf("%v", last.Err)
	}
}

// gateway is a page in place of the tunnel.
func gateway(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
	e, err := edgetest.StartPlain("127.0.0.1:0", "nobody.example:443", (&dials{}).dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, e.Addr())
	}
}

func TestADoctorOfTunnelsBySSH(t *testing.T) {
	refused := func(_ *testing.T, c *Config, _ *sshtest.Service) {
		c.Dial, c.SSHServers = (&dials{}).dial, nil // its own port is closed
	}
	well := sshtest.Faults{Announce: sshtest.Words(LocalhostRun)}
	for _, c := range []struct {
		name             string
		faults           sshtest.Faults
		change           func(*testing.T, *Config, *sshtest.Service)
		want, says, hint string
	}{
		{"well", well, nil, "tunnel reach trust protocol session address round trip", "", ""},
		{"its port is closed", well, refused, "tunnel reach!", "localhost.run:22", "a tunnel that works on port 443: --tunnel ngrok, pinggy, serveo"},
		{"its port is closed in the proxy", well, func(t *testing.T, c *Config, s *sshtest.Service) {
			refused(t, c, s)
			c.Proxy = func(string) string { return "p:1" }
		}, "tunnel proxy!", "through the proxy p:1", "a tunnel that works on port 443: --tunnel ngrok, pinggy, serveo"},
		{"it is away", well, func(_ *testing.T, _ *Config, s *sshtest.Service) { s.Stop() }, "tunnel reach!", "cannot be reached", "check the network"},
		{"another host key", well, func(t *testing.T, c *Config, s *sshtest.Service) {
			openFake(t, *c).Close()
			if err := s.NewHostKey(); err != nil {
				t.Fatal(err)
			}
		}, "tunnel reach trust!", "another than before", "remove the line of"},
		{"another protocol", sshtest.Faults{Raw: func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400\r\n\r\n")) }}, nil, "tunnel reach protocol!", "does not answer as localhost.run does", "HTTPS_PROXY"},
		{"permission denied", sshtest.Faults{Refuse: true}, nil, "tunnel reach trust session!", "permission denied", "closed to guests"},
		{"no session", sshtest.Faults{NoSession: true}, nil, "tunnel reach trust protocol session!", "it allows no session", "another tunnel"},
		{"no forwarding", sshtest.Faults{NoForward: true}, nil, "tunnel reach trust protocol session!", "it does not forward", "another tunnel"},
		{"no announcement", sshtest.Faults{}, func(t *testing.T, c *Config, s *sshtest.Service) {
			runOut(t, c, func(ctx context.Context) error { return s.Until(ctx, "forward localhost:80") })
		}, "tunnel reach trust protocol session!", "no address was announced within 1m", "another tunnel"},
		{"words instead", sshtest.Faults{Announce: func(string) string { return "no more tunnels today\n" }, EndAfter: true}, nil, "tunnel reach trust protocol session!", "no more tunnels today", "another tunnel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startService(t, c.faults)
			cfg := settings(t, s, LocalhostRun)
			if c.change != nil {
				c.change(t, &cfg, s)
			}
			wantSteps(t, Diagnose(t.Context(), cfg, visitor(t, s.Dial)), c.want, c.says, c.hint)
		})
	}
	t.Run("a page in place of the tunnel", func(t *testing.T) {
		s := startService(t, well)
		cfg, asker := settings(t, s, LocalhostRun), visitor(t, gateway(t))
		runOut(t, &cfg, closed(answered(asker, 2)))
		found := Diagnose(t.Context(), cfg, asker)
		wantSteps(t, found, "tunnel reach trust protocol session address round trip!", "answered 502", "")
	})
}

func TestADoctorOfCloudflared(t *testing.T) {
	for _, c := range []struct {
		how              cloudflaredtest.Behaviour
		want, says, hint string
	}{
		{cloudflaredtest.Well, "tunnel program session address round trip", "", ""},
		{cloudflaredtest.Limited, "tunnel program session!", "429 Too Many Requests", "wait some minutes"},
		{cloudflaredtest.Unready, "tunnel program session!", "no address and connection within 1s", "a firewall may be in its way"},
		{cloudflaredtest.Evil, "tunnel program session!", "not an address of its tunnels", "cloudflared tunnel --url"},
	} {
		t.Run(string(c.how), func(t *testing.T) {
			e, cfg := startCloudflare(t, c.how)
			if c.how == cloudflaredtest.Unready {
				cfg.Timeout = time.Second // of which all goes by
			}
			wantSteps(t, Diagnose(t.Context(), cfg, visitor(t, e.Dial)), c.want, c.says, c.hint)
			noneLeft(t, e)
		})
	}
	t.Run("missing", func(t *testing.T) {
		found := Diagnose(t.Context(), Config{Provider: Cloudflared, HubURL: hubURL, Cloudflared: "/nowhere/cloudflared"}, nil)
		wantSteps(t, found, "tunnel program!", "cloudflared is not installed", "install cloudflared")
	})
	t.Run("a page in place of the tunnel", func(t *testing.T) {
		_, cfg := startCloudflare(t, cloudflaredtest.Well)
		asker := visitor(t, gateway(t))
		runOut(t, &cfg, closed(answered(asker, 2)))
		found := Diagnose(t.Context(), cfg, asker)
		wantSteps(t, found, "tunnel program session address round trip!", "answered 502", "")
	})
}

func TestADoctorOfSeveralLooksAtEach(t *testing.T) {
	e, cfg := startCloudflare(t, cloudflaredtest.Well)
	cfg.Provider, cfg.Dial, cfg.KnownHosts = "serveo,cloudflared", (&dials{}).dial, t.TempDir()+"/known"
	found := Diagnose(t.Context(), cfg, visitor(t, e.Dial))
	wantSteps(t, found, "tunnel reach! tunnel program session address round trip", "", "")
}
