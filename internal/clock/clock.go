// Package clock has the time limits and tickers of tunnels: those of the machine, or
// those of a test, which the test ends.
package clock

import (
	"context"
	"time"
)

// Clock makes time limits and tickers. The zero value is the machine's clock.
type Clock struct {
	// Limit ends a context with a cause after a time; nil: context.WithTimeoutCause.
	Limit func(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc)
	// Tick ticks until it is stopped; nil: time.NewTicker.
	Tick func(d time.Duration) (ticks <-chan time.Time, stop func())
}

// WithTimeout is context.WithTimeoutCause by this clock.
func (c Clock) WithTimeout(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	if c.Limit != nil {
		return c.Limit(ctx, d, cause)
	}
	return context.WithTimeoutCause(ctx, d, cause)
}

// Ticker returns a channel that ticks every d until stop is called.
func (c Clock) Ticker(d time.Duration) (ticks <-chan time.Time, stop func()) {
	if c.Tick != nil {
		return c.Tick(d)
	}
	t := time.NewTicker(d)
	return t.C, t.Stop
}
