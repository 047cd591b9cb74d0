package sandbox

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// lookUpRepo answers GET /api/{models,…}/NAME with the few fields that say
// what a repo is. A repo that the caller may not see is not found.
func (h *Hub) lookUpRepo(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.PathValue("owner")+"/"+r.PathValue("name"), "/")
	repoType, plural := strings.CutSuffix(r.PathValue("plural"), "s")
	if watch := (hub.Watch{Type: repoType}); !plural || !slices.Contains(hub.WatchTypes, repoType) || !watch.IsRepo() {
		h.fail(w, http.StatusNotFound, "", "Sorry, we can't find the page you are looking for.")
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	found := h.repo(hub.Watch{Type: repoType, Name: name})
	if found == nil || found.Private && !h.mayRead(r, found) {
		h.fail(w, http.StatusNotFound, "RepoNotFound", "Repository not found")
		return
	}
	info := map[string]any{
		"_id": found.ID, "id": found.Name, "author": found.owner.name,
		"private": found.Private, "tags": orEmpty(found.Tags),
	}
	if found.HeadSHA != "" {
		info["sha"] = found.HeadSHA
	}
	answerJSON(w, http.StatusOK, info)
}

// mayRead reports whether the call's token, if it has one, opens a private
// repo. The caller holds mu.
func (h *Hub) mayRead(r *http.Request, private *repo) bool {
	_, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	t := h.tokens[strings.TrimSpace(text)]
	return t != nil && private.visibleTo(t.user)
}

// lookUpAccount answers GET /api/users/NAME/overview and the same of
// organizations.
func (h *Hub) lookUpAccount(org bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		a := h.account(r.PathValue("name"))
		if a == nil || a.org != org {
			h.fail(w, http.StatusNotFound, "", "This user does not exist")
			return
		}
		name := "user"
		if org {
			name = "name"
		}
		answerJSON(w, http.StatusOK, map[string]any{
			"_id": a.id, name: a.name, "fullname": a.name, "avatarUrl": h.avatar(a),
		})
	}
}
