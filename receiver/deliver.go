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

// Deliver takes an event that did not come over HTTP, for example a replay: it is
// verified, recorded, routed and handed over like any other. Nobody asked, so that
// no answer is recorded, and in Relay the event has the time that it has in Ack.
// The caller sets what the sender
// would have (Method, Path, Header, Body), ReplayOf, Edited, and Source if it is no
// replay. With Targets, only those of the routes that lead to one of them are
// taken, whatever they match. All else is filled in, and e belongs to the
// receiver from now on.
//
// Deliver returns once the event is recorded; e.N is its number then. settled
// is closed when its last update was made, also when it ends as pending. The
// context counts for the recording only. The error is ErrStopping or the
// Recorder's.
func (r *Receiver) Deliver(ctx context.Context, e *event.Event) (settled <-chan struct{}, err error) {
	_, query, _ := strings.Cut(e.Path, "?")
	*e = event.Event{
		Session: r.config.Session, Source: cmp.Or(e.Source, event.SourceReplay), ReplayOf: e.ReplayOf, Targets: e.Targets,
		Method: e.Method, Path: e.Path, Header: e.Header, Body: e.Body, Edited: e.Edited,
		Verdict: r.secret.Check(e.Header, query), ReceivedAt: time.Now(), Phase: event.PhaseOpen,
	}
	to, err := r.take(ctx, e)
	switch {
	case errors.Is(err, ErrStopping):
		return nil, ErrStopping
	case err != nil:
		return nil, fmt.Errorf("recording the event: %w", err)
	}
	if h := r.acknowledged(e, to, event.Answer{}); h != nil {
		return h.settled, nil
	}
	now := make(chan struct{})
	close(now)
	return now, nil
}
