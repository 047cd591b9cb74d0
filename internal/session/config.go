package session

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/app"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel"
)

// Config configures a session.
type Config struct {
	Dir       Dir
	Endpoint  string      // of the Hub, without a slash at its end
	Hub       *hub.Client // nil with NoWebhook
	NoWebhook bool        // the user makes the webhook by hand
	Local     bool        // nobody but this machine delivers: nothing to verify, tend or record a lease of

	Watches []hub.Watch  // none: what Like watches, or the token's user
	Domains []hub.Domain // none: those of Like, or both
	Like    string       // id of a webhook to take watches and domains from
	Mute    []string     // ids of webhooks to disable while the session runs

	Secret    string
	Tunnel    TunnelConfig
	NewURL    bool                   // a fresh address at gradio.live, kept from now on
	Public    *http.Client           // asks at the public address; nil: a plain one
	Moved     func(url string) error // called when the public address has become another; may be nil
	App       app.Config             // the app under development, none without Args; the session adds to its Env
	AppEnd    AppEnd                 // what happens when it ends
	AppPort   string                 // where the app is to listen, which its environment says
	AppPicked bool                   // the user did not name AppPort, and hints leave it out
	Receiver  receiver.Config        // routes, ways to respond and limits; the session fills in the rest
	Retention history.Retention      // what is kept of the history while the session runs; the zero value: all
	Times     Times
	Tell      func(line string) // a line for people, on standard error
	Log       *slog.Logger      // nil: none
}

// Times are the session's intervals and deadlines; zero values stand for the
// defaults.
type Times struct {
	Call    time.Duration // of each Hub call that no signal may cut short: 10 s
	Verify  time.Duration // how long the first self-check tries: 10 s
	Tend    time.Duration // between looks after the webhook: 1 min
	Again   time.Duration // before a second try to point the webhook to another address, doubling up to Tend: 1 s
	Drain   time.Duration // for the queue, on the way out: 5 s
	Look    time.Duration // between looks at the state folder, which may be moved or removed at any time: 2 s
	Restart time.Duration // before the first restart of an app that ended, doubling up to 30 s: 1 s
	Retain  time.Duration // between looks for events that are not kept any more: 1 h
	Tunnel  tunnel.KeeperTimes
}

func (t Times) withDefaults() Times {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&t.Call, 10 * time.Second}, {&t.Verify, 10 * time.Second}, {&t.Tend, time.Minute}, {&t.Again, time.Second}, {&t.Drain, 5 * time.Second}, {&t.Look, 2 * time.Second}, {&t.Retain, time.Hour}, {&t.Restart, time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return t
}

// Live is a running session, as its front end sees it.
type Live struct {
	ID       string
	Endpoint string // the Hub's
	Watches  []hub.Watch
	Domains  []hub.Domain
	Receiver *receiver.Receiver

	store        *history.Store
	path, secret string // what deliveries have
	keeper       *tunnel.Keeper
	place        atomic.Pointer[place]
	states       *states
	report       func(event.State)
	host         *appHost
}

// Check is a self-check through the public address.
type Check struct {
	At   time.Time // zero when there was none
	Took time.Duration
	Err  error
}

// states are the latest reported states.
type states struct {
	webhook atomic.Pointer[event.State]
	check   atomic.Pointer[Check]
}

// WebhookState is the latest state of the webhook, the zero value if there is none.
func (l *Live) WebhookState() event.State {
	if s := l.states.webhook.Load(); s != nil {
		return *s
	}
	return event.State{}
}

// LastCheck is the latest self-check.
func (l *Live) LastCheck() Check {
	if c := l.states.check.Load(); c != nil {
		return *c
	}
	return Check{}
}

// place is the session's public address and the id of its webhook. It may change while
// the session runs.
type place struct{ url, webhook string }

// URL is the public address that the webhook points at.
func (l *Live) URL() string { return l.place.Load().url }

// Webhook is the webhook's id, empty without one.
func (l *Live) Webhook() string { return l.place.Load().webhook }

// Tunnel returns the state of the tunnel.
func (l *Live) Tunnel() tunnel.Status { return l.keeper.Status() }

// point sets the address and the webhook from a record.
func (l *Live) point(rec *Record) { l.place.Store(&place{rec.URL(), rec.Webhook}) }

// TokenError means that the token is known to lack the permission to write webhooks.
type TokenError struct {
	User   string // whose token it is
	Reason string // what it lacks
}

// Error names the token's user and the missing permission.
func (e *TokenError) Error() string {
	return fmt.Sprintf("the token of %q may not write webhooks: %s", e.User, e.Reason)
}

// Summary is the result of a session: the events that it kept, and the webhooks that it
// deleted or left.
type Summary struct {
	ID      string   // the session's
	ByHand  string   // where to delete the webhook that its user was asked to make, which the session cannot; empty if it made its own
	Deleted []string // webhooks of the session that were deleted
	Left    string   // the webhook that could not be deleted
	Enabled []string // muted webhooks that were enabled again
	Doubt   bool     // a create was never answered, and the webhook was not found: the next start looks again
	Kept    int      // events in the history
	Failed  int      // of those, how many a target did not take
	Pending int      // of those, how many were never handed over
}

// Happened reports whether the session did anything worth a line to the user.
func (s Summary) Happened() bool {
	return len(s.Deleted)+len(s.Enabled)+s.Kept > 0 || s.Left != "" || s.Doubt
}

// Front is a front end: it shows a session to people or programs.
type Front interface {
	// Run shows the session until ctx ends or what it waited for has come.
	Run(ctx context.Context, live *Live) error
	// Last shows what has come of the session since, when nothing can change any
	// more: its webhook is deleted and its queue is empty.
	Last(ctx context.Context, live *Live) error
}
