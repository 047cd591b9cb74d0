package receiver

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

// Fault is a wrong answer that the user injects to test senders. With it one can test
// that the Hub delivers again, and in the end suspends the webhook. Events are recorded
// and handed to targets as without it.
type Fault struct {
	Status int            // of the answer; 0: the right one
	Delay  time.Duration  // before the answer
	Drop   bool           // no answer: the connection is closed
	Times  int            // how many deliveries get it, 0: all until it is cleared
	Filter *filter.Filter // which deliveries get it; nil: all with the right secret

	left *atomic.Int64 // of Times; set by SetFault
}

// String describes the fault for people.
func (f *Fault) String() string {
	who := "every delivery"
	switch {
	case f.Times == 1:
		who = "the next delivery"
	case f.Times > 1:
		who = fmt.Sprintf("the next %d deliveries", f.Times)
	}
	if !f.Filter.Empty() {
		who += " that fit " + f.Filter.String()
	}
	what := "answered late"
	switch {
	case f.Drop:
		what = "not answered"
	case f.Status != 0:
		what = fmt.Sprintf("answered %d", f.Status)
	}
	if f.Delay > 0 {
		what += fmt.Sprintf(" after %s", f.Delay)
	}
	return who + ": " + what
}

// maxDelay is the longest delay of a Fault: a connection lives little longer.
const maxDelay = 2 * time.Minute

// SetFault sets the fault of the answers from now on, in the place of an earlier
// one; nil ends it. The error says which field of f is invalid.
func (r *Receiver) SetFault(f *Fault) error {
	if f == nil {
		r.fault.Store(nil)
		return nil
	}
	switch {
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("there is no final answer of the status %d: want 200 to 599", f.Status)
	case f.Delay < 0 || f.Delay > maxDelay:
		return fmt.Errorf("a delay of %s is not between 0 and %s", f.Delay, maxDelay)
	case f.Times < 0:
		return errors.New("the number of deliveries is negative")
	case f.Status == 0 && f.Delay == 0 && !f.Drop:
		return errors.New("a fault needs a status, a delay or a drop")
	}
	active := *f
	active.left = new(atomic.Int64)
	active.left.Store(int64(f.Times))
	r.fault.Store(&active)
	return nil
}

// Fault returns the present fault, nil if there is none, and how many more
// deliveries get it: 0 if there is no limit.
func (r *Receiver) Fault() (f *Fault, left int) {
	active := r.fault.Load()
	if active == nil {
		return nil, 0
	}
	f = new(*active)
	return f, int(max(active.left.Load(), 0))
}

// faultFor returns the fault that the answer to e gets, nil if none. The last one of
// Fault.Times clears it.
func (r *Receiver) faultFor(e *event.Event) *Fault {
	active := r.fault.Load()
	if active == nil || !active.Filter.Match(e) {
		return nil
	}
	if active.Times > 0 {
		left := active.left.Add(-1)
		if left <= 0 {
			r.fault.CompareAndSwap(active, nil)
		}
		if left < 0 {
			return nil
		}
	}
	return active
}

// noAnswer is the status of an answer that is not given.
const noAnswer = 0

// override returns the status that is answered instead of the right one. ok is false
// if f leaves that as it is, or is nil.
func (f *Fault) override() (status int, ok bool) {
	switch {
	case f == nil:
		return 0, false
	case f.Drop:
		return noAnswer, true
	}
	return f.Status, f.Status != 0
}

// delay holds up an answer, until its sender leaves or the receiver stops.
func (r *Receiver) delay(ctx context.Context, f *Fault) {
	if f == nil || f.Delay == 0 {
		return
	}
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-r.attempts.Done():
	}
}
