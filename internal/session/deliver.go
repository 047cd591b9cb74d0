package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/headers"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/receiver"
)

// Sent is an event that a front end made: its number, and when it is done.
type Sent struct {
	N       int64
	Settled <-chan struct{} // closed when nothing about it changes any more
}

// ErrUntrusted says that an event came with a wrong secret or none: what
// strangers sent reaches no target, neither live nor again.
var ErrUntrusted = errors.New("it came with a wrong secret or none, and is not handed to targets")

// ToReplay returns the numbers of the events that a query selects for a replay,
// the oldest first: of those that repeat each other, only the first, and no
// replays unless it asks for what failed or is pending.
func ToReplay(ctx context.Context, store *history.Reader, q history.Query) ([]int64, error) {
	trusted := true
	q.Trusted = &trusted
	var rows []*event.Row
	if err := store.Search(ctx, q, func(row *event.Row) error { rows = append(rows, row); return nil }); err != nil {
		return nil, err
	}
	var numbers []int64
	families := map[int64]bool{}
	for _, row := range slices.Backward(rows) {
		if row.BodyCut || families[row.Family] || row.ReplayOf != 0 && !q.Failed && !q.Pending {
			continue
		}
		families[row.Family] = true
		numbers = append(numbers, row.N)
	}
	return numbers, nil
}

// ErrRefused says that an event's body did not arrive whole, so that its sender
// was refused: there is nothing that could be sent again.
var ErrRefused = errors.New("its body is incomplete: only the beginning was kept")

// ErrBodyLost says that an event's body is not in the history any more, which was
// damaged or removed.
var ErrBodyLost = errors.New("its body is lost, or a part of it")

// Sendable returns an error if an event must not be sent again.
func Sendable(e *event.Event) error {
	switch {
	case !e.Verdict.Trusted():
		return ErrUntrusted
	case e.Refused():
		return ErrRefused
	case e.BodyCut:
		return ErrBodyLost
	}
	return nil
}

// Again are the options for sending an event again. The zero value sends it as it came,
// on the way of a live event.
type Again struct {
	Targets []string // lead to these alone
	NewID   bool     // with a Webhook-Id of its own, for handlers that drop what they have seen
}

// Replay sends a recorded event again, byte for byte, with the secret put right.
func (l *Live) Replay(ctx context.Context, n int64, how Again) (Sent, error) {
	old, err := l.store.Get(ctx, n)
	if err != nil {
		return Sent{}, fmt.Errorf("send event %d again: %w", n, err)
	}
	again, err := Repeat(old, how)
	if err != nil {
		return Sent{}, err
	}
	l.sign(again)
	return l.deliver(ctx, again)
}

// Repeat is the event that sends a recorded one again, byte for byte. The error is
// that of Sendable.
func Repeat(old *event.Event, how Again) (*event.Event, error) {
	if err := Sendable(old); err != nil {
		return nil, fmt.Errorf("send event %d again: %w", old.N, err)
	}
	again := &event.Event{
		Source: event.SourceReplay, ReplayOf: old.N, Targets: how.Targets,
		Method: old.Method, Path: old.Path, Header: headers.Onward(old.Header), Body: old.Body,
	}
	if again.Header == nil {
		again.Header = http.Header{}
	}
	if how.NewID {
		again.Header.Set("Webhook-Id", NewDeliveryID())
	}
	return again, nil
}

// NewDeliveryID returns a Webhook-Id that no delivery has had.
func NewDeliveryID() string { return "hf-tap_" + rand.Text() }

// Send hands over an event that the user wrote: Method, Path (that of the session's
// webhook by default), Header and Body,
// ReplayOf when it was made from another, and Targets when it is not to take the
// way of a live event. With sign the secret is put right; without, its verdict
// is that of what it carries. What was made from a stranger's event is not signed:
// the error is ErrUntrusted, as it is for a replay.
func (l *Live) Send(ctx context.Context, e *event.Event, sign bool) (Sent, error) {
	if sign && e.ReplayOf != 0 {
		old, err := l.store.Get(ctx, e.ReplayOf)
		if err != nil {
			return Sent{}, fmt.Errorf("send event %d changed: %w", e.ReplayOf, err)
		}
		if !old.Verdict.Trusted() {
			return Sent{}, fmt.Errorf("put the right secret into event %d: %w", e.ReplayOf, ErrUntrusted)
		}
	}
	made := *e
	if made.Source == "" {
		made.Source = event.SourceTrigger
	}
	if made.Path == "" {
		made.Path = l.path
	}
	made.Header = headers.Onward(e.Header)
	if sign {
		l.sign(&made)
	}
	return l.deliver(ctx, &made)
}

// Trigger creates a realistic event of a kind about a repo, and hands it over.
func (l *Live) Trigger(ctx context.Context, kind event.Kind, repo hub.Repo) (Sent, error) {
	made, err := MakeUp(kind, repo, event.SampleOptions{WebhookID: l.Webhook(), Endpoint: l.Endpoint})
	if err != nil {
		return Sent{}, err
	}
	return l.Send(ctx, made, true)
}

// MakeUp creates a realistic event of a kind about a repo, in the form of the Hub. Each
// call returns another one: the seed of opts is ignored.
func MakeUp(kind event.Kind, repo hub.Repo, opts event.SampleOptions) (*event.Event, error) {
	opts.Seed = mathrand.Uint64()
	payload, err := event.Sample(kind, repo, opts)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("create a %s event: %w", kind, err)
	}
	return &event.Event{
		Source: event.SourceTrigger, Method: http.MethodPost, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"hf-tap"}, "Webhook-Id": {NewDeliveryID()}},
	}, nil
}

// Pause stops handing over events, or resumes it, and records that as a state.
func (l *Live) Pause(on bool) {
	if on == l.Receiver.Paused() {
		return
	}
	state := "resumed"
	if on {
		state = "paused"
		l.Receiver.Pause()
	}
	l.report(event.State{Subject: event.SubjectSession, State: state})
	if !on {
		l.Receiver.Resume() // after it is said, so that it comes before the events
	}
}

// SetFault injects a fault into the answers, and records that as a state; nil ends it.
func (l *Live) SetFault(f *receiver.Fault) error {
	if err := l.Receiver.SetFault(f); err != nil {
		return err
	}
	s := event.State{Subject: event.SubjectSession, State: "fault cleared"}
	if f != nil {
		s.State, s.Detail = "fault set", f.String()
	}
	l.report(s)
	return nil
}

// sign sets the header with the session's secret.
func (l *Live) sign(e *event.Event) {
	if e.Header == nil {
		e.Header = http.Header{}
	}
	if l.secret != "" {
		e.Header["X-Webhook-Secret"] = []string{l.secret}
	}
}

func (l *Live) deliver(ctx context.Context, e *event.Event) (Sent, error) {
	settled, err := l.Receiver.Deliver(ctx, e)
	if err != nil {
		return Sent{}, err
	}
	return Sent{N: e.N, Settled: settled}, nil
}
