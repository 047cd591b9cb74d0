package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/internal/headers"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel/local"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// replayFlags are the flags of events replay, as they were given.
type replayFlags struct {
	sel         selectFlags
	forward     []string
	exec        []string
	newID       bool
	json        bool
	failOnError bool
	ca          string
	secret      secretFlags
	set         *pflag.FlagSet
}

func newEventsReplay(p *Process) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay [N …]",
		Short: "Send recorded events again",
		Long: `Send recorded events to their targets again, byte for byte, with the secret put
right. Each becomes a new event that names the old one. With --forward or
--exec they go there; else, while a session lives, they take the same way as its live
events; else they go to the targets that they had. A command that they had has to be
given again by --exec. A replay keeps the Webhook-Id of its event; --new-id gives it
another, so that a handler which drops repeats takes it.`,
		Example: `  hf-tap events replay 12 13
  hf-tap events replay --failed
  hf-tap events replay 12 --forward 9000
  hf-tap events replay 12 --new-id`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.replay(cmd.Context(), p, args)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *replayFlags) register(fs *pflag.FlagSet) {
	f.sel.register(fs)
	f.set = fs
	fs.StringArrayVar(&f.forward, "forward", nil, "hand them to this target instead; repeatable")
	fs.StringArrayVar(&f.exec, "exec", nil, "run this command for each of them instead, as listen does; repeatable")
	fs.BoolVar(&f.newID, "new-id", false, "give each a Webhook-Id of its own, for handlers that drop repeats")
	fs.BoolVar(&f.json, "json", false, "print one JSON object for each event, as docs/events.md describes")
	fs.BoolVar(&f.failOnError, "fail-on-error", false, "exit 4 when a target failed, or was not handed an event")
	fs.StringVar(&f.ca, "ca", "", "trust the certificates in this PEM file, too, for https targets (a live session has its own)")
	f.secret.register(fs)
}

// parse reads the numbers of the events that are named, none if the flags choose
// them, and where they are to go instead of their targets.
func (f *replayFlags) parse(p *Process, args []string) (named []int64, routes []receiver.Route, err error) {
	if selects := f.sel.failed || f.sel.pending || f.sel.session != ""; selects == (len(args) > 0) {
		return nil, nil, usageError(errors.New("name the events by number, or choose them by --failed, --pending or --session"), "hf-tap events replay --failed")
	}
	if named, err = parseNumbers(args); err != nil {
		return nil, nil, err
	}
	if routes, err = p.parseRoutes(f.forward, "hf-tap events replay 12 --forward", "9000"); err != nil {
		return nil, nil, err
	}
	commands, err := p.execRoutes(f.exec, "hf-tap events replay 12")
	if err != nil {
		return nil, nil, err
	}
	return named, append(routes, commands...), f.secret.check(p)
}

func (f *replayFlags) replay(ctx context.Context, p *Process, args []string) (err error) {
	named, routes, err := f.parse(p, args)
	if err != nil {
		return err
	}
	var roots *x509.CertPool
	if f.ca != "" {
		n, err := (&accountFlags{ca: f.ca}).network(p)
		if err != nil {
			return err
		}
		roots = n.Roots()
	}
	store, dir, err := p.openHistory(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	numbers, err := f.numbers(ctx, store, named)
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		p.tell("nothing to send again")
		return nil
	}
	r := &replayer{p: p, printer: lines.NewPrinter(p.Out, f.json, p.notes.Mask), source: store, numbers: numbers, newID: f.newID, typed: f.sel.typed("hf-tap events replay", named)}
	switch r.live, err = f.liveSession(ctx, store, dir, numbers); {
	case err != nil:
		return err
	case r.live.URL != "":
		p.tellUnused(f.set, "while a session runs: it sends the events itself", "secret-file", "new-secret", "ca")
		err = r.throughSession(ctx)
	default:
		err = f.ownSession(ctx, p, dir, r, routes, roots)
	}
	if err == nil && f.failOnError {
		return r.tally.Failure("")
	}
	return err
}

// numbers gives the events to send, the oldest first.
func (f *replayFlags) numbers(ctx context.Context, store *history.Store, named []int64) ([]int64, error) {
	for _, n := range named {
		e, err := getEvent(ctx, store.Reader, n)
		if err != nil {
			return nil, err
		}
		// What a stranger sent never reaches a target: not live, not again.
		if err := session.Sendable(e); err != nil {
			return nil, withHint(fmt.Errorf("event %d cannot be sent again: %w", n, err), fmt.Sprintf("hf-tap events show %d", n))
		}
	}
	if len(named) > 0 {
		return named, nil
	}
	numbers, err := session.ToReplay(ctx, store.Reader, f.sel.query())
	if err == nil && len(numbers) == 0 {
		err = f.sel.known(ctx, store.Reader, "hf-tap events replay")
	}
	return numbers, err
}

// liveSession gives the way to the session that replays go through: the
// one that received the events if it lives, else the only one that does. It is
// empty when --forward or --exec names another way or when none lives.
func (f *replayFlags) liveSession(ctx context.Context, store *history.Store, dir session.Dir, numbers []int64) (none session.LocalAccess, err error) {
	if f.elsewhere() {
		return none, nil
	}
	live, err := session.LiveAt(dir)
	if err != nil || len(live) == 0 {
		return none, err
	}
	first, err := getEvent(ctx, store.Reader, numbers[0])
	if err != nil {
		return none, err
	}
	if at, ok := live[first.Session]; ok {
		return at, nil
	}
	if len(live) > 1 {
		return none, withHint(errors.New("several sessions live, and none of them received this event"),
			fmt.Sprintf("hf-tap events replay %d --forward PORT", numbers[0]))
	}
	for _, at := range live {
		return at, nil
	}
	return none, nil
}

// elsewhere reports whether events are to go elsewhere than to their targets.
func (f *replayFlags) elsewhere() bool { return len(f.forward)+len(f.exec) > 0 }

// replayer sends events again and prints what becomes of them. It is the front
// of a session of its own when no other lives.
type replayer struct {
	p        *Process
	printer  *lines.Printer
	tally    listen.Tally
	troubles advice.Watch // of the targets, as their answers tell
	source   *history.Store
	numbers  []int64
	typed    string              // the command that chose them
	newID    bool                // each has a Webhook-Id of its own
	live     session.LocalAccess // the live session to send through
}

// throughSession posts each event to a live session, where it takes the way of
// the others, and prints it when it is settled there.
func (r *replayer) throughSession(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, n := range r.numbers {
		e, err := getEvent(ctx, r.source.Reader, n)
		if err != nil {
			return err
		}
		made, err := post(ctx, client, r.live, e, r.newID)
		if err != nil {
			return fmt.Errorf("send event %d through the live session: %w", n, err)
		}
		settled, err := waitSettled(ctx, r.source, made)
		if err != nil {
			return err
		}
		if err := r.show(settled); err != nil {
			return err
		}
	}
	return nil
}

// post sends e to a session's own loopback address and gives the number of the
// new event. The session puts its secret in.
func post(ctx context.Context, client *http.Client, to session.LocalAccess, e *event.Event, newID bool) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.For(e), bytes.NewReader(e.Body))
	if err != nil {
		return 0, err
	}
	for name, values := range headers.Onward(e.Header) {
		req.Header[name] = values
	}
	if newID {
		req.Header.Set("Webhook-Id", session.NewDeliveryID())
	}
	req.Header.Set("Hf-Tap-Key", to.Key)
	req.Header.Set("Hf-Tap-Source", string(event.SourceReplay))
	req.Header.Set("Hf-Tap-Replay-Of", strconv.FormatInt(e.N, 10))
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, event.MaxTargetBody)); err != nil {
		return 0, err
	}
	made, err := strconv.ParseInt(resp.Header.Get("Hf-Tap-Event"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the session answered %s and recorded nothing", resp.Status)
	}
	return made, nil
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
	// A person waits for this: a target that is not there is told at once.
	cfg.Receiver.WaitTarget = time.Second
	_, err = session.Run(ctx, cfg, &ownReplay{replayer: r, restrict: !f.elsewhere()})
	return err
}

// formerRoutes gives a route to each target that one of the events had.
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
		return nil, withHint(errors.New("these events had no target, and no session lives to send them through"),
			fmt.Sprintf("hf-tap events replay %d --forward 7860", r.numbers[0]))
	}
	return routes, nil
}

// ownReplay is the front of a session that only replays.
type ownReplay struct {
	*replayer
	restrict bool // to the targets that each event had
}

// Run hands the events over, one after the other, and prints each when it is
// settled.
func (o *ownReplay) Run(ctx context.Context, live *session.Live) error {
	for _, n := range o.numbers {
		var targets []string
		if o.restrict {
			old, err := getEvent(ctx, o.source.Reader, n)
			if err != nil {
				return err
			}
			targets = old.Targets
		}
		sent, err := live.Replay(ctx, n, session.Again{Targets: targets, NewID: o.newID})
		if err != nil {
			return err
		}
		select {
		case <-sent.Settled:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := live.Flush(ctx); err != nil {
			return err
		}
		e, err := live.Event(ctx, sent.N)
		if err != nil {
			return err
		}
		if err := o.show(e); err != nil {
			return err
		}
	}
	return nil
}

// Last prints nothing: all was printed as it settled.
func (o *ownReplay) Last(context.Context, *session.Live) error { return nil }

func (r *replayer) show(e *event.Event) error {
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
	return nil
}

// waitPoll is how often another process's history is looked at.
const waitPoll = 50 * time.Millisecond

// waitSettled waits until an event that another process hands over can change
// no more.
func waitSettled(ctx context.Context, store *history.Store, n int64) (*event.Event, error) {
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	for {
		e, err := store.Get(ctx, n)
		if err != nil {
			return nil, err
		}
		if e.Phase == event.PhaseSettled || e.Phase == event.PhasePending {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}
