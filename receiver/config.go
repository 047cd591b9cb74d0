package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Recorder stores events. Its methods are called from several goroutines at
// once.
type Recorder interface {
	// Append stores a new event and sets e.N, a number that no other event has. When
	// it has returned nil, the sender is answered 2xx: the event should survive the
	// death of the process from then on. Append must copy what it keeps of e.
	Append(ctx context.Context, e *event.Event) error
	// Update stores a change of an event. The changes of an event come in order.
	// Update must not wait for a disk.
	Update(u event.Update)
	// Body returns the body of an event. It is called for queued events whose bodies
	// exceed Limits.MaxQueued.
	Body(ctx context.Context, n int64) ([]byte, error)
}

// Respond is when a sender gets its answer: at once, or after the targets.
type Respond int

const (
	// Ack answers 200 as soon as the event is recorded.
	Ack Respond = iota
	// Relay waits for all targets and answers with the status of the first, in
	// the order of the routes, that is not 2xx, else with that of the first.
	Relay
)

// Config configures a Receiver. Path and Recorder are required; every other
// field has a default.
type Config struct {
	Path     string       // the only path that deliveries are accepted at, for example "/hooks/<token>"
	Secret   string       // the webhook's secret; empty: deliveries are not verified
	Session  string       // copied into each event
	Source   event.Source // copied into each event; SourceHub by default
	LocalKey string       // the key of callers of LocalHandler; empty: all are refused
	Recorder Recorder
	Routes   []Route // an event goes to each route that matches; without routes, events are only recorded
	Respond  Respond // when the sender is answered; Ack by default

	// Check returns the answer to GET and POST of Path + "/check/" + nonce. With it
	// tunnel.Verify finds out whether a public URL leads to this receiver. A nonce is
	// 1 to 128 letters, digits, "-" and "_". Nothing is recorded. If Check is nil, the
	// answer is 404.
	Check func(nonce string) string

	Concurrency  int           // events that a target gets at the same time, 4 by default; 1 keeps their order
	Queue        int           // events that may wait in the queue of a target, 10,000 by default
	WaitTarget   time.Duration // how long an event waits for a target that cannot be reached, 60 s by default, in Relay at most as long as the sender; negative: not at all
	Timeout      time.Duration // how long a try may take; 0: no limit, because a breakpoint may last an hour
	RelayTimeout time.Duration // how long a sender waits in Relay, 30 s by default
	Retries      int           // how many more tries there are after a failure that may be temporary
	Backoff      time.Duration // the pause before the first of them, 1 s by default; doubled after each, up to 30 s
	Limits       Limits

	// OnState is called when a target becomes down, up or full, and when it first
	// answers 2xx with an error in the body. It is called from several goroutines and
	// must return soon.
	OnState func(event.State)

	// OnAnswer is called with each attempt that the target has answered, when it is
	// recorded. It must not change the event, whose body may be missing, or the
	// attempt. It is called from several goroutines and must return soon.
	OnAnswer func(target Target, e *event.Event, a event.Attempt)

	// OnPanic is called with a panic in one of the Receiver's goroutines, which is
	// a bug in it or in a Target. The event stays unsettled, and the caller should
	// stop the Receiver. If OnPanic is nil, the panic ends the process.
	OnPanic func(value any)
}

// Limits bounds the memory and the connections that senders can make a Receiver
// use. A zero field has its default.
type Limits struct {
	MaxBody      int64         // bytes of one body, 32 MiB; above: 413
	MaxInFlight  int64         // bytes of all bodies that are being received or relayed, 256 MiB; above: 503
	MaxQueued    int64         // bytes of bodies held in memory for targets, 64 MiB; above they are read back from the Recorder
	MaxStrangers int           // untrusted deliveries recorded, 1,000; above they are only counted
	MaxBeginning int64         // bytes kept of a body that is untrusted or refused, and of the headers of an untrusted one, 16 KiB
	BodyIdle     time.Duration // pause of a sender within a body, 15 s
	BodyTotal    time.Duration // time that a body may take, 2 min
}

func (l Limits) withDefaults() Limits {
	return Limits{
		MaxBody:      cmp.Or(l.MaxBody, 32<<20),
		MaxInFlight:  cmp.Or(l.MaxInFlight, 256<<20),
		MaxQueued:    cmp.Or(l.MaxQueued, 64<<20),
		MaxStrangers: cmp.Or(l.MaxStrangers, 1000),
		MaxBeginning: cmp.Or(l.MaxBeginning, 16<<10),
		BodyIdle:     cmp.Or(l.BodyIdle, 15*time.Second),
		BodyTotal:    cmp.Or(l.BodyTotal, 2*time.Minute),
	}
}

func (c Config) withDefaults() Config {
	c.Source = cmp.Or(c.Source, event.SourceHub)
	c.Concurrency = cmp.Or(c.Concurrency, 4)
	c.Queue = cmp.Or(c.Queue, 10_000)
	c.WaitTarget = cmp.Or(c.WaitTarget, 60*time.Second)
	c.RelayTimeout = cmp.Or(c.RelayTimeout, 30*time.Second)
	c.Backoff = cmp.Or(c.Backoff, time.Second)
	c.Limits = c.Limits.withDefaults()
	if c.OnState == nil {
		c.OnState = func(event.State) {}
	}
	return c
}

func (c Config) validate() error {
	switch {
	case !strings.HasPrefix(c.Path, "/"):
		return fmt.Errorf("path %q does not begin with a slash", c.Path)
	case c.Recorder == nil:
		return errors.New("no recorder")
	case c.Respond != Ack && c.Respond != Relay:
		return fmt.Errorf("unknown way to respond: %d", c.Respond)
	case c.Concurrency < 0 || c.Queue < 0 || c.Retries < 0:
		return errors.New("concurrency, queue and retries cannot be negative")
	}
	for _, route := range c.Routes {
		if route.Target == nil {
			return errors.New("a route has no target")
		}
		if route.Path != "" && (len(route.Path) < 2 || route.Path[0] != '/') {
			return fmt.Errorf("the path %q of a route does not begin with a slash and a name", route.Path)
		}
	}
	return nil
}
