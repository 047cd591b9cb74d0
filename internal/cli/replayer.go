package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel/local"
)

// replayer sends events again and prints what becomes of them. It is the front
// of a session of its own when no other lives.
type replayer struct {
	p        *Process
	printer  *lines.Printer
	tally    listen.Tally
	troubles advice.Watch // of the targets, seen from their answers
	source   *history.Store
	numbers  []int64
	typed    string              // the command that chose them
	newID    bool                // each has a Webhook-Id of its own
	live     session.LocalAccess // the live session to send through
	liveID   string              // its id
	dir      session.Dir         // its folder
	times    int                 // all are sent so often
	interval time.Duration       // between two, at least
	compared *comparison         // nil: answers are not compared
	progress *progress
}

// each calls send for each of the events, with the repeats and intervals of the flags,
// and shows the result.
func (r *replayer) each(ctx context.Context, send func(n int64) (*event.Event, error)) error {
	next := time.Now()
	for range max(r.times, 1) {
		for _, n := range r.numbers {
			timer := time.NewTimer(time.Until(next))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return ctx.Err()
			}
			next = time.Now().Add(r.interval)
			e, err := send(n)
			if err != nil {
				return err
			}
			r.progress.Add(1)
			if err := r.progress.Above(func() error { return r.show(ctx, n, e) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// throughSession posts each event to a running session, which handles it like a live
// one, and prints it when it is settled there.
func (r *replayer) throughSession(ctx context.Context) error {
	return r.each(ctx, func(n int64) (*event.Event, error) {
		e, err := getEvent(ctx, r.source.Reader, n)
		if err != nil {
			return nil, err
		}
		again, err := session.Repeat(e, session.Again{NewID: r.newID})
		if err != nil {
			return nil, err
		}
		made, err := r.live.Send(ctx, again)
		if err != nil {
			err = fmt.Errorf("send event %d through the live session: %w", n, err)
			return nil, cmp.Or(r.ended(ctx, fmt.Sprintf("while event %d was sent", n)), err)
		}
		return r.waitSettled(ctx, made)
	})
}

// ownSession sends the events in a session made for it, without Hub or tunnel.
func (f *replayFlags) ownSession(ctx context.Context, p *Process, dir session.Dir, r *replayer, routes []receiver.Route, roots *x509.CertPool) error {
	secret, err := f.secret.find(p, dir)
	if err != nil {
		return err
	}
	cfg := session.Config{
		Dir: dir, NoWebhook: true, Local: true, Secret: secret,
		Tunnel: session.TunnelConfig{Provider: local.Loopback, HubURL: "http://127.0.0.1"},
	}
	cfg.Receiver.Routes = routes
	if !f.elsewhere() {
		if cfg.Receiver.Routes, err = r.formerRoutes(ctx); err != nil {
			return err
		}
	}
	receiver.TrustRoots(roots, cfg.Receiver.Routes...)
	// The user is waiting: a target that does not answer is reported at once.
	cfg.Receiver.WaitTarget = time.Second
	if _, err = session.Run(ctx, cfg, &ownReplay{replayer: r, restrict: !f.elsewhere()}); err == nil {
		err = ctx.Err() // to be interrupted is how other sessions end
	}
	return err
}

// formerRoutes returns a route to each target that one of the events had.
func (r *replayer) formerRoutes(ctx context.Context) ([]receiver.Route, error) {
	var routes []receiver.Route
	seen := map[string]bool{}
	for _, n := range r.numbers {
		e, err := getEvent(ctx, r.source.Reader, n)
		if err != nil {
			return nil, err
		}
		for _, target := range e.Targets {
			if seen[target] {
				continue
			}
			seen[target] = true
			if event.IsCommand(target) {
				return nil, formerCommand(n, target, e.Source, r.typed)
			}
			if !strings.Contains(target, "://") {
				return nil, formerHandler(n, target, r.typed)
			}
			former, err := receiver.ParseTarget(target)
			if hidden := (*receiver.HiddenError)(nil); errors.As(err, &hidden) {
				return nil, withHint(fmt.Errorf("event %d went to %s, and its password or secret is not recorded", n, hidden.Target),
					fmt.Sprintf("hf-tap events replay %d --forward '%s'", n, hidden.Fill))
			}
			if err != nil {
				return nil, fmt.Errorf("hand event %d to its former target: %w", n, err)
			}
			routes = append(routes, receiver.Route{Target: former})
		}
	}
	if len(routes) == 0 {
		return nil, withHint(errors.New("these events had no target, and no session runs to send them through"),
			fmt.Sprintf("hf-tap events replay %d --forward 7860", r.numbers[0]))
	}
	return routes, nil
}

// formerHandler is the error for an event whose target was a handler function in a
// program, which has no address. Only that program can call it.
func formerHandler(n int64, name, replay string) error {
	return withHint(fmt.Errorf("event %d went to the handler %q of a program, which does not run", n, name),
		fmt.Sprintf("start that program, then: %s; or send it elsewhere: hf-tap events replay %d --forward 7860", replay, n))
}

// ownReplay is the front of a session that only replays.
type ownReplay struct {
	*replayer
	restrict bool // to the targets that each event had
}

// Run hands the events over, one after the other, and prints each when it is
// settled.
func (o *ownReplay) Run(ctx context.Context, live *session.Live) error {
	return o.each(ctx, func(n int64) (*event.Event, error) {
		var targets []string
		if o.restrict {
			old, err := getEvent(ctx, o.source.Reader, n)
			if err != nil {
				return nil, err
			}
			targets = old.Targets
		}
		sent, err := live.Replay(ctx, n, session.Again{Targets: targets, NewID: o.newID})
		if err != nil {
			return nil, err
		}
		select {
		case <-sent.Settled:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := live.Flush(ctx); err != nil {
			return nil, err
		}
		return live.Event(ctx, sent.N)
	})
}

// Last prints nothing: all was printed as it settled.
func (o *ownReplay) Last(context.Context, *session.Live) error { return nil }

// show prints an event that repeats event n, and how its answers differ.
func (r *replayer) show(ctx context.Context, n int64, e *event.Event) error {
	row := event.NewRow(e)
	if err := r.printer.Event(event.LineEvent, row, func() (*event.Event, error) { return e, nil }); err != nil {
		return err
	}
	r.tally.Note(row)
	if err := r.printer.Flush(); err != nil {
		return err
	}
	for i := range e.Attempts {
		if advice, ok := r.troubles.Note(e, &e.Attempts[i]); ok {
			r.p.tell("hint: %s", advice.Hint)
		}
	}
	if r.compared == nil {
		return nil
	}
	old, err := getEvent(ctx, r.source.Reader, n)
	if err != nil {
		return err
	}
	compared, err := r.compared.lines(old, e)
	if err != nil {
		return err
	}
	for _, line := range compared {
		if _, err := fmt.Fprintln(r.p.Out, r.p.notes.Mask.Text(line)); err != nil {
			return lines.WriteError(err)
		}
	}
	return nil
}

// waitPoll is how often another process's history is looked at.
const waitPoll = 50 * time.Millisecond

// waitSettled waits until an event is settled that the running session hands over. It
// fails if the session is killed before.
func (r *replayer) waitSettled(ctx context.Context, n int64) (*event.Event, error) {
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	for looked := time.Now(); ; {
		e, err := r.source.Get(ctx, n)
		if err != nil {
			return nil, err
		}
		if e.Phase == event.PhaseSettled {
			return e, nil
		}
		// Another process may have been the first to find the session dead.
		if e.Phase == event.PhasePending || time.Since(looked) > aliveEvery {
			looked = time.Now()
			if err := r.ended(ctx, fmt.Sprintf("before event %d was handed over", n)); err != nil {
				return nil, err
			}
		}
		if e.Phase == event.PhasePending {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// ended returns an error if the running session has ended. when names the interrupted
// step.
func (r *replayer) ended(ctx context.Context, when string) error {
	live, err := session.LiveAt(r.dir)
	if err != nil {
		return err
	}
	if _, ok := live[r.liveID]; ok {
		// It records its end in the history before it releases its lock.
		open, err := r.source.OpenSessions(ctx)
		if err != nil || slices.ContainsFunc(open, func(s history.Session) bool { return s.ID == r.liveID }) {
			return err
		}
	}
	return errors.Join(withHint(fmt.Errorf("the session %s ended %s", r.liveID, when), "hf-tap events replay --pending --session "+r.liveID), r.dir.EndDead(ctx, r.source))
}
