package tunnel

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"
)

// Verify makes the first self-check. It tries for Times.FirstCheck, because a fresh
// address may need a moment. The error is nil if the check arrives, and also if this
// machine cannot reach the public address, which leaves the state StateUnverified.
// Another server's answer is an error, and so is a tunnel that ends or loses its
// provider during the check.
func (k *Keeper) Verify(ctx context.Context) (Status, error) {
	ctx, stop := k.within(ctx)
	defer stop()
	t := k.current()
	if t == nil {
		return k.Status(), net.ErrClosed
	}
	err := k.check(ctx, t, k.cfg.Times.FirstCheck)
	for started := time.Now(); errors.Is(err, errLinkChanged) && time.Since(started) < k.cfg.Times.FirstCheck; {
		if err = t.settle(ctx, k.cfg.Times.FirstCheck); err == nil {
			err = k.check(ctx, t, k.cfg.Times.FirstCheck)
		}
	}
	switch {
	case ctx.Err() != nil:
		return k.Status(), ctx.Err()
	case err == nil:
		k.recordUp()
	case errors.Is(err, ErrNoRoute):
		k.setState(StateUnverified, err)
	default:
		state := StateDegraded
		if cause := t.trouble(); cause != nil {
			state, err = StateAway, cause
		}
		k.setState(state, err)
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
	w := newMachineWatch(k.cfg.Clock, k.cfg.Addrs, times.NetworkLook)
	look := time.NewTicker(times.NetworkLook)
	defer look.Stop()
	next := time.NewTimer(times.CheckEvery)
	defer next.Stop()
	if t := k.current(); t != nil && (t.trouble() != nil || t.link().Made != k.made) {
		next.Reset(k.maintain(ctx, linkChanged)) // something changed before Run
	}
	for {
		var ended, changed <-chan struct{}
		t := k.current()
		if t != nil {
			ended, changed = t.done, t.changed()
		}
		why := linkChanged
		select {
		case <-ctx.Done():
			return
		case <-ended:
		case <-changed:
			if l := t.link(); l.Up && l.Made == k.made && k.Status().State != StateAway {
				continue
			}
		case <-look.C:
			if !w.changed() {
				continue
			}
			why, k.failures = machineChanged, 0
		case <-next.C:
			why = timerFired
		}
		next.Reset(k.maintain(ctx, why))
	}
}

// within returns a context that ends with ctx, or with the Keeper.
func (k *Keeper) within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(k.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// reason is why Run looks at a tunnel.
type reason int

const (
	linkChanged    reason = iota // it has ended, or its connection has changed
	timerFired                   // the time since the last look is over
	machineChanged               // the machine's network or clock has changed: the connection may be dead without a sign
)

// maintain checks the tunnel, replaces it if necessary, and returns the time until
// the next look.
func (k *Keeper) maintain(ctx context.Context, why reason) time.Duration {
	t := k.current()
	switch {
	case ctx.Err() != nil:
		return 0
	case t == nil:
		return k.reopen(ctx)
	case t.flaps():
		k.setState(StateAway, flapCause(t.link()))
		k.closeTunnel()
		return k.backOff()
	}
	link := t.link()
	if cause := t.trouble(); cause != nil {
		k.setState(StateAway, cause)
		var refused *ProviderError
		switch {
		case t.ended(), why != linkChanged:
			// After a change of the machine, the provider may be in a long pause between
			// two tries of its own. When the time is over, it waits without an end: ngrok's
			// SDK does if the server accepts its token and then says no more.
			k.closeTunnel()
			return k.reopen(ctx)
		case errors.As(cause, &refused) && refused.Permanent:
			k.closeTunnel()
			return k.cfg.Times.RetryRefused
		}
		return k.cfg.Times.ProviderRetry // it connects again by itself, and changes its Link then
	}
	urgent := why == machineChanged || link.Made != k.made
	switch err := k.check(ctx, t, k.cfg.Times.LaterCheck); {
	case ctx.Err() != nil:
		return 0
	case errors.Is(err, errLinkChanged):
		return 0
	case err == nil:
		k.recordUp()
		return k.cfg.Times.CheckEvery
	case t.isLinked() && (urgent || !errors.Is(err, ErrNoRoute)):
		// Another server answers, or none does after the connection has changed: the
		// address is no longer valid. A tunnel whose connection has not changed is kept
		// if its address cannot be reached from here, because deliveries may arrive.
		if k.verified {
			k.setState(StateDegraded, err)
		}
		k.closeTunnel()
		return k.reopen(ctx)
	default:
		return k.recordDown(err)
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
		k.setState(StateAway, err)
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
	case ctx.Err() != nil, errors.Is(err, errLinkChanged):
		return 0
	case err == nil:
		k.recordUp()
		return k.cfg.Times.CheckEvery
	default:
		return k.recordDown(err)
	}
}

// recordUp records that the tunnel's address leads here.
func (k *Keeper) recordUp() {
	k.verified, k.failures = true, 0
	k.setState(StateUp, nil)
}

// recordDown records that a self-check has failed, and returns the time until the
// next one.
func (k *Keeper) recordDown(err error) time.Duration {
	if errors.Is(err, ErrNoRoute) && !k.verified {
		k.setState(StateUnverified, err) // this machine may never be able to reach it
		return k.cfg.Times.CheckEvery
	}
	k.setState(StateDegraded, err)
	return k.backOff()
}

// backOff returns the pause before the next try. It doubles each time, and is up to
// half shorter by chance, because many programs may try at the same time.
func (k *Keeper) backOff() time.Duration {
	d := k.cfg.Times.RetryMax
	if shifted := k.cfg.Times.RetryMin << min(k.failures, 20); shifted > 0 {
		d = min(d, shifted)
	}
	k.failures++
	return d/2 + rand.N(d/2+1)
}

// errLinkChanged means that a tunnel ended, or its connection changed, during a
// self-check.
var errLinkChanged = errors.New("the connection to the provider keeps changing")

// check sends requests to a tunnel's address until one arrives here.
func (k *Keeper) check(ctx context.Context, t *keptTunnel, within time.Duration) error {
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
			return errLinkChanged
		}
		if time.Now().Add(pause).After(end) {
			k.made = made
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.done:
			return errLinkChanged
		case <-time.After(pause):
		}
	}
}
