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

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
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
	if !errors.As(err, &all) || !slices.Equal(all.Providers, []string{Ngrok, SrvUs, Pinggy, Serveo}) || !errors.Is(err, ErrNoToken) {
		t.Errorf("%v", err)
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

// TestAutoTriesNoOtherTunnel: third parties are used by name only.
func TestAutoTriesNoOtherTunnel(t *testing.T) {
	for _, c := range []struct {
		cfg   Config
		taken string
	}{
		{Config{NgrokToken: goodToken}, Ngrok},
		{Config{GradioServer: "127.0.0.1:1"}, Gradio},
	} {
		d := &dials{}
		cfg := c.cfg
		cfg.HubURL, cfg.Dial, cfg.Timeout = hubURL, d.dial, time.Second
		_, err := Open(t.Context(), cfg)
		var auto *AutoError
		if !errors.As(err, &auto) || auto.Provider != c.taken {
			t.Fatalf("%s: %v", c.taken, err)
		}
		slices.Sort(d.seen)
		if len(slices.Compact(d.seen)) != 1 {
			t.Errorf("%s: it connected to %q", c.taken, d.seen)
		}
	}
}
