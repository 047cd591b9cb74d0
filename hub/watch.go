package hub

import (
	"fmt"
	"slices"
	"strings"
)

// WatchType is a type of thing that a webhook can watch: a type of repo, a
// user or an organization.
type WatchType string

// The types of things that webhooks watch, as the Hub's OpenAPI document lists
// them.
const (
	WatchTypeModel   WatchType = "model"
	WatchTypeDataset WatchType = "dataset"
	WatchTypeSpace   WatchType = "space"
	WatchTypeBucket  WatchType = "bucket"
	WatchTypeKernel  WatchType = "kernel"
	WatchTypeUser    WatchType = "user"
	WatchTypeOrg     WatchType = "org"
)

// WatchTypes returns all constants of WatchType.
func WatchTypes() []WatchType {
	return []WatchType{
		WatchTypeModel, WatchTypeDataset, WatchTypeSpace, WatchTypeBucket, WatchTypeKernel, WatchTypeUser, WatchTypeOrg,
	}
}

// Watch is a repo that a webhook watches, or a user or an organization, of which
// it watches all repos. [ParseWatch] makes one from a text, [Repo.Watch] from a
// repo.
type Watch struct {
	Type WatchType `json:"type"`
	Name string    `json:"name"` // "owner/name" for repos, "name" for users, orgs and old canonical repos
	// AvatarURL is set by the Hub in its answers and never sent.
	AvatarURL string `json:"avatarUrl,omitempty"`
}

// String returns the form that people type, "type:name".
func (w Watch) String() string { return string(w.Type) + ":" + w.Name }

// Repo returns the repo that w watches. ok is false if w watches a user or an
// organization.
func (w Watch) Repo() (r Repo, ok bool) {
	if !w.IsRepo() {
		return Repo{}, false
	}
	return Repo{Type: RepoType(w.Type), Name: w.Name}, true
}

// IsRepo reports whether w watches a single repo.
func (w Watch) IsRepo() bool { return w.Type != WatchTypeUser && w.Type != WatchTypeOrg }

// ParseWatch reads "type:name", for example "dataset:me/d" or "user:me". The
// plural of a type, as in the Hub's addresses, is accepted. The error quotes s.
func ParseWatch(s string) (Watch, error) {
	prefix, name, ok := strings.Cut(s, ":")
	if !ok {
		return Watch{}, fmt.Errorf("watch %q has no type: want type:name, like model:me/m", s)
	}
	typ := WatchType(prefix)
	if singular := WatchType(strings.TrimSuffix(prefix, "s")); slices.Contains(WatchTypes(), singular) {
		typ = singular
	}
	if !slices.Contains(WatchTypes(), typ) {
		return Watch{}, fmt.Errorf("watch %q has the unknown type %q: want one of %s", s, typ, joined(WatchTypes()))
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
