package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/hf-tap/hf-tap/event"
)

// Prefix is where all endpoints are.
const Prefix = "/webhooks/"

// Endpoint describes a handler that is registered with a [Server].
type Endpoint struct {
	Name    string        // "trigger_training"
	Path    string        // "/webhooks/trigger_training"
	Matches []event.Match // one of them fits each delivery that reaches the handler; empty: all deliveries do
}

// endpoint is a registered handler with its options.
type endpoint struct {
	Endpoint
	handler Handler
	queue   *queue   // nil: the handler works before the answer
	repeats *repeats // nil: repeats are handled again
}

// Option changes how an endpoint treats its deliveries.
type Option func(*endpoint) error

// Match restricts a handler to some kinds and repos. The other deliveries are
// answered 200 and ignored. The text is that of [event.ParseMatch]: a comma list
// of kinds ("repo.content.update", "discussion.*") and repos ("model:me/*",
// "org:my-org"), of which one kind and one repo have to fit; "*" stands for any
// text. With several Match options, one of them has to fit.
func Match(text string) Option {
	return func(e *endpoint) error {
		m, err := event.ParseMatch(text)
		if err == nil {
			e.Matches = append(e.Matches, m)
		}
		return err
	}
}

// AnswerFirst answers 200 as soon as a delivery is in the queue, and calls the
// handler afterwards, for at most the given number of deliveries at a time: 1
// keeps the order of their arrival. Use it for handlers that take more than some
// seconds, because the Hub regards a late answer as a failure and delivers
// again.
//
// It has a price: the Hub learns nothing of what happens then. An error of the
// handler is only logged, and nobody delivers again; a delivery in the queue is
// lost when the process dies. The queue holds 1,000 deliveries and 64 MiB; above
// that the answer is 503, and the Hub tries again later. When the server stops,
// it works on until the queue is empty or [Config].StopTimeout is over.
//
// The handler's context does not end with the request. A handler that can hang
// has to set a deadline of its own.
func AnswerFirst(workers int) Option {
	return func(e *endpoint) error {
		if workers < 1 {
			return fmt.Errorf("AnswerFirst(%d): at least 1 worker has to handle deliveries", workers)
		}
		e.queue = &queue{workers: workers}
		return nil
	}
}

// DropRepeats handles deliveries with the same Webhook-Id once. The Hub sends a
// delivery again when it saw no 2xx, which includes an answer that got lost or
// came too late; and when somebody replays it from the webhook's page. A repeat
// is answered 200 and ignored; one that arrives while the first is still being
// handled waits for the result. After an error or a panic the same id is handled
// again.
//
// The server remembers the last 10,000 ids of an endpoint, in memory: it forgets
// them when it stops. A replay of a delivery that was handled is dropped, too.
// Deliveries without a Webhook-Id are always handled.
func DropRepeats() Option {
	return func(e *endpoint) error {
		e.repeats = newRepeats()
		return nil
	}
}

// fits reports whether a delivery is one that the handler wants.
func (e *endpoint) fits(d *Delivery) bool {
	if len(e.Matches) == 0 {
		return true
	}
	row := event.Row{Kind: d.Kind, Repo: d.Repo.Repo().String()}
	for _, m := range e.Matches {
		if m.MatchesRow(&row) {
			return true
		}
	}
	return false
}

// panicked is the error of a handler that panicked.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprint("panic: ", p.value) }

// fromPanic is a stack without the calls that took it: the first is that which panicked.
func fromPanic(stack []byte) []byte {
	goroutine, calls, _ := bytes.Cut(stack, []byte("\n"))
	_, below, _ := bytes.Cut(calls, []byte("\npanic("))
	_, below, _ = bytes.Cut(below, []byte("\n\t")) // where panic is in Go's sources
	_, below, found := bytes.Cut(below, []byte("\n"))
	if !found {
		return stack
	}
	return slices.Concat(goroutine, []byte("\n"), below)
}

// call calls the handler and returns its result as JSON. A panic of the handler,
// or of its result's MarshalJSON, is a *panicked.
func (e *endpoint) call(ctx context.Context, d *Delivery) (answer []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			answer, err = nil, &panicked{v, fromPanic(debug.Stack())}
		}
	}()
	result, err := e.handler(ctx, d)
	if err != nil {
		return nil, err
	}
	answer, err = json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("write the result as JSON: %w", err)
	}
	return answer, nil
}
