package hub

import (
	"fmt"
	"net/url"
	"strings"
)

// RepoType is a type of repo. The Hub adds new ones without notice, so that a
// payload may have one that is not among the constants.
type RepoType string

// The types of repos, as the Hub's OpenAPI document lists them.
const (
	RepoTypeModel   RepoType = "model"
	RepoTypeDataset RepoType = "dataset"
	RepoTypeSpace   RepoType = "space"
	RepoTypeBucket  RepoType = "bucket"
	RepoTypeKernel  RepoType = "kernel"
)

// RepoTypes returns all constants of RepoType.
func RepoTypes() []RepoType {
	return []RepoType{RepoTypeModel, RepoTypeDataset, RepoTypeSpace, RepoTypeBucket, RepoTypeKernel}
}

// Repo is the type and the name of a repo. It is comparable. [PayloadRepo] is the
// repo of a payload, with more fields.
type Repo struct {
	Type RepoType `json:"type"`
	Name string   `json:"name"` // "owner/name"; old canonical repos have no slash
}

// String returns the form that people type, "model:me/m".
func (r Repo) String() string { return string(r.Type) + ":" + r.Name }

// Watch returns the watch of this one repo.
func (r Repo) Watch() Watch { return Watch{Type: WatchType(r.Type), Name: r.Name} }

// ParseRepo reads "type:name", as [ParseWatch] does. A user or an organization
// is an error.
func ParseRepo(s string) (Repo, error) {
	w, err := ParseWatch(s)
	if err != nil {
		return Repo{}, err
	}
	r, ok := w.Repo()
	if !ok {
		return Repo{}, fmt.Errorf("%q is not a repo: want one of %s", s, joined(RepoTypes()))
	}
	return r, nil
}

// URLs are the two addresses of a repo, a discussion or a comment on the Hub.
type URLs struct {
	Web string `json:"web"`
	API string `json:"api,omitempty"` // comments have none
}

// URLs returns the addresses of a repo at an endpoint ([DefaultEndpoint]):
// models are at the root of the site, all others under their plural.
func (r Repo) URLs(endpoint string) URLs {
	plural := url.PathEscape(string(r.Type)) + "s/"
	web := plural
	if r.Type == RepoTypeModel {
		web = ""
	}
	parts := strings.Split(r.Name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	name := strings.Join(parts, "/")
	return URLs{Web: endpoint + "/" + web + name, API: endpoint + "/api/" + plural + name}
}

// joined lists texts for people.
func joined[S ~string](all []S) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}
