package listen

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"syscall"
)

// stacksError is the cause of a context that SIGQUIT has ended. It is a
// context.Canceled with the stacks of all goroutines at that moment.
type stacksError struct {
	signal os.Signal
	stacks string
}

func (e *stacksError) Error() string        { return e.signal.String() }
func (e *stacksError) Is(target error) bool { return target == context.Canceled }

// Interrupt is the cause of a context that a signal has ended. At SIGQUIT Go programs
// show their stacks and end on the spot; a session ends in order, and they go to its
// log.
func Interrupt(s os.Signal) error {
	if s != syscall.SIGQUIT {
		return context.Canceled
	}
	const most = 16 << 20
	stacks := make([]byte, 64<<10)
	for {
		n := runtime.Stack(stacks, true)
		if n < len(stacks) || n >= most {
			return &stacksError{s, string(stacks[:n])}
		}
		stacks = make([]byte, 2*n)
	}
}

// logStacks writes the stacks to the log when ctx ends with some, at once: the
// session may be stuck. The function that it returns waits for that.
func logStacks(ctx context.Context, log *slog.Logger) (wait func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		var quit *stacksError
		if errors.As(context.Cause(ctx), &quit) {
			log.Error("signal", "name", quit.signal, "stacks", quit.stacks)
		}
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}
