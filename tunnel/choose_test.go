package tunnel

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/tunnel/cloudflaredtest"
	"github.com/hf-tap/hf-tap/tunnel/sshtest"
)

// dials remembers who was connected to, and refuses all but some.
type dials struct {
	mu   sync.Mutex
	seen []string
	lets map[string]bool
}

func (d *dials) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, address)
	if !d.lets[address] {
		return nil, errors.New("connection refused")
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func TestTheNextIsTriedWhenOneFailsAndOnlyThoseNamed(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Pinggy)})
	cfg := settings(t, s, Pinggy)
	d := &dials{lets: map[string]bool{s.Addr(): true}}
	cfg.Dial, cfg.Provider = d.dial, "ngrok, srv.us, pinggy, serveo"
	open := Opener(cfg)
	tun, err := open(t.Context())
	if err != nil || tun.Provider() != Pinggy {
		t.Fatalf("%v, %v", tun, err)
	}
	tun.Close()
	if want := []string{"srv.us:22", s.Addr()}; !slices.Equal(d.seen, want) {
		t.Errorf("it connected to %q, want %q", d.seen, want)
	}

	// Afterwards it stays with the one that was opened.
	d.lets, d.seen = nil, nil
	if _, err := open(t.Context()); err == nil || !slices.Equal(d.seen, []string{s.Addr()}) {
		t.Errorf("%v, it connected to %q", err, d.seen)
	}

	_, err = Open(t.Context(), cfg)
	var all *AllFailedError
	if !errors.As(err, &all) || !slices.Equal(all.Providers, []string{Ngrok, SrvUs, Pinggy, Serveo}) || Hint(err) == "" || !errors.Is(err, ErrNoToken) {
		t.Errorf("%v; %s", err, Hint(err))
	}
	for _, part := range []string{"ngrok: ", "srv.us cannot be reached at srv.us:22", "serveo.net:443"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}

func TestAListEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := Config{Provider: "serveo,pinggy", HubURL: hubURL, KnownHosts: t.TempDir() + "/known"}
	dialed := 0
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
		dialed++
		cancel()
		return nil, context.Canceled
	}
	if _, err := Open(ctx, cfg); !errors.Is(err, context.Canceled) || dialed != 1 {
		t.Errorf("%v after %d", err, dialed)
	}
}

// TestAutoNamesTheOthersAndTriesNone: third parties are used by name only.
func TestAutoNamesTheOthersAndTriesNone(t *testing.T) {
	for _, c := range []struct {
		cfg          Config
		taken, other string
	}{
		{Config{NgrokToken: goodToken}, Ngrok, Gradio},
		{Config{GradioServer: "127.0.0.1:1"}, Gradio, Ngrok},
	} {
		d := &dials{}
		cfg := c.cfg
		cfg.HubURL, cfg.Dial, cfg.Within = hubURL, d.dial, time.Second
		_, err := Open(t.Context(), cfg)
		var auto *AutoError
		if !errors.As(err, &auto) || auto.Provider != c.taken {
			t.Fatalf("%s: %v", c.taken, err)
		}
		hint := Hint(err)
		for _, name := range []string{c.other, LocalhostRun, Serveo, Pinggy, SrvUs, Tuns, Cloudflared, "ssh://"} {
			if !strings.Contains(hint, name) {
				t.Errorf("%s: %q is not in %q", c.taken, name, hint)
			}
		}
		slices.Sort(d.seen)
		if len(slices.Compact(d.seen)) != 1 {
			t.Errorf("%s: it connected to %q", c.taken, d.seen)
		}
	}
}

func TestADoctorOfTunnelsBySSH(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults sshtest.Faults
		change func(*testing.T, *Config, *sshtest.Service)
		want   string
	}{
		{"well", sshtest.Faults{Announce: sshtest.Words(Serveo)}, nil, "tunnel reach trust protocol session address round trip"},
		{"nobody there", sshtest.Faults{}, func(_ *testing.T, c *Config, _ *sshtest.Service) { c.Dial = (&dials{}).dial }, "tunnel reach!"},
		{"proxy", sshtest.Faults{}, func(_ *testing.T, c *Config, _ *sshtest.Service) {
			c.Dial, c.Proxy = (&dials{}).dial, func(string) string { return "p:1" }
		}, "tunnel proxy!"},
		{"another protocol", sshtest.Faults{Raw: func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400\r\n\r\n")) }}, nil, "tunnel reach protocol!"},
		{"another host key", sshtest.Faults{Announce: sshtest.Words(Serveo)}, func(t *testing.T, c *Config, s *sshtest.Service) {
			openFake(t, *c).Close()
			if err := s.NewHostKey(); err != nil {
				t.Fatal(err)
			}
		}, "tunnel reach trust!"},
		{"permission denied", sshtest.Faults{Refuse: true}, nil, "tunnel reach trust session!"},
		{"no forwarding", sshtest.Faults{NoForward: true}, nil, "tunnel reach trust protocol session!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startService(t, c.faults)
			cfg := settings(t, s, Serveo)
			cfg.Within = 10 * time.Second
			if c.change != nil {
				c.change(t, &cfg, s)
			}
			found := Diagnose(t.Context(), cfg, visitor(t, s.Dial))
			got := strings.Join(steps(found), " ")
			if got != c.want && !(strings.Contains(c.want, "protocol!") && got == strings.Replace(c.want, "protocol!", "trust!", 1)) {
				t.Errorf("found %q, want %q: %+v", got, c.want, found)
			}
			if last := found[len(found)-1]; last.Err != nil && last.Hint == "" {
				t.Errorf("no hint for %v", last.Err)
			}
		})
	}
}

func TestADoctorOfCloudflaredAndOfSeveral(t *testing.T) {
	e, cfg := startCloudflare(t, cloudflaredtest.Well)
	cfg.Provider, cfg.Dial, cfg.KnownHosts = "serveo,cloudflared", (&dials{}).dial, t.TempDir()+"/known"
	cfg.Within = 10 * time.Second
	found := Diagnose(t.Context(), cfg, visitor(t, e.Dial))
	if got := strings.Join(steps(found), " "); got != "tunnel reach! tunnel program session address round trip" {
		t.Errorf("found %q: %+v", got, found)
	}
	cfg.Provider, cfg.Cloudflared = Cloudflared, "/nowhere/cloudflared"
	found = Diagnose(t.Context(), cfg, nil)
	if got := strings.Join(steps(found), " "); got != "tunnel program!" {
		t.Errorf("found %q: %+v", got, found)
	}
}
