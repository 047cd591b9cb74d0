package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

const createPath = "/api/repos/create"

// repoRequest is the body of POST /api/repos/create and DELETE
// /api/repos/delete.
type repoRequest struct {
	Name         string        `json:"name"`
	Organization string        `json:"organization"` // the caller when empty
	Type         hub.RepoType  `json:"type"`         // model when empty
	Private      bool          `json:"private"`
	Visibility   string        `json:"visibility"` // public or private; goes before Private
	License      string        `json:"license"`
	SDK          string        `json:"sdk"` // of a Space
	Files        []fileRequest `json:"files"`

	// Fields that the sandbox does not have.
	Hardware        json.RawMessage `json:"hardware"`
	Storage         json.RawMessage `json:"storage"`
	Secrets         json.RawMessage `json:"secrets"`
	Variables       json.RawMessage `json:"variables"`
	Template        json.RawMessage `json:"template"`
	ResourceGroupID json.RawMessage `json:"resourceGroupId"`
}

// watch is the repo that a request names.
func (q repoRequest) watch(user *account) hub.Repo {
	w := hub.Repo{Type: q.Type, Name: q.Name}
	if w.Type == "" {
		w.Type = "model"
	}
	switch {
	case strings.Contains(q.Name, "/"):
	case q.Organization != "":
		w.Name = q.Organization + "/" + q.Name
	default:
		w.Name = user.name + "/" + q.Name
	}
	return w
}

// unserved names the first part of a request that the sandbox does not have.
func (q repoRequest) unserved() error {
	for _, part := range []struct {
		name  string
		value json.RawMessage
	}{
		{"hardware", q.Hardware}, {"storage", q.Storage}, {"secrets", q.Secrets}, {"variables", q.Variables},
		{"template", q.Template}, {"resourceGroupId", q.ResourceGroupID},
	} {
		if len(part.value) > 0 && string(part.value) != "null" {
			return notImplemented("%q of a new repo", part.name)
		}
	}
	return nil
}

// visibility reads the two ways to say whether a repo is private.
func visibility(word string, private bool) (bool, error) {
	switch word {
	case "":
		return private, nil
	case "public", "private":
		return word == "private", nil
	case "protected":
		return false, notImplemented("protected Spaces")
	}
	return false, refuse(http.StatusBadRequest, "", `Invalid "visibility": want public or private`)
}

// createRepo answers POST /api/repos/create.
func (h *Hub) createRepo(w http.ResponseWriter, r *http.Request) {
	var body repoRequest
	if !h.readJSON(w, r, &body) {
		return
	}
	t := callOf(r).token
	var made object
	err := h.change(func(a *hubChange) error {
		repo, err := a.createRepo(t, body.watch(t.user), body)
		if err == nil {
			made = object{{"url", repo.URL.Web}, {"name", repo.Name}, {"id", repo.ID}}
		}
		return err
	})
	if err != nil {
		h.answerError(w, err)
		return
	}
	answerJSON(w, http.StatusOK, made)
}

func (a *hubChange) createRepo(t *token, w hub.Repo, body repoRequest) (*repo, error) {
	private, err := visibility(body.Visibility, body.Private)
	if err != nil {
		return nil, err
	}
	if err := a.h.mayOwn(t, w); err != nil {
		return nil, err
	}
	if err := body.unserved(); err != nil {
		return nil, err
	}
	sdks := []string{"gradio", "docker", "static", "streamlit"}
	if w.Type == "space" && !slices.Contains(sdks, body.SDK) {
		return nil, refuse(http.StatusBadRequest, "", `Invalid "sdk": want one of %s`, strings.Join(sdks, ", "))
	}
	if a.h.taken(w) {
		found := a.h.repo(w)
		return nil, &refusal{status: http.StatusConflict, message: "You already created this " + string(w.Type) + " repo: " + found.Name, url: found.URL.Web}
	}
	files := tree{}
	if body.License != "" {
		files["README.md"] = newBlob([]byte("---\nlicense: " + strings.Map(headerRune, body.License) + "\n---\n"))
	}
	for _, f := range body.Files {
		if err := f.add(files, files); err != nil {
			return nil, err
		}
	}
	if err := files.valid(); err != nil {
		return nil, err
	}
	r, err := a.h.newRepo(w, body.SDK, files)
	if err != nil {
		return nil, err
	}
	r.Private = private
	return r, a.send("repo.create", r, nil)
}

// mayOwn checks that a token's user can have a repo of a name.
func (h *Hub) mayOwn(t *token, w hub.Repo) error {
	if _, known := repoType(string(w.Type) + "s"); !known {
		return refuse(http.StatusBadRequest, "", `Invalid "type": no repos of the type %+q`, w.Type)
	}
	if err := validRepo(w); err != nil {
		return err
	}
	owner := h.account(event.OwnerOf(w.Name))
	if owner == nil || !owner.has(t.user) {
		return refuse(http.StatusForbidden, "", "You don't have the rights to create a %s under the namespace %+q", w.Type, event.OwnerOf(w.Name))
	}
	return t.mayNot(toManage, owner)
}

// deleteRepo answers DELETE /api/repos/delete.
func (h *Hub) deleteRepo(w http.ResponseWriter, r *http.Request) {
	var body repoRequest
	if !h.readJSON(w, r, &body) {
		return
	}
	t := callOf(r).token
	h.answerOK(w, h.change(func(a *hubChange) error {
		repo, err := h.managed(t, body.watch(t.user))
		if err != nil {
			return err
		}
		return a.deleteRepo(repo)
	}))
}

// moveRepo answers POST /api/repos/move.
func (h *Hub) moveRepo(w http.ResponseWriter, r *http.Request) {
	var body struct {
		FromRepo string       `json:"fromRepo"`
		ToRepo   string       `json:"toRepo"`
		Type     hub.RepoType `json:"type"` // model when empty
	}
	if !h.readJSON(w, r, &body) {
		return
	}
	t := callOf(r).token
	from := repoRequest{Name: body.FromRepo, Type: body.Type}.watch(t.user)
	to := hub.Repo{Type: from.Type, Name: body.ToRepo}
	h.answerOK(w, h.change(func(a *hubChange) error {
		repo, err := h.managed(t, from)
		if err == nil {
			err = h.mayOwn(t, to)
		}
		if err != nil {
			return err
		}
		return a.moveRepo(repo, body.ToRepo)
	}))
}

// managed finds a repo that a token may move and delete. The caller holds mu.
func (h *Hub) managed(t *token, w hub.Repo) (*repo, error) {
	c := &repoCall{call: &call{token: t}, repo: h.repo(w)}
	if err := c.seen(); err != nil {
		return nil, err
	}
	return c.repo, t.mayNot(toManage, c.repo.owner)
}

// answerOK answers a call that returns no data.
func (h *Hub) answerOK(w http.ResponseWriter, err error) {
	if err != nil {
		h.answerError(w, err)
		return
	}
	answerText(w, http.StatusOK, "text/plain; charset=utf-8", "OK\n")
}

// changeSettings answers PUT …/settings. A new visibility, or a change that
// the payload does not name, is one repo.config.update.
func changeSettings(a *hubChange, c *repoCall) (any, error) {
	r := c.repo
	body := struct {
		Private             *bool  `json:"private"`
		Visibility          string `json:"visibility"`
		DiscussionsDisabled *bool  `json:"discussionsDisabled"`
		Gated               any    `json:"gated"`
	}{}
	if err := jsonBody(c.r, &body); err != nil {
		return nil, err
	}
	private := r.Private
	if body.Private != nil {
		private = *body.Private
	}
	private, err := visibility(body.Visibility, private)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]any{nil, false, "auto", "manual"}, body.Gated) {
		return nil, refuse(http.StatusBadRequest, "", `Invalid "gated": want false, "auto" or "manual"`)
	}
	changed := false
	if body.Gated != nil && body.Gated != r.gated {
		r.gated, changed = body.Gated, true
	}
	if body.DiscussionsDisabled != nil && *body.DiscussionsDisabled != r.noTalk {
		r.noTalk, changed = *body.DiscussionsDisabled, true
	}
	if private != r.Private || changed {
		err = a.configure(r, private != r.Private, private)
	}
	return object{{"private", r.Private}, {"discussionsDisabled", r.noTalk}, {"gated", r.gated}}, err
}

// repoInfo answers GET /api/{models,…}/NAME.
func repoInfo(a *hubChange, c *repoCall) (any, error) {
	return c.repo.info(a.h, c.repo.commits[c.repo.refs[mainRef]], c.r.URL.Query().Get("blobs") == "true"), nil
}

// revisionInfo answers GET /api/{models,…}/NAME/revision/REV.
func revisionInfo(a *hubChange, c *repoCall) (any, error) {
	at, err := c.repo.revision(strings.Join(c.vars, "/"))
	if err != nil {
		return nil, err
	}
	return c.repo.info(a.h, at, c.r.URL.Query().Get("blobs") == "true"), nil
}

// info is what the API shows of a repo at a commit.
func (r *repo) info(h *Hub, at *commit, blobs bool) object {
	siblings := []object{}
	for _, path := range at.files.paths() {
		sibling := object{{"rfilename", path}}
		if blobs {
			sibling = append(sibling, property{"size", len(at.files[path].data)}, property{"blobId", at.files[path].oid})
		}
		siblings = append(siblings, sibling)
	}
	info := object{{"_id", r.ID}, {"id", r.Name}}
	if r.Type == "model" {
		info = info.set("modelId", r.Name)
	}
	info = append(info, object{
		{"author", r.owner.name}, {"sha", at.sha}, {"lastModified", isoTime(at.date)}, {"private", r.Private},
		{"gated", r.gated}, {"disabled", false}, {"discussionsDisabled", r.noTalk}, {"downloads", 0}, {"likes", 0},
		{"tags", orEmpty(r.Tags)}, {"createdAt", isoTime(r.createdAt)}, {"siblings", siblings},
	}...)
	if r.Type == "space" {
		info = append(info, property{"sdk", r.sdk}, property{"subdomain", r.Subdomain})
	}
	return info
}
