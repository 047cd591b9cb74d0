package hub

import (
	"fmt"
	"slices"
	"strings"
)

// WatchTypes are the kinds of thing a webhook can watch, as the Hub's OpenAPI
// document lists them.
var WatchTypes = []string{"model", "dataset", "space", "bucket", "kernel", "user", "org"}

// Watch is one thing that a webhook watches: a repo, or all repos of a user or
// an organization. It is also the name of a repo, when Type is a repo type.
type Watch struct {
	Type string `json:"type"` // one of WatchTypes
	Name string `json:"name"` // "owner/name" for repos, "name" for users, orgs and old canonical repos
	// AvatarURL is set by the Hub in its answers and never sent.
	AvatarURL string `json:"avatarUrl,omitempty"`
}

// String gives the form that people type: "type:name".
func (w Watch) String() string { return w.Type + ":" + w.Name }

// IsRepo reports whether w names a single repo rather than an account.
func (w Watch) IsRepo() bool { return w.Type != "user" && w.Type != "org" }

// ParseWatch reads "type:name". The plural of a type, as it stands in the
// Hub's addresses, is taken too. The error says what was wrong and quotes s.
func ParseWatch(s string) (Watch, error) {
	typ, name, ok := strings.Cut(s, ":")
	if !ok {
		return Watch{}, fmt.Errorf("watch %q has no type: want type:name, like model:me/m", s)
	}
	if plural := strings.TrimSuffix(typ, "s"); slices.Contains(WatchTypes, plural) {
		typ = plural
	}
	if !slices.Contains(WatchTypes, typ) {
		return Watch{}, fmt.Errorf("watch %q has the unknown type %q: want one of %s", s, typ, strings.Join(WatchTypes, ", "))
	}
	w := Watch{Type: typ, Name: name}
	switch parts := strings.Split(name, "/"); {
	case !validName(name):
		return Watch{}, fmt.Errorf("watch %q has no valid name: want letters, digits and -_. in owner/name", s)
	case w.IsRepo() && len(parts) > 2:
		return Watch{}, fmt.Errorf("watch %q has too many slashes: want %s:owner/name", s, typ)
	case !w.IsRepo() && len(parts) != 1:
		return Watch{}, fmt.Errorf("watch %q names a repo: want %s:name, without a slash", s, typ)
	}
	return w, nil
}

func validName(name string) bool {
	if name == "" || len(name) > 200 {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
		for _, r := range part {
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
			if !letter && !strings.ContainsRune("-_.", r) {
				return false
			}
		}
	}
	return true
}

// ParseDomain reads a domain of events. The Hub's API takes "repo" and
// "discussion"; its Python command line says "discussions", which is taken as
// the same, because that is what people have in their fingers.
func ParseDomain(s string) (string, error) {
	switch s {
	case "repo", "repos":
		return "repo", nil
	case "discussion", "discussions":
		return "discussion", nil
	}
	return "", fmt.Errorf("unknown domain %q: want repo or discussion", s)
}
