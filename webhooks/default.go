package webhooks

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// registration is an endpoint that a package-level function registered.
type registration struct {
	name    string
	implied bool // the name is the function's own
	handler Handler
	options []Option
}

// registered are the endpoints of one-file programs. They wait here for
// Registered, which makes their server: by then the environment is complete, and
// errors have somebody to go to.
var registered struct {
	mu  sync.Mutex
	all []registration
}

// Handle registers a handler for [Run] under a name. See [Server.Handle]; errors
// are returned by Run and [Registered].
func Handle(name string, handler Handler, options ...Option) {
	registered.mu.Lock()
	defer registered.mu.Unlock()
	registered.all = append(registered.all, registration{name: name, handler: handler, options: options})
}

// HandleFunc registers a handler for [Run] under the function's own name in
// snake case. See [Server.HandleFunc]; errors are returned by Run and
// [Registered].
func HandleFunc(handler Handler, options ...Option) {
	registered.mu.Lock()
	defer registered.mu.Unlock()
	registered.all = append(registered.all, registration{implied: true, handler: handler, options: options})
}

// Registered makes a Server of the handlers that were registered with [Handle] and
// [HandleFunc] until now. Its errors are those of [New], [Server.Handle] and
// [Server.HandleFunc].
func Registered(config Config) (*Server, error) {
	s, err := New(config)
	if err != nil {
		return nil, err
	}
	registered.mu.Lock()
	all := registered.all
	registered.mu.Unlock()
	var failed []error
	for _, r := range all {
		if r.implied {
			failed = append(failed, s.HandleFunc(r.handler, r.options...))
		} else {
			failed = append(failed, s.Handle(r.name, r.handler, r.options...))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	return s, nil
}

// Run serves the handlers that were registered with [Handle] and [HandleFunc],
// with the default [Config], until the context ends or the process gets an
// interrupt (Ctrl+C) or SIGTERM. A second interrupt ends the process at once.
// See [Server.Run].
func Run(ctx context.Context) error {
	s, err := Registered(Config{})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return s.Run(ctx)
}
