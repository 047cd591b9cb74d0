package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeTunnel is a linked tunnel without a network.
type fakeTunnel struct {
	url     string
	conns   chan net.Conn
	closed  chan struct{}
	broken  chan error
	changed chan struct{}
	once    sync.Once
	mu      sync.Mutex
	link    Link
}

func newFake(url string) *fakeTunnel {
	return &fakeTunnel{url: url, conns: make(chan net.Conn), closed: make(chan struct{}), broken: make(chan error, 1),
		changed: make(chan struct{}, 1), link: Link{Up: true, Made: 1}}
}

func (f *fakeTunnel) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case err := <-f.broken:
		return nil, err
	case <-f.closed:
		return nil, net.ErrClosed
	}
}
func (f *fakeTunnel) Close() error                 { f.once.Do(func() { close(f.closed) }); return nil }
func (f *fakeTunnel) Addr() net.Addr               { return &net.TCPAddr{} }
func (f *fakeTunnel) URL() string                  { return f.url }
func (f *fakeTunnel) Provider() string             { return "fake" }
func (f *fakeTunnel) LinkChanged() <-chan struct{} { return f.changed }
func (f *fakeTunnel) Link() Link {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.link
}

func (f *fakeTunnel) down(cause error) { f.set(func(l *Link) { l.Up, l.Cause = false, cause }) }
func (f *fakeTunnel) back()            { f.set(func(l *Link) { l.Up, l.Cause, l.Made = true, nil, l.Made+1 }) }
func (f *fakeTunnel) set(change func(*Link)) {
	f.mu.Lock()
	change(&f.link)
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// world is a provider and a way to its addresses, as a Keeper meets them.
type world struct {
	t       *testing.T
	k       *Keeper
	mu      sync.Mutex
	opened  []*fakeTunnel
	openErr error
	leads   map[string]error // what is found at an address; nil: us
	all     error            // what is found at each address
	checks  []time.Time
	opens   []time.Time
	told    []Status
	set     time.Duration // how far the clock was set
	network string
}

// keep starts a Keeper, checks it and lets it run until the test ends.
func keep(t *testing.T, all error) *world {
	w := &world{t: t, leads: map[string]error{}, all: all, network: "10.0.0.1"}
	start := time.Now()
	k, err := Keep(t.Context(), KeeperConfig{
		Open: w.open, Check: w.check,
		Changed: func(s Status) { w.mu.Lock(); w.told = append(w.told, s); w.mu.Unlock() },
		Clock: func() (time.Time, time.Duration) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return time.Now().Add(w.set), time.Since(start)
		},
		Addrs: func() ([]net.Addr, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return []net.Addr{&net.IPNet{IP: net.ParseIP(w.network), Mask: net.CIDRMask(24, 32)}, &net.IPNet{IP: net.ParseIP("127.0.0.1"), Mask: net.CIDRMask(8, 32)}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.k = k
	if _, err := k.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { k.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		k.Close()
	})
	return w
}

func (w *world) open(context.Context) (Tunnel, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opens = append(w.opens, time.Now())
	if w.openErr != nil {
		return nil, w.openErr
	}
	f := newFake(fmt.Sprintf("https://%d.example", len(w.opened)+1))
	w.opened = append(w.opened, f)
	return f, nil
}

func (w *world) check(_ context.Context, url string) (time.Duration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checks = append(w.checks, time.Now())
	if w.all != nil {
		return 0, w.all
	}
	return time.Millisecond, w.leads[url]
}

func (w *world) do(f func()) { w.mu.Lock(); defer w.mu.Unlock(); f() }

// first is the tunnel that the Keeper began with.
func (w *world) first() *fakeTunnel { w.mu.Lock(); defer w.mu.Unlock(); return w.opened[0] }

// wait lets time pass.
func (w *world) wait(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

// states are what was told since the last call.
func (w *world) states() (list []State) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.told {
		list = append(list, s.State)
	}
	w.told = nil
	return list
}

func (w *world) want(states ...State) {
	w.t.Helper()
	if got := w.states(); !slices.Equal(got, states) {
		w.t.Errorf("told %q, want %q", got, states)
	}
}

var (
	errWrong   = &WrongAnswerError{URL: "x", Status: 404, Code: "ERR_NGROK_3200"}
	errNoWay   = fmt.Errorf("%w: dial: refused", ErrNoRoute)
	errDropped = &ConnectError{Provider: "fake", Step: StepSession, Err: errors.New("EOF")}
)

func TestAKeptTunnelThatIsWellIsCheckedFourTimesAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.want(Connecting, Up)
		w.wait(time.Hour + time.Minute)
		w.want()
		if n := len(w.checks); n != 5 { // the first, and each quarter of an hour
			t.Errorf("checked %d times", n)
		}
		if s := w.k.Status(); s.State != Up || s.URL != "https://1.example" || s.RoundTrip != time.Millisecond || time.Since(s.Since) != time.Hour+time.Minute {
			t.Errorf("status %+v", s)
		}
	})
}

func TestADropIsAwayAndAReturnIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.first().down(errDropped)
		w.want(Away)
		if s := w.k.Status(); !errors.Is(s.Cause, error(errDropped)) {
			t.Errorf("cause %v", s.Cause)
		}
		w.first().down(&ConnectError{Provider: "fake", Step: StepSession, Err: errors.New("another EOF")})
		w.want() // the same again
		w.first().down(&ProviderError{Provider: "fake", Code: "ERR_NGROK_108"})
		w.want(Away) // another cause
		before := len(w.checks)
		w.first().back()
		w.want(Up)
		if len(w.checks) != before+1 || len(w.opened) != 1 {
			t.Errorf("%d checks, %d tunnels", len(w.checks)-before, len(w.opened))
		}
	})
}

func TestADropThatNobodySawIsNoNewsButChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		before := len(w.checks)
		w.first().set(func(l *Link) { l.Made++ })
		w.want()
		if len(w.checks) != before+1 {
			t.Errorf("checked %d times", len(w.checks)-before)
		}
	})
}

func TestAReturnAtAnotherAddressOpensANewTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() { w.leads["https://1.example"] = errWrong })
		w.first().down(errDropped)
		w.want(Away)
		w.first().back()
		w.wait(5 * time.Second)
		w.want(Degraded, Up)
		if s := w.k.Status(); s.URL != "https://2.example" {
			t.Errorf("status %+v", s)
		}
		select {
		case <-w.first().closed:
		default:
			t.Error("the first tunnel is open")
		}
	})
}

func TestATunnelThatEndsIsReplacedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.first().broken <- &ProviderError{Provider: "fake", Code: "STOPPED"}
		w.want(Away, Up)
		if s := w.k.Status(); s.URL != "https://2.example" {
			t.Errorf("status %+v", s)
		}
	})
}

func TestOpeningAgainBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() {
			w.openErr = &ConnectError{Provider: "fake", Step: StepReach, Err: errors.New("refused")}
			w.opens = nil
		})
		w.first().broken <- errDropped
		w.wait(10 * time.Minute)
		w.want(Away, Away) // dropped, then unreachable
		if n := len(w.opens); n < 10 || n > 32 {
			t.Errorf("%d tries in ten minutes", n)
		}
		for i, at := range w.opens[1:] {
			gap, most := at.Sub(w.opens[i]), min(500*time.Millisecond<<i, time.Minute)
			if gap < most/2 || gap > most {
				t.Errorf("try %d after %s, want between %s and %s", i+1, gap, most/2, most)
			}
		}
		w.do(func() { w.openErr = nil })
		w.wait(time.Minute)
		w.want(Up)
	})
}

func TestAPermanentNoIsTriedSlowlyAndNeverTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		revoked := &ProviderError{Provider: "fake", Code: "ERR_NGROK_107", Permanent: true}
		w.do(func() { w.openErr = revoked; w.opens = nil })
		w.first().down(revoked)
		w.want(Away)
		w.wait(time.Hour)
		w.want()
		if n := len(w.opens); n < 10 || n > 13 {
			t.Errorf("%d tries in an hour", n)
		}
		if s := w.k.Status(); s.State != Away || !errors.Is(s.Cause, error(revoked)) {
			t.Errorf("status %+v", s)
		}
		w.do(func() { w.openErr = nil })
		w.wait(6 * time.Minute)
		w.want(Up)
	})
}

func TestAnotherAnswerReplacesALinkedTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() { w.all = errWrong; w.opens = nil })
		w.wait(15*time.Minute + 10*time.Second)
		if n := len(w.opens); n < 2 || n > 10 {
			t.Errorf("%d tunnels in ten seconds of a page in place of the app", n)
		}
		if got := w.states(); got[0] != Degraded || slices.Contains(got, Up) {
			t.Errorf("told %q", got)
		}
		w.do(func() { w.all = nil })
		w.wait(time.Minute)
		if got := w.states(); len(got) == 0 || got[len(got)-1] != Up {
			t.Errorf("told %q", got)
		}
	})
}

func TestNoWayToTheAddressGivesNoTunnelUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() { w.all = errNoWay })
		w.wait(30 * time.Minute)
		w.want(Degraded)
		if len(w.opened) != 1 {
			t.Errorf("%d tunnels", len(w.opened))
		}
		w.do(func() { w.all = nil })
		w.wait(2 * time.Minute)
		w.want(Up)
	})
}

func TestWithoutAnyWayItStaysUnverified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, errNoWay)
		w.want(Connecting, Unverified)
		w.do(func() { w.checks = nil })
		w.wait(time.Hour)
		w.want()
		if n := len(w.checks); n > 20 {
			t.Errorf("%d checks in an hour", n)
		}
		// Another connection may have another address, and nobody here can tell:
		// a new tunnel says the truth.
		w.first().set(func(l *Link) { l.Made++ })
		w.wait(10 * time.Second)
		w.want(Unverified)
		if s := w.k.Status(); s.URL != "https://2.example" {
			t.Errorf("status %+v", s)
		}
		w.do(func() { w.all = nil })
		w.wait(16 * time.Minute)
		w.want(Up)
	})
}

func TestAClockThatJumpedIsCheckedAtOnce(t *testing.T) {
	for name, by := range map[string]time.Duration{"forward": time.Hour, "backward": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := keep(t, nil)
				w.states()
				w.do(func() { w.set, w.checks = by, nil })
				w.wait(6 * time.Second)
				if len(w.checks) != 1 {
					t.Errorf("checked %d times", len(w.checks))
				}
				w.wait(time.Minute)
				w.want()
				if len(w.checks) != 1 {
					t.Errorf("later checked %d times", len(w.checks))
				}
			})
		})
	}
}

func TestAnotherNetworkIsCheckedAtOnceAndADeadConnectionReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() { w.network, w.all, w.checks = "192.168.1.7", errNoWay, nil })
		w.wait(9 * time.Second)
		w.want(Degraded, Degraded) // the second has another address
		if len(w.opened) != 2 {
			t.Errorf("%d tunnels", len(w.opened))
		}
		w.do(func() { w.all = nil })
		w.wait(time.Minute)
		w.want(Up)
	})
}

func TestAnotherNetworkEndsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.first().down(errDropped) // the provider's library may be asleep now
		w.want(Connecting, Up, Away)
		w.do(func() { w.network = "192.168.1.7" })
		w.wait(6 * time.Second)
		w.want(Up)
	})
}

func TestAConnectionThatFlapsIsGivenAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		for range flapTimes + 2 {
			w.first().down(errDropped)
			synctest.Wait()
			w.first().back()
			synctest.Wait()
		}
		select {
		case <-w.first().closed:
		default:
			t.Error("the connection that flaps is kept")
		}
		w.wait(time.Second)
		if s := w.k.Status(); s.State != Up || s.URL != "https://2.example" {
			t.Errorf("status %+v", s)
		}
	})
}

func TestAnErrorAtTheStartIsReturned(t *testing.T) {
	revoked := &ProviderError{Provider: "fake", Code: "ERR_NGROK_108"}
	_, err := Keep(t.Context(), KeeperConfig{Open: func(context.Context) (Tunnel, error) { return nil, revoked }})
	if !errors.Is(err, error(revoked)) {
		t.Errorf("got %v", err)
	}
}

// verifyOf keeps a tunnel whose address is found as all says, and verifies.
func verifyOf(t *testing.T, all error, meanwhile func(*fakeTunnel)) (Status, time.Duration, error) {
	w := &world{t: t, leads: map[string]error{}, all: all}
	k, err := Keep(t.Context(), KeeperConfig{Open: w.open, Check: func(ctx context.Context, url string) (time.Duration, error) {
		if meanwhile != nil {
			meanwhile(w.first())
			meanwhile = nil
		}
		return w.check(ctx, url)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	start := time.Now()
	s, err := k.Verify(t.Context())
	return s, time.Since(start), err
}

func TestTheFirstCheckTriesForTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, took, err := verifyOf(t, errWrong, nil)
		var wrong *WrongAnswerError
		if !errors.As(err, &wrong) || s.State != Degraded || took < 7*time.Second || took > 10*time.Second {
			t.Errorf("%+v, %v after %s", s, err, took)
		}
		if s, _, err := verifyOf(t, errNoWay, nil); err != nil || s.State != Unverified {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestATunnelThatGoesDuringTheFirstCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		revoked := &ProviderError{Provider: "fake", Code: "ERR_NGROK_107", Permanent: true}
		s, took, err := verifyOf(t, errWrong, func(f *fakeTunnel) { f.down(revoked) })
		if !errors.Is(err, error(revoked)) || s.State != Away || took > time.Second {
			t.Errorf("revoked: %+v, %v after %s", s, err, took)
		}
		s, took, err = verifyOf(t, errWrong, func(f *fakeTunnel) { f.broken <- revoked; <-time.After(time.Millisecond) })
		if !errors.Is(err, error(revoked)) || s.State != Away || took > time.Second {
			t.Errorf("ended: %+v, %v after %s", s, err, took)
		}
		s, took, err = verifyOf(t, errWrong, func(f *fakeTunnel) { f.down(errDropped) })
		if !errors.Is(err, error(errDropped)) || s.State != Away || took > 12*time.Second {
			t.Errorf("dropped: %+v, %v after %s", s, err, took)
		}
	})
}

func TestTheListenerOutlivesItsTunnels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		ln := w.k.Listener()
		give := func(f *fakeTunnel) {
			near, far := net.Pipe()
			go func() { f.conns <- far }()
			conn, err := ln.Accept()
			if err != nil || conn != far {
				t.Fatalf("got %v, %v", conn, err)
			}
			near.Close()
			conn.Close()
		}
		give(w.first())
		w.first().broken <- errDropped
		synctest.Wait()
		give(w.opened[1])

		// What a closed listener does not take is closed, and the tunnel stays.
		ln.Close()
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
		near, far := net.Pipe()
		w.opened[1].conns <- far
		if _, err := near.Read(make([]byte, 1)); err == nil {
			t.Error("a connection is open that nobody takes")
		}
		if s := w.k.Status(); s.State != Up {
			t.Errorf("status %+v", s)
		}
	})
}

func TestCloseEndsAcceptAndRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, leads: map[string]error{}}
		hang := make(chan struct{})
		k, err := Keep(t.Context(), KeeperConfig{Check: w.check, Open: func(ctx context.Context) (Tunnel, error) {
			select {
			case <-hang: // the second time
				<-ctx.Done()
				return newFake("https://late.example"), nil
			default:
				return w.open(ctx)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { k.Run(t.Context()) })
		wg.Go(func() {
			if _, err := k.Listener().Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept: %v", err)
			}
		})
		close(hang)
		w.first().broken <- errDropped
		synctest.Wait() // Run is opening another
		k.Close()
		k.Close()
		wg.Wait()
		if _, err := k.Verify(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Verify: %v", err)
		}
	})
}
