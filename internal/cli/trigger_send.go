package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel/local"
)

// triggerWorkers is how many events are sent at a time.
const triggerWorkers = 8

// triggerRun sends events, and collects their results.
type triggerRun struct {
	*triggerFlags
	p        *Process
	plan     triggerPlan
	events   []*event.Event
	dest     destination
	store    *history.Store
	right    string // the secret, for the public address
	printer  *lines.Printer
	progress *progress
	tally    listen.Tally
	troubles advice.Watch
	refused  int     // the status by which the session refused an event, 0 if it refused none
	done     int     // events that were handed over
	failed   []int64 // of those, the ones that a target refused
}

// send sends the events, and prints their results.
func (f *triggerFlags) send(ctx context.Context, p *Process, dir session.Dir, events []*event.Event, plan triggerPlan, d destination) (err error) {
	store, _, err := p.openHistory(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r := &triggerRun{triggerFlags: f, p: p, plan: plan, events: events, dest: d, store: store, printer: lines.NewPrinter(p.Out, f.json, p.notes.Mask)}
	r.progress = newProgress(p.Err, p.Terminal, "trigger", len(events)*f.repeat)
	switch {
	case d.session == nil:
		err = r.toTargets(ctx, dir)
	default:
		err = r.throughSession(ctx, dir)
	}
	r.progress.Done()
	if err != nil {
		return err
	}
	if f.untrusted() && len(r.failed) > 0 { // as they should: nobody wants to send them again
		if _, err := store.Dismiss(ctx, r.failed...); err != nil {
			return err
		}
	}
	switch {
	case !f.failOnError:
		return nil
	case f.untrusted() && len(r.failed) > 0:
		return withHint(listen.ErrFailed, "a handler should refuse it: expect exit code 4")
	}
	return r.tally.Failure("")
}

// untrusted reports whether the events have no secret, or a wrong one.
func (f *triggerFlags) untrusted() bool { return f.noSecret || f.wrongSecret }

// courier returns a courier with the settings that all ways of sending share.
func (r *triggerRun) courier(sessionID string, send func(ctx context.Context, e *event.Event) (int64, error)) *courier {
	return &courier{
		total: len(r.events) * r.repeat, workers: min(triggerWorkers, r.repeat), interval: r.plan.interval,
		reader: r.store.Reader, session: sessionID, show: r.show,
		send: func(ctx context.Context, i int) (int64, error) { return send(ctx, r.request(i)) },
	}
}

// request returns the ith event to send.
func (r *triggerRun) request(i int) *event.Event {
	e := *r.events[i/r.repeat]
	e.Header = e.Header.Clone()
	if i%r.repeat > 0 && !r.sameID {
		e.Header.Set("Webhook-Id", session.NewDeliveryID())
	}
	return &e
}

// throughSession sends the events through the session that runs.
func (r *triggerRun) throughSession(ctx context.Context, dir session.Dir) error {
	to := r.dest.session
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(ctx context.Context, e *event.Event) (int64, error) { return r.postLocal(ctx, client, e) }
	if r.throughTunnel {
		transport := r.dest.network.Transport()
		client.Transport = transport
		defer transport.CloseIdleConnections()
		var err error
		if r.right, err = r.secret.find(r.p, dir); err != nil {
			return err
		}
		r.p.hide(r.right)
		send = func(ctx context.Context, e *event.Event) (int64, error) { return r.postPublic(ctx, client, e) }
	} else {
		transport := &http.Transport{MaxIdleConnsPerHost: triggerWorkers}
		client.Transport = transport
		defer transport.CloseIdleConnections()
		r.p.tellUnused(r.given, "through a session, which puts its own secret in", "secret-file", "new-secret")
	}
	r.p.tellUnused(r.given, "through a session, which has its own", "timeout")
	c := r.courier(to.ID, send)
	c.alive = func() (bool, error) {
		live, err := session.LiveAt(dir)
		_, ok := live[to.ID]
		return ok, err
	}
	c.settle = func(ctx context.Context) error { return dir.EndDead(ctx, r.store) }
	err := c.run(ctx)
	done := present.Group(r.done) + " of " + present.Count(c.total, "event")
	pending := "hf-tap events replay --pending --session " + to.ID
	switch {
	case errors.Is(err, errSessionEnded):
		return withHint(fmt.Errorf("the session %s ended after it had delivered %s", to.ID, done), pending)
	case errors.Is(err, errNotHandedOver):
		return withHint(fmt.Errorf("the session %s delivered only %s: it is ending, or a target's queue is full", to.ID, done), pending)
	}
	if err == nil && r.refused != 0 {
		r.p.tell("the session answered %d and delivered it to no target: to reach a handler, use --to TARGET", r.refused)
	}
	return err
}

// postLocal posts an event to the session's address for callers on this machine.
func (r *triggerRun) postLocal(ctx context.Context, client *http.Client, e *event.Event) (int64, error) {
	to := r.dest.session.Local
	e.Header.Set("Hf-Tap-Key", to.Key)
	e.Header.Set("Hf-Tap-Source", string(event.SourceTrigger))
	if r.untrusted() {
		e.Header.Set("Hf-Tap-Secret", "as-is")
	}
	r.secretHeader(e.Header, "")
	n, status, err := postEvent(ctx, client, to.URL, e)
	switch {
	case err != nil:
		return 0, fmt.Errorf("send the event to the session %s: %w", r.dest.session.ID, err)
	case n == 0:
		return 0, fmt.Errorf("the session %s answered %d and recorded nothing", r.dest.session.ID, status)
	case status/100 != 2:
		r.refused = status
	}
	return n, nil
}

// postPublic posts an event to the session's public address, as the Hub does.
func (r *triggerRun) postPublic(ctx context.Context, client *http.Client, e *event.Event) (int64, error) {
	to := r.dest.session
	e.Header.Set("Hf-Tap-Trigger", receiver.TriggerMark(to.Local.Key, e.Header.Get("Webhook-Id")))
	r.secretHeader(e.Header, r.right)
	n, status, err := postEvent(ctx, client, to.URL, e)
	refused := status == http.StatusUnauthorized || status == http.StatusForbidden
	switch {
	case err != nil:
		return 0, withHint(fmt.Errorf("send the event to %s: %w", event.MaskURL(to.URL), err), "without --through-tunnel it goes to the session on this machine")
	case n == 0:
		return 0, withHint(fmt.Errorf("%s answered %d, but it is not the session %s", event.MaskURL(to.URL), status, to.ID), "hf-tap doctor")
	case refused && !r.untrusted():
		return 0, withHint(fmt.Errorf("the session %s has a different secret: it answered %d", to.ID, status), "use --secret-file, or leave out --through-tunnel")
	case refused:
		r.refused = status
	}
	return n, nil
}

// postEvent posts an event and returns the number that the session gave it, 0 if
// the answer has none.
func postEvent(ctx context.Context, client *http.Client, url string, e *event.Event) (n int64, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(e.Body))
	if err != nil {
		return 0, 0, err
	}
	req.Header = e.Header
	resp, err := client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, event.MaxTargetBody)); err != nil {
		return 0, 0, err
	}
	n, _ = strconv.ParseInt(resp.Header.Get("Hf-Tap-Event"), 10, 64) // 0 says that it has none
	return n, resp.StatusCode, nil
}

// toTargets sends the events to the targets of --to, in a session of its own. With a
// secret that a handler should refuse, the session checks none, because a session hands
// nothing on that it does not trust.
func (r *triggerRun) toTargets(ctx context.Context, dir session.Dir) (err error) {
	cfg := session.Config{
		Dir: dir, NoWebhook: true, Local: true,
		Tunnel: session.TunnelConfig{Provider: local.Loopback, HubURL: "http://127.0.0.1"},
	}
	if !r.untrusted() {
		if cfg.Secret, err = r.secret.find(r.p, dir); err != nil {
			return err
		}
		r.p.hide(cfg.Secret)
	}
	receiver.TrustRoots(r.dest.roots, r.dest.routes...)
	cfg.Receiver.Routes = r.dest.routes
	cfg.Receiver.Timeout = r.timeout
	// A person waits for these.
	cfg.Receiver.WaitTarget, cfg.Times.Drain = time.Second, time.Second
	if _, err = session.Run(ctx, cfg, r); err != nil {
		return err
	}
	return ctx.Err()
}

// Run sends the events in a session that was made for them.
func (r *triggerRun) Run(ctx context.Context, live *session.Live) error {
	return r.courier(live.ID, func(ctx context.Context, e *event.Event) (int64, error) {
		r.secretHeader(e.Header, "")
		sent, err := live.Send(ctx, e, !r.untrusted())
		return sent.N, err
	}).run(ctx)
}

// Last prints nothing: all was printed as it settled.
func (r *triggerRun) Last(context.Context, *session.Live) error { return nil }

// show prints an event that has settled, and what its targets said if it is the only
// one.
func (r *triggerRun) show(row *event.Row) error {
	if row.Phase == event.PhaseSettled {
		r.done++
	}
	r.progress.Add(1)
	r.tally.Note(row)
	if row.Failed {
		r.failed = append(r.failed, row.N)
	}
	var whole *event.Event
	get := func() (*event.Event, error) {
		if whole != nil {
			return whole, nil
		}
		var err error
		whole, err = r.store.Get(context.Background(), row.N)
		if errors.Is(err, history.ErrNotFound) {
			return nil, nil // it was deleted
		}
		return whole, err
	}
	return r.progress.Above(func() error {
		if err := r.printer.Event(event.LineEvent, row, get); err != nil {
			return err
		}
		if err := r.printer.Flush(); err != nil {
			return err
		}
		alone := len(r.events)*r.repeat == 1
		if !alone && !row.Failed {
			return nil
		}
		e, err := get()
		if e == nil || err != nil {
			return err
		}
		if alone && !r.json {
			if err := r.showAnswers(e); err != nil {
				return err
			}
		}
		for i := range e.Attempts {
			if advice, ok := r.troubles.Note(e, &e.Attempts[i]); ok {
				r.p.tell("hint: %s", advice.Hint)
			}
		}
		if alone && len(e.Targets) == 0 && e.Verdict.Trusted() {
			r.p.tell("the session has no target for it: it is recorded")
		}
		return nil
	})
}

// showAnswers prints the first line of what each target answered.
func (r *triggerRun) showAnswers(e *event.Event) error {
	for _, a := range e.Masked().Attempts {
		first, _, more := bytes.Cut(bytes.TrimSpace(a.Body), []byte("\n"))
		if len(first) == 0 {
			continue
		}
		said := present.Cut(string(first))
		if more {
			said += " …"
		}
		line := r.p.notes.Mask.Text(term.Line(fmt.Sprintf("  %s said: %s", present.Target(a.Target), said)))
		if _, err := fmt.Fprintln(r.p.Out, line); err != nil {
			return lines.WriteError(err)
		}
	}
	return nil
}
