package event

import (
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// Kind is scope and action in one: "discussion.comment.create".
type Kind string

// Kinds are all kinds that the Hub documents, in the order of its table.
var Kinds = []Kind{
	"repo.create", "repo.delete", "repo.update", "repo.move",
	"repo.content.update", "repo.config.update",
	"discussion.create", "discussion.delete", "discussion.update",
	"discussion.comment.create", "discussion.comment.update",
}

// MakeKind joins a scope and an action. Without a scope there is no kind.
func MakeKind(scope, action string) Kind {
	switch {
	case scope == "":
		return ""
	case action == "":
		return Kind(scope)
	}
	return Kind(scope + "." + action)
}

// Known reports whether the Hub documents k.
func (k Kind) Known() bool { return slices.Contains(Kinds, k) }

// Scope is what k happened in: "discussion.comment" of "discussion.comment.create".
func (k Kind) Scope() string {
	i := strings.LastIndexByte(string(k), '.')
	return string(k[:max(i, 0)])
}

// Action is what happened: "create" of "discussion.comment.create".
func (k Kind) Action() string {
	return string(k[strings.LastIndexByte(string(k), '.')+1:])
}

// Domain is the webhook domain that k belongs to, "repo" or "discussion", or
// "" for a kind that the Hub does not document.
func (k Kind) Domain() string {
	switch top, _, _ := strings.Cut(string(k), "."); top {
	case "repo", "discussion":
		return top
	}
	return ""
}

// Narrow gives the documented kind that k counts as: an unknown narrower scope
// is an update of the broader one, "repo.config.dois.create" is a
// "repo.config.update".
func (k Kind) Narrow() Kind {
	h := hub.EventHead{Scope: k.Scope(), Action: k.Action()}.Narrow()
	return MakeKind(h.Scope, h.Action)
}

// File fills in what a delivery is filed under, from its body and headers.
func (e *Event) File() {
	head, details := hub.ParseDetails(e.Body)
	e.Kind = MakeKind(head.Scope, head.Action)
	e.Repo = hub.Watch{Type: head.RepoType, Name: head.RepoName}
	e.WebhookID = head.WebhookID
	e.Delivery = e.Header.Get("Webhook-Id")
	e.Summary = summarize(details)
	e.Size = int64(len(e.Body))
}
