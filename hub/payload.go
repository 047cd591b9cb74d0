package hub

import (
	"encoding/json"
	"strconv"
)

// Payload is the body of a delivery, in version 3 of the Hub's format. Read one
// with [ParsePayload], which accepts what json.Unmarshal refuses.
type Payload struct {
	Event                 PayloadEvent `json:"event"`
	Repo                  PayloadRepo  `json:"repo"`
	Discussion            *Discussion  `json:"discussion,omitempty"`
	Comment               *Comment     `json:"comment,omitempty"`
	Webhook               WebhookRef   `json:"webhook"`
	MovedTo               *MovedTo     `json:"movedTo,omitempty"`
	UpdatedRefs           []RefUpdate  `json:"updatedRefs,omitempty"`
	UpdatedFiles          []FileUpdate `json:"updatedFiles,omitempty"`
	UpdatedFilesTruncated bool         `json:"updatedFilesTruncated,omitempty"` // above 10,000 files
	// UpdatedConfig is {"private": bool}, or {} if another setting changed.
	UpdatedConfig json.RawMessage `json:"updatedConfig,omitempty"`

	// Raw is the body that ParsePayload read, byte for byte. It is not marshaled.
	Raw []byte `json:"-"`
}

// PayloadRepo is the repo of a payload. [PayloadRepo.Repo] is its type and name
// alone.
type PayloadRepo struct {
	Type      RepoType `json:"type"` // model, dataset, space, bucket, kernel, or newer
	Name      string   `json:"name"` // "owner/name"; old canonical repos have no slash
	ID        string   `json:"id"`   // 24 hex digits
	Private   bool     `json:"private"`
	Subdomain string   `json:"subdomain,omitempty"` // Spaces only
	URL       URLs     `json:"url"`
	HeadSHA   string   `json:"headSha,omitempty"` // scopes under repo, never for buckets
	Tags      []string `json:"tags,omitempty"`
	Owner     Account  `json:"owner"`
}

// Repo returns the type and the name of a repo.
func (r PayloadRepo) Repo() Repo { return Repo{Type: r.Type, Name: r.Name} }

// Account is the id of a user or an organization. Payloads have no user names.
type Account struct {
	ID string `json:"id"` // 24 hex digits
}

// Discussion is a discussion or a pull request.
type Discussion struct {
	ID            string           `json:"id"`
	Title         string           `json:"title"`
	URL           URLs             `json:"url"`
	Status        DiscussionStatus `json:"status"`
	Author        Account          `json:"author"`
	Num           int              `json:"num"`
	IsPullRequest bool             `json:"isPullRequest"`
	Changes       *Changes         `json:"changes,omitempty"` // pull requests only
	Pinned        *bool            `json:"pinned,omitempty"`
}

// DiscussionStatus is the status of a discussion or a pull request. The Hub may
// add others.
type DiscussionStatus string

// The statuses that the Hub documents.
const (
	DiscussionOpen   DiscussionStatus = "open"
	DiscussionClosed DiscussionStatus = "closed"
	DiscussionMerged DiscussionStatus = "merged" // pull requests only
	DiscussionDraft  DiscussionStatus = "draft"
)

// Changes is the target of a pull request.
type Changes struct {
	Base          string `json:"base"` // refs/heads/main
	MergeCommitID string `json:"mergeCommitId,omitempty"`
}

// Comment is a comment in a discussion.
type Comment struct {
	ID      string  `json:"id"`
	Author  Account `json:"author"`
	Content *string `json:"content,omitempty"` // absent when hidden
	Hidden  bool    `json:"hidden"`
	URL     URLs    `json:"url"`
}

// WebhookRef names the webhook that a delivery belongs to.
type WebhookRef struct {
	ID      string `json:"id"`
	Version int    `json:"version"` // 3
}

// MovedTo is a repo's new name and owner.
type MovedTo struct {
	Name  string  `json:"name"`
	Owner Account `json:"owner"`
}

// RefUpdate is one ref that moved: a branch, a tag, or refs/pr/N.
type RefUpdate struct {
	Ref    string  `json:"ref"`
	OldSHA *string `json:"oldSha"` // nil for a new ref
	NewSHA *string `json:"newSha"` // nil for a deleted ref
}

// FileUpdate is one file of a bucket that changed.
type FileUpdate struct {
	Path    string     `json:"path"`
	Action  FileAction `json:"action"`
	XetHash string     `json:"xetHash,omitempty"`
	Size    *int64     `json:"size,omitempty"` // bytes
}

// FileAction is what happened to a file of a bucket.
type FileAction string

// The actions that the Hub documents.
const (
	FileAdd    FileAction = "add"
	FileDelete FileAction = "delete"
)

// Head is the part of a payload that all have: the event, the repo and the
// webhook. A field that is missing, or has an unexpected shape, is empty.
type Head struct {
	Scope     Scope
	Action    Action
	Repo      Repo
	WebhookID string
}

// ParseHead reads the head of a body and nothing else, without an error: the head
// of a body that is not JSON is empty. The last of two equal keys counts, and
// keys are case-sensitive.
func ParseHead(body []byte) Head {
	h, _ := parseHead(body, func([]byte, []byte) {})
	return h
}

// Details are the parts of a body that depend on its kind, as JSON. A missing one
// is nil. They share the body's memory.
type Details struct {
	Discussion, Comment, UpdatedRefs, UpdatedConfig, MovedTo, UpdatedFiles json.RawMessage
}

// ParseDetails reads the head and the details of a body in one pass. Like
// [ParseHead] it has no error: both are empty if the body is not a JSON object.
func ParseDetails(body []byte) (Head, Details) {
	var d Details
	h, ok := parseHead(body, func(key, raw []byte) {
		if part := d.part(key); part != nil {
			*part = raw[:len(raw):len(raw)]
		}
	})
	if !ok {
		return Head{}, Details{}
	}
	return h, d
}

// part returns the field for a key, nil if there is none.
func (d *Details) part(key []byte) *json.RawMessage {
	switch {
	case is(key, "discussion"):
		return &d.Discussion
	case is(key, "comment"):
		return &d.Comment
	case is(key, "updatedRefs"):
		return &d.UpdatedRefs
	case is(key, "updatedConfig"):
		return &d.UpdatedConfig
	case is(key, "movedTo"):
		return &d.MovedTo
	case is(key, "updatedFiles"):
		return &d.UpdatedFiles
	}
	return nil
}

// parseHead reads the head, and calls value with each key and its JSON. It returns
// false if the body is not a JSON object.
func parseHead(body []byte, value func(key, raw []byte)) (h Head, ok bool) {
	s := scanner{b: body}
	s.space()
	ok = s.object(func(key []byte) (ok bool) {
		from := s.i
		switch {
		case is(key, "event"):
			h.Scope, h.Action = "", ""
			ok = s.strings(pair{"scope", (*string)(&h.Scope)}, pair{"action", (*string)(&h.Action)})
		case is(key, "repo"):
			h.Repo = Repo{}
			ok = s.strings(pair{"type", (*string)(&h.Repo.Type)}, pair{"name", &h.Repo.Name})
		case is(key, "webhook"):
			h.WebhookID = ""
			ok = s.strings(pair{"id", &h.WebhookID}, pair{})
		default:
			ok = s.skip()
		}
		value(key, body[from:s.i])
		return ok
	})
	if s.space(); !ok || s.i < len(body) {
		return Head{}, false
	}
	return h, true
}

// ParsePayload reads a body, and keeps its bytes in Raw. Unknown fields are
// ignored, and a field of an unexpected shape is left empty. ok is false if the
// body is not a JSON object.
func ParsePayload(body []byte) (p Payload, ok bool) {
	p.Raw = body
	// Each value is read by itself, and the last one of a key counts. They are
	// parts of the body, so that reading them takes one more pass and no copies.
	parts := [...]struct {
		key  string
		into any
		raw  json.RawMessage
	}{
		{key: "repo", into: &p.Repo}, {key: "discussion", into: &p.Discussion}, {key: "comment", into: &p.Comment}, {key: "webhook", into: &p.Webhook},
		{key: "movedTo", into: &p.MovedTo}, {key: "updatedRefs", into: &p.UpdatedRefs}, {key: "updatedFiles", into: &p.UpdatedFiles},
		{key: "updatedFilesTruncated", into: &p.UpdatedFilesTruncated}, {key: "updatedConfig", into: &p.UpdatedConfig},
	}
	head, ok := parseHead(body, func(key, raw []byte) {
		for i := range parts {
			if is(key, parts[i].key) {
				parts[i].raw = raw
				return
			}
		}
	})
	if !ok {
		return p, false
	}
	for _, part := range parts {
		read(part.raw, part.into)
	}
	// encoding/json treats repeated keys and capitals differently.
	p.Event = PayloadEvent{Action: head.Action, Scope: head.Scope}
	p.Repo.Type, p.Repo.Name, p.Webhook.ID = head.Repo.Type, head.Repo.Name, head.WebhookID
	return p, true
}

// read unmarshals what it can. json.Unmarshal goes on after a value of the wrong
// type and reports it at the end, where the error is dropped.
func read(raw json.RawMessage, into any) {
	if len(raw) > 0 {
		_ = json.Unmarshal(raw, into)
	}
}

// fields is a JSON object whose values are read one by one. It is nil for a value
// that is not an object.
type fields map[string]json.RawMessage

// UnmarshalJSON accepts every value.
func (f *fields) UnmarshalJSON(b []byte) error {
	var m map[string]json.RawMessage
	if json.Unmarshal(b, &m) == nil {
		*f = m
	}
	return nil
}

func (f fields) text(key string) string {
	var s string
	read(f[key], &s)
	return s
}

// DiscussionURLs returns the addresses of the discussion or pull request num in
// the repo with these addresses.
func DiscussionURLs(repo URLs, num int) URLs {
	n := "/discussions/" + strconv.Itoa(num)
	return URLs{Web: repo.Web + n, API: repo.API + n}
}

// CommentURL returns the address of a comment on the page of its discussion.
func CommentURL(discussion URLs, id string) string { return discussion.Web + "#" + id }
