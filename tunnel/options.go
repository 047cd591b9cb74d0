package tunnel

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/hf-tap/hf-tap/internal/clock"
)

// Options are the settings that all providers share. The Config of each provider
// embeds them. Every field may be empty.
type Options struct {
	// Dial connects to the provider's server, through a proxy if there is one; nil:
	// directly. Proxy returns the proxy that Dial uses for an address, without its
	// password, or "" for none; nil: there is no proxy.
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Proxy func(address string) string

	Version   string        // of the program that opens the tunnel, sent to providers; empty: "dev"
	Log       *slog.Logger  // gets the messages of a provider's library; nil: they are dropped
	Heartbeat time.Duration // between two heartbeats, 10 s by default; a connection without an answer for 2.5 of them is dead
	Timeout   time.Duration // the limit for Open, and for each step of Diagnose; 15 s by default

	// Clock lets the tests of this module do without time.
	Clock clock.Clock
}

// WithDefaults returns the options with the default in each empty field.
func (o Options) WithDefaults() Options {
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Proxy == nil {
		o.Proxy = func(string) string { return "" }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Version = cmp.Or(o.Version, "dev")
	o.Heartbeat = cmp.Or(o.Heartbeat, 10*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 15*time.Second)
	return o
}

// Limited returns a context that ends after o.Timeout. Cause is its cause then,
// and may be nil.
func (o Options) Limited(ctx context.Context, cause error) (context.Context, context.CancelFunc) {
	return o.Clock.WithTimeout(ctx, o.Timeout, cause)
}

// ConnectError returns the error of a step. StepReach becomes StepProxy if Dial
// reaches the server through a proxy.
func (o Options) ConnectError(provider, server string, step Step, err error) *ConnectError {
	e := &ConnectError{Provider: provider, Server: server, Step: step, Err: err}
	if step == StepReach {
		e.Step, e.Proxy = o.route(server)
	}
	return e
}

// route returns the first step to a server, and the proxy, if there is one.
func (o Options) route(server string) (step Step, proxy string) {
	if o.Proxy != nil {
		proxy = o.Proxy(server)
	}
	if proxy == "" {
		return StepReach, ""
	}
	return StepProxy, proxy
}

// Reached returns the finding of the first step to a server. took is how long it took,
// 0 if it failed.
func (o Options) Reached(server string, took time.Duration) Finding {
	step, proxy := o.route(server)
	if proxy != "" {
		server = fmt.Sprintf("%s through %s", server, proxy)
	}
	return Finding{Step: string(step), Detail: server, Took: took}
}
