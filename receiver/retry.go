package receiver

import (
	"context"
	"errors"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Failed tries of which more is known than a Target says.
const (
	overdue Outcome = -1 - iota // its context ended it
	untried                     // the event could not be sent
)

// dropTries bounds how often an event is handed over whose connection was
// dropped by a target that then went away: an event that ends its server every
// time must not do so for as long as it waits.
const dropTries = 3

// dropPause is the pause between two looks at a target that dropped a
// connection, as a part of Config.Backoff.
const dropPause = 1.0 / 10

const maxBackoff = 30 * time.Second

// again says whether another try follows, and after which pause.
func (r *Receiver) again(tries int, a event.Attempt, outcome Outcome) (pause time.Duration, again bool) {
	if a.OK() || tries > r.config.Retries || outcome == OutcomeAnswered && !mendable(a) {
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
	case outcome == OutcomeAnswered && a.Status == 0 && a.OK(): // a command
		return 200
	case outcome == OutcomeAnswered && a.Err == "" && a.Status >= 200 && a.Status <= 999:
		return a.Status
	case errors.Is(context.Cause(ctx), errStopped):
		return 503
	case outcome == overdue:
		return 504
	}
	return 502
}
