package ngrok

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

// kept is a Keeper over the real SDK and an edge.
type kept struct {
	*tunneltest.Kept
	edge *ngroktest.Edge
}

func keepEdge(t *testing.T, change func(*Config)) kept {
	t.Helper()
	return keepEdgeAt(t, tunneltest.Quick(), change)
}

func keepEdgeAt(t *testing.T, times tunnel.KeeperTimes, change func(*Config)) kept {
	t.Helper()
	e := startEdge(t)
	cfg := edgeConfig(e)
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return kept{tunneltest.Keep(t, p, tunneltest.Client(t), times), e}
}

func TestEverythingArrivesAfterAnotherHost(t *testing.T) {
	w := keepEdge(t, nil)
	first := w.Until("up", tunneltest.Is(tunnel.StateUp))
	w.MustPost(first.URL, 100, "before")
	w.edge.Rehost()
	second := w.Until("up at another address", func(s tunnel.Status) bool { return s.State == tunnel.StateUp && s.URL != first.URL })
	w.MustPost(second.URL, 100, "after")
	resp, err := tunneltest.Client(t).Post(first.URL, "", nil)
	if err != nil || resp.StatusCode != http.StatusNotFound || resp.Header.Get("Ngrok-Error-Code") != ngroktest.Offline {
		t.Errorf("the first address: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	if err := w.edge.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Live() == 1 }); err != nil {
		t.Errorf("%d sessions live", w.edge.Counts().Live())
	}
}

func TestADroppedSessionComesBackAtItsAddress(t *testing.T) {
	w := keepEdge(t, nil)
	first := w.Until("up", tunneltest.Is(tunnel.StateUp))
	before := w.edge.Counts()
	w.edge.DropSessions()
	if err := w.edge.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Sessions > before.Sessions && c.Public > before.Public }); err != nil {
		t.Fatal(err)
	}
	w.edge.Set(func(f *ngroktest.Faults) { f.Refuse = true })
	before = w.edge.Counts()
	w.edge.DropSessions()
	w.Until("away", tunneltest.Is(tunnel.StateAway))
	w.edge.Heal()
	// What is told may still be of the first drop.
	if err := w.edge.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Sessions > before.Sessions && c.Public > before.Public }); err != nil {
		t.Fatal(err)
	}
	if again := w.Until("up again", tunneltest.Is(tunnel.StateUp)); again.URL != first.URL {
		t.Errorf("from %s to %s", first.URL, again.URL)
	}
	w.Arrives()
}

func TestATokenThatIsRevokedMeanwhileIsAwayAndComesBack(t *testing.T) {
	w := keepEdge(t, nil)
	w.Until("up", tunneltest.Is(tunnel.StateUp))
	w.edge.Set(func(f *ngroktest.Faults) { f.AuthCode = ngroktest.BadToken })
	w.edge.DropSessions()
	w.Until("refused", tunneltest.Away(ngroktest.BadToken))
	before := w.edge.Counts()
	if err := w.edge.Wait(tunneltest.Patience(t), func(c ngroktest.Counts) bool { return c.Auths > before.Auths+2 }); err != nil {
		t.Error(err)
	}
	w.edge.Heal()
	w.Until("up again", tunneltest.Is(tunnel.StateUp))
	w.Arrives()
}

func TestEachRefusalWhileReconnectingIsACauseUntilItEnds(t *testing.T) {
	for _, code := range []string{ngroktest.TooMany, ngroktest.OldAgent, ngroktest.AlreadyOnline, ngroktest.BadURL, ngroktest.NoToken} {
		t.Run(code, func(t *testing.T) {
			w := keepEdge(t, nil)
			w.Until("up", tunneltest.Is(tunnel.StateUp))
			w.edge.Set(func(f *ngroktest.Faults) {
				if code == ngroktest.AlreadyOnline || code == ngroktest.BadURL {
					f.BindCode = code
				} else {
					f.AuthCode = code
				}
			})
			w.edge.DropSessions()
			w.Until("refused", tunneltest.Away(code))
			w.edge.Heal()
			w.Until("up again", tunneltest.Is(tunnel.StateUp))
			w.Arrives()
		})
	}
}

func TestTheTunnelComesBackAfterEachFaultOfTheEdge(t *testing.T) {
	conn := func(before, now ngroktest.Counts) bool { return now.Conns > before.Conns }
	auth := func(before, now ngroktest.Counts) bool { return now.Auths > before.Auths }
	granted := func(before, now ngroktest.Counts) bool { return now.Sessions > before.Sessions }
	for _, c := range []struct {
		name   string
		faults ngroktest.Faults
		drop   bool // else the fault itself ends the session
		state  tunnel.State
		// When the fault has shown itself, so that it is not healed before.
		reached func(before, now ngroktest.Counts) bool
	}{
		{"refuses connections", ngroktest.Faults{Refuse: true}, true, tunnel.StateAway, conn},
		{"hangs before TLS", ngroktest.Faults{Hang: ngroktest.Connect}, true, tunnel.StateAway, conn},
		{"hangs after TLS", ngroktest.Faults{Hang: ngroktest.Secured}, true, tunnel.StateAway, conn},
		{"hangs at the token", ngroktest.Faults{Hang: ngroktest.Auth}, true, tunnel.StateAway, auth},
		{"hangs at the bind", ngroktest.Faults{Hang: ngroktest.Bind}, true, tunnel.StateAway, granted},
		{"drops at the token", ngroktest.Faults{Drop: ngroktest.Auth}, true, tunnel.StateAway, auth},
		{"drops at the bind", ngroktest.Faults{Drop: ngroktest.Bind}, true, tunnel.StateAway, granted},
		{"garbage before TLS", ngroktest.Faults{Garbage: ngroktest.Connect}, true, tunnel.StateAway, conn},
		{"garbage after TLS", ngroktest.Faults{Garbage: ngroktest.Secured}, true, tunnel.StateAway, conn},
		{"garbage at the token", ngroktest.Faults{Garbage: ngroktest.Auth}, true, tunnel.StateAway, auth},
		{"garbage at the bind", ngroktest.Faults{Garbage: ngroktest.Bind}, true, tunnel.StateAway, granted},
		{"an expired certificate", ngroktest.Faults{Certificate: ngroktest.Expired}, true, tunnel.StateAway, conn},
		{"another's certificate", ngroktest.Faults{Certificate: ngroktest.OtherName}, true, tunnel.StateAway, conn},
		{"a silent peer", ngroktest.Faults{Silent: true}, false, tunnel.StateAway, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := keepEdge(t, func(cfg *Config) {
				cfg.Timeout = 2 * time.Second
				if c.faults.Silent {
					cfg.Heartbeat = 200 * time.Millisecond
				}
			})
			first, before := w.Until("up", tunneltest.Is(tunnel.StateUp)), w.edge.Counts()
			w.edge.Set(func(f *ngroktest.Faults) { *f = c.faults })
			if c.drop {
				w.edge.DropSessions()
			}
			if s := w.Until("in trouble", tunneltest.Is(c.state)); s.Cause == nil || s.URL != first.URL {
				t.Errorf("in trouble: %+v", s)
			}
			if c.reached != nil {
				if err := w.edge.Wait(tunneltest.Patience(t), func(now ngroktest.Counts) bool { return c.reached(before, now) }); err != nil {
					t.Error(err)
				}
			}
			w.edge.Heal()
			w.Until("up again", tunneltest.Is(tunnel.StateUp))
			w.Arrives()
		})
	}
}

func TestAStoppedTunnelIsOpenedAgain(t *testing.T) {
	w := keepEdge(t, nil)
	w.Until("up", tunneltest.Is(tunnel.StateUp))
	w.edge.StopTunnels("Stopped.", "ERR_NGROK_3500")
	w.Until("stopped", tunneltest.Away("ERR_NGROK_3500"))
	w.Until("up again", tunneltest.Is(tunnel.StateUp))
	w.Arrives()
}

func TestAGatewaysPageInPlaceOfTheAppIsDegraded(t *testing.T) {
	times := tunneltest.Quick()
	times.CheckEvery = 100 * time.Millisecond
	w := keepEdgeAt(t, times, nil)
	w.Until("up", tunneltest.Is(tunnel.StateUp))
	w.edge.Set(func(f *ngroktest.Faults) { f.Gateway = http.StatusBadGateway })
	w.Until("degraded", func(s tunnel.Status) bool {
		var wrong *tunnel.WrongAnswerError
		return s.State == tunnel.StateDegraded && errors.As(s.Cause, &wrong) && wrong.Status == http.StatusBadGateway
	})
	w.edge.Heal()
	w.Until("up again", tunneltest.Is(tunnel.StateUp))
	w.Arrives()
}

func TestALostNameServiceOrProxyIsAwayAndComesBack(t *testing.T) {
	for _, c := range []struct {
		name, proxy string
		step        tunnel.Step
		err         error
	}{
		{"name service", "", tunnel.StepReach, nil},
		{"proxy", "http://proxy.example:3128", tunnel.StepProxy, errors.New("connection refused")},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lost atomic.Bool
			w := keepEdge(t, func(cfg *Config) {
				cfg.Proxy = func(string) string { return c.proxy }
				cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					switch {
					case lost.Load() && c.err != nil:
						return nil, c.err
					case lost.Load():
						address = "no.such.host.invalid:443"
					}
					return new(net.Dialer).DialContext(ctx, network, address)
				}
			})
			w.Until("up", tunneltest.Is(tunnel.StateUp))
			lost.Store(true)
			w.edge.DropSessions()
			s := w.Until("unreachable", func(s tunnel.Status) bool { return s.State == tunnel.StateAway && tunneltest.StepOf(s.Cause) == c.step })
			if !strings.Contains(s.Cause.Error(), c.proxy) {
				t.Errorf("cause %v", s.Cause)
			}
			lost.Store(false)
			w.Until("up again", tunneltest.Is(tunnel.StateUp))
			w.Arrives()
		})
	}
}

// TestEndingInEachPhaseLeavesNothing closes everything while the edge does each
// of its worst; that no goroutine is left, TestMain sees.
func TestEndingInEachPhaseLeavesNothing(t *testing.T) {
	for _, phase := range []ngroktest.Phase{ngroktest.Connect, ngroktest.Secured, ngroktest.Auth, ngroktest.Bind} {
		t.Run(fmt.Sprint(phase), func(t *testing.T) {
			w := keepEdge(t, nil)
			w.Until("up", tunneltest.Is(tunnel.StateUp))
			w.edge.Set(func(f *ngroktest.Faults) { f.Hang = phase })
			w.edge.DropSessions()
			w.Until("away", tunneltest.Is(tunnel.StateAway))
			// Before, the SDK may be about to write: to close a session of muxado's then
			// is a data race of its own.
			if err := w.edge.Wait(tunneltest.Patience(t), waitsInVain); err != nil {
				t.Error(err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
