package dev

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/hf-tap/hf-tap/internal/listen"
)

// echo is how long after a signal the same one may come from somebody else, for example
// from a program that passes on what it has got from the terminal as well.
const echo = 500 * time.Millisecond

// untilSignal returns a context that ends with the first signal to stop. The second
// signal ends the process. Until then, a write to a closed pipe is an error, and does
// not end the process.
func untilSignal(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals, pipes := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) { // as under nohup
			signal.Notify(signals, s)
		}
	}
	over := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		var first time.Time
		for {
			select {
			case <-over:
				return
			case s := <-signals:
				if first.IsZero() {
					first = time.Now()
					cancel(listen.Interrupt(s))
				} else if s != syscall.SIGHUP && time.Since(first) > echo {
					os.Exit(130)
				}
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		signal.Stop(pipes)
		close(over)
		wait.Wait()
		cancel(nil)
	}
}
