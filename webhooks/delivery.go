package webhooks

import (
	"context"
	"net/http"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// Handler handles one delivery. What it returns is the answer's JSON, null for
// nil. An error becomes a 500 whose text is only in the log, and so does a
// panic. With [AnswerFirst], the sender was answered before, and the result is
// dropped.
//
// Handlers run at the same time, unless AnswerFirst limits that.
type Handler func(ctx context.Context, d *Delivery) (any, error)

// Delivery is one HTTP request of the Hub: the payload, whose fields are
// reached directly (d.Repo.Name, d.Comment), and what the headers say.
// Everything but the payload's Raw is empty where the sender left it out:
// check Discussion and Comment for nil.
type Delivery struct {
	hub.Payload // Raw is the body, byte for byte

	// ID is the Webhook-Id header. The Hub's retries and replays of a delivery
	// have the same.
	ID string
	// Kind is the payload's scope and action in one, "discussion.comment.create".
	Kind event.Kind
	// Header has all headers, with the secret.
	Header http.Header

	handled chan result // gets the result after AnswerFirst; nil: nobody waits for it
}

// result is what a handler returned.
type result struct {
	answer []byte // as JSON
	err    error
}

// PushedTo returns the new commit of a branch ("main") if this delivery is about
// a push to it. Pushes to other branches, tags and pull requests do not count,
// and neither does the deletion of the branch.
func (d *Delivery) PushedTo(branch string) (commit string, ok bool) {
	for _, ref := range d.UpdatedRefs {
		if name, isBranch := strings.CutPrefix(ref.Ref, "refs/heads/"); isBranch && name == branch && ref.NewSHA != nil {
			return *ref.NewSHA, true
		}
	}
	return "", false
}
