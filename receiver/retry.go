package receiver

import (
	"context"
	"errors"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// overdue is a Failed try that its context ended.
const overdue Outcome = -1

// Tries and pauses for a connection that was dropped, in parts of
// Config.Backoff. A reloading server drops what is in flight, and a proxy in
// front of it (Docker's, a port forwarder) what comes meanwhile; those events
// were not handled, and nobody sends them again. The handler may have been at
// work on one, so it can see an event twice, as it can from the Hub.
const (
	dropTries      = 3
	dropFirstPause = 1.0 / 10
	dropPause      = 2.0
	maxBackoff     = 30 * time.Second
)

// again says whether another try follows, and after which pause.
func (r *Receiver) again(tries int, a event.Attempt, outcome Outcome, relayed bool) (pause time.Duration, again bool) {
	if outcome == Dropped && !relayed && tries < dropTries {
		part := dropPause
		if tries == 1 {
			part = dropFirstPause
		}
		return time.Duration(part * float64(r.config.Backoff)), true
	}
	if a.OK() || tries > r.config.Retries || outcome == Answered && !mendable(a) {
		return 0, false
	}
	return min(r.config.Backoff<<min(tries-1, 16), maxBackoff), true
}

// mendable reports whether the same request may get a better answer later.
func mendable(a event.Attempt) bool {
	switch a.Status {
	case 408, 425, 429:
		return true
	}
	return a.Status >= 500 || a.Status/100 == 2 // a 2xx that is not OK broke off
}

// statusOf is what a relay says of an attempt.
func statusOf(ctx context.Context, a event.Attempt, outcome Outcome) int {
	switch {
	case outcome == Answered && a.Status >= 200 && a.Status <= 999:
		return a.Status
	case errors.Is(context.Cause(ctx), errStopped):
		return 503
	case outcome == overdue:
		return 504
	}
	return 502
}
