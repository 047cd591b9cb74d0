package sandbox

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// notImplemented is the refusal of something that the Hub has and the sandbox
// has not.
func notImplemented(format string, args ...any) error {
	return refuse(http.StatusNotImplemented, "NotImplemented", "The sandbox does not have %s", fmt.Sprintf(format, args...))
}

// unservedParts are the Hub's calls below a repo that the sandbox does not
// have, by the first word behind the repo's name.
var unservedParts = map[string]string{
	"auth-check":          "the check of access to a repo",
	"ask-access":          "access requests",
	"user-access-request": "access requests",
	"user-access-report":  "access requests",
	"compare":             "the comparison of revisions",
	"croissant":           "Croissant metadata",
	"duplicate":           "duplicates of Spaces",
	"dev-mode":            "running Spaces",
	"events":              "running Spaces",
	"hardware":            "running Spaces",
	"leaderboard":         "leaderboards",
	"lfs-files":           "Git LFS",
	"like":                "likes",
	"likers":              "likes",
	"logs":                "running Spaces",
	"metrics":             "running Spaces",
	"notebook":            "notebooks",
	"parquet":             "the dataset viewer",
	"pause":               "running Spaces",
	"resource-group":      "resource groups",
	"restart":             "running Spaces",
	"runtime":             "running Spaces",
	"scan":                "security scans",
	"secrets":             "secrets of Spaces",
	"sleeptime":           "running Spaces",
	"sql-console":         "the SQL console",
	"storage":             "storage of Spaces",
	"super-squash":        "squashed histories",
	"treesize":            "sizes of folders",
	"variables":           "variables of Spaces",
	"xet-read-token":      "Xet storage",
	"xet-write-token":     "Xet storage",
}

// unservedFamilies are the same for calls that are not about one repo, by the
// word behind /api/.
var unservedFamilies = map[string]string{
	"models":                "lists of repos",
	"datasets":              "lists of repos",
	"spaces":                "lists of repos",
	"kernels":               "lists of repos",
	"buckets":               "lists of repos",
	"repos":                 "this call about repos",
	"agents":                "agents",
	"blog":                  "blog posts",
	"collections":           "collections",
	"daily_papers":          "papers",
	"datasets-tags-by-type": "lists of tags",
	"discussions":           "discussions across repos",
	"docs":                  "the documentation",
	"inference-endpoints":   "Inference Endpoints",
	"jobs":                  "Jobs",
	"models-tags-by-type":   "lists of tags",
	"notifications":         "notifications",
	"organizations":         "this call about organizations",
	"papers":                "papers",
	"posts":                 "posts",
	"quicksearch":           "the search",
	"resolve-cache":         "the cache of files",
	"scheduled-jobs":        "Jobs",
	"settings":              "this setting",
	"sql-console":           "the SQL console",
	"tasks":                 "tasks",
	"trending":              "lists of repos",
	"users":                 "this call about users",
}

// unserved returns the error for a call that the sandbox does not have. It is 501 with
// the call's name if the Hub has the call, else 404. typ and rest are the type of the
// repo and the path after its name; both are empty for a call that is not about a repo.
func unserved(r *http.Request, typ hub.RepoType, rest []string) error {
	parts := segments(r.URL)
	call := " (" + r.Method + " " + r.URL.EscapedPath() + ")"
	switch {
	case parts[0] == "sandbox":
		return errNoPage
	case parts[0] != "api":
		if what := webPart(r); what != "" {
			return notImplemented("%s%s", what, call)
		}
	case typ != "" && len(rest) > 0:
		what := unservedParts[rest[0]]
		if rest[0] == "discussions" && typ != "bucket" {
			what = "this call about discussions"
		}
		if what != "" {
			return notImplemented("%s%s", what, call)
		}
	case typ == "" && len(parts) > 1 && unservedFamilies[parts[1]] != "":
		return notImplemented("%s%s", unservedFamilies[parts[1]], call)
	}
	return errNoPage
}

// webPart names the part of the Hub's web pages that an address outside of the API
// belongs to, if there is one.
func webPart(r *http.Request) string {
	path := r.URL.EscapedPath()
	switch {
	case strings.Contains(path, ".git/info/lfs"):
		return "Git LFS"
	case strings.Contains(path, ".git/"):
		return "git over HTTP"
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return "the Hub's web pages"
	}
	return ""
}
