package tunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
)

// edgeWorld is a Keeper over the real SDK and an edge, with a server behind it
// that answers self-checks and remembers what else was posted.
type edgeWorld struct {
	t      *testing.T
	edge   *ngroktest.Edge
	k      *Keeper
	client *http.Client
	mu     sync.Mutex
	told   []Status
	news   chan struct{}
	bodies map[string]int
}

// quick are times in which a test sees everything happen.
var quick = KeeperTimes{FirstCheck: time.Minute, LaterCheck: 300 * time.Millisecond, CheckTry: 2 * time.Second, CheckPause: 20 * time.Millisecond,
	CheckEvery: time.Hour, NetworkLook: time.Hour, RetryMin: 20 * time.Millisecond, RetryMax: 200 * time.Millisecond, ProviderRetry: time.Second, RetryRefused: 100 * time.Millisecond}

func keepEdge(t *testing.T, times KeeperTimes, change func(*Config)) *edgeWorld {
	t.Helper()
	w := &edgeWorld{t: t, edge: startEdge(t), client: client(t), news: make(chan struct{}, 1), bodies: map[string]int{}}
	cfg := edgeConfig(w.edge)
	if change != nil {
		change(&cfg)
	}
	k, err := OpenKeeper(t.Context(), KeeperConfig{
		Open: func(ctx context.Context) (Tunnel, error) { return Open(ctx, cfg) },
		Check: func(ctx context.Context, url string) (time.Duration, error) {
			return VerifyOnce(ctx, Probe{URL: url + "/check", Answer: answer, Client: w.client})
		},
		Changed: w.changed, Times: times,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.k = k
	serveHTTP(t, k.Listener(), http.HandlerFunc(w.serve))
	if s, err := k.Verify(t.Context()); err != nil || s.State != StateUp {
		t.Fatalf("%+v, %v", s, err)
	}
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	running.Go(func() { k.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		w.client.CloseIdleConnections()
	})
	return w
}

func (w *edgeWorld) serve(rw http.ResponseWriter, r *http.Request) {
	if nonce, ok := strings.CutPrefix(r.URL.Path, "/check/"); ok {
		_, _ = io.WriteString(rw, answer(nonce))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.bodies[string(body)]++
	w.mu.Unlock()
}

func (w *edgeWorld) changed(s Status) {
	w.t.Logf("%s %s %v", s.State, s.URL, s.Cause)
	w.mu.Lock()
	w.told = append(w.told, s)
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// until waits for a status that fits to be told, and forgets it and those
// before it.
func (w *edgeWorld) until(what string, fits func(Status) bool) Status {
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
			w.t.Fatalf("never %s; now %+v", what, w.k.Status())
		}
	}
}

func is(state State) func(Status) bool { return func(s Status) bool { return s.State == state } }

func away(code string) func(Status) bool {
	return func(s Status) bool {
		var refused *ProviderError
		return s.State == StateAway && errors.As(s.Cause, &refused) && refused.Code == code
	}
}

// post sends a body to an address, and reports whether it was taken.
func (w *edgeWorld) post(url, body string) bool {
	resp, err := w.client.Post(url+"/hook", "text/plain", strings.NewReader(body))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

func (w *edgeWorld) arrives() {
	w.t.Helper()
	if url := w.k.Status().URL; !w.post(url, "hello") {
		w.t.Errorf("nothing arrives from %s", url)
	}
}

func TestEverythingArrivesAfterAnotherHost(t *testing.T) {
	w := keepEdge(t, quick, nil)
	first := w.until("up", is(StateUp))
	send := func(url string, from, to int) (taken int) {
		for i := from; i < to; i++ {
			body := fmt.Sprintf("%d %s", i, bytes.Repeat([]byte{byte(i), 0, 0xff}, i))
			if w.post(url, body) {
				taken++
				w.mu.Lock()
				if w.bodies[body] != 1 {
					t.Errorf("body %d arrived %d times", i, w.bodies[body])
				}
				w.mu.Unlock()
			}
		}
		return taken
	}
	if n := send(first.URL, 0, 100); n != 100 {
		t.Errorf("%d of 100 taken before", n)
	}
	w.edge.Rehost()
	second := w.until("up at another address", func(s Status) bool { return s.State == StateUp && s.URL != first.URL })
	if n := send(second.URL, 100, 200); n != 100 {
		t.Errorf("%d of 100 taken after", n)
	}
	resp, err := w.client.Post(first.URL, "", nil)
	if err != nil || resp.StatusCode != http.StatusNotFound || resp.Header.Get("Ngrok-Error-Code") != ngroktest.Offline {
		t.Errorf("the first address: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	if err := w.edge.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Live() == 1 }); err != nil {
		t.Errorf("%d sessions live", w.edge.Counts().Live())
	}
}

func TestADroppedSessionComesBackAtItsAddress(t *testing.T) {
	w := keepEdge(t, quick, nil)
	first := w.until("up", is(StateUp))
	before := w.edge.Counts()
	w.edge.DropSessions()
	if err := w.edge.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Sessions > before.Sessions && c.Public > before.Public }); err != nil {
		t.Fatal(err)
	}
	w.edge.Set(func(f *ngroktest.Faults) { f.Refuse = true })
	before = w.edge.Counts()
	w.edge.DropSessions()
	w.until("away", is(StateAway))
	w.edge.Heal()
	// What is told may still be of the first drop.
	if err := w.edge.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Sessions > before.Sessions && c.Public > before.Public }); err != nil {
		t.Fatal(err)
	}
	if again := w.until("up again", is(StateUp)); again.URL != first.URL {
		t.Errorf("from %s to %s", first.URL, again.URL)
	}
	w.arrives()
}

func TestATokenThatIsRevokedMeanwhileIsAwayAndComesBack(t *testing.T) {
	w := keepEdge(t, quick, nil)
	w.until("up", is(StateUp))
	w.edge.Set(func(f *ngroktest.Faults) { f.AuthCode = ngroktest.BadToken })
	w.edge.DropSessions()
	w.until("refused", away(ngroktest.BadToken))
	before := w.edge.Counts()
	if err := w.edge.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Auths > before.Auths+2 }); err != nil {
		t.Error(err)
	}
	w.edge.Heal()
	w.until("up again", is(StateUp))
	w.arrives()
}

func TestEachRefusalWhileReconnectingIsToldAndOutlived(t *testing.T) {
	for _, code := range []string{ngroktest.TooMany, ngroktest.OldAgent, ngroktest.AlreadyOnline, ngroktest.BadURL, ngroktest.NoToken} {
		t.Run(code, func(t *testing.T) {
			w := keepEdge(t, quick, nil)
			w.until("up", is(StateUp))
			w.edge.Set(func(f *ngroktest.Faults) {
				if code == ngroktest.AlreadyOnline || code == ngroktest.BadURL {
					f.BindCode = code
				} else {
					f.AuthCode = code
				}
			})
			w.edge.DropSessions()
			w.until("refused", away(code))
			w.edge.Heal()
			w.until("up again", is(StateUp))
			w.arrives()
		})
	}
}

func TestFaultsOfTheEdgeAreOutlived(t *testing.T) {
	conn := func(before, now ngroktest.Counts) bool { return now.Conns > before.Conns }
	auth := func(before, now ngroktest.Counts) bool { return now.Auths > before.Auths }
	granted := func(before, now ngroktest.Counts) bool { return now.Sessions > before.Sessions }
	for _, c := range []struct {
		name   string
		faults ngroktest.Faults
		drop   bool // else the fault itself ends the session
		state  State
		// When the fault has shown itself, so that it is not healed before.
		reached func(before, now ngroktest.Counts) bool
	}{
		{"refuses connections", ngroktest.Faults{Refuse: true}, true, StateAway, conn},
		{"hangs before TLS", ngroktest.Faults{Hang: ngroktest.Connect}, true, StateAway, conn},
		{"hangs after TLS", ngroktest.Faults{Hang: ngroktest.Secured}, true, StateAway, conn},
		{"hangs at the token", ngroktest.Faults{Hang: ngroktest.Auth}, true, StateAway, auth},
		{"hangs at the bind", ngroktest.Faults{Hang: ngroktest.Bind}, true, StateAway, granted},
		{"drops at the token", ngroktest.Faults{Drop: ngroktest.Auth}, true, StateAway, auth},
		{"drops at the bind", ngroktest.Faults{Drop: ngroktest.Bind}, true, StateAway, granted},
		{"garbage before TLS", ngroktest.Faults{Garbage: ngroktest.Connect}, true, StateAway, conn},
		{"garbage after TLS", ngroktest.Faults{Garbage: ngroktest.Secured}, true, StateAway, conn},
		{"garbage at the token", ngroktest.Faults{Garbage: ngroktest.Auth}, true, StateAway, auth},
		{"garbage at the bind", ngroktest.Faults{Garbage: ngroktest.Bind}, true, StateAway, granted},
		{"an expired certificate", ngroktest.Faults{Certificate: ngroktest.Expired}, true, StateAway, conn},
		{"another's certificate", ngroktest.Faults{Certificate: ngroktest.OtherName}, true, StateAway, conn},
		{"a silent peer", ngroktest.Faults{Silent: true}, false, StateAway, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := keepEdge(t, quick, func(cfg *Config) {
				cfg.Timeout = 2 * time.Second
				if c.faults.Silent {
					cfg.Heartbeat = 200 * time.Millisecond
				}
			})
			first, before := w.until("up", is(StateUp)), w.edge.Counts()
			w.edge.Set(func(f *ngroktest.Faults) { *f = c.faults })
			if c.drop {
				w.edge.DropSessions()
			}
			if s := w.until("in trouble", is(c.state)); s.Cause == nil || s.URL != first.URL {
				t.Errorf("in trouble: %+v", s)
			}
			if c.reached != nil {
				if err := w.edge.Wait(patience(t), func(now ngroktest.Counts) bool { return c.reached(before, now) }); err != nil {
					t.Error(err)
				}
			}
			w.edge.Heal()
			w.until("up again", is(StateUp))
			w.arrives()
		})
	}
}

func TestAStoppedTunnelIsOpenedAgain(t *testing.T) {
	w := keepEdge(t, quick, nil)
	w.until("up", is(StateUp))
	w.edge.StopTunnels("Stopped.", "ERR_NGROK_3500")
	w.until("stopped", away("ERR_NGROK_3500"))
	w.until("up again", is(StateUp))
	w.arrives()
}

func TestAGatewaysPageInPlaceOfTheAppIsDegraded(t *testing.T) {
	times := quick
	times.CheckEvery = 100 * time.Millisecond
	w := keepEdge(t, times, nil)
	w.until("up", is(StateUp))
	w.edge.Set(func(f *ngroktest.Faults) { f.Gateway = http.StatusBadGateway })
	w.until("degraded", func(s Status) bool {
		var wrong *WrongAnswerError
		return s.State == StateDegraded && errors.As(s.Cause, &wrong) && wrong.Status == http.StatusBadGateway
	})
	w.edge.Heal()
	w.until("up again", is(StateUp))
	w.arrives()
}

func TestALostNameServiceOrProxyIsAwayAndComesBack(t *testing.T) {
	for _, c := range []struct {
		name, proxy string
		step        Step
		err         error
	}{
		{"name service", "", StepReach, nil},
		{"proxy", "http://proxy.example:3128", StepProxy, errors.New("connection refused")},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lost atomic.Bool
			w := keepEdge(t, quick, func(cfg *Config) {
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
			w.until("up", is(StateUp))
			lost.Store(true)
			w.edge.DropSessions()
			s := w.until("unreachable", func(s Status) bool { return s.State == StateAway && stepOf(s.Cause) == c.step })
			if !strings.Contains(s.Cause.Error(), c.proxy) {
				t.Errorf("cause %v", s.Cause)
			}
			lost.Store(false)
			w.until("up again", is(StateUp))
			w.arrives()
		})
	}
}

// TestEndingInEachPhaseLeavesNothing closes everything while the edge does each
// of its worst; that no goroutine is left, TestMain sees.
func TestEndingInEachPhaseLeavesNothing(t *testing.T) {
	for _, phase := range []ngroktest.Phase{ngroktest.Connect, ngroktest.Secured, ngroktest.Auth, ngroktest.Bind} {
		t.Run(fmt.Sprint(phase), func(t *testing.T) {
			w := keepEdge(t, quick, nil)
			w.until("up", is(StateUp))
			w.edge.Set(func(f *ngroktest.Faults) { f.Hang = phase })
			w.edge.DropSessions()
			w.until("away", is(StateAway))
			// Before, the SDK may be about to write: to close a session of muxado's then
			// is a data race of its own.
			if err := w.edge.Wait(patience(t), waitsInVain); err != nil {
				t.Error(err)
			}
			if err := w.k.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
