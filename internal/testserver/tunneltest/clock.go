// Package tunneltest is what the tests of tunnel providers share: visitors of a
// public address, a server behind it, a kept tunnel, and time that runs out when
// something has happened.
package tunneltest

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/tunnel"
)

// Forever is longer than any test lasts.
const Forever = time.Hour

// RunOut makes every time limit of a provider run out when wait returns without an
// error, and not before.
func RunOut(t testing.TB, opts *tunnel.Options, wait func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	happened := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if wait(ctx) == nil {
			close(happened)
		}
	})
	t.Cleanup(func() {
		cancel()
		waiting.Wait()
	})
	opts.Timeout = time.Minute
	opts.Clock.Limit = func(ctx context.Context, _ time.Duration, cause error) (context.Context, context.CancelFunc) {
		if cause == nil {
			cause = context.DeadlineExceeded
		}
		ctx, cancel := context.WithCancelCause(ctx)
		stop := make(chan struct{})
		var ending sync.WaitGroup
		ending.Go(func() {
			select {
			case <-happened:
				cancel(cause)
			case <-ctx.Done():
			case <-stop:
			}
		})
		return late{ctx, cause}, sync.OnceFunc(func() {
			close(stop)
			ending.Wait()
			cancel(context.Canceled)
		})
	}
}

// late is a context whose time has run out if it ended for a cause.
type late struct {
	context.Context
	cause error
}

// Err is context.DeadlineExceeded if the time has run out.
func (l late) Err() error {
	if err := l.Context.Err(); err == nil || context.Cause(l.Context) != l.cause {
		return err
	}
	return context.DeadlineExceeded
}

// Closed is a wait of RunOut for a channel to be closed.
func Closed(happened <-chan struct{}) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-happened:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ByHand makes the heartbeats of a provider come by hand: each value is half of
// one.
func ByHand(opts *tunnel.Options) chan<- time.Time {
	ticks := make(chan time.Time)
	opts.Clock.Tick = func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }
	return ticks
}

// Answered returns a channel that is closed when a client has got so many answers.
func Answered(c *http.Client, times int) <-chan struct{} {
	n := &counted{RoundTripper: c.Transport, left: times, done: make(chan struct{})}
	c.Transport = n
	return n.done
}

type counted struct {
	http.RoundTripper
	mu   sync.Mutex
	left int
	done chan struct{}
}

func (n *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := n.RoundTripper.RoundTrip(r)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.left--; n.left == 0 {
		close(n.done)
	}
	return resp, err
}

// Patience returns a context for waits whose end is sure to come.
func Patience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
