package receiver

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// routedEvent is a recorded event on its way to its targets. It makes the event's
// updates while mu is held, so that their order makes sense: the one that settles
// the event is the last.
type routedEvent struct {
	r        *Receiver
	e        *event.Event
	onDisk   bool            // e is without its body, which has to be read back
	reserved int64           // bytes of the body, from Receiver.queued
	ctx      context.Context // for tries
	cancel   context.CancelFunc
	settled  chan struct{} // closed after the last update
	entries  []*queueEntry // one for each target, in the order of the routes
	relay    *relay        // nil when no sender waits for the targets

	mu         sync.Mutex
	unfinished int  // targets that are not done with the event
	waiting    int  // targets that are waited for
	pending    bool // a target did not get the event
}

// queueEntry is a routed event in the queue of one target.
type queueEntry struct {
	*routedEvent

	// The queue's lock guards these, or the worker that has the entry.
	seq       int64     // its place in the queue
	tries     int       // so far
	refusedAt time.Time // when it first had to wait for the target; zero: never
	expires   time.Time // when it has waited long enough

	// The routed event's lock guards these.
	targetAway bool           // the target is waited for
	status     int            // what a relay makes of the last attempt; 0: not done
	attempt    *event.Attempt // the last one in a relay; nil: not done, or the target did not get the event
}

// dispatch puts a recorded event into the queues of its targets. relay is nil when no
// sender waits for the targets.
func (r *Receiver) dispatch(e *event.Event, queues []*targetQueue, relay *relay) *routedEvent {
	routed := &routedEvent{r: r, e: e, ctx: r.attempts, settled: make(chan struct{}), relay: relay, unfinished: len(queues)}
	if len(queues) == 0 {
		close(routed.settled)
		r.settleOne()
		return routed
	}
	if size := int64(len(e.Body)); size == 0 || r.queued.reserve(size) {
		routed.reserved = size
	} else {
		bare := *e
		bare.Body = nil
		routed.e, routed.onDisk = &bare, true
	}
	for range queues {
		routed.entries = append(routed.entries, &queueEntry{routedEvent: routed})
	}
	if relay != nil {
		routed.ctx, routed.cancel = context.WithTimeoutCause(r.attempts, r.config.RelayTimeout,
			fmt.Errorf("no answer within %s", seconds(r.config.RelayTimeout)))
	}
	for i, entry := range routed.entries {
		if !queues[i].enqueue(entry) {
			entry.finish(nil, outcomeNotTried)
		}
	}
	return routed
}

// recordAttempt records an attempt that is not the last one.
func (entry *queueEntry) recordAttempt(a event.Attempt) {
	entry.mu.Lock()
	defer entry.mu.Unlock()
	entry.r.config.Recorder.Update(event.Update{N: entry.e.N, Attempt: &a})
}

// finish makes the last update for one target, and for the event when it is its last
// target. attempt is the last attempt; nil means that the target did not get the
// event, which ends as pending then.
func (entry *queueEntry) finish(attempt *event.Attempt, outcome Outcome) {
	routed := entry.routedEvent
	routed.mu.Lock()
	defer routed.mu.Unlock()
	u := event.Update{N: routed.e.N, Attempt: attempt}
	if attempt == nil && !routed.pending {
		routed.pending = true
		routed.r.counts.pending.Add(1)
	}
	if entry.targetAway {
		entry.targetAway = false
		if routed.waiting--; routed.waiting == 0 {
			u.Phase = event.PhaseOpen
		}
	}
	if routed.relay != nil {
		entry.status, entry.attempt = relayedStatus(routed.ctx, attempt, outcome), attempt
	}
	routed.unfinished--
	if routed.unfinished == 0 {
		u.Phase = event.PhaseSettled
		if routed.pending {
			u.Phase = event.PhasePending
		}
		if routed.relay != nil {
			u.Answer = routed.decideAnswerLocked()
		}
	}
	if u.Phase != "" || u.Attempt != nil {
		routed.r.config.Recorder.Update(u)
	}
	if routed.unfinished > 0 {
		return
	}
	if routed.cancel != nil {
		routed.cancel()
	}
	routed.r.queued.release(routed.reserved)
	close(routed.settled)
	routed.r.settleOne()
}

// setTargetAwayLocked records whether the entry waits for its target to come back.
// The event is waiting while at least one of its targets is away. The time that an
// entry may wait starts only once, however often the target comes and goes. The
// caller holds the queue's lock.
func (entry *queueEntry) setTargetAwayLocked(away bool) {
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if entry.targetAway == away {
		return
	}
	entry.targetAway = away
	before := entry.waiting
	if away {
		entry.waiting++
	} else {
		entry.waiting--
	}
	switch {
	case before == 0:
		entry.r.config.Recorder.Update(event.Update{N: entry.e.N, Phase: event.PhaseWaiting})
	case entry.waiting == 0:
		entry.r.config.Recorder.Update(event.Update{N: entry.e.N, Phase: event.PhaseOpen})
	}
	if away && entry.refusedAt.IsZero() {
		entry.refusedAt = time.Now()
		entry.expires = entry.refusedAt.Add(entry.r.config.WaitTarget)
		if answer, ok := entry.ctx.Deadline(); ok && answer.Before(entry.expires) {
			entry.expires = answer // the sender of a relay waits no longer
		}
	}
}
