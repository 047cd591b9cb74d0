package tunnel

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// KeeperConfig configures a [Keeper]. Open and Check are required.
type KeeperConfig struct {
	// Open opens a tunnel; [Opener] makes such a function. The Keeper closes the
	// tunnel before it opens the next one.
	Open func(ctx context.Context) (Tunnel, error)
	// Check makes one request to a public address and reports whether it arrived
	// here; [VerifyOnce] does that.
	Check func(ctx context.Context, publicURL string) (roundTrip time.Duration, err error)
	// Changed is called after each change of the status, from the goroutine that
	// runs OpenKeeper, Verify or Run. It must return soon. It may be nil.
	Changed func(Status)

	Times KeeperTimes
	// Clock returns the time of day, and how long the process has been running.
	// If one advances without the other, the clock was set or the machine slept.
	// Nil: the machine's clocks.
	Clock func() (wall time.Time, running time.Duration)
	// Addrs returns the machine's addresses. Nil: net.InterfaceAddrs.
	Addrs func() ([]net.Addr, error)
}

// KeeperTimes are the intervals of a [Keeper]. A zero field has its default.
type KeeperTimes struct {
	FirstCheck    time.Duration // how long the first self-check tries; 10 s
	LaterCheck    time.Duration // how long each later one tries; 2 s
	CheckTry      time.Duration // how long one try waits for its answer; 5 s
	CheckPause    time.Duration // between two tries, doubled after each; 250 ms
	CheckEvery    time.Duration // between self-checks of a tunnel that is up; 15 min, because a free ngrok plan has 20,000 requests a month
	NetworkLook   time.Duration // between looks at the clock and the network; 5 s
	RetryMin      time.Duration // before the second try to open or to check, doubled after each; 500 ms
	RetryMax      time.Duration // the longest such pause; 1 min
	ProviderRetry time.Duration // how long to wait for a provider that reconnects by itself; 90 s, because ngrok's SDK pauses for 30 s
	RetryRefused  time.Duration // between tries after a permanent refusal of the provider; 5 min
}

func (t KeeperTimes) withDefaults() KeeperTimes {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.FirstCheck, 10 * time.Second}, {&t.LaterCheck, 2 * time.Second}, {&t.CheckTry, 5 * time.Second}, {&t.CheckPause, 250 * time.Millisecond},
		{&t.CheckEvery, 15 * time.Minute}, {&t.NetworkLook, 5 * time.Second}, {&t.RetryMin, 500 * time.Millisecond}, {&t.RetryMax, time.Minute}, {&t.ProviderRetry, 90 * time.Second}, {&t.RetryRefused, 5 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return t
}

// Keeper is a listener that lasts, with one tunnel after another behind it. It
// finds the present public address by self-checks, because a provider may give
// a session another address after a reconnect, and ngrok's SDK does not report
// that.
//
// After [OpenKeeper], serve on Listener, call Verify once, then Run.
type Keeper struct {
	cfg    KeeperConfig
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	conns  chan net.Conn
	front  *front
	pumps  sync.WaitGroup

	mu     sync.Mutex
	cur    *kept // nil while there is none
	addr   net.Addr
	status Status

	// Of Verify and Run, which never run at the same time.
	made     int  // which connection of the current tunnel was checked last
	verified bool // a self-check was answered once
	failures int  // in a row
}

// kept is a tunnel and what takes its connections.
type kept struct {
	Tunnel
	retired chan struct{} // closed when its connections are not wanted any more
	over    chan struct{} // closed when Accept has failed, with err
	err     error

	// Of Run: how often the connection had been made at a time.
	since    time.Time
	madeThen int
}

// OpenKeeper opens the first tunnel, without a second try: the error is that of
// cfg.Open. The end of ctx stops the opening only; the Keeper lasts until Close.
func OpenKeeper(ctx context.Context, cfg KeeperConfig) (*Keeper, error) {
	cfg.Times = cfg.Times.withDefaults()
	if cfg.Changed == nil {
		cfg.Changed = func(Status) {}
	}
	k := &Keeper{cfg: cfg, conns: make(chan net.Conn)}
	k.front = &front{k: k, closed: make(chan struct{})}
	k.ctx, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	k.set(StateConnecting, nil)
	t, err := cfg.Open(ctx)
	if err != nil {
		k.cancel()
		return nil, err
	}
	k.install(t)
	// While it is not checked, the address is no news.
	k.mu.Lock()
	k.status.URL, k.status.Provider = t.URL(), t.Provider()
	k.mu.Unlock()
	return k, nil
}

// Status returns the present state of the tunnel.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// Listener returns the lasting listener. Its Close ends Accept only, so that an
// http.Server that shuts down can finish its connections: they live until the
// Keeper is closed.
func (k *Keeper) Listener() net.Listener { return k.front }

// Close closes the tunnel and all connections through it, and waits for the
// Keeper's goroutines. A Run that is still running ends soon after.
func (k *Keeper) Close() error {
	k.cancel()
	k.mu.Lock()
	t := k.cur
	k.cur = nil
	k.mu.Unlock()
	var err error
	if t != nil {
		err = t.retire()
	}
	k.pumps.Wait()
	return err
}

// set notes how the tunnel is, and tells of it if that is news.
func (k *Keeper) set(state State, cause error) {
	k.mu.Lock()
	now := k.status
	now.State, now.Cause = state, cause
	if k.cur != nil {
		now.URL, now.Provider = k.cur.URL(), k.cur.Provider()
	}
	news := !now.same(k.status)
	if news {
		now.Since = time.Now()
	}
	k.status = now
	k.mu.Unlock()
	if news {
		k.cfg.Changed(now)
	}
}

// install makes a tunnel the current one. It reports false, with the tunnel
// closed, when the Keeper is closed.
func (k *Keeper) install(t Tunnel) bool {
	n := &kept{Tunnel: t, retired: make(chan struct{}), over: make(chan struct{})}
	k.mu.Lock()
	ended := k.ctx.Err() != nil
	if !ended {
		k.cur, k.addr = n, t.Addr()
		k.pumps.Go(func() { k.pump(n) })
	}
	k.mu.Unlock()
	if ended {
		_ = t.Close()
	}
	return !ended
}

func (k *Keeper) current() *kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cur
}

// drop closes the current tunnel: before the next is opened, because a
// provider may let an address, or an account, have only one.
func (k *Keeper) drop() {
	k.mu.Lock()
	t := k.cur
	k.cur = nil
	k.mu.Unlock()
	if t != nil {
		_ = t.retire()
	}
}

// retire closes a tunnel and waits for what takes its connections.
func (t *kept) retire() error {
	close(t.retired)
	err := t.Close()
	<-t.over
	return err
}

// pump hands the connections of a tunnel to the listener.
func (k *Keeper) pump(t *kept) {
	defer close(t.over)
	_, linked := t.Tunnel.(ReconnectingTunnel)
	for pause := 5 * time.Millisecond; ; {
		conn, err := t.Accept()
		if err == nil {
			pause = 5 * time.Millisecond
			k.hand(t, conn)
			continue
		}
		if linked || errors.Is(err, net.ErrClosed) {
			t.err = err
			return
		}
		// A listener on this machine fails for a while when there are too many
		// open files, and goes on.
		select {
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		case <-t.retired:
		}
	}
}

func (k *Keeper) hand(t *kept, conn net.Conn) {
	select {
	case k.conns <- conn:
	case <-t.retired:
		_ = conn.Close()
	case <-k.front.closed:
		_ = conn.Close()
	}
}

// front is the lasting listener.
type front struct {
	k      *Keeper
	once   sync.Once
	closed chan struct{}
}

// Accept gives the next connection, from whichever tunnel it comes.
func (f *front) Accept() (net.Conn, error) {
	select {
	case <-f.closed:
		return nil, net.ErrClosed
	case <-f.k.ctx.Done():
		return nil, net.ErrClosed
	default:
	}
	select {
	case conn := <-f.k.conns:
		return conn, nil
	case <-f.closed:
		return nil, net.ErrClosed
	case <-f.k.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (f *front) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

// Addr is the address of the latest tunnel's listener.
func (f *front) Addr() net.Addr {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	return f.k.addr
}
