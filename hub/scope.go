package hub

import (
	"fmt"
	"strings"
)

// Domain is a group of scopes. A webhook subscribes to one or both domains.
type Domain string

// The domains of events.
const (
	DomainRepo       Domain = "repo"       // the scopes repo, repo.content, repo.config and narrower
	DomainDiscussion Domain = "discussion" // the scopes discussion, discussion.comment and narrower
)

// Domains returns both domains.
func Domains() []Domain { return []Domain{DomainRepo, DomainDiscussion} }

// ParseDomain reads "repo" or "discussion", or the plural of one, because the
// Python command line has "discussions".
func ParseDomain(s string) (Domain, error) {
	switch s {
	case "repo", "repos":
		return DomainRepo, nil
	case "discussion", "discussions":
		return DomainDiscussion, nil
	}
	return "", fmt.Errorf("unknown domain %q: want %s", s, strings.Join([]string{string(DomainRepo), string(DomainDiscussion)}, " or "))
}

// Scope is the part of a repo or a discussion that an event happened in. The
// Hub adds narrower ones without notice, for example "repo.config.dois".
type Scope string

// The scopes that the Hub documents.
const (
	ScopeRepo              Scope = "repo"
	ScopeRepoContent       Scope = "repo.content"
	ScopeRepoConfig        Scope = "repo.config"
	ScopeDiscussion        Scope = "discussion"
	ScopeDiscussionComment Scope = "discussion.comment"
)

// Action is what happened in a scope.
type Action string

// The actions that the Hub documents. Not every scope has every action.
const (
	ActionCreate Action = "create"
	ActionDelete Action = "delete"
	ActionUpdate Action = "update"
	ActionMove   Action = "move"
)

// PayloadEvent is what happened: an action in a scope.
type PayloadEvent struct {
	Action Action `json:"action"`
	Scope  Scope  `json:"scope"`
}

// Documented returns the documented event that e counts as: an event in a
// narrower scope than the documented ones is an update in the documented scope
// above it. For example, "repo.config.dois" is an update of "repo.config". If
// there is no such scope, e is returned unchanged.
func (e PayloadEvent) Documented() PayloadEvent {
	for scope := e.Scope; ; {
		switch scope {
		case ScopeRepo, ScopeRepoContent, ScopeRepoConfig, ScopeDiscussion, ScopeDiscussionComment:
			if scope != e.Scope {
				return PayloadEvent{Action: ActionUpdate, Scope: scope}
			}
			return e
		}
		i := strings.LastIndexByte(string(scope), '.')
		if i < 0 {
			return e
		}
		scope = scope[:i]
	}
}
