package sandbox

import (
	"errors"
	"fmt"
	"net/http"
)

// refusal is an error with the answer that the Hub gives for it.
type refusal struct {
	status  int
	code    string // of the X-Error-Code header; many errors have none
	message string // values in it are quoted as ASCII
	url     string // of what exists already; clients that do not mind use it
}

// Error returns the message alone, for the methods of Hub that return it.
func (e *refusal) Error() string { return e.message }

// refuse makes a refusal. Values in the format are quoted with %+q, because a
// header has room for ASCII only.
func refuse(status int, code, format string, args ...any) error {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// answerError answers a call that failed.
func (h *Hub) answerError(w http.ResponseWriter, err error) {
	var r *refusal
	switch {
	case errors.As(err, &r) && r.url != "" && h.cfg.Modes.ErrorForm == ErrorString:
		w.Header().Set("X-Error-Message", r.message)
		answerJSON(w, r.status, object{{"error", r.message}, {"url", r.url}})
	case errors.As(err, &r):
		h.fail(w, r.status, r.code, "%s", r.message)
	case errors.Is(err, errClosed):
		h.fail(w, http.StatusServiceUnavailable, "", "%v", err)
	default:
		h.fail(w, http.StatusBadRequest, "", "%v", err)
	}
}

// Refusals that several calls share.
var (
	errNoRepo = refuse(http.StatusNotFound, "RepoNotFound", "Repository not found")
	errNoPage = refuse(http.StatusNotFound, "", "Sorry, we can't find the page you are looking for.")
	// The Hub does not show without a token whether a repo exists.
	errNoToken    = refuse(http.StatusUnauthorized, "", "Invalid username or password.")
	errWrongToken = refuse(http.StatusUnauthorized, "", "Invalid credentials in Authorization header")
)
