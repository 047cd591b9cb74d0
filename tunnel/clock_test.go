package tunnel

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"
)

// forever is longer than any test lasts.
const forever = time.Hour

// runOut makes all times of a configuration run out when something has
// happened, and never before. The channel is closed then, or wait returns.
func runOut(t *testing.T, cfg *Config, wait func(context.Context) error) {
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
	cfg.Timeout = time.Minute
	cfg.testTimeout = func(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		stop := make(chan struct{})
		var ending sync.WaitGroup
		ending.Go(func() {
			select {
			case <-happened:
				cancel(context.DeadlineExceeded)
			case <-ctx.Done():
			case <-stop:
			}
		})
		return late{ctx}, sync.OnceFunc(func() {
			close(stop)
			ending.Wait()
			cancel(context.Canceled)
		})
	}
}

// late is a context whose time has run out when its cause says so.
type late struct{ context.Context }

// Err is context.DeadlineExceeded when the time has run out.
func (l late) Err() error {
	if err := l.Context.Err(); err == nil || context.Cause(l.Context) != context.DeadlineExceeded {
		return err
	}
	return context.DeadlineExceeded
}

// closed waits until a channel is.
func closed(happened <-chan struct{}) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-happened:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// byHand makes the beats of a configuration come by hand: a tick is half of one.
func byHand(cfg *Config) chan<- time.Time {
	ticks := make(chan time.Time)
	cfg.testTicker = func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }
	return ticks
}

// counted is a client's way to a server that tells when a number of tries have
// got their answer.
type counted struct {
	http.RoundTripper
	mu   sync.Mutex
	left int
	done chan struct{}
}

// answered makes a client tell of its answers.
func answered(c *http.Client, times int) <-chan struct{} {
	n := &counted{RoundTripper: c.Transport, left: times, done: make(chan struct{})}
	c.Transport = n
	return n.done
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
