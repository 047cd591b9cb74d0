package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Deliver verifies, records and routes an event that did not come over HTTP, for
// example a replay. It has no sender: no answer is recorded, and RelayTimeout
// does not apply.
//
// The caller sets Method, Path, Header and Body as a sender would, and ReplayOf and
// Edited. It sets Source if the event is not a replay. It sets Targets if only these
// targets are to get the event; their matches are then ignored. Deliver sets the other
// fields. The caller must not use e afterwards, except for e.N.
//
// Deliver returns when the event is recorded. settled is closed after the event's
// last update, which may also make it pending. ctx is for the recording only.
// The error is [ErrStopping] or the Recorder's.
func (r *Receiver) Deliver(ctx context.Context, e *event.Event) (settled <-chan struct{}, err error) {
	_, query, _ := strings.Cut(e.Path, "?")
	*e = event.Event{
		Session: r.config.Session, Source: cmp.Or(e.Source, event.SourceReplay), ReplayOf: e.ReplayOf, Targets: e.Targets,
		Method: e.Method, Path: e.Path, Header: e.Header, Body: e.Body, Edited: e.Edited,
		Verdict: r.secret.Check(e.Header, query), ReceivedAt: time.Now(), Phase: event.PhaseOpen,
	}
	e.ParseRequest()
	queues, err := r.record(ctx, e)
	switch {
	case errors.Is(err, ErrStopping):
		return nil, ErrStopping
	case err != nil:
		return nil, fmt.Errorf("recording the event: %w", err)
	}
	return r.dispatch(e, queues, nil).settled, nil
}
