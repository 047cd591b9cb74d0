package dev

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/headers"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/webhooks"
)

// graceTime is how long a handler has to return after its context ended.
const graceTime = time.Second

// target hands events to an endpoint of a server in this process.
type target struct {
	server     *webhooks.Server
	name, path string
}

func newTarget(server *webhooks.Server, e webhooks.Endpoint) receiver.Target {
	return target{server, e.Name, e.Path}
}

// Name is the endpoint's.
func (t target) Name() string { return t.name }

// Probe has nothing to look at: a function always exists.
func (t target) Probe(context.Context) error { return nil }

// Try calls the handler by the server, with its options. The attempt of one that fails has
// its error, or the stack of its panic, in the place of the answer. A handler that does not
// return when its context ends is left behind.
func (t target) Try(ctx context.Context, e *event.Event) (event.Attempt, receiver.Outcome) {
	a := event.Attempt{StartedAt: time.Now()}
	path := t.path
	if _, query, ok := strings.Cut(e.Path, "?"); ok { // it may have the secret
		path += "?" + query
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(e.Body))
	if err != nil {
		a.Err = err.Error()
		return a, receiver.OutcomeFailed
	}
	req.Header = headers.Onward(e.Header).Clone()
	w, done := &answer{header: http.Header{}}, make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if value := recover(); value != nil {
				w.HandlerFailed(fmt.Errorf("panic: %v", value), debug.Stack())
			}
		}()
		t.server.ServeHTTP(w, req)
	}()
	if !ended(ctx, done) {
		a.Duration, a.Err = time.Since(a.StartedAt), "the handler was still working when its context ended"
		return a, receiver.OutcomeFailed
	}
	a.Duration = time.Since(a.StartedAt)
	switch {
	case w.failed != nil:
		a.Err, a.Body = w.failed.Error(), w.stack
		return a, receiver.OutcomeFailed
	case w.status == 0:
		a.Err = "the handler ended its goroutine"
		return a, receiver.OutcomeFailed
	}
	a.Status, a.Header, a.Body = w.status, w.header, w.body.Bytes()
	if len(a.Body) > event.MaxTargetBody {
		a.Body, a.BodyCut = a.Body[:event.MaxTargetBody], true
	}
	return a, receiver.OutcomeAnswered
}

// ended waits until done is closed, or for a moment after ctx ended.
func ended(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	grace := time.NewTimer(graceTime)
	defer grace.Stop()
	select {
	case <-done:
		return true
	case <-grace.C:
		return false
	}
}

// answer is a response writer that keeps what the server answers, and why a handler
// failed.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	failed error
	stack  []byte
}

func (w *answer) Header() http.Header { return w.header }

func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *answer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// HandlerFailed is what the server calls.
func (w *answer) HandlerFailed(err error, stack []byte) { w.failed, w.stack = err, stack }
