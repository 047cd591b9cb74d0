package event

import (
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// Kind is what happened: a scope and an action, "discussion.comment.create".
type Kind string

// The kinds that the Hub documents.
const (
	KindRepoCreate              Kind = "repo.create"
	KindRepoDelete              Kind = "repo.delete"
	KindRepoUpdate              Kind = "repo.update"
	KindRepoMove                Kind = "repo.move"
	KindRepoContentUpdate       Kind = "repo.content.update" // a push, a tag, a new pull request, files of a bucket
	KindRepoConfigUpdate        Kind = "repo.config.update"
	KindDiscussionCreate        Kind = "discussion.create" // of a pull request, too
	KindDiscussionDelete        Kind = "discussion.delete"
	KindDiscussionUpdate        Kind = "discussion.update"
	KindDiscussionCommentCreate Kind = "discussion.comment.create"
	KindDiscussionCommentUpdate Kind = "discussion.comment.update"
)

// Kinds lists the kinds that the Hub documents, in the order of its table.
func Kinds() []Kind { return slices.Clone(kinds) }

var kinds = []Kind{
	KindRepoCreate, KindRepoDelete, KindRepoUpdate, KindRepoMove, KindRepoContentUpdate, KindRepoConfigUpdate,
	KindDiscussionCreate, KindDiscussionDelete, KindDiscussionUpdate, KindDiscussionCommentCreate, KindDiscussionCommentUpdate,
}

// MakeKind joins a scope and an action. Without an action it is the scope alone,
// and without a scope it is empty.
func MakeKind(scope hub.Scope, action hub.Action) Kind {
	switch {
	case scope == "":
		return ""
	case action == "":
		return Kind(scope)
	}
	return Kind(string(scope) + "." + string(action))
}

// Known reports whether the Hub documents k.
func (k Kind) Known() bool { return slices.Contains(kinds, k) }

// Scope returns all but the action: "discussion.comment" of
// "discussion.comment.create".
func (k Kind) Scope() hub.Scope {
	i := strings.LastIndexByte(string(k), '.')
	return hub.Scope(k[:max(i, 0)])
}

// Action returns the last part: "create" of "discussion.comment.create".
func (k Kind) Action() hub.Action {
	return hub.Action(k[strings.LastIndexByte(string(k), '.')+1:])
}

// Domain returns the domain that k belongs to, or "" for a kind that the Hub does
// not document.
func (k Kind) Domain() hub.Domain {
	top, _, _ := strings.Cut(string(k), ".")
	switch domain := hub.Domain(top); domain {
	case hub.DomainRepo, hub.DomainDiscussion:
		return domain
	}
	return ""
}

// Documented returns the documented kind that k counts as: a kind with a narrower
// scope than the documented ones is an update in the scope above it. For example,
// "repo.config.dois.create" is a "repo.config.update".
func (k Kind) Documented() Kind {
	h := hub.PayloadEvent{Scope: k.Scope(), Action: k.Action()}.Documented()
	return MakeKind(h.Scope, h.Action)
}

// ParseRequest sets the fields that follow from Header and Body: Kind, Repo,
// WebhookID, Delivery, Summary and Size. What the body does not have is empty.
func (e *Event) ParseRequest() {
	head, details := hub.ParseDetails(e.Body)
	e.Kind = MakeKind(head.Scope, head.Action)
	e.Repo = head.Repo
	e.WebhookID = head.WebhookID
	e.Delivery = e.Header.Get("Webhook-Id")
	e.Summary = summarize(details)
	e.Size = int64(len(e.Body))
}
