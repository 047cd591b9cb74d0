package session

import (
	"context"
	"errors"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tunnel"
)

// tend looks after the webhook and the tunnel until ctx ends. Each kind of
// trouble is told once, and its end.
func (r *run) tend(ctx context.Context) {
	tend, recheck := time.NewTicker(r.Times.Tend), time.NewTicker(r.Times.Recheck)
	defer tend.Stop()
	defer recheck.Stop()
	webhook := trouble{report: r.report, subject: event.SubjectWebhook, bad: "unknown", good: "known again"}
	public := trouble{report: r.report, subject: event.SubjectTunnel, bad: "degraded", good: "up"}
	look := func() {
		if r.NoWebhook {
			return
		}
		webhook.now(ctx, r.rec.Webhook, r.lease.tend(ctx))
	}
	look()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tend.C:
			look()
		case <-recheck.C:
			_, err := r.check(ctx, r.Times.Verify)
			if errors.Is(err, tunnel.ErrNoRoute) && !public.is {
				err = nil // there may never have been a way from here
			}
			if was := public.is; public.now(ctx, r.tun.URL(), err) && was {
				look() // after an outage
			}
		}
	}
}

// trouble tells of a trouble when it begins and when it ends.
type trouble struct {
	report    func(event.State)
	subject   event.Subject
	bad, good string
	is        bool
}

// now takes the newest finding and reports whether it is a change.
func (t *trouble) now(ctx context.Context, name string, err error) bool {
	if ctx.Err() != nil || t.is == (err != nil) {
		return false
	}
	t.is = err != nil
	s := event.State{Subject: t.subject, Name: name, State: t.good}
	if t.is {
		s.State, s.Detail = t.bad, err.Error()
	}
	t.report(s)
	return true
}
