package sandbox

import "net/http"

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
		answerJSON(w, http.StatusOK, object{{"_id", a.id}, {name, a.name}, {"fullname", a.name}, {"avatarUrl", h.avatar(a)}})
	}
}
