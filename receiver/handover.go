package receiver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// handover is an event on its way to all its targets. It makes the event's
// updates, with mu held, so that they are made in an order that makes sense:
// the one that settles the event is the last.
type handover struct {
	r       *Receiver
	e       *event.Event
	n       int64 // the event's
	lanes   []*lane
	ctx     context.Context // what tries run under
	cancel  context.CancelFunc
	held    int64         // bytes of the body in the budget for queued ones
	onDisk  bool          // the body has to be read back
	settled chan struct{} // closed after the last update
	relay   *relay        // nil when nobody waits for an answer

	mu      sync.Mutex
	open    int // targets that are not done
	waiting int // targets that are waited for
	left    bool
}

// handover prepares to give a recorded event to its lanes, which are at least
// one. relay is nil when nobody waits.
func (r *Receiver) handover(e *event.Event, lanes []*lane, relay *relay) *handover {
	h := &handover{
		r: r, e: e, n: e.N, lanes: lanes, open: len(lanes),
		ctx: r.attempts, settled: make(chan struct{}), relay: relay,
	}
	if relay != nil {
		h.ctx, h.cancel = context.WithTimeoutCause(r.attempts, r.config.RelayTimeout,
			fmt.Errorf("no answer within %s", seconds(r.config.RelayTimeout)))
		relay.results = make([]result, len(lanes))
	}
	switch size := int64(len(e.Body)); {
	case size == 0:
	case r.queued.take(size):
		h.held = size
	default:
		bare := *e
		bare.Body = nil
		h.e, h.onDisk = &bare, true
	}
	return h
}

// start puts the event into its lanes.
func (h *handover) start() {
	for i, lane := range h.lanes {
		j := &job{handover: h, index: i}
		switch lane.push(j) {
		case laneFull:
			h.r.counts.full.Add(1)
			j.leave()
		case laneClosed:
			j.leave()
		}
	}
}

// try hands the event to a target once.
func (j *job) try(target Target) (event.Attempt, Outcome) {
	ctx := j.ctx
	if limit := j.r.config.Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", seconds(limit)))
		defer cancel()
	}
	e := j.e
	if j.onDisk {
		body, err := j.r.config.Recorder.Body(ctx, j.n)
		if err != nil {
			return event.Attempt{StartedAt: time.Now(), Err: fmt.Sprintf("reading the body back: %v", err)}, untried
		}
		whole := *j.e
		whole.Body = body
		e = &whole
	}
	j.r.counts.trying.Add(1)
	defer j.r.counts.trying.Add(-1)
	a, outcome := target.Try(ctx, e)
	if outcome == OutcomeFailed && ctx.Err() != nil {
		a.Err, outcome = context.Cause(ctx).Error(), overdue // what a function says of it is of less use
	}
	return shortened(a), outcome
}

// maxError is how many bytes of an error stand in a row or a state. What a target
// sends in the place of an answer may be quoted in it.
const maxError = 1000

// shortened cuts an attempt's error. All of it is kept in the place of the answer
// that there is none of.
func shortened(a event.Attempt) event.Attempt {
	whole := a.Err
	if a.Err = cutError(whole); a.Err == whole {
		return a
	}
	if a.Status == 0 {
		if len(a.Body) > 0 { // the stack of a panic
			whole += "\n\n" + string(a.Body)
		}
		a.Body, a.BodyCut = []byte(whole[:min(len(whole), event.MaxTargetBody)]), len(whole) > event.MaxTargetBody
	}
	return a
}

func cutError(s string) string {
	if len(s) <= maxError {
		return s
	}
	return strings.ToValidUTF8(s[:maxError-len("…")], "") + "…"
}

// tried notes an attempt that another one follows.
func (j *job) tried(a event.Attempt) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.r.config.Recorder.Update(event.Update{N: j.n, Attempt: &a})
}

// done notes the last attempt at a target. status is what a relay makes of it.
func (j *job) done(a event.Attempt, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.relay != nil {
		j.relay.results[j.index] = result{status: status, attempt: &a}
	}
	j.finish(event.Update{N: j.n, Attempt: &a})
}

// leave gives up on a target that was not handed the event.
func (j *job) leave() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.left {
		j.left = true
		j.r.counts.left.Add(1)
	}
	if j.relay != nil {
		status := http.StatusServiceUnavailable // its queue is full, or the receiver stops
		if j.ctx.Err() != nil {
			status = statusOf(j.ctx, event.Attempt{}, overdue)
		}
		j.relay.results[j.index] = result{status: status}
	}
	j.finish(event.Update{N: j.n})
}

// finish makes the last update for one target, and for the event when it is
// the last target. It needs h.mu.
func (j *job) finish(u event.Update) {
	h := j.handover
	if j.waits {
		j.waits = false
		h.waiting--
		if h.waiting == 0 {
			u.Phase = event.PhaseOpen
		}
	}
	h.open--
	if h.open == 0 {
		u.Phase = event.PhaseSettled
		if h.left {
			u.Phase = event.PhasePending
		}
		if h.relay != nil {
			u.Answer = h.relay.answer()
		}
	}
	if u.Phase != "" || u.Attempt != nil {
		h.r.config.Recorder.Update(u)
	}
	if h.open > 0 {
		return
	}
	if h.cancel != nil {
		h.cancel()
	}
	h.r.queued.give(h.held)
	close(h.settled)
	h.r.end()
}

// wait counts targets that are waited for, and says when the first begins to
// be and when the last ends.
func (j *job) wait(by int) {
	h := j.handover
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.relay != nil {
		h.relay.results[j.index].down = by > 0
	}
	before := h.waiting
	h.waiting += by
	switch {
	case before == 0:
		h.r.config.Recorder.Update(event.Update{N: h.n, Phase: event.PhaseWaiting})
	case h.waiting == 0:
		h.r.config.Recorder.Update(event.Update{N: h.n, Phase: event.PhaseOpen})
	}
}
