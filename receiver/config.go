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

// Recorder is where events are kept. All its methods are called from several
// goroutines at once.
type Recorder interface {
	// Append keeps a new event and sets its N. When it returns
	// nil the event survives the death of the process. It must not keep e.
	Append(ctx context.Context, e *event.Event) error
	// Update notes what became of an event. It does not wait for the disk,
	// and updates are applied in the order of the calls.
	Update(u event.Update)
	// Body reads an event's body back.
	Body(ctx context.Context, n int64) ([]byte, error)
}

// Respond says when a sender is answered.
type Respond int

const (
	// Ack answers 200 as soon as the event is recorded.
	Ack Respond = iota
	// Relay waits for all targets and passes on what they answered.
	Relay
)

// The defaults of Config.
const (
	DefaultConcurrency  = 4
	DefaultQueue        = 10_000
	DefaultWaitTarget   = 60 * time.Second
	DefaultRelayTimeout = 30 * time.Second
	DefaultBackoff      = time.Second
)

// Config says what a Receiver does. Path and Recorder are required; every other
// zero field has a default or stands for nothing.
type Config struct {
	Path     string       // the only path that counts, like "/hf-tap/<token>"
	Secret   string       // what X-Webhook-Secret has to be; empty: nothing is checked
	Session  string       // what recorded events belong to
	Source   event.Source // who sends here, SourceHub by default
	Recorder Recorder
	Routes   []Route
	Respond  Respond

	// Check answers GET and POST of Path + "/check/" + nonce, so that somebody
	// can see that this receiver is what a public URL leads to. A nonce is 1
	// to 128 letters, digits, "-" and "_". Nothing is recorded. Without it
	// those paths are not found.
	Check func(nonce string) string

	Concurrency  int           // events that one target is given at a time, 4 by default; 1 keeps the order
	Queue        int           // events that may wait for one target's turn, 10,000 by default
	WaitTarget   time.Duration // how long an event waits for a target that cannot be reached, 60 s by default; negative: not at all
	Timeout      time.Duration // how long a try may take, 0: as long as it takes, for a breakpoint may last an hour
	RelayTimeout time.Duration // how long a sender waits in Relay, 30 s by default
	Retries      int           // further tries after a failure that another try may mend
	Backoff      time.Duration // pause before the first of them, 1 s by default; doubled for each, up to 30 s
	Limits       Limits

	// OnState is called when something that events depend on changes: a target is
	// down, up or full. It is
	// called from several goroutines and must not block for long.
	OnState func(event.State)

	// OnAnswer is called with each attempt that a target gave a status to, before it
	// is recorded. The event, whose body may be missing, and the attempt must not be
	// changed. It is called from several goroutines and must not block for long.
	OnAnswer func(target Target, e *event.Event, a event.Attempt)

	// OnPanic is called with a panic in one of the Receiver's goroutines, which is
	// a bug in it or in a Target; the event that it was at stays unsettled.
	// Whoever made the Receiver should end it then. Without OnPanic the
	// process dies, as it does of any other panic.
	OnPanic func(value any)
}

// Limits bound what senders can make a Receiver hold. A zero field stands for
// its default.
type Limits struct {
	MaxBody      int64         // bytes of one body, 32 MiB; above: 413
	MaxInFlight  int64         // bytes of all bodies being received or relayed, 256 MiB; above: 503
	MaxQueued    int64         // bytes of bodies held in memory for targets, 64 MiB; above they are read back from the Recorder
	MaxStrangers int           // untrusted deliveries recorded, 1,000; above they are only counted
	MaxBeginning int64         // bytes kept of a body that is untrusted or refused, 16 KiB
	BodyIdle     time.Duration // pause that a sender may make within a body, 15 s
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
	c.Concurrency = cmp.Or(c.Concurrency, DefaultConcurrency)
	c.Queue = cmp.Or(c.Queue, DefaultQueue)
	c.WaitTarget = cmp.Or(c.WaitTarget, DefaultWaitTarget)
	c.RelayTimeout = cmp.Or(c.RelayTimeout, DefaultRelayTimeout)
	c.Backoff = cmp.Or(c.Backoff, DefaultBackoff)
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
	}
	return nil
}
