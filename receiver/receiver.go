// Package receiver is an HTTP handler for deliveries: it verifies, records and
// answers each one, and hands it to targets. [New] makes a [Receiver]. Its
// [Config] needs the path to serve and a [Recorder], which stores the events;
// this package has none. A [Route] leads to a [Target]: a server
// ([NewHTTPTarget], [ParseRoute]), a function ([FuncTarget]), or a type of the
// caller's.
//
// [Receiver.Server] is an http.Server with fitting time-outs, for
// any listener. To stop, call [Receiver.Drain], close the server, and call
// [Receiver.Close].
//
//	sender ──► ServeHTTP ──► verdict ──► body ──► Recorder.Append ──► answer
//	                                                   │
//	                             queue ──► Target.Try ──► Recorder.Update
//	                             (one for each target)
//
// Three decisions shape it:
//
//   - An event is recorded before its sender is answered. So the event is safe when
//     the answer is 2xx.
//   - By default ([Ack]) the sender is answered before any target gets the event. If
//     a webhook's answers are not 2xx, the Hub retries and then suspends the webhook,
//     and a handler under development often fails.
//   - An event waits for a target that refuses connections, because a server that
//     reloads at every save is down for seconds. An event that a target may have read
//     is not sent to it again, unless Config.Retries allows it.
//
// Bodies and headers are recorded and passed on as they came. A delivery with a
// wrong secret or to a wrong path reaches no target.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Receiver receives deliveries and hands them to targets. As an http.Handler it
// is the side that senders reach through the public URL; LocalHandler is the one
// for this machine. [New] makes one, Drain and Close end it.
type Receiver struct {
	config Config
	secret event.Secret

	queues atomic.Pointer[[]*targetQueue] // of all targets; the list is never changed in its place
	adding sync.Mutex                     // held while AddTarget replaces the list

	life         context.Context // ends in Close
	endLife      context.CancelFunc
	attempts     context.Context // ends when tries are cut short: at the end of Drain, or in Close
	stopAttempts context.CancelCauseFunc
	running      sync.WaitGroup // workers and probes

	stopping atomic.Bool
	paused   atomic.Int64 // when handing over was paused, as Unix nanoseconds; 0: it is not
	fault    atomic.Pointer[Fault]

	mu        sync.Mutex
	changed   *sync.Cond // of mu: unsettled is 0, or panicked is true
	unsettled int        // events that are admitted and not settled yet
	panicked  bool       // a goroutine has panicked: its event never settles

	bodies    budget   // of Limits.MaxInFlight
	queued    budget   // of Limits.MaxQueued
	strangers budget   // of Limits.MaxStrangers
	counts    struct { // for Stats; all of them only grow, but for trying
		deliveries, strangers, notFound, checks, refused, unavailable, pending, trying atomic.Int64
		today                                                                          lastDay
	}
}

// errStopped ends the attempts that are running when the receiver stops.
var errStopped = errors.New("interrupted, the receiver stopped")

// ErrStopping means that the receiver accepts no more events.
var ErrStopping = errors.New("the receiver is stopping")

// New makes a Receiver. It has no goroutine until the first event. The error says
// which field of config is invalid.
func New(config Config) (*Receiver, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("making a receiver: %w", err)
	}
	secret, err := event.ParseSecret(config.Secret)
	if err != nil {
		return nil, fmt.Errorf("making a receiver: %w", err)
	}
	r := &Receiver{
		config: config,
		secret: secret,
	}
	r.changed = sync.NewCond(&r.mu)
	r.life, r.endLife = context.WithCancel(context.Background())
	r.attempts, r.stopAttempts = context.WithCancelCause(r.life)
	r.bodies.left.Store(config.Limits.MaxInFlight)
	r.queued.left.Store(config.Limits.MaxQueued)
	r.strangers.left.Store(int64(config.Limits.MaxStrangers))
	r.queues.Store(new(newQueues(r, config.Routes)))
	return r, nil
}

// spawn runs a goroutine that Close waits for.
func (r *Receiver) spawn(f func()) {
	r.running.Go(func() {
		if r.config.OnPanic != nil {
			defer func() {
				if value := recover(); value != nil {
					r.mu.Lock()
					r.panicked = true
					r.changed.Broadcast()
					r.mu.Unlock()
					r.config.OnPanic(value)
				}
			}()
		}
		f()
	})
}

// Server returns a new http.Server for ServeHTTP. It logs nothing. The caller may set
// another Handler, for example LocalHandler. The server has the limits that a handler
// cannot set:
//
//   - The head of a request has at most 64 KiB, and must arrive within 10 s.
//   - An idle connection is closed after 2 minutes.
//   - A whole request may take as long as its body and a relay may, and 30 s more.
func (r *Receiver) Server() *http.Server {
	return &http.Server{
		Handler:                      r,
		ReadHeaderTimeout:            10 * time.Second,
		IdleTimeout:                  2 * time.Minute,
		WriteTimeout:                 r.config.Limits.BodyTotal + r.config.RelayTimeout + 30*time.Second,
		MaxHeaderBytes:               64 << 10,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0),
	}
}

// cutTime is the time for recording attempts that were cut short.
const cutTime = time.Second

// Drain answers further deliveries with 503, and waits until every event is
// settled or ctx ends. Then it marks the events that a target has not got as
// PhasePending, cuts the running attempts short, and records that. It returns
// the number of pending events.
func (r *Receiver) Drain(ctx context.Context) (pending int) {
	before := r.counts.pending.Load()
	r.stopping.Store(true)
	if r.Paused() { // the queues would not move
		for _, q := range *r.queues.Load() {
			q.close()
		}
	}
	r.waitSettled(ctx)
	r.abandon()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutTime)
	defer cancel()
	r.waitSettled(ctx)
	return int(r.counts.pending.Load() - before)
}

// Close ends what Drain has left running, and waits for all goroutines and for
// requests that are being recorded. It waits for a FuncTarget, too, which should
// return when its context ends. Later requests are answered 503.
func (r *Receiver) Close() {
	r.abandon()
	r.waitSettled(context.Background())
	// From here on nothing starts a goroutine: only unsettled events do.
	r.running.Wait()
	r.endLife()
	for _, q := range *r.queues.Load() {
		if c, ok := q.target.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}

// abandon gives up all events that are queued, waiting or being tried.
func (r *Receiver) abandon() {
	r.stopping.Store(true)
	for _, q := range *r.queues.Load() {
		q.close()
	}
	r.stopAttempts(errStopped)
}

// admit counts an event that is about to be recorded. It returns false when the
// receiver is stopping. Each admitted event is settled once.
func (r *Receiver) admit() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping.Load() {
		return false
	}
	r.unsettled++
	return true
}

// settleOne counts an admitted event as settled.
func (r *Receiver) settleOne() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unsettled--; r.unsettled == 0 {
		r.changed.Broadcast()
	}
}

// waitSettled waits until all admitted events are settled, ctx ends, or a panic
// makes that impossible.
func (r *Receiver) waitSettled(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.unsettled > 0 && ctx.Err() == nil && !r.panicked {
		r.changed.Wait()
	}
}

// Pause stops handing events to targets. Deliveries are recorded and answered as
// before, and wait in their order. Tries that are running go on. In Relay the
// sender waits until RelayTimeout, and is answered 504.
func (r *Receiver) Pause() { r.paused.Store(time.Now().UnixNano()) }

// Resume ends a Pause: the targets get the events that have waited.
func (r *Receiver) Resume() {
	r.paused.Store(0)
	for _, q := range *r.queues.Load() {
		q.mu.Lock()
		q.startWorkersLocked()
		q.mu.Unlock()
	}
}

// Paused reports whether the Receiver is paused.
func (r *Receiver) Paused() bool { return r.paused.Load() != 0 }
