package receiver

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Target gets events. Its methods are called from several goroutines at once.
type Target interface {
	// Name identifies the target, on screen and in records, and contains no secret.
	// Routes to targets of the same name share the first of them. Targets that differ
	// only in a secret are the exception: from the second on, "#2" and so on is
	// appended to the recorded name. HTTPTargets are compared with their secrets;
	// other targets are if they have a method Identity() string.
	Name() string
	// Try hands e to the target once, and returns when the target is done with it
	// or ctx ends. It must not change e. The caller sets N and Target of the attempt.
	Try(ctx context.Context, e *event.Event) (event.Attempt, Outcome)
	// Probe returns nil if the target can be reached again. It is called after a
	// Try that was OutcomeRefused or OutcomeDropped, and hands over no event.
	Probe(ctx context.Context) error
}

// Outcome is the result of a try. It decides whether there is another one.
type Outcome int

const (
	// OutcomeAnswered means that the attempt has a status, or that the target is a
	// command that ended with exit status 0. 2xx is success; after some other
	// statuses the event is tried again.
	OutcomeAnswered Outcome = iota
	// OutcomeRefused means that the target could not be reached, and has read
	// nothing of the event. The attempt's Err says why. The event waits for the
	// target.
	OutcomeRefused
	// OutcomeDropped means that the connection ended before the first byte of an
	// answer. The target may have read the event: a handler that panics looks the same
	// as a server that reloads. The event is handed over again only if Probe then fails.
	OutcomeDropped
	// OutcomeFailed is every other failure. The target may have handled the event.
	OutcomeFailed
)

// FuncTarget makes a target of a function. An error or a panic of f is a failed
// attempt, and a panic's stack becomes the attempt's body. f must return when
// its context ends.
func FuncTarget(name string, f func(ctx context.Context, e *event.Event) error) Target {
	return funcTarget{name, f}
}

type funcTarget struct {
	name string
	f    func(context.Context, *event.Event) error
}

func (t funcTarget) Name() string { return t.name }

// Probe returns nil: a function can always be called.
func (t funcTarget) Probe(context.Context) error { return nil }

// Try records a return without an error as 200, because an attempt is OK by its
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
	own := *e // f cannot change the event of the other targets
	if err := t.f(ctx, &own); err != nil {
		a.Err = err.Error()
		return a, OutcomeFailed
	}
	a.Status = 200
	return a, OutcomeAnswered
}
