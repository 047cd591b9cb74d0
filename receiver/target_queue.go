package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// targetQueue is one target and the events that wait for it: first come, first
// served, a few at a time. While the target refuses connections no event leaves the
// queue (see target_wait.go).
type targetQueue struct {
	r         *Receiver
	target    Target
	identity  string
	name      string        // as it is recorded
	matches   []event.Match // of its routes; one has to match
	paths     []string      // Route.Path of the routes that have one
	isDefault bool          // it also gets the events that match no route
	added     bool          // by AddTarget

	reporting sync.Mutex // held while "down" or "up" is reported, so that reports keep their order; taken before mu

	mu      sync.Mutex
	entries []*queueEntry // by seq
	lastSeq int64
	workers int
	closed  bool

	probing    bool // waitForTarget runs, so no worker takes an entry
	down       bool // the target refused connections, and was not reached since
	downSince  time.Time
	downFor    time.Duration // how long it was down, the last time
	downReason string
	seen       TargetStats // At, Down, Status and Err of the last try or probe

	// The states that were reported already.
	reportedDown      bool
	reportedFull      bool // false again when half of the queue is free
	reportedBodyError bool
}

// enqueue puts an entry at the end of the queue. It returns false if the queue is
// full or closed.
func (q *targetQueue) enqueue(entry *queueEntry) bool {
	q.mu.Lock()
	switch {
	case q.closed:
		q.mu.Unlock()
		return false
	case len(q.entries) >= q.r.config.Queue:
		isNews := !q.reportedFull
		q.reportedFull = true
		q.mu.Unlock()
		if isNews {
			q.report("full", fmt.Sprintf("%d events are queued, further ones are kept as pending", q.r.config.Queue))
		}
		return false
	}
	q.lastSeq++
	entry.seq = q.lastSeq
	q.entries = append(q.entries, entry)
	if q.probing && q.down {
		entry.setTargetAwayLocked(true)
	}
	q.startWorkersLocked()
	q.mu.Unlock()
	return true
}

// startWorkersLocked starts as many workers as there is work for.
func (q *targetQueue) startWorkersLocked() {
	for range min(len(q.entries), q.r.config.Concurrency-q.workers) {
		if q.probing || q.closed || q.r.Paused() {
			return
		}
		q.workers++
		q.r.spawn(q.work)
	}
}

// work hands over one entry after the other, as long as there is one.
func (q *targetQueue) work() {
	for {
		q.mu.Lock()
		if q.probing || q.closed || q.r.Paused() || len(q.entries) == 0 {
			q.workers--
			q.mu.Unlock()
			return
		}
		entry := q.entries[0]
		q.entries[0] = nil
		q.entries = q.entries[1:]
		if len(q.entries) <= q.r.config.Queue/2 {
			q.reportedFull = false
		}
		q.mu.Unlock()
		q.handOver(entry)
	}
}

// handOver tries an entry until the target is done with it, it has to wait for the
// target, or the receiver stops. The worker makes the pauses itself, so that a
// concurrency of 1 keeps the order of events.
func (q *targetQueue) handOver(entry *queueEntry) {
	for {
		if entry.ctx.Err() != nil {
			entry.finish(nil, outcomeNotTried)
			return
		}
		a, outcome := entry.try(q.target)
		mayWait := q.r.config.WaitTarget > 0 && entry.ctx.Err() == nil
		if outcome == OutcomeRefused && mayWait {
			q.requeue(entry, a.Err)
			return
		}
		entry.tries++
		a.N, a.Target = entry.tries, q.name
		q.noteTry(entry.ctx, &a, outcome)
		refusal := ""
		if outcome == OutcomeDropped && mayWait && entry.tries < maxDrops {
			refusal = q.refusesAfterDrop(entry.ctx)
		}
		pause, again := q.r.retryPause(entry.tries, &a, outcome)
		last := refusal == "" && (!again || entry.ctx.Err() != nil)
		if last {
			entry.finish(&a, outcome)
		} else {
			entry.recordAttempt(a)
		}
		if outcome == OutcomeAnswered && q.r.config.OnAnswer != nil {
			q.r.config.OnAnswer(q.target, entry.e, a)
		}
		switch {
		case refusal != "":
			q.requeue(entry, refusal)
			return
		case last:
			return
		}
		select {
		case <-entry.ctx.Done():
		case <-time.After(pause):
		}
	}
}

// noteTry records and reports the state of the target after a try.
func (q *targetQueue) noteTry(ctx context.Context, a *event.Attempt, outcome Outcome) {
	if outcome == outcomeNotSent || errors.Is(context.Cause(ctx), errStopped) {
		return
	}
	q.mu.Lock()
	if !q.probing { // a probe's result is newer than that of a try that began before it
		q.noteLocked(TargetStats{At: time.Now(), Status: a.Status, Err: a.Err, Down: outcome == OutcomeRefused},
			outcome == OutcomeAnswered || outcome == OutcomeDropped)
	}
	q.mu.Unlock()
	q.reportDownOrUp()
	if outcome != OutcomeAnswered {
		return
	}
	message := a.BodyError()
	if message == "" {
		return
	}
	q.mu.Lock()
	isNews := !q.reportedBodyError
	q.reportedBodyError = true
	q.mu.Unlock()
	if !isNews {
		return
	}
	// The sender takes it for success.
	detail := fmt.Sprintf("it answered %d, and the body is an error: %s. The Hub counts the status: answer errors with 4xx or 5xx", a.Status, message)
	if bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("[")) {
		detail += ". FastAPI sends a returned pair (body, 400) as a list with 200: raise HTTPException instead"
	}
	q.report("error in 2xx", detail)
}

// noteLocked records the result of a try or a probe in the state of the target.
func (q *targetQueue) noteLocked(seen TargetStats, reached bool) {
	q.seen = seen
	switch {
	case seen.Down:
		if !q.down {
			q.down, q.downSince = true, seen.At
		}
		q.downReason = seen.Err
	case reached && q.down:
		q.down, q.downFor = false, seen.At.Sub(q.downSince)
	}
}

// reportDownOrUp reports whether the target can be reached, if that has changed.
func (q *targetQueue) reportDownOrUp() {
	q.reporting.Lock()
	defer q.reporting.Unlock()
	q.mu.Lock()
	down, downFor, reason := q.down, q.downFor, q.downReason
	isNews := down != q.reportedDown
	q.reportedDown = down
	q.mu.Unlock()
	switch {
	case !isNews:
	case down:
		q.report("down", reason)
	default:
		q.report("up", fmt.Sprintf("again after %s (%s)", downFor.Round(time.Millisecond), reason))
	}
}

func (q *targetQueue) report(state, detail string) {
	q.r.config.OnState(event.State{
		Session: q.r.config.Session, At: time.Now(),
		Subject: event.SubjectTarget, Name: q.name, State: state, Detail: detail,
	})
}

// close gives up all entries that no worker has.
func (q *targetQueue) close() {
	q.mu.Lock()
	q.closed = true
	entries := q.entries
	q.entries = nil
	q.mu.Unlock()
	for _, entry := range entries {
		entry.finish(nil, outcomeNotTried)
	}
}
