package tunnel

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"
)

// Verify makes the first self-check. It tries for Times.FirstCheck, because a
// fresh address may need a moment. The error is nil if the check arrives, and
// also if this machine cannot reach the public address, which leaves the state
// StateUnverified. Another server's answer is an error, and so is a tunnel that
// ended or lost its provider meanwhile.
func (k *Keeper) Verify(ctx context.Context) (Status, error) {
	ctx, stop := k.within(ctx)
	defer stop()
	t := k.current()
	if t == nil {
		return k.Status(), net.ErrClosed
	}
	err := k.check(ctx, t, k.cfg.Times.FirstCheck)
	for started := time.Now(); errors.Is(err, errMoved) && time.Since(started) < k.cfg.Times.FirstCheck; {
		if err = t.settle(ctx, k.cfg.Times.FirstCheck); err == nil {
			err = k.check(ctx, t, k.cfg.Times.FirstCheck)
		}
	}
	switch {
	case ctx.Err() != nil:
		return k.Status(), ctx.Err()
	case err == nil:
		k.up()
	case errors.Is(err, ErrNoRoute):
		k.set(StateUnverified, err)
	default:
		state := StateDegraded
		if cause := t.trouble(); cause != nil {
			state, err = StateAway, cause
		}
		k.set(state, err)
		return k.Status(), err
	}
	return k.Status(), nil
}

// Run checks the tunnel from time to time, and opens another when it is lost. It
// returns when ctx ends or the Keeper is closed, and leaves the tunnel open.
func (k *Keeper) Run(ctx context.Context) {
	ctx, stop := k.within(ctx)
	defer stop()
	times := k.cfg.Times
	w := newWatch(k.cfg.Clock, k.cfg.Addrs, times.NetworkLook)
	look := time.NewTicker(times.NetworkLook)
	defer look.Stop()
	next := time.NewTimer(times.CheckEvery)
	defer next.Stop()
	if t := k.current(); t != nil && (t.trouble() != nil || t.link().Made != k.made) {
		next.Reset(k.attend(ctx, news)) // something happened before anybody watched
	}
	for {
		var over, changed <-chan struct{}
		t := k.current()
		if t != nil {
			over, changed = t.over, t.changed()
		}
		why := news
		select {
		case <-ctx.Done():
			return
		case <-over:
		case <-changed:
			if l := t.link(); l.Up && l.Made == k.made && k.Status().State != StateAway {
				continue
			}
		case <-look.C:
			if !w.moved() {
				continue
			}
			why, k.failures = moved, 0
		case <-next.C:
			why = due
		}
		next.Reset(k.attend(ctx, why))
	}
}

// within gives a context that ends with ctx and with the Keeper.
func (k *Keeper) within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(k.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// occasion is why a tunnel is attended to.
type occasion int

const (
	news  occasion = iota // it ended, or its connection changed
	due                   // it was left alone for as long as it may be
	moved                 // the machine's network or clock is another: the connection may be dead without anybody knowing
)

// attend looks at the tunnel, does what is needed, and returns how long it may
// be left alone.
func (k *Keeper) attend(ctx context.Context, why occasion) time.Duration {
	t := k.current()
	switch {
	case ctx.Err() != nil:
		return 0
	case t == nil:
		return k.reopen(ctx)
	case t.flaps():
		k.set(StateAway, flapCause(t.link()))
		k.drop()
		return k.backOff()
	}
	link := t.link()
	if cause := t.trouble(); cause != nil {
		k.set(StateAway, cause)
		var refused *ProviderError
		switch {
		case t.ended(), why != news:
			// Moved: the provider may be in a long pause between two tries of its own.
			// Due: it waits for an answer without an end. ngrok's SDK does, when the
			// server takes its token and then says no more.
			k.drop()
			return k.reopen(ctx)
		case errors.As(cause, &refused) && refused.Permanent:
			k.drop()
			return k.cfg.Times.RetryRefused
		}
		return k.cfg.Times.ProviderRetry // it comes back by itself, and says so
	}
	urgent := why == moved || link.Made != k.made
	switch err := k.check(ctx, t, k.cfg.Times.LaterCheck); {
	case ctx.Err() != nil:
		return 0
	case errors.Is(err, errMoved):
		return 0
	case err == nil:
		k.up()
		return k.cfg.Times.CheckEvery
	case t.isLinked() && (urgent || !errors.Is(err, ErrNoRoute)):
		// Somebody else answers, or nobody where the connection is another than
		// before: only a tunnel of now has an address that holds. Without a way
		// from here, one that holds is not given up: deliveries may well arrive.
		if k.verified {
			k.set(StateDegraded, err)
		}
		k.drop()
		return k.reopen(ctx)
	default:
		return k.down(err)
	}
}

// reopen opens another tunnel and checks it.
func (k *Keeper) reopen(ctx context.Context) time.Duration {
	t, err := k.cfg.Open(ctx)
	if ctx.Err() != nil {
		if err == nil {
			_ = t.Close()
		}
		return 0
	}
	if err != nil {
		k.set(StateAway, err)
		var refused *ProviderError
		if errors.As(err, &refused) && refused.Permanent {
			return k.cfg.Times.RetryRefused
		}
		return k.backOff()
	}
	if !k.install(t) {
		return 0
	}
	now := k.current()
	if now == nil {
		return 0
	}
	switch err := k.check(ctx, now, k.cfg.Times.LaterCheck); {
	case ctx.Err() != nil, errors.Is(err, errMoved):
		return 0
	case err == nil:
		k.up()
		return k.cfg.Times.CheckEvery
	default:
		return k.down(err)
	}
}

// up notes that the tunnel's address leads here.
func (k *Keeper) up() {
	k.verified, k.failures = true, 0
	k.set(StateUp, nil)
}

// down notes that nothing arrives from the tunnel's address, or that nobody
// can tell, and returns when to look again.
func (k *Keeper) down(err error) time.Duration {
	if errors.Is(err, ErrNoRoute) && !k.verified {
		k.set(StateUnverified, err) // there may never have been a way from here
		return k.cfg.Times.CheckEvery
	}
	k.set(StateDegraded, err)
	return k.backOff()
}

// backOff gives the pause before the next try: doubling, and by chance up to
// half shorter, so that many do not come at once.
func (k *Keeper) backOff() time.Duration {
	d := k.cfg.Times.RetryMax
	if shifted := k.cfg.Times.RetryMin << min(k.failures, 20); shifted > 0 {
		d = min(d, shifted)
	}
	k.failures++
	return d/2 + rand.N(d/2+1)
}

// errMoved says that a tunnel ended, or that its connection became another,
// while its address was asked.
var errMoved = errors.New("the connection to the provider keeps changing")

// check asks at a tunnel's address until the right answer comes.
func (k *Keeper) check(ctx context.Context, t *kept, within time.Duration) error {
	made, end := t.link().Made, time.Now().Add(within)
	for pause := k.cfg.Times.CheckPause; ; pause *= 2 {
		try, cancel := context.WithTimeout(ctx, k.cfg.Times.CheckTry)
		took, err := k.cfg.Check(try, t.URL())
		cancel()
		if err == nil {
			k.mu.Lock()
			k.status.RoundTrip = took
			k.mu.Unlock()
			k.made = made
			return nil
		}
		if t.trouble() != nil || t.link().Made != made {
			return errMoved
		}
		if time.Now().Add(pause).After(end) {
			k.made = made
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.over:
			return errMoved
		case <-time.After(pause):
		}
	}
}

func (t *kept) isLinked() bool {
	_, ok := t.Tunnel.(ReconnectingTunnel)
	return ok
}

// link tells how a tunnel's connection is. One that hangs on none is up.
func (t *kept) link() Link {
	if l, ok := t.Tunnel.(ReconnectingTunnel); ok {
		return l.Link()
	}
	return Link{Up: true}
}

func (t *kept) changed() <-chan struct{} {
	if l, ok := t.Tunnel.(ReconnectingTunnel); ok {
		return l.LinkChanged()
	}
	return nil
}

func (t *kept) ended() bool {
	select {
	case <-t.over:
		return true
	default:
		return false
	}
}

// trouble is why a tunnel has ended or is away, nil when it is there.
func (t *kept) trouble() error {
	if t.ended() {
		return t.err
	}
	if l := t.link(); !l.Up {
		return l.Cause
	}
	return nil
}

// How often a connection may be made again in how long.
const (
	flapTimes = 10
	flapSpan  = 10 * time.Second
)

// flaps reports whether a tunnel's connection is made again and again. ngrok's
// SDK does that without a pause when its server takes each session and drops
// it at once.
func (t *kept) flaps() bool {
	link := t.link()
	if now := time.Now(); t.since.IsZero() || now.Sub(t.since) > flapSpan {
		t.since, t.madeThen = now, link.Made
	}
	return link.Made-t.madeThen >= flapTimes
}

// flapCause is why a connection that may be up at this moment is not counted
// on.
func flapCause(l Link) error {
	if l.Cause != nil {
		return l.Cause
	}
	return errMoved
}

// settle waits until a tunnel that is away is back. It gives up when the
// tunnel has ended, when no try will do, and after a while.
func (t *kept) settle(ctx context.Context, within time.Duration) error {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		cause := t.trouble()
		var refused *ProviderError
		if cause == nil || t.ended() || errors.As(cause, &refused) && refused.Permanent {
			return cause
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return cause
		case <-t.over:
		case <-t.changed():
		}
	}
}
