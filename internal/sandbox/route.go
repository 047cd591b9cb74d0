package sandbox

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/hub"
)

// repoCall is a call about one repo.
type repoCall struct {
	*call
	r      *http.Request
	header http.Header // of the answer
	name   string      // of the repo that the path names
	repo   *repo       // nil only for an action that creates it
	vars   []string    // what stands in the path for the stars of the route
}

// repoFunc carries out a call about a repo, alone. What it returns is the
// answer's JSON; nil is the text OK, and a *fileAnswer is a file.
type repoFunc func(*hubChange, *repoCall) (any, error)

// action is what one method does on one route.
type action struct {
	want right
	do   repoFunc
}

// creates is the action of a route that makes the repo which its path names.
// It checks the caller's rights itself.
func creates(do repoFunc) action { return action{-1, do} }

// route is a path below a repo with what its methods do. A star stands for one
// segment, two at the end for all that follow, at least one.
type route struct {
	path    string
	methods map[string]action
}

// gitRoutes are the API's calls below /api/{models,datasets,spaces,kernels}/NAME.
var gitRoutes = []route{
	{"", map[string]action{"GET": {toRead, repoInfo}}},
	{"revision/**", map[string]action{"GET": {toRead, revisionInfo}}},
	{"settings", map[string]action{"PUT": {toManage, changeSettings}}},
	{"refs", map[string]action{"GET": {toRead, listRefs}}},
	{"commits/**", map[string]action{"GET": {toRead, listCommits}}},
	{"tree/**", map[string]action{"GET": {toRead, listTree}}},
	{"paths-info/**", map[string]action{"POST": {toRead, pathsInfo}}},
	{"branch/**", map[string]action{"POST": {toCommit, createBranch}, "DELETE": {toCommit, deleteBranch}}},
	{"tag/**", map[string]action{"POST": {toCommit, createTag}, "DELETE": {toCommit, deleteTag}}},
	{"preupload/**", map[string]action{"POST": {toDiscuss, preupload}}},
	{"commit/**", map[string]action{"POST": {toDiscuss, createCommit}}},
	{"discussions", map[string]action{"GET": {toRead, listDiscussions}, "POST": {toDiscuss, createDiscussion}}},
	{"discussions/*", map[string]action{"GET": {toRead, discussionDetails}, "DELETE": {toCommit, deleteDiscussion}}},
	{"discussions/*/comment", map[string]action{"POST": {toDiscuss, createComment}}},
	{"discussions/*/comment/*/edit", map[string]action{"POST": {toDiscuss, editComment}}},
	{"discussions/*/comment/*/hide", map[string]action{"POST": {toDiscuss, hideComment}}},
	{"discussions/*/title", map[string]action{"POST": {toDiscuss, renameDiscussion}}},
	{"discussions/*/status", map[string]action{"POST": {toDiscuss, changeDiscussionStatus}}},
	{"discussions/*/pin", map[string]action{"POST": {toCommit, pinDiscussion}}},
	{"discussions/*/merge", map[string]action{"POST": {toCommit, mergePullRequest}}},
}

// bucketRoutes are the API's calls below /api/buckets/NAME.
var bucketRoutes = []route{
	{"", map[string]action{"GET": {toRead, bucketInfo}, "POST": creates(createBucket), "DELETE": {toManage, deleteBucket}}},
	{"settings", map[string]action{"PUT": {toManage, changeSettings}}},
	{"batch", map[string]action{"POST": {toCommit, changeBucket}}},
	{"tree", map[string]action{"GET": {toRead, listBucket}}},
	{"tree/**", map[string]action{"GET": {toRead, listBucket}}},
	{"paths-info", map[string]action{"POST": {toRead, bucketPathsInfo}}},
}

// fileRoutes are the calls below the address of a repo's page.
var fileRoutes = []route{
	{"resolve/**", map[string]action{"GET": {toRead, resolveFile}}},
	{"raw/**", map[string]action{"GET": {toRead, resolveFile}}},
}

// match reports whether a path below a repo is the route's, and what stands
// for its stars.
func (rt route) match(rest []string) (vars []string, ok bool) {
	parts := strings.Split(rt.path, "/")
	if rt.path == "" {
		parts = nil
	}
	for i, part := range parts {
		switch {
		case i >= len(rest):
			return nil, false
		case part == "**":
			return append(vars, rest[i:]...), true
		case part == "*":
			vars = append(vars, rest[i])
		case part != rest[i]:
			return nil, false
		}
	}
	return vars, len(parts) == len(rest)
}

// segments splits a path at its slashes, before %2F in it becomes one.
func segments(u *url.URL) []string {
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			parts[i] = plain
		}
	}
	return parts
}

// repoType reads the plural of a type of repo, as it stands in addresses.
func repoType(plural string) (typ hub.RepoType, ok bool) {
	singular, ok := strings.CutSuffix(plural, "s")
	typ = hub.RepoType(singular)
	return typ, ok && slices.Contains(hub.RepoTypes(), typ)
}

// serveRepo answers calls about a repo. It reports false when a path is not
// one of these.
func (h *Hub) serveRepo(w http.ResponseWriter, r *http.Request) bool {
	parts := segments(r.URL)
	if len(parts) >= 3 && parts[0] == "api" {
		typ, ok := repoType(parts[1])
		if !ok {
			return false
		}
		routes := gitRoutes
		if typ == "bucket" {
			routes = bucketRoutes
		}
		h.answerRepo(w, r, typ, parts[2:], routes)
		return true
	}
	if parts[0] == "api" || parts[0] == "sandbox" || parts[0] == "" {
		return false
	}
	typ, ok := repoType(parts[0])
	switch {
	case ok && len(parts) == 1:
		return false
	case ok:
		parts = parts[1:]
	default:
		typ = "model"
	}
	h.answerRepo(w, r, typ, parts, fileRoutes)
	return true
}

// answerRepo answers a call about the repo whose name begins the path.
func (h *Hub) answerRepo(w http.ResponseWriter, r *http.Request, typ hub.RepoType, path []string, routes []route) {
	c := &repoCall{call: callOf(r), r: r, header: w.Header()}
	if !h.identify(w, r, c.call) {
		return
	}
	var answer any
	err := h.change(func(a *hubChange) error {
		do, err := h.route(c, typ, path, routes)
		if err == nil {
			answer, err = do(a, c)
		}
		return err
	})
	switch {
	case err != nil:
		h.answerError(w, err)
	case answer == nil:
		answerText(w, http.StatusOK, "text/plain; charset=utf-8", "OK\n")
	default:
		if f, ok := answer.(*fileAnswer); ok {
			f.serve(w, r)
			return
		}
		answerJSON(w, http.StatusOK, answer)
	}
}

// identify finds the account of a call by its token. A call without a token has none.
// It answers and reports false when the token is wrong or has no calls left.
func (h *Hub) identify(w http.ResponseWriter, r *http.Request, c *call) bool {
	t, err := h.tokenOf(r)
	if errors.Is(err, errNoToken) {
		return true
	}
	if err != nil {
		h.answerError(w, err)
		return false
	}
	c.token = t
	return h.withinLimit(w, r, t.user)
}

// route finds the repo that a path names and what to do with it, and checks
// that the caller may. The caller holds mu.
func (h *Hub) route(c *repoCall, typ hub.RepoType, path []string, routes []route) (repoFunc, error) {
	var rest []string
	c.name = strings.Join(path[:min(2, len(path))], "/")
	c.repo, rest = h.namedRepo(typ, path)
	methods := map[string]action{}
	found := false
	for _, rt := range routes {
		if vars, ok := rt.match(rest); ok {
			found, c.vars, methods = true, vars, rt.methods
			break
		}
	}
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	do, allowed := methods[method]
	switch {
	case !found:
		return nil, unserved(c.r, typ, rest)
	case !allowed:
		c.header.Set("Allow", strings.Join(slices.Sorted(maps.Keys(methods)), ", "))
		return nil, refuse(http.StatusMethodNotAllowed, "", "%s is not allowed here", c.r.Method)
	}
	if do.want < toRead {
		return do.do, nil
	}
	if err := c.seen(); err != nil {
		return nil, err
	}
	return do.do, c.token.mayNot(do.want, c.repo.owner)
}

// namedRepo finds the repo whose name begins a path: owner and name, or the
// name alone of an old canonical repo.
func (h *Hub) namedRepo(typ hub.RepoType, path []string) (r *repo, rest []string) {
	if len(path) > 1 {
		if r := h.repo(hub.Repo{Type: typ, Name: path[0] + "/" + path[1]}); r != nil {
			return r, path[2:]
		}
	}
	if r := h.repo(hub.Repo{Type: typ, Name: path[0]}); r != nil {
		return r, path[1:]
	}
	return nil, path[min(2, len(path)):]
}

// seen returns the refusal for a repo that does not exist, or that the caller
// may not see: the Hub makes no difference.
func (c *repoCall) seen() error {
	switch {
	case c.repo != nil && !c.repo.Private:
		return nil
	case c.token == nil:
		return errNoToken
	case c.repo == nil || !c.repo.visibleTo(c.token.user) || !c.token.allows(toRead):
		return errNoRepo
	}
	return nil
}

// fileAnswer is a file as an answer.
type fileAnswer struct {
	name    string
	data    []byte
	changed time.Time
}

// serve answers with the file, or the range of it that the caller wants.
func (f *fileAnswer) serve(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, f.name, f.changed, bytes.NewReader(f.data))
}
