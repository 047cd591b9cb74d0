package tunnel

import (
	"context"
	"net"
	"sync"
	"time"
)

// Keeper is a lasting listener: when its tunnel is lost, it opens another one, and the
// listener stays open. It finds the present public address by self-checks, because a
// provider may give a session another address after a reconnect, and ngrok's SDK does
// not report that.
//
// After [OpenKeeper], serve on Listener, call Verify once, then Run.
type Keeper struct {
	cfg       KeeperConfig
	ctx       context.Context // ends with Close
	cancel    context.CancelFunc
	conns     chan net.Conn // from the tunnel to the listener
	listener  *lastingListener
	accepting sync.WaitGroup

	mu     sync.Mutex
	kept   *keptTunnel // nil between two tunnels
	addr   net.Addr
	status Status

	// Of Verify and Run, which never run at the same time.
	made     int  // Link.Made of the connection that was checked last
	verified bool // a self-check has succeeded once
	failures int  // in a row
}

// OpenKeeper opens the first tunnel, without a second try: the error is that of
// cfg.Open. The end of ctx stops the opening only; the Keeper lasts until Close.
func OpenKeeper(ctx context.Context, cfg KeeperConfig) (*Keeper, error) {
	cfg.Times = cfg.Times.withDefaults()
	if cfg.Changed == nil {
		cfg.Changed = func(Status) {}
	}
	k := &Keeper{cfg: cfg, conns: make(chan net.Conn)}
	k.listener = &lastingListener{k: k, closed: make(chan struct{})}
	k.ctx, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	k.setState(StateConnecting, nil)
	t, err := cfg.Open(ctx)
	if err != nil {
		k.cancel()
		return nil, err
	}
	k.install(t)
	// The address is in Status from now on. It is not a change until it is checked.
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
func (k *Keeper) Listener() net.Listener { return k.listener }

// Close closes the tunnel and all connections through it, and waits for the
// Keeper's goroutines. A Run that is still running ends soon after.
func (k *Keeper) Close() error {
	k.cancel()
	k.mu.Lock()
	t := k.kept
	k.kept = nil
	k.mu.Unlock()
	var err error
	if t != nil {
		err = t.closeAndWait()
	}
	k.accepting.Wait()
	return err
}

// setState records the state of the tunnel. It calls Changed if the status differs
// in more than texts and times.
func (k *Keeper) setState(state State, cause error) {
	k.mu.Lock()
	now := k.status
	now.State, now.Cause = state, cause
	if k.kept != nil {
		now.URL, now.Provider = k.kept.URL(), k.kept.Provider()
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

// install makes a tunnel the current one. If the Keeper is closed, it closes the
// tunnel and reports false.
func (k *Keeper) install(t Tunnel) bool {
	n := &keptTunnel{Tunnel: t, retired: make(chan struct{}), done: make(chan struct{})}
	k.mu.Lock()
	ended := k.ctx.Err() != nil
	if !ended {
		k.kept, k.addr = n, t.Addr()
		k.accepting.Go(func() { k.acceptFrom(n) })
	}
	k.mu.Unlock()
	if ended {
		_ = t.Close()
	}
	return !ended
}

func (k *Keeper) current() *keptTunnel {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept
}

// closeTunnel closes the current tunnel. The next one is opened after that, because
// a provider may allow only one for an address or an account.
func (k *Keeper) closeTunnel() {
	k.mu.Lock()
	t := k.kept
	k.kept = nil
	k.mu.Unlock()
	if t != nil {
		_ = t.closeAndWait()
	}
}
