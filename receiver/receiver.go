// Package receiver is an HTTP handler for deliveries: it verifies, records and
// answers each one, and hands it to targets. [New] makes a [Receiver]. Its
// [Config] needs the path to serve and a [Recorder], which stores the events;
// this package has none. A [Route] leads to a [Target]: a server
// ([NewHTTPTarget], [ParseRoute]), a function ([FuncTarget]), or a type of the
// caller's.
//
// [Receiver.Server] is an http.Server with fitting time-outs, to be served on
// any listener. To stop, call [Receiver.Drain], close the server, and call
// [Receiver.Close].
//
//	sender ──► ServeHTTP ──► verdict ──► body ──► Recorder.Append ──► answer
//	                                                   │
//	                              lane ──► Target.Try ──► Recorder.Update
//	                              (one for each target)
//
// Three decisions shape it:
//
//   - An event is recorded before its sender is answered. An answer of 2xx means
//     that the event is safe.
//   - By default ([Ack]) the sender is answered before any target has the event.
//     The Hub retries, and then suspends a webhook whose handler does not answer
//     2xx, and a handler under development often does not.
//   - An event waits for a target that refuses connections, because a server
//     that reloads at every save is down for seconds. An event that a target may
//     have read is not sent to it again, unless Config.Retries allows it.
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
	lanes  lanes

	life     context.Context // ends in Close
	die      context.CancelFunc
	attempts context.Context // ends with the queue: at the end of Drain, or in Close
	cut      context.CancelCauseFunc
	running  sync.WaitGroup // workers, probers and relays of Deliver

	stopping  atomic.Bool
	paused    atomic.Int64 // when handing over was paused, as Unix nanoseconds; 0: it is not
	fault     atomic.Pointer[activeFault]
	unsettled atomic.Int64  // events taken and not settled yet
	idle      chan struct{} // told when unsettled gets to 0; one slot
	broken    chan struct{} // closed when a goroutine panicked: its event never settles
	breaking  sync.Once

	bodies budget // of Limits.MaxInFlight
	queued budget // of Limits.MaxQueued
	counts counts
}

// errStopped ends the attempts that are running when a session ends.
var errStopped = errors.New("interrupted, the receiver stopped")

// ErrStopping means that the receiver takes no more events.
var ErrStopping = errors.New("the receiver is stopping")

// New makes a Receiver, which has no goroutine until the first event. The error
// says which field of config is invalid.
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
		idle:   make(chan struct{}, 1),
		broken: make(chan struct{}),
	}
	r.life, r.die = context.WithCancel(context.Background())
	r.attempts, r.cut = context.WithCancelCause(r.life)
	r.bodies.left.Store(config.Limits.MaxInFlight)
	r.queued.left.Store(config.Limits.MaxQueued)
	r.counts.strangersLeft.Store(int64(config.Limits.MaxStrangers))
	r.lanes.all.Store(new(makeLanes(r, config.Routes)))
	return r, nil
}

// spawn runs a goroutine that Close waits for.
func (r *Receiver) spawn(f func()) {
	r.running.Go(func() {
		if r.config.OnPanic != nil {
			defer func() {
				if value := recover(); value != nil {
					r.breaking.Do(func() { close(r.broken) })
					r.config.OnPanic(value)
				}
			}()
		}
		f()
	})
}

// Server returns a new http.Server for ServeHTTP, with time-outs and limits that
// the handler itself cannot set: 10 s for the head of a request, which has at
// most 64 KiB; 2 minutes for an idle connection; and for a whole request the
// time that its body and a relay may take, and 30 s more. It logs nothing. The
// caller may set another Handler, for example LocalHandler.
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

// cutTime is how long attempts that were cut short get to be recorded.
const cutTime = time.Second

// Drain answers further deliveries with 503, and waits until every event is
// settled or ctx ends. Then it marks the events that no target has got as
// PhasePending, cuts the running attempts short, and records that. It returns
// the number of pending events.
func (r *Receiver) Drain(ctx context.Context) (left int) {
	before := r.counts.left.Load()
	r.stopping.Store(true)
	if r.Paused() { // what is queued would wait in vain
		for _, lane := range r.lanes.list() {
			lane.close()
		}
	}
	r.waitSettled(ctx)
	r.abandon()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutTime)
	defer cancel()
	r.waitSettled(ctx)
	return int(r.counts.left.Load() - before)
}

// abandon gives up whatever is queued, waiting or being tried.
func (r *Receiver) abandon() {
	r.stopping.Store(true)
	for _, lane := range r.lanes.list() {
		lane.close()
	}
	r.cut(errStopped)
}

// Close ends what Drain has left running, and waits for all goroutines and for
// requests that are being recorded. It waits for a FuncTarget, too, which should
// return when its context ends. Later requests are answered 503.
func (r *Receiver) Close() {
	r.abandon()
	r.waitSettled(context.Background())
	// From here on nothing can start a goroutine: only unsettled events do.
	r.running.Wait()
	r.die()
	for _, lane := range r.lanes.list() {
		if c, ok := lane.target.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}

// waitSettled waits until no event is on its way, or ctx ends, or none of
// that can be known any more.
func (r *Receiver) waitSettled(ctx context.Context) {
	for r.unsettled.Load() > 0 {
		select {
		case <-r.idle:
		case <-ctx.Done():
			return
		case <-r.broken:
			return
		}
	}
	r.tellIdle() // another one may be waiting for the same
}

func (r *Receiver) tellIdle() {
	select {
	case r.idle <- struct{}{}:
	default:
	}
}

// begin counts an event that is about to be taken, or refuses it when the
// receiver is stopping. It counts before it looks, so that Drain, which
// stops before it counts, misses none.
func (r *Receiver) begin() bool {
	r.unsettled.Add(1)
	if r.stopping.Load() {
		r.end()
		return false
	}
	return true
}

func (r *Receiver) end() {
	if r.unsettled.Add(-1) == 0 {
		r.tellIdle()
	}
}

func (r *Receiver) report(s event.State) {
	s.Session, s.At = r.config.Session, time.Now()
	r.config.OnState(s)
}
