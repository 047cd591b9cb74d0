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
// plural of a type, as in the Hub's addresses, is accepted. "owner/name" is a
// model, as in the Hub's own tools. The address of a repo, or of a page of it, is
// accepted with and without the Hub's host: "https://huggingface.co/me/m",
// "hf.co/datasets/me/d/tree/main", "spaces/me/s". The error quotes s.
func ParseWatch(s string) (Watch, error) {
	if path, host := cutHost(s); host || !strings.Contains(s, ":") {
		if w, ok := pageRepo(path, host); ok {
			return w, nil
		}
		if host {
			return Watch{}, fmt.Errorf("watch %q is not the address of a repo: want type:name, like model:me/m", s)
		}
	}
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

// cutHost returns the path of an address at the Hub. host is false if s is not
// such an address; the path is s then.
func cutHost(s string) (path string, host bool) {
	rest, _, _ := strings.Cut(s, "#")
	rest, _, _ = strings.Cut(rest, "?")
	for _, scheme := range []string{"https://", "http://", "hf://"} {
		if at, ok := strings.CutPrefix(rest, scheme); ok {
			rest = at
			if scheme == "hf://" { // as in the libraries of Python
				return rest, true
			}
		}
	}
	name, path, ok := strings.Cut(rest, "/")
	if !ok || !onHub(name) {
		return s, false
	}
	return path, true
}

// onHub reports whether a host is the Hub's own.
func onHub(host string) bool {
	return slices.Contains([]string{"huggingface.co", "www.huggingface.co", "hf.co"}, strings.ToLower(host))
}

// pageRepo returns the repo that a page of the Hub belongs to. What follows the
// repo's name counts only on the Hub's host, and so does a name without an owner.
func pageRepo(path string, host bool) (Watch, bool) {
	if host {
		path = strings.TrimPrefix(path, "api/")
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	typ := WatchTypeModel
	for _, t := range WatchTypes() {
		if len(parts) > 1 && parts[0] == string(t)+"s" && (Watch{Type: t}).IsRepo() {
			typ, parts = t, parts[1:]
			if len(parts) == 1 { // an old dataset without an owner
				return Watch{Type: typ, Name: parts[0]}, validName(parts[0])
			}
			break
		}
	}
	switch {
	case len(parts) < 2, len(parts) > 2 && !host:
		return Watch{}, false
	case !host && strings.Trim(parts[0], "0123456789") == "": // a port and a path
		return Watch{}, false
	}
	name := parts[0] + "/" + strings.TrimSuffix(parts[1], ".git")
	reserved := []string{"settings", "docs", "api", "blog", "papers", "join", "login", "organizations", "collections", "new", "tasks", "models", "users", "orgs"}
	return Watch{Type: typ, Name: name}, validName(name) && !(typ == WatchTypeModel && slices.Contains(reserved, parts[0]))
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
