package receiver

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Target is where events are handed to. Its methods are called from several
// goroutines at once.
type Target interface {
	// Name is what is recorded of the target and what people see. It holds no
	// secret. Two routes with the same target share the first one. Targets of one
	// name are the same, except for HTTPTargets that differ in a secret: of those,
	// all but the first are recorded with "#2" and so on behind the name.
	Name() string
	// Try hands over e once, which it must not change, and returns when the
	// target is done with it or ctx ends. The attempt's N and Target are filled
	// in by the caller.
	Try(ctx context.Context, e *event.Event) (event.Attempt, Outcome)
	// Probe reports whether the target can be reached again after a try was
	// OutcomeRefused. It hands over nothing.
	Probe(ctx context.Context) error
}

// Outcome is what a try came to, as far as it decides about another one.
type Outcome int

const (
	// OutcomeAnswered means that there is a status. Only its number decides.
	OutcomeAnswered Outcome = iota
	// OutcomeRefused means that the target could not be reached, so that it has seen
	// nothing of the event. The attempt's Err says why.
	OutcomeRefused
	// OutcomeDropped means that the connection ended before the first byte of an
	// answer, though the target may have read the event, and may have handled it.
	// A handler that panics does that, and so does a server that reloads. The
	// event is handed over again only when Probe then says that the target is away.
	OutcomeDropped
	// OutcomeFailed is every other failure. The target may have handled the event.
	OutcomeFailed
)

// FuncTarget makes a target of a function in this process. An error or a panic of f
// is a failed attempt; a panic's stack is kept as the attempt's body. The
// function must return when its context ends.
func FuncTarget(name string, f func(ctx context.Context, e *event.Event) error) Target {
	return funcTarget{name, f}
}

type funcTarget struct {
	name string
	f    func(context.Context, *event.Event) error
}

func (t funcTarget) Name() string { return t.name }

// Probe has nothing to look at: a function is always there.
func (t funcTarget) Probe(context.Context) error { return nil }

// Try counts a return without an error as 200, for an attempt is OK by its
// status.
func (t funcTarget) Try(ctx context.Context, e *event.Event) (a event.Attempt, outcome Outcome) {
	a.StartedAt = time.Now()
	defer func() {
		a.Duration = time.Since(a.StartedAt)
		if p := recover(); p != nil {
			a.Status, a.Err, outcome = 0, fmt.Sprintf("panic: %v", p), OutcomeFailed
			a.Body = debug.Stack()
		}
	}()
	given := *e // what f may do to its own event does not reach the other targets
	if err := t.f(ctx, &given); err != nil {
		a.Err = err.Error()
		return a, OutcomeFailed
	}
	a.Status = 200
	return a, OutcomeAnswered
}
