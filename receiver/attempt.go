package receiver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Outcomes that no Target returns.
const (
	outcomeOverdue  Outcome = -1 - iota // the context of the try ended it
	outcomeNotSent                      // the body could not be read back
	outcomeNotTried                     // the queue is full, or the time for a try was over before it began
)

const (
	// maxDrops limits the tries of an event whose connection the target dropped
	// before it went down: an event that crashes its server must not do that for as
	// long as it waits.
	maxDrops = 3
	// maxBackoff is the longest pause between two tries.
	maxBackoff = 30 * time.Second
	// maxError is how many bytes of an error are kept in a row or a state. It may
	// quote what a target sent.
	maxError = 1000
)

// try hands the event to the target once.
func (entry *queueEntry) try(target Target) (event.Attempt, Outcome) {
	ctx := entry.ctx
	if limit := entry.r.config.Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", seconds(limit)))
		defer cancel()
	}
	e := entry.e
	if entry.onDisk {
		body, err := entry.r.config.Recorder.Body(ctx, entry.e.N)
		if err != nil {
			return event.Attempt{StartedAt: time.Now(), Err: fmt.Sprintf("reading the body back: %v", err)}, outcomeNotSent
		}
		whole := *entry.e
		whole.Body = body
		e = &whole
	}
	entry.r.counts.trying.Add(1)
	defer entry.r.counts.trying.Add(-1)
	a, outcome := target.Try(ctx, e)
	if outcome == OutcomeFailed && ctx.Err() != nil {
		a.Err, outcome = context.Cause(ctx).Error(), outcomeOverdue // what a function says of it is of less use
	}
	whole := a.Err
	if a.Err = truncateError(whole); a.Err != whole && a.Status == 0 {
		// The whole error is kept in the place of the answer, which does not exist.
		if len(a.Body) > 0 { // the stack of a panic
			whole += "\n\n" + string(a.Body)
		}
		a.Body, a.BodyCut = []byte(whole[:min(len(whole), event.MaxTargetBody)]), len(whole) > event.MaxTargetBody
	}
	return a, outcome
}

func truncateError(s string) string {
	if len(s) <= maxError {
		return s
	}
	return strings.ToValidUTF8(s[:maxError-len("…")], "") + "…"
}

// retryPause reports whether another try follows an attempt, and after which pause.
// It follows only where the same request may get a better answer later.
func (r *Receiver) retryPause(tries int, a *event.Attempt, outcome Outcome) (pause time.Duration, again bool) {
	if a.OK() || tries > r.config.Retries {
		return 0, false
	}
	if outcome == OutcomeAnswered {
		switch {
		case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly, a.Status == http.StatusTooManyRequests:
		case a.Status >= 500, a.Status/100 == 2: // a 2xx that is not OK broke off
		default:
			return 0, false
		}
	}
	return min(min(r.config.Backoff, maxBackoff)<<min(tries-1, 16), maxBackoff), true
}
