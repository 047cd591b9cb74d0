package receiver

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// relay is the answer to a sender that waits for the targets. The lock of the
// routed event guards it.
type relay struct {
	received time.Time // the last byte of the request
	fault    *Fault    // what is wrong with the answer on purpose, nil if nothing

	decided bool
	status  int            // noAnswer closes the connection
	target  *event.Attempt // its answer is passed on; nil: the status only
}

// relayedHeaders are the headers of a target's answer that a sender gets. The
// encoding is one of them, because the body is passed on as it is.
var relayedHeaders = [...]string{"Content-Type", "Content-Encoding", "Location"}

// waitForAnswer waits for all targets, at most for RelayTimeout, and returns the
// answer.
func (routed *routedEvent) waitForAnswer() *relay {
	select {
	case <-routed.settled:
	case <-routed.ctx.Done():
	}
	routed.mu.Lock()
	defer routed.mu.Unlock()
	if answer := routed.decideAnswerLocked(); answer != (event.Answer{}) {
		routed.r.config.Recorder.Update(event.Update{N: routed.e.N, Answer: answer})
	}
	return routed.relay
}

// decideAnswerLocked decides the answer: that of the first target that is not 2xx,
// else the first's. A target that is not done counts as 504, and as 502 if it refuses
// connections. It returns the answer to record, which is zero if it was decided before.
func (routed *routedEvent) decideAnswerLocked() event.Answer {
	a := routed.relay
	if a.decided {
		return event.Answer{}
	}
	a.decided = true
	deciding := routed.entries[0]
	for _, entry := range routed.entries {
		if entry.status/100 != 2 {
			deciding = entry
			break
		}
	}
	status, faulty := a.fault.override()
	switch {
	case faulty:
		a.status = status
	case deciding.status != 0:
		a.status = deciding.status
		if target := deciding.attempt; target != nil && target.Err == "" && target.Status == a.status {
			a.target = target
		}
	case deciding.targetAway:
		a.status = http.StatusBadGateway
	default:
		a.status = http.StatusGatewayTimeout
	}
	answer := newAnswer(a.status, a.received)
	if a.fault != nil {
		answer.Duration += a.fault.Delay // which is still to come
	}
	return answer
}

// relayedStatus is the status that a relay answers for the last attempt at a target.
func relayedStatus(ctx context.Context, a *event.Attempt, outcome Outcome) int {
	switch {
	case outcome == OutcomeAnswered && a.Status == 0 && a.OK(): // a command
		return http.StatusOK
	case outcome == OutcomeAnswered && a.Err == "" && a.Status >= 200 && a.Status <= 999:
		return a.Status
	case errors.Is(context.Cause(ctx), errStopped), outcome == outcomeNotTried && ctx.Err() == nil:
		return http.StatusServiceUnavailable
	case outcome == outcomeOverdue, outcome == outcomeNotTried:
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}
