package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// maxBody is the largest body that a call may have, in bytes.
	maxBody = 1 << 20
	// maxFilesBody is the same for calls that carry files: one of the largest
	// size, in base64, and some smaller ones.
	maxFilesBody = 16 << 20
)

// bodyLimit is the largest body that a call may have, in bytes.
func bodyLimit(r *http.Request) int64 {
	path := r.URL.Path
	if strings.HasPrefix(path, "/api/") && (strings.Contains(path, "/commit/") || path == createPath) {
		return maxFilesBody
	}
	return maxBody
}

// call is one API call, from its arrival to its answer.
type call struct {
	body  []byte
	token *token
}

type callKey struct{}

func callOf(r *http.Request) *call { return r.Context().Value(callKey{}).(*call) }

// answer buffers a response until the call is over: a hold or fault may come between
// the work and the answer.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// ServeHTTP answers one API call.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	a := &answer{header: http.Header{}}
	// The whole body is read before anything else: a held call is carried out
	// even if its client is gone by then, as on a server behind a proxy.
	limit := bodyLimit(r)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	r.Body = http.NoBody
	a.header.Set("X-Request-Id", "Root=1-"+strings.ToLower(rand.Text()))
	switch {
	case !rightHost(r):
		h.fail(a, http.StatusMisdirectedRequest, "", "this sandbox is no %+q: it answers to its loopback address only", r.Host)
	case err != nil:
		h.fail(a, http.StatusRequestEntityTooLarge, "", "the body is larger than %d bytes, or was cut off", limit)
	default:
		h.count(r)
		if !h.carryOut(a, r, body) {
			h.log(Entry{Type: EntryCall, Method: r.Method, Path: r.URL.Path, Duration: time.Since(start), Err: "cut off without an answer"})
			panic(http.ErrAbortHandler)
		}
	}
	// Logged first: who has the answer may look for the line.
	h.log(Entry{Type: EntryCall, Method: r.Method, Path: r.URL.Path, Status: a.status, Duration: time.Since(start)})
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		// An error here is the client's: it is gone.
		_, _ = w.Write(a.body.Bytes())
	}
}

// carryOut passes a call through the faults and holds around it. It reports
// false when the client is to get no answer.
func (h *Hub) carryOut(a *answer, r *http.Request, body []byte) bool {
	h.hold(r, Before)
	if h.ctx.Err() != nil { // closed, perhaps while the call was held
		return false
	}
	extra := http.Header{}
	before := h.nextFault(r, Before)
	if over, ok := before.apply(h.ctx, r, a, extra); over {
		return ok
	}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, &call{body: body}))
	if !h.serveRepo(a, r) {
		h.mux.ServeHTTP(a, r)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	h.hold(r, After)
	after := h.nextFault(r, After)
	if over, ok := after.apply(h.ctx, r, a, extra); over {
		return ok
	}
	maps.Copy(a.header, extra)
	return true
}

// routes are the calls that the Hub answers. They check the methods, because ServeMux's
// own answer to a wrong method has no error in it.
func (h *Hub) routes() *http.ServeMux {
	const hooks = "/api/settings/webhooks"
	type methods map[string]http.HandlerFunc
	mux := http.NewServeMux()
	for path, allowed := range map[string]methods{
		"/api/whoami-v2":                     {"GET": h.authed(h.whoami)},
		hooks:                                {"GET": h.reading(h.listWebhooks), "POST": h.writing(h.createWebhook)},
		hooks + "/{id}":                      {"GET": h.reading(h.getWebhook), "POST": h.writing(h.updateWebhook), "DELETE": h.writing(h.deleteWebhook)},
		hooks + "/{id}/enable":               {"POST": h.writing(h.enableWebhook)},
		hooks + "/{id}/disable":              {"POST": h.writing(h.disableWebhook)},
		hooks + "/{id}/replay/{log}":         {"POST": h.writing(h.replayDelivery)},
		createPath:                           {"POST": h.authed(h.createRepo)},
		"/api/repos/delete":                  {"DELETE": h.authed(h.deleteRepo)},
		"/api/repos/move":                    {"POST": h.authed(h.moveRepo)},
		"/api/validate-yaml":                 {"POST": h.validateYAML},
		"/api/users/{name}/overview":         {"GET": h.lookUpAccount(false)},
		"/api/organizations/{name}/overview": {"GET": h.lookUpAccount(true)},
		"/sandbox/events":                    {"POST": h.authed(h.postEvent)},
		"/sandbox/jobs":                      {"GET": h.authed(h.listJobs)},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			method := r.Method
			if method == http.MethodHead {
				method = http.MethodGet
			}
			if do := allowed[method]; do != nil {
				do(w, r)
				return
			}
			w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(allowed)), ", "))
			h.fail(w, http.StatusMethodNotAllowed, "", "%s is not allowed here", r.Method)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.answerError(w, unserved(r, "", nil))
	})
	return mux
}

// tokenOf finds the token of a call. The error is errNoToken when it has none,
// and errWrongToken when it is not valid.
func (h *Hub) tokenOf(r *http.Request) (*token, error) {
	if r.Header.Get("Authorization") == "" {
		return nil, errNoToken
	}
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tokens[strings.TrimSpace(text)]
	if t == nil || !strings.EqualFold(scheme, "Bearer") {
		return nil, errWrongToken
	}
	return t, nil
}

// authed lets a call with a valid token pass, and counts it against the
// account's limit.
func (h *Hub) authed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, err := h.tokenOf(r)
		switch {
		case err != nil:
			h.answerError(w, err)
		case !h.withinLimit(w, r, t.user):
		default:
			callOf(r).token = t
			next(w, r)
		}
	}
}

func (h *Hub) reading(next http.HandlerFunc) http.HandlerFunc { return h.permitted(false, next) }
func (h *Hub) writing(next http.HandlerFunc) http.HandlerFunc { return h.permitted(true, next) }

// permitted lets a call pass whose token has the permission for webhooks.
func (h *Hub) permitted(write bool, next http.HandlerFunc) http.HandlerFunc {
	return h.authed(func(w http.ResponseWriter, r *http.Request) {
		if !callOf(r).token.may(write, h.cfg.Modes) {
			needed := WebhooksRead
			if write {
				needed = WebhooksWrite
			}
			h.fail(w, http.StatusForbidden, "", "This token does not have the required permission: %s", needed)
			return
		}
		next(w, r)
	})
}

// readJSON reads the body of a call as a JSON object. It answers and reports
// false when it is none.
func (h *Hub) readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	err := jsonBody(r, into)
	if err != nil {
		h.answerError(w, err)
	}
	return err == nil
}

// jsonBody reads the body of a call as JSON.
func jsonBody(r *http.Request, into any) error {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "", "Unsupported content type %+q: want application/json", r.Header.Get("Content-Type"))
	}
	if err := json.Unmarshal(callOf(r).body, into); err != nil {
		return refuse(http.StatusBadRequest, "", "Invalid JSON body: %v", err)
	}
	return nil
}

// invalid answers a body whose values are wrong.
func (h *Hub) invalid(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if h.cfg.Modes.Invalid422 {
		status = http.StatusUnprocessableEntity
	}
	h.fail(w, status, "", "%v", err)
}

// fail answers an error in the form of the Hub's mode. Values in the format
// are quoted with %+q, as a header has room for ASCII only.
func (h *Hub) fail(w http.ResponseWriter, status int, code, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if code != "" {
		w.Header().Set("X-Error-Code", code)
	}
	w.Header().Set("X-Error-Message", strings.Map(headerRune, message))
	switch h.cfg.Modes.ErrorForm {
	case ErrorList:
		answerJSON(w, status, map[string]any{"error": []string{message}})
	case ErrorDescription:
		if code == "" {
			code = strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
		}
		answerJSON(w, status, object{{"error", code}, {"error_description", message}})
	case ErrorObjects:
		answerJSON(w, status, map[string]any{"errors": []any{map[string]any{"message": message}}})
	case ErrorText:
		answerText(w, status, "text/plain; charset=utf-8", message+"\n")
	case ErrorHTML:
		answerText(w, status, "text/html; charset=utf-8",
			"<!doctype html>\n<html><body><h1>"+itoa(status)+"</h1><p>"+html.EscapeString(message)+"</p></body></html>\n")
	default:
		answerJSON(w, status, map[string]any{"error": message})
	}
}

// headerRune returns r, or a space if a header cannot have it.
func headerRune(r rune) rune {
	if r < ' ' || r > '~' {
		return ' '
	}
	return r
}

func answerText(w http.ResponseWriter, status int, contentType, text string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // into memory
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	body, err := marshal(v)
	if err != nil {
		answerText(w, http.StatusInternalServerError, "text/plain; charset=utf-8", err.Error()+"\n")
		return
	}
	answerText(w, status, "application/json; charset=utf-8", string(body)+"\n")
}

// marshal writes JSON as JavaScript does: without escaping HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
