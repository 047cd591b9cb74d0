package mcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
)

func (s *server) addSessionTools() {
	addTool(s, tool{
		name: "session_status", title: "What runs", reads: true,
		text: "List the sessions that run on this machine, the state of the tunnel, webhook and targets of this server's own session, how many events failed, and the number of the latest event.",
	}, s.sessionStatus)
	if s.Doctor != nil {
		addTool(s, tool{
			name: "doctor", title: "Find out what works from here", waits: true, reads: true, open: true,
			text: "Check what receiving webhooks needs: the token and its permissions, the Hub, the clock, proxies, the state folder, the tunnel, and targets that are named. It makes no webhook, and takes up to a minute.",
		}, s.doctor)
	}
	if s.Survey != nil {
		addTool(s, tool{
			name: "list_webhooks", title: "List webhooks", waits: true, reads: true, open: true,
			text: "List the webhooks of the user's account on the Hub: what each watches and calls, whether it is enabled, and whether an hf-tap made it.",
		}, s.listWebhooks)
	}
	if s.Listen == nil {
		return
	}
	addTool(s, tool{
		name: "start_listening", title: "Receive webhooks here", waits: true, repeats: true, open: true,
		text: "Make a temporary webhook on the Hub and receive here what it delivers, until stop_listening or the end of this server. If a session with the same arguments runs already, it is used.",
	}, s.startListening)
	addTool(s, tool{
		name: "stop_listening", title: "Stop receiving", waits: true, repeats: true, open: true,
		text: "End the session that start_listening has started: its webhook is deleted.",
	}, s.stopListening)
}

// ownSession is the session that a tool has started.
type ownSession struct {
	up     chan struct{} // closed when it is up
	done   chan struct{} // closed when it has ended
	cancel context.CancelFunc

	live *session.Live // once up is closed
	err  error         // why it ended, once done is closed
}

// ended reports whether the session has ended.
func (o *ownSession) ended() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// ownSession returns the session that a tool has started last, nil if none has.
func (s *server) ownSession() *ownSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own
}

// ownLive returns this server's session if it is up, else nil.
func (s *server) ownLive() *session.Live {
	o := s.ownSession()
	if o == nil || o.ended() {
		return nil
	}
	select {
	case <-o.up:
		return o.live
	default:
		return nil
	}
}

// stopOwn ends this server's session, if there is one, and returns what is left.
func (s *server) stopOwn() error {
	s.starting.Lock()
	defer s.starting.Unlock()
	o := s.ownSession()
	if o == nil {
		return nil
	}
	o.cancel()
	<-o.done
	if errors.Is(o.err, listen.ErrLeft) {
		return o.err
	}
	return nil
}

type startIn struct {
	Watches []string `json:"watches,omitempty" jsonschema:"what to watch: repos and accounts, like model:me/m, dataset:me/d, user:me, org:us. Default: the Hub repo of the server's folder, else the user's account"`
	Domains []string `json:"domains,omitempty" jsonschema:"repo, discussion; default both"`
	Targets []string `json:"targets,omitempty" jsonschema:"handlers that get the events: a port and a path on this machine, like 7860/webhook, with a match in front of it if it gets only some, like discussion.*=3000/bot. Default: those that the user has configured; without any, events are only recorded"`
}

type startOut struct {
	Started bool        `json:"started" jsonschema:"false: a session runs already that serves"`
	Session sessionView `json:"session"`
	Notes   []string    `json:"notes,omitempty" jsonschema:"what it said at its start"`
}

// startListening starts a session, unless a running one fits.
func (s *server) startListening(ctx context.Context, c call, in startIn) (out startOut, err error) {
	for i, t := range in.Targets {
		if _, in.Targets[i], err = s.allowed(t); err != nil {
			return out, err
		}
	}
	running, err := s.Dir.Running()
	if err != nil {
		return out, err
	}
	if i := slices.IndexFunc(running, func(r *session.Record) bool { return s.serves(r, in) }); i >= 0 {
		out.Session = s.viewRecord(running[i])
		return out, nil
	}
	before := s.Journal.written()
	o, err := s.begin(ctx, in)
	if err != nil {
		return out, err
	}
	ctx, cancel := s.untilInputEnds(ctx)
	defer cancel()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for began := time.Now(); ; {
		select {
		case <-o.up:
			out.Started, out.Session, out.Notes = true, s.viewLive(o.live), s.Journal.since(before)
			return out, nil
		case <-o.done:
			return out, cmp.Or(o.err, errors.New("the session has ended"))
		case <-ctx.Done():
			o.cancel() // who is not there any more has no use for it
			<-o.done
			return out, ctx.Err()
		case <-tick.C:
			said := s.Journal.since(before)
			c.progress(ctx, time.Since(began).Seconds(), 0, strings.Join(said[max(len(said)-1, 0):], ""))
		}
	}
}

// begin starts this server's own session. Only one of two calls does.
func (s *server) begin(ctx context.Context, in startIn) (*ownSession, error) {
	s.starting.Lock()
	defer s.starting.Unlock()
	if err := s.input.Err(); err != nil {
		return nil, err
	}
	if o := s.ownSession(); o != nil && !o.ended() {
		return nil, hint.With(errors.New("this server runs a session already, for something else"), "stop_listening ends it")
	}
	targets := in.Targets
	if len(targets) == 0 {
		for _, t := range s.Targets {
			targets = append(targets, t.Text)
		}
	}
	options, release, err := s.Listen(ctx, in.Watches, in.Domains, targets)
	if err != nil {
		return nil, err
	}
	for i := range options.Session.Receiver.Routes {
		r := &options.Session.Receiver.Routes[i]
		if event.IsCommand(r.Target.Name()) {
			release()
			return nil, fmt.Errorf("the target %q is a command, and no tool runs commands", r.Target.Name())
		}
	}
	running, cancel := context.WithCancel(s.input)
	o := &ownSession{up: make(chan struct{}), done: make(chan struct{}), cancel: cancel}
	s.Notes.Mask.Add(options.Session.Secret)
	options.View = listen.View{Out: io.Discard, Notes: s.Notes, Getenv: s.Getenv}
	var once sync.Once // it is announced again when the public address has changed
	options.Announce = func(live *session.Live) {
		once.Do(func() {
			o.live = live
			close(o.up)
		})
	}
	s.mu.Lock()
	s.own = o
	s.mu.Unlock()
	go func() {
		defer close(o.done)
		defer cancel()
		defer release()
		o.err = listen.Run(running, options)
	}()
	return o, nil
}

type stopOut struct {
	Stopped bool     `json:"stopped" jsonschema:"false: there was none"`
	Notes   []string `json:"notes,omitempty" jsonschema:"what it said at its end"`
}

func (s *server) stopListening(context.Context, call, struct{}) (stopOut, error) {
	was, before := s.ownLive() != nil, s.Journal.written()
	if err := s.stopOwn(); err != nil {
		return stopOut{}, err
	}
	return stopOut{Stopped: was, Notes: s.Journal.since(before)}, nil
}

type statusOut struct {
	Notice     string        `json:"notice"`
	Hub        string        `json:"hub" jsonschema:"the address of the Hub"`
	Sessions   []sessionView `json:"sessions" jsonschema:"those that run on this machine"`
	Ended      string        `json:"ended,omitempty" jsonschema:"why this server's own session has ended"`
	Targets    []string      `json:"targets" jsonschema:"those that the user has configured for this server; any on this machine may be used besides"`
	LastN      int64         `json:"last_n" jsonschema:"the number of the latest event"`
	Failed     int           `json:"failed" jsonschema:"events that a target did not take"`
	Pending    int           `json:"pending" jsonschema:"events that may not have been handed over"`
	LeftBehind int           `json:"left_behind,omitempty" jsonschema:"killed sessions that may have left a webhook: hf-tap webhooks prune"`
	Trouble    string        `json:"trouble,omitempty" jsonschema:"what could not be found out"`
	Notes      []string      `json:"notes" jsonschema:"the latest lines that this server has logged"`
}

// sessionView is a running session.
type sessionView struct {
	ID       string           `json:"id"`
	Own      bool             `json:"own" jsonschema:"start_listening has started it; it ends with this server"`
	Since    string           `json:"since,omitempty"`
	Hub      string           `json:"hub,omitempty"`
	User     string           `json:"user,omitempty"`
	Webhook  string           `json:"webhook,omitempty" jsonschema:"the id of its webhook; none: the user made one by hand"`
	Watches  []string         `json:"watches,omitempty"`
	Domains  []string         `json:"domains,omitempty"`
	Public   string           `json:"public_url,omitempty"`
	Tunnel   string           `json:"tunnel,omitempty" jsonschema:"the provider, and how it is"`
	Queued   int64            `json:"queued,omitempty" jsonschema:"events before their turn"`
	Targets  []liveTargetView `json:"targets,omitempty" jsonschema:"only of this server's own session"`
	Troubles []string         `json:"troubles,omitempty"`
}

// liveTargetView is a target and how its last try ended.
type liveTargetView struct {
	Name   string `json:"name"`
	Down   bool   `json:"down" jsonschema:"it could not be reached at the last try"`
	Status int    `json:"status,omitempty"`
	At     string `json:"at,omitempty" jsonschema:"when it was tried last"`
	Queued int    `json:"queued"`
}

func (s *server) sessionStatus(ctx context.Context, _ call, _ struct{}) (statusOut, error) {
	out := statusOut{Notice: notice, Hub: s.Endpoint, Sessions: []sessionView{}, Targets: []string{}, Notes: s.Journal.since(0)}
	for _, t := range s.Targets {
		out.Targets = append(out.Targets, t.name())
	}
	running, err := s.Dir.Running()
	for _, r := range running {
		out.Sessions = append(out.Sessions, s.viewRecord(r))
	}
	if o := s.ownSession(); o != nil && o.ended() && o.err != nil {
		out.Ended = errorText(o.err)
	}
	left, damaged, leftErr := s.Dir.LeftBehind()
	out.LeftBehind = len(left) + len(damaged)
	countErr := s.read(ctx, func(r *history.Reader) (err error) {
		if out.Failed, out.Pending, err = s.Dir.Undelivered(ctx, r); err != nil {
			return err
		}
		newest, err := r.List(ctx, history.Query{Limit: 1})
		if len(newest) > 0 {
			out.LastN = newest[0].N
		}
		return err
	})
	if errors.Is(countErr, errNoHistory) {
		countErr = nil
	}
	if err := errors.Join(err, leftErr, countErr); err != nil {
		out.Trouble = errorText(err)
	}
	return out, ctx.Err()
}

// viewRecord returns the view of a session from its record, with live details if it is
// this server's own.
func (s *server) viewRecord(r *session.Record) sessionView {
	if live := s.ownLive(); live != nil && live.ID == r.ID {
		return s.viewLive(live)
	}
	v := sessionView{ID: r.ID, Since: stamp(r.Started), Hub: r.Endpoint, User: r.User, Webhook: r.Webhook, Public: event.MaskURL(r.PublicURL)}
	for _, w := range r.Watches {
		v.Watches = append(v.Watches, w.String())
	}
	return v
}

// viewLive is this server's own session.
func (s *server) viewLive(live *session.Live) sessionView {
	tunnel, stats := live.Tunnel(), live.Receiver.Stats()
	v := sessionView{
		ID: live.ID, Own: true, Hub: live.Endpoint, Webhook: live.Webhook(), Public: event.MaskURL(tunnel.URL),
		Tunnel: fmt.Sprintf("%s, %s since %s", tunnel.Provider, tunnel.State, stamp(tunnel.Since)), Queued: stats.Queued,
	}
	for _, w := range live.Watches {
		v.Watches = append(v.Watches, w.String())
	}
	for _, d := range live.Domains {
		v.Domains = append(v.Domains, string(d))
	}
	for _, t := range stats.Targets {
		seen := liveTargetView{Name: event.MaskURL(t.Name), Down: t.Down, Status: t.Status, Queued: t.Queued}
		if !t.At.IsZero() {
			seen.At = stamp(t.At)
		}
		v.Targets = append(v.Targets, seen)
	}
	if tunnel.Cause != nil {
		v.Troubles = append(v.Troubles, "tunnel: "+present.Error(tunnel.Cause))
	}
	if check := live.LastCheck(); check.Err != nil {
		v.Troubles = append(v.Troubles, "self-check: "+present.Error(check.Err))
	}
	if w := live.WebhookState(); w.State == "unknown" || w.State == "deleted" || w.State == "suspended" {
		v.Troubles = append(v.Troubles, present.State(&w))
	}
	return v
}

// serves reports whether a running session fits the arguments of a call. What a session
// of another process forwards, and which domains it watches, is not known.
func (s *server) serves(r *session.Record, in startIn) bool {
	is := session.Running{Watches: r.Watches}
	for _, text := range in.Watches {
		w, err := hub.ParseWatch(text)
		if err != nil {
			return false // it is said where the session is started
		}
		repo, isRepo := w.Repo()
		if len(r.Watches) == 0 || !slices.ContainsFunc(r.Watches, func(is hub.Watch) bool { return is.String() == w.String() }) && !(isRepo && is.Watched(repo)) {
			return false
		}
	}
	if r.Endpoint != s.Endpoint {
		return false
	}
	if len(in.Domains)+len(in.Targets) == 0 {
		return true
	}
	live := s.ownLive()
	if live == nil || live.ID != r.ID {
		return false
	}
	for _, d := range in.Domains {
		if !slices.Contains(live.Domains, hub.Domain(d)) {
			return false
		}
	}
	for _, t := range in.Targets {
		if route, err := receiver.ParseRoute(t); err != nil || !live.Receiver.HasTarget(route.Target.Name()) {
			return false
		}
	}
	return true
}
