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
	k, err := OpenKeeper(t.Context(), KeeperConfig{
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

func TestAnErrorAtTheStartIsReturned(t *testing.T) {
	revoked := &ProviderError{Provider: "fake", Code: "ERR_NGROK_108"}
	_, err := OpenKeeper(t.Context(), KeeperConfig{Open: func(context.Context) (Tunnel, error) { return nil, revoked }})
	if !errors.Is(err, error(revoked)) {
		t.Errorf("got %v", err)
	}
}

// verifyOf keeps a tunnel whose address is found as all says, and verifies.
func verifyOf(t *testing.T, all error, meanwhile func(*fakeTunnel)) (Status, time.Duration, error) {
	w := &world{t: t, leads: map[string]error{}, all: all}
	k, err := OpenKeeper(t.Context(), KeeperConfig{Open: w.open, Check: func(ctx context.Context, url string) (time.Duration, error) {
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
		if !errors.As(err, &wrong) || s.State != StateDegraded || took < 7*time.Second || took > 10*time.Second {
			t.Errorf("%+v, %v after %s", s, err, took)
		}
		if s, _, err := verifyOf(t, errNoWay, nil); err != nil || s.State != StateUnverified {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestATunnelThatEndsDuringTheFirstCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		revoked := &ProviderError{Provider: "fake", Code: "ERR_NGROK_107", Permanent: true}
		s, took, err := verifyOf(t, errWrong, func(f *fakeTunnel) { f.down(revoked) })
		if !errors.Is(err, error(revoked)) || s.State != StateAway || took > time.Second {
			t.Errorf("revoked: %+v, %v after %s", s, err, took)
		}
		s, took, err = verifyOf(t, errWrong, func(f *fakeTunnel) { f.broken <- revoked; <-time.After(time.Millisecond) })
		if !errors.Is(err, error(revoked)) || s.State != StateAway || took > time.Second {
			t.Errorf("ended: %+v, %v after %s", s, err, took)
		}
		s, took, err = verifyOf(t, errWrong, func(f *fakeTunnel) { f.down(errDropped) })
		if !errors.Is(err, error(errDropped)) || s.State != StateAway || took > 12*time.Second {
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
		if s := w.k.Status(); s.State != StateUp {
			t.Errorf("status %+v", s)
		}
	})
}

func TestCloseEndsAcceptAndRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, leads: map[string]error{}}
		hang, late := make(chan struct{}), newFake("https://late.example")
		k, err := OpenKeeper(t.Context(), KeeperConfig{Check: w.check, Open: func(ctx context.Context) (Tunnel, error) {
			select {
			case <-hang: // the second time
				<-ctx.Done()
				return late, nil
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
		<-late.closed // a tunnel that is opened after the end
		if _, err := k.Verify(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Verify: %v", err)
		}
	})
}
