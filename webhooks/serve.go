package webhooks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// bodyTimeout is how long a body may take to arrive, and restTimeout how long the
// rest of one may that is not wanted.
const (
	bodyTimeout = 2 * time.Minute
	restTimeout = 5 * time.Second
)

// refusal is an answer to a request that does not reach a handler.
type refusal struct {
	status  int
	message string
}

// The texts of 401 and 403 are those of huggingface_hub.
var (
	errNoEndpoint    = &refusal{http.StatusNotFound, "No such endpoint."}
	errMethod        = &refusal{http.StatusMethodNotAllowed, "Only POST is allowed."}
	errCrossOrigin   = &refusal{http.StatusForbidden, "The request comes from a web page of another site."}
	errSecretMissing = &refusal{http.StatusUnauthorized, "x-webhook-secret header not set."}
	errSecretWrong   = &refusal{http.StatusForbidden, "Invalid webhook secret."}
	errCompressed    = &refusal{http.StatusUnsupportedMediaType, "The body is compressed: send it as it is."}
	errTooLarge      = &refusal{http.StatusRequestEntityTooLarge, "The body is too large."}
	errTooSlow       = &refusal{http.StatusRequestTimeout, "The body came too slowly."}
	errBroken        = &refusal{http.StatusBadRequest, "The body broke off."}
	errNotJSON       = &refusal{http.StatusBadRequest, "The body is not a JSON object."}
	errFull          = &refusal{http.StatusServiceUnavailable, "Too many deliveries are waiting."}
	errStopping      = &refusal{http.StatusServiceUnavailable, "The server is stopping."}
	errHandler       = &refusal{http.StatusInternalServerError, "Internal server error."}
)

// ServeHTTP serves the endpoints under [Prefix], and Config.Page elsewhere. Under
// another path, use it with http.StripPrefix.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path, isEndpoint := strings.CutPrefix(req.URL.Path, Prefix)
	if !isEndpoint {
		s.config.Page.ServeHTTP(w, req)
		return
	}
	e, stopping := s.find(path)
	switch {
	case e == nil:
		s.refuse(w, req, errNoEndpoint)
	case req.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		s.refuse(w, req, errMethod)
	case stopping:
		s.refuse(w, req, errStopping)
	default:
		d, why := s.read(w, req)
		if why != nil {
			s.refuse(w, req, why)
			return
		}
		s.serve(w, req, e, d)
	}
}

// read checks a request and reads its delivery. The secret is checked before
// the body is read.
func (s *Server) read(w http.ResponseWriter, req *http.Request) (*Delivery, *refusal) {
	// Without a secret, any web page that the developer visits could reach a
	// server on the same machine.
	if s.crossOrigin.Check(req) != nil {
		return nil, errCrossOrigin
	}
	switch s.secret.Check(req.Header, req.URL.RawQuery) {
	case event.VerdictMissing:
		return nil, errSecretMissing
	case event.VerdictWrong:
		return nil, errSecretWrong
	}
	if encoding := req.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		w.Header().Set("Accept-Encoding", "identity")
		return nil, errCompressed
	}
	body, why := s.readBody(w, req)
	if why != nil {
		return nil, why
	}
	payload, ok := hub.ParsePayload(body)
	if !ok {
		return nil, errNotJSON
	}
	return &Delivery{
		Payload: payload, Header: req.Header, ID: req.Header.Get("Webhook-Id"),
		Kind: event.MakeKind(payload.Event.Scope, payload.Event.Action),
	}, nil
}

// readBody reads a body whole. The deadline for slow senders is the connection's;
// net/http removes it when it has seen the end of the body. After a refusal it
// stays, because net/http reads the rest of a body before it closes the
// connection.
func (s *Server) readBody(w http.ResponseWriter, req *http.Request) ([]byte, *refusal) {
	if req.ContentLength == 0 {
		return nil, nil
	}
	if req.ContentLength > s.config.MaxBody {
		return nil, errTooLarge
	}
	setReadDeadline(w, bodyTimeout)

	var body bytes.Buffer
	// The announced length is not received yet, so little memory is allocated for it.
	body.Grow(int(min(max(req.ContentLength, 0), 1<<20)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, req.Body, s.config.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errTooSlow
	case err != nil:
		return nil, errBroken
	}
	return body.Bytes(), nil
}

// setReadDeadline bounds the time in which a sender has to be read from.
func setReadDeadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d)) // an error: w is not a connection, as in tests
}

// serve answers a delivery.
func (s *Server) serve(w http.ResponseWriter, req *http.Request, e *endpoint, d *Delivery) {
	if !e.fits(d) {
		ignore(w, describe(d)+" does not match this endpoint")
		return
	}
	var id idHash
	remembered := e.repeats != nil && d.ID != ""
	if remembered {
		id = hashID(d.ID)
	}
	for remembered {
		handled, busy := e.repeats.begin(id)
		if handled || busy != nil && e.queue != nil {
			ignore(w, "this delivery is a repeat")
			return
		}
		if busy == nil {
			break
		}
		select {
		case <-busy: // and if that failed, this one is handled
		case <-req.Context().Done():
			s.refuse(w, req, errStopping) // or the sender hung up, and sees no answer
			return
		}
	}
	if e.queue != nil {
		s.enqueue(w, req, e, d)
		return
	}
	handled := false
	defer func() { // also when the handler ends its goroutine
		if remembered {
			e.repeats.finish(id, handled)
		}
	}()
	answer, err := e.call(req.Context(), d)
	handled = err == nil
	if err != nil {
		s.logFailure(req.Context(), e, d, err, answerWatcher(w, err))
		answerError(w, errHandler)
		return
	}
	if req.Context().Err() != nil {
		s.config.Log.WarnContext(req.Context(), "webhook sender hung up before the handler was done: AnswerFirst answers at once", about(e, d)...)
	}
	writeJSON(w, http.StatusOK, answer)
}

// watcher is a response writer that also gets what the sender does not see: why a
// handler failed, also after AnswerFirst. That of webhooks/dev is one.
type watcher interface {
	// HandlerFailed is called before the answer with the error of the handler, and the
	// stack of a panic.
	HandlerFailed(err error, stack []byte)
}

// answerWatcher passes the error of a handler to the watcher. It returns false if w is
// not a watcher.
func answerWatcher(w http.ResponseWriter, err error) bool {
	watcher, ok := w.(watcher)
	if !ok {
		return false
	}
	var stack []byte
	if p := (*panicked)(nil); errors.As(err, &p) {
		stack = p.stack
	}
	watcher.HandlerFailed(err, stack)
	return true
}

// enqueue answers a delivery that is handled later. A watcher is answered when it is
// handled.
func (s *Server) enqueue(w http.ResponseWriter, req *http.Request, e *endpoint, d *Delivery) {
	if _, watched := w.(watcher); watched {
		d.handled = make(chan result, 1)
	}
	s.mu.RLock() // no delivery gets into a queue that is being drained
	stopping := s.stopping
	added := !stopping && e.queue.add(d)
	s.mu.RUnlock()
	switch {
	case added && d.handled == nil:
		writeJSON(w, http.StatusOK, []byte(`{"accepted":true}`))
		return
	case added:
		select {
		case r := <-d.handled:
			if r.err != nil {
				answerWatcher(w, r.err)
				answerError(w, errHandler)
				return
			}
			writeJSON(w, http.StatusOK, r.answer)
		case <-req.Context().Done():
			answerError(w, errStopping)
		}
		return
	}
	if e.repeats != nil && d.ID != "" {
		e.repeats.finish(hashID(d.ID), false)
	}
	if stopping {
		s.refuse(w, req, errStopping)
		return
	}
	s.refuse(w, req, errFull)
}

// handleQueued handles a delivery whose sender was answered before.
func (s *Server) handleQueued(e *endpoint, d *Delivery) {
	handled := false
	outcome := result{err: errors.New("the handler ended its goroutine")}
	defer func() {
		if d.handled != nil {
			d.handled <- outcome
		}
		if e.repeats != nil && d.ID != "" {
			e.repeats.finish(hashID(d.ID), handled)
		}
	}()
	answer, err := e.call(s.work, d)
	outcome = result{answer, err}
	handled = err == nil
	if err != nil {
		if s.work.Err() != nil {
			s.cut.Add(1)
		}
		s.logFailure(s.work, e, d, err, d.handled != nil)
	}
}

// logFailure logs an error or a panic of a handler. A watcher shows the stack itself.
func (s *Server) logFailure(ctx context.Context, e *endpoint, d *Delivery, err error, watched bool) {
	attributes := append(about(e, d), "error", err)
	var p *panicked
	if errors.As(err, &p) && !watched {
		attributes = append(attributes, "stack", string(p.stack))
	}
	s.config.Log.ErrorContext(ctx, "webhook handler failed", attributes...)
}

// describe returns the kind and the repo of a delivery, for log lines.
func describe(d *Delivery) string {
	what := cmp.Or(string(d.Kind), "a delivery without a kind")
	if d.Repo.Type != "" {
		what += " of " + d.Repo.Repo().String()
	}
	return what
}

// about returns log attributes that name a delivery.
func about(e *endpoint, d *Delivery) []any {
	return []any{"endpoint", e.Name, "delivery", d.ID, "kind", string(d.Kind), "repo", d.Repo.Repo().String()}
}

// refuse answers a request that does not reach a handler, and logs it.
func (s *Server) refuse(w http.ResponseWriter, req *http.Request, why *refusal) {
	s.config.Log.WarnContext(req.Context(), "webhook delivery refused", "status", why.status, "reason", why.message,
		"method", req.Method, "path", req.URL.Path, "delivery", req.Header.Get("Webhook-Id"))
	if req.ContentLength != 0 {
		// The rest of the body, which net/http reads, must not take for ever.
		setReadDeadline(w, restTimeout)
	}
	answerError(w, why)
}

func answerError(w http.ResponseWriter, why *refusal) {
	if why.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "60")
	}
	answer, _ := json.Marshal(map[string]string{"error": why.message}) // strings are always JSON
	writeJSON(w, why.status, answer)
}

// ignore answers a valid delivery that the handler does not want.
func ignore(w http.ResponseWriter, why string) {
	answer, _ := json.Marshal(map[string]string{"ignored": why})
	writeJSON(w, http.StatusOK, answer)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error: the sender is gone
}
