package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
	"github.com/hf-tap/hf-tap/tunnel/local"
)

// openTunnel opens the tunnel, and keeps it under one listener from then on.
func (r *run) openTunnel(ctx context.Context) (err error) {
	selected, err := r.Tunnel.Select()
	if err != nil {
		return err
	}
	provider := selected.Names()[0]
	if !selected.Own {
		r.Tell("opening a tunnel by " + provider + when(selected.Auto != "", ", as "+selected.Auto))
		r.report(event.State{Subject: event.SubjectTunnel, Name: provider, State: string(tunnel.StateConnecting)})
	}
	if slices.Contains(selected.Names(), gradio.Name) {
		if err := r.nameGradio(); err != nil {
			return err
		}
		if selected, err = r.Tunnel.Select(); err != nil { // with the name
			return err
		}
	}
	times := r.Times.Tunnel
	if times.FirstCheck == 0 {
		times.FirstCheck = r.Times.Verify
	}
	r.keeper, err = tunnel.OpenKeeper(ctx, tunnel.KeeperConfig{
		Open:    selected.Opener(),
		Check:   r.check,
		Changed: r.tunnelChanged,
		Times:   times,
	})
	if err != nil {
		return err
	}
	if provider == local.Public {
		r.Tell(fmt.Sprintf("%s has to lead to http://%s", r.keeper.Status().URL, r.keeper.Listener().Addr()))
	}
	return nil
}

// nameGradio sets this machine's name for gradio.live in the tunnel's settings.
func (r *run) nameGradio() (err error) {
	if r.gradio, err = r.Dir.holdGradioName(r.NewURL); err != nil {
		return err
	}
	if r.gradio.lock == nil {
		r.Tell("another session uses this machine's address at gradio.live: this one gets a new one")
	}
	r.Tunnel.Gradio.Name = r.gradio.name
	r.Tunnel.Gradio.Ending = func(ends time.Time) {
		r.Tell(fmt.Sprintf("gradio.live ends this tunnel at %s; another is opened then, at the same address if it allows that", ends.Local().Format(time.TimeOnly)))
	}
	return nil
}

// verify checks that the public address leads to this session. Without an answer, this
// is unknown: there is no way from here to there. The answer of another server is an
// error.
func (r *run) verify(ctx context.Context) error {
	_, err := r.keeper.Verify(ctx)
	return err
}

// check checks once that a public address leads to this session.
func (r *run) check(ctx context.Context, public string) (time.Duration, error) {
	took, err := tunnel.VerifyOnce(ctx, tunnel.Probe{URL: public + r.rec.Path() + "/check", Answer: r.prove, Client: r.Public})
	if !errors.Is(ctx.Err(), context.Canceled) {
		r.states.check.Store(&Check{At: time.Now(), Took: took, Err: err})
	}
	return took, err
}

// tunnelChanged reports a state of the tunnel, and wakes tend.
func (r *run) tunnelChanged(status tunnel.Status) {
	if status.URL == "" { // it is being opened for the first time
		return
	}
	s := event.State{Subject: event.SubjectTunnel, Name: status.URL, State: string(status.State)}
	switch {
	case status.Cause != nil:
		s.Detail = status.Cause.Error()
	case status.State == tunnel.StateUp:
		s.Detail = status.Provider + ", round trip " + present.Duration(status.RoundTrip)
	}
	r.report(s)
	for {
		select {
		case r.statuses <- status:
			return
		case <-r.statuses: // the latest is what counts
		}
	}
}

// follow records the tunnel's present address, and reports whether the webhook must be
// checked: because it has another address, or because the Hub could not deliver for a
// while and may have suspended it.
func (r *run) follow(ctx context.Context, status tunnel.Status) (look bool, err error) {
	leads := status.State == tunnel.StateUp || status.State == tunnel.StateUnverified || errors.Is(status.Cause, tunnel.ErrNoRoute)
	if !leads {
		return false, nil
	}
	if status.URL == r.rec.PublicURL {
		return status.State == tunnel.StateUp, nil
	}
	r.rec.PublicURL = status.URL
	r.live.point(r.rec)
	err = errors.Join(r.holding.save(r.rec), r.store.StartSession(ctx, r.info()))
	if r.NoWebhook {
		r.Tell("the public address has changed: set your webhook's URL to " + r.rec.URL())
	}
	if r.Moved != nil {
		err = errors.Join(err, r.Moved(r.rec.URL()))
	}
	return true, err
}
