// Package session runs a session: it starts the receiver, the tunnel and the webhook in
// order, checks them while it runs, and stops them in order.
//
// The order keeps these promises. A session changes nothing on the account before a
// record of the change is on disk. It creates the webhook last, and deletes it first.
// It answers a delivery only after the event is recorded. Before it closes the history,
// it marks the events that no target got.
//
// Every end of a session goes through stop. After a SIGKILL, Sweep does that work at
// the next start.
//
// Three names are used throughout. A Record is the file that says what a session has on
// the account. A holding is that file with the lock that shows that the session lives.
// A lease is the webhook, from its creation to its deletion.
package session

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel"
)

// Run starts a session, runs the front end, and stops the session. The session ends
// when front.Run returns, when ctx ends, or when a part that it needs fails. The summary
// is valid also with an error. The end of ctx is not an error, because it is the usual
// end of a session.
func Run(ctx context.Context, cfg Config, front Front) (sum Summary, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cfg.Times = cfg.Times.withDefaults()
	if cfg.Tell == nil {
		cfg.Tell = func(string) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &run{Config: cfg, id: newID(), cancel: cancel, rec: &Record{Version: recordVersion}, front: front,
		statuses: make(chan tunnel.Status, 1), targets: make(chan event.State, 16), wake: make(chan struct{}, 1)}
	rand.Read(r.key[:]) // never fails
	err = r.start(ctx)
	if err == nil {
		err = r.show(ctx, front.Run)
	}
	if cause := context.Cause(ctx); cause != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = cause
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	sum, stopErr := r.stop(ctx)
	return sum, errors.Join(err, stopErr)
}

// run is a running session. start sets the fields in this order, and stop closes them.
// A field that is nil was never started.
type run struct {
	Config
	id     string
	key    [32]byte // proves in the self-check that it is us who answer
	cancel context.CancelCauseFunc

	holding *holding
	rec     *Record
	store   *history.Store
	gradio  gradioName
	keeper  *tunnel.Keeper
	recv    *receiver.Receiver
	servers []*http.Server
	lease   *lease
	host    *appHost
	front   Front
	live    *Live

	troubles advice.Watch       // problems of targets that their answers show
	statuses chan tunnel.Status // the tunnel's latest, for tend; one slot
	wake     chan struct{}      // makes tend check the webhook now; one slot
	targets  chan event.State   // whether a target is down or up, for watchAppPort
	states   states
	looks    []func(context.Context) // checks of the state folder, run every Times.Look

	background sync.WaitGroup     // the servers
	asking     asking             // targets for their paths
	tending    sync.WaitGroup     // tend, and the keeper of the tunnel
	endTending context.CancelFunc // nil until tend runs

	watching    sync.WaitGroup     // watchFolder
	endWatching context.CancelFunc // nil until it runs
}

// spawn runs f in a goroutine of wg. A panic in it ends the session in the usual order,
// and not the process.
func (r *run) spawn(wg *sync.WaitGroup, f func()) {
	wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				_ = r.panicked(p)
			}
		}()
		f()
	})
}

// panicked keeps the stack for a report, and ends the session with the error
// that it returns.
func (r *run) panicked(value any) error {
	r.Log.Error("panic", "value", value, "stack", string(debug.Stack()))
	err := fmt.Errorf("hf-tap has a bug: %v; the log in the state folder says where", value)
	r.cancel(err)
	return err
}

// show runs the front end. A panic in it ends the session in the usual order, too.
func (r *run) show(ctx context.Context, front func(context.Context, *Live) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = r.panicked(p)
		}
	}()
	return front(ctx, r.live)
}

func (r *run) start(ctx context.Context) error {
	steps := []func(context.Context) error{r.identify, r.sweep, r.openHistory, r.openTunnel, r.serve, r.watchFolder, r.verify, r.makeWebhook, r.goLive, r.startApp}
	if r.Local {
		steps = []func(context.Context) error{r.openHistory, r.openTunnel, r.serve, r.watchFolder, r.goLive}
	}
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes the webhooks and records of dead sessions. If that fails, it prints why
// and the session starts all the same: what is left stays on record.
func (r *run) sweep(ctx context.Context) error {
	if err := r.Dir.Make(); err != nil {
		return err
	}
	loose, err := r.Dir.Tighten()
	if line := LooseLine(loose); line != "" {
		r.Tell(line)
	}
	if err != nil {
		r.Tell(oneLine(err))
	}
	swept, err := Sweep(ctx, r.Dir, r.Hub, r.Endpoint, r.rec.User)
	for _, line := range swept.lines() {
		r.Tell(line)
	}
	if err != nil && ctx.Err() == nil {
		r.Log.Warn("sweep", "error", err)
		if len(swept.Left()) == 0 {
			r.Tell("some leftovers of killed sessions could not be checked: " + oneLine(err))
		}
	}
	return nil
}

// openHistory takes the session's lock, which shows others that it lives, and opens the
// history. It ends the sessions there whose processes have died.
func (r *run) openHistory(ctx context.Context) (err error) {
	if r.holding, err = r.Dir.hold(r.id); err != nil {
		return err
	}
	if r.store, err = history.Open(ctx, r.Dir.History()); err != nil {
		return err
	}
	if loose := r.store.Tightened(); len(loose) > 0 {
		r.Tell("made private, others had access: " + strings.Join(loose, ", "))
	}
	if err := r.Dir.EndDead(ctx, r.store); err != nil {
		return err
	}
	if r.Local {
		return nil
	}
	pending, err := r.store.Count(ctx, history.Query{Pending: true})
	if err != nil {
		return err
	}
	if pending > 0 {
		r.Tell(fmt.Sprintf("%s may not have been handed over: hf-tap events replay --pending, or events dismiss --pending", plural(pending, "event", "events")))
	}
	return nil
}

// serve starts the receiver on the tunnel's listener and on one of its own for
// callers on this machine, for example a replay.
func (r *run) serve(ctx context.Context) error {
	now := time.Now()
	r.rec.ID, r.rec.Machine, r.rec.PID, r.rec.Started = r.id, machineHash(), os.Getpid(), now
	r.rec.Endpoint, r.rec.PublicURL, r.rec.Token = r.Endpoint, r.keeper.Status().URL, newToken()
	local, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for callers on this machine: %w", err)
	}
	r.rec.Local, r.rec.LocalKey = local.Addr().String(), rand.Text()
	if err := r.store.StartSession(ctx, r.info()); err != nil {
		return errors.Join(err, local.Close())
	}
	cfg := r.Receiver
	cfg.Path, cfg.Secret, cfg.Session, cfg.Recorder = r.rec.Path(), r.Secret, r.id, r.store
	cfg.LocalKey = r.rec.LocalKey
	cfg.Check, cfg.OnState, cfg.OnAnswer = r.prove, r.reportTarget, r.advise
	cfg.OnPanic = func(value any) { _ = r.panicked(value) }
	if r.recv, err = receiver.New(cfg); err != nil {
		return errors.Join(err, local.Close())
	}
	r.listen(r.keeper.Listener(), r.recv)
	r.listen(local, r.recv.LocalHandler())
	return nil
}

// info is the session's entry in the history.
func (r *run) info() history.Session {
	return history.Session{ID: r.id, StartedAt: r.rec.Started, PID: r.rec.PID, Endpoint: r.Endpoint, User: r.rec.User, URL: r.rec.URL()}
}

func (r *run) listen(ln net.Listener, h http.Handler) {
	srv := r.recv.Server()
	srv.Handler = h
	srv.ErrorLog = slog.NewLogLogger(r.Log.Handler(), slog.LevelWarn)
	r.servers = append(r.servers, srv)
	r.spawn(&r.background, func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			r.cancel(fmt.Errorf("serve on %s: %w", ln.Addr(), err))
		}
	})
}

// prove returns the answer to a self-check, which only this process knows.
func (r *run) prove(nonce string) string {
	mac := hmac.New(sha256.New, r.key[:])
	mac.Write([]byte(nonce))
	return hex.EncodeToString(mac.Sum(nil))
}

// report records a state in the history, where every front end sees it. It uses no
// context, because a session reports also after its own has ended.
func (r *run) report(s event.State) {
	s.Session, s.At = r.id, time.Now()
	if s.Subject == event.SubjectWebhook && s.State != "muted" {
		r.states.webhook.Store(&s)
	}
	switch err := r.store.AppendState(context.Background(), s); {
	case errors.Is(err, history.ErrClosed): // nobody follows it any more
		r.Tell(strings.TrimSuffix(fmt.Sprintf("%s %s %s: %s", s.Subject, s.Name, s.State, s.Detail), ": "))
	case err != nil:
		r.Log.Warn("record a state", "subject", s.Subject, "state", s.State, "error", err)
	}
}

// reportTarget reports the state of a target, also to the goroutine that watches the
// app's.
func (r *run) reportTarget(s event.State) {
	r.report(s)
	select {
	case r.targets <- s:
	default: // there is no app, or it has much to look at already
	}
}

// makeWebhook saves the record, and then creates the webhook. A session without a
// webhook has a record, too: callers on this machine find the session by it.
func (r *run) makeWebhook(ctx context.Context) error {
	r.rec.PublicURL = r.keeper.Status().URL // the self-check may have found another
	r.rec.Watches = r.Watches
	r.lease = &lease{holding: r.holding, hub: r.Hub, rec: r.rec, deadline: r.Times.Call, say: r.report,
		spec: hub.WebhookSpec{Watched: r.Watches, Domains: r.Domains, Secret: r.Secret}}
	if err := r.holding.save(r.rec); err != nil {
		return err
	}
	if !r.NoWebhook {
		if err := r.lease.mute(ctx, r.Mute); err != nil {
			return err
		}
		if err := r.lease.create(ctx); err != nil {
			return err
		}
		r.lease.reportState("created", "")
	}
	return nil
}

// goLive makes the Live that front ends use, and starts the goroutines that watch the
// tunnel and the webhook.
func (r *run) goLive(ctx context.Context) error {
	hosted := r.App
	hosted.Env = append(hosted.Env[:len(hosted.Env):len(hosted.Env)], AppEnv(r.Secret, r.AppPort)...)
	r.host = newAppHost(hosted)
	r.live = &Live{
		ID: r.id, Endpoint: r.Endpoint, Watches: r.Watches, Domains: r.Domains, Receiver: r.recv,
		store: r.store, path: r.rec.Path(), secret: r.Secret, keeper: r.keeper, states: &r.states, report: r.report, host: r.host,
	}
	r.live.point(r.rec)
	if r.Local {
		return nil
	}
	ctx, r.endTending = context.WithCancel(ctx)
	r.spawn(&r.tending, func() { r.keeper.Run(ctx) })
	r.spawn(&r.tending, func() { r.tend(ctx) })
	if r.Retention != (history.Retention{}) {
		r.spawn(&r.tending, func() { r.retain(ctx) })
	}
	return nil
}

// identify asks the Hub for the user and the permissions of the token, before anything
// is opened. Then it decides what the webhook watches.
func (r *run) identify(ctx context.Context) error {
	if r.NoWebhook {
		return nil
	}
	who, err := r.Hub.WhoAmI(ctx)
	if err != nil {
		return err
	}
	if may := who.CanWriteWebhooks(); may.Refused() {
		return &TokenError{User: who.Name, Reason: may.Reason}
	}
	r.rec.User = who.Name
	if r.Like != "" {
		like, err := r.Hub.GetWebhook(ctx, r.Like)
		if err != nil {
			return fmt.Errorf("read the watches of %s: %w", r.Like, err)
		}
		if len(r.Watches) == 0 {
			r.Watches = slices.Clone(like.Watched)
		}
		if len(r.Domains) == 0 {
			r.Domains = like.Domains
		}
	}
	if len(r.Watches) == 0 {
		r.Watches = []hub.Watch{{Type: "user", Name: who.Name}}
	}
	if len(r.Domains) == 0 {
		r.Domains = hub.Domains()
	}
	for i := range r.Watches {
		r.Watches[i].AvatarURL = "" // the Hub's own, never sent
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
