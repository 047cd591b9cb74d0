package session

import (
	"context"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tunnel"
)

// tend checks the webhook until ctx ends: every Times.Tend, and whenever the tunnel is
// up again or has a new address. It reports a problem once when it begins, and once when
// it ends. lease.check does one check.
func (r *run) tend(ctx context.Context) {
	every := time.NewTicker(r.Times.Tend)
	defer every.Stop()
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	webhook := trouble{report: r.report, subject: event.SubjectWebhook, bad: "unknown", good: "known again"}
	pause := r.Times.Again
	look := func() {
		if r.NoWebhook {
			return
		}
		err := r.lease.check(ctx)
		r.live.point(r.rec)
		webhook.update(ctx, r.rec.Webhook, err)
		if err == nil {
			pause = r.Times.Again
			again.Stop()
			return
		}
		// Soon, because the webhook may still point to an address where nobody
		// listens.
		again.Reset(pause)
		pause = min(2*pause, r.Times.Tend)
	}
	follow := func(status tunnel.Status) (due bool) {
		due, err := r.follow(ctx, status)
		if err != nil && ctx.Err() == nil {
			r.Tell("the new address is not kept everywhere: " + oneLine(err))
		}
		return due
	}
	select {
	case status := <-r.statuses: // from before the webhook was made
		follow(status)
	default:
	}
	look()
	for {
		select {
		case <-ctx.Done():
			return
		case status := <-r.statuses:
			if follow(status) {
				look()
			}
		case <-every.C:
			look()
		case <-r.wake:
			look()
		case <-again.C:
			look()
		}
	}
}

// trouble reports a problem when it begins and when it ends.
type trouble struct {
	report    func(event.State)
	subject   event.Subject
	bad, good string
	active    bool
}

// update records the newest result, and reports it if it differs from the one before.
func (t *trouble) update(ctx context.Context, name string, err error) {
	if ctx.Err() != nil || t.active == (err != nil) {
		return
	}
	t.active = err != nil
	s := event.State{Subject: t.subject, Name: name, State: t.good}
	if t.active {
		s.State, s.Detail = t.bad, err.Error()
	}
	t.report(s)
}
