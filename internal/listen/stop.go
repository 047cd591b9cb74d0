package listen

import (
	"errors"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/hint"
)

// Stop is the condition on which a session ends by itself. The zero value never ends
// it. Trusted events that arrived whole count, once they have settled.
type Stop struct {
	Count int            // after this number of events; 0: never
	Until *filter.Filter // at the first event that matches; nil: never
	Wait  time.Duration  // at most this time after the session is up; 0: never
}

// wants reports whether the session ends after certain events.
func (s Stop) wants() bool { return s.Count > 0 || s.Until != nil }

// Errors of a session that ended before its stop condition was met.
var (
	ErrNotInTime = errors.New("the wanted event did not come in time") // within Stop.Wait
	ErrAppEnded  = errors.New("your app ended before the wanted event came")
)

// Errors of events that failed or are pending.
var (
	ErrFailed        = errors.New("a target failed")
	ErrNotHandedOver = errors.New("an event was not handed over")
)

// Tally counts the results of the events that were shown. The zero value is empty.
type Tally struct {
	failed  map[int64]bool // of each event, whether a target failed
	pending map[int64]bool // the events that some target was never handed
}

// Note records the result of an event, which replaces an earlier result.
func (t *Tally) Note(row *event.Row) {
	if t.failed == nil {
		t.failed, t.pending = map[int64]bool{}, map[int64]bool{}
	}
	t.failed[row.N] = row.Failed && row.Verdict.Trusted()
	if row.Pending {
		t.pending[row.N] = true
	} else {
		delete(t.pending, row.N)
	}
}

func (t *Tally) knows(n int64) bool {
	_, known := t.failed[n]
	return known
}

// Failure is the error of events that failed or are pending: ErrFailed or
// ErrNotHandedOver, with a hint to send those of a session again; of any if session is
// empty.
func (t *Tally) Failure(session string) error {
	err, which := ErrNotHandedOver, "--pending"
	for _, failed := range t.failed {
		if failed {
			err, which = ErrFailed, "--failed"
		}
	}
	if err == ErrNotHandedOver && len(t.pending) == 0 {
		return nil
	}
	again := "hf-tap events replay " + which
	if session != "" {
		again += " --session " + session
	}
	return hint.With(err, again)
}
