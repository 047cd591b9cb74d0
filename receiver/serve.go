package receiver

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// The headers of local callers.
const (
	headerKey      = "Hf-Tap-Key"
	headerSource   = "Hf-Tap-Source"
	headerReplayOf = "Hf-Tap-Replay-Of"
	headerSecret   = "Hf-Tap-Secret"
	headerEvent    = "Hf-Tap-Event"
)

// headerMark is the header of a delivery at the public address that a caller who
// knows Config.LocalKey sends. See [TriggerMark].
const headerMark = "Hf-Tap-Trigger"

// TriggerMark is the value of the header Hf-Tap-Trigger, by which a caller who knows
// Config.LocalKey marks a delivery that it sends to the public address: the event's
// Source is then SourceTrigger, and the header Hf-Tap-Event of the answer is its
// number. The key itself would be seen by whoever runs the tunnel; the mark holds
// for one Webhook-Id, and spares nobody the secret.
func TriggerMark(localKey, delivery string) string {
	mac := hmac.New(sha256.New, []byte(localKey))
	mac.Write([]byte("hf-tap trigger\n" + delivery))
	return hex.EncodeToString(mac.Sum(nil))
}

// marked reports whether a delivery has a valid TriggerMark.
func (r *Receiver) marked(h http.Header) bool {
	mark := h.Get(headerMark)
	return mark != "" && r.config.LocalKey != "" && hmac.Equal([]byte(mark), []byte(TriggerMark(r.config.LocalKey, h.Get("Webhook-Id"))))
}

// ServeHTTP receives a delivery. Everyone who knows the URL can call it. Its
// answers:
//
//	200  the event is recorded (Ack), or no route matches it (Relay)
//	400  the body broke off
//	401  the secret is missing
//	403  the secret is wrong
//	404  not a POST, or neither to Config.Path nor to the Path of a route below it
//	408  the body came too slowly
//	413  the body is larger than Limits.MaxBody
//	503  the event cannot be recorded now; Retry-After says when to try again
//
// and in Relay those of the targets, 502 for a target that is down, and 504
// after RelayTimeout. The connection must support deadlines, as every net.Conn
// does.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.serve(w, req, false)
}

// LocalHandler returns the handler for callers on this machine, who do not need the
// secret but Config.LocalKey, in the header Hf-Tap-Key. Without it they get a 403, as
// they do for a Host that is not the address that was called: a web page whose name
// leads to this machine sends that name. A request with the header Hf-Tap-Source
// ("replay" or "trigger") gets the secret from the Receiver, and is handled as
// [Receiver.Deliver] does: it is answered 200 as soon as it is recorded, in Relay
// too, and no answer is recorded. Hf-Tap-Replay-Of is the number of the event that
// it repeats. With Hf-Tap-Secret: as-is the secret is checked as it came, not put
// right. The four headers are removed before the event is recorded. Below
// Config.Path, a path that no route has is taken as Config.Path itself: what is
// replayed may come from a session with other routes.
//
// The header Hf-Tap-Event of the answer is the number of the new event. A
// request without Hf-Tap-Source is handled as by ServeHTTP.
func (r *Receiver) LocalHandler() http.Handler {
	key := sha256.Sum256([]byte(r.config.LocalKey))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		given := sha256.Sum256([]byte(req.Header.Get(headerKey)))
		switch at, ok := req.Context().Value(http.LocalAddrContextKey).(net.Addr); {
		case r.config.LocalKey == "" || subtle.ConstantTimeCompare(given[:], key[:]) == 0:
			lingerStranger.refuse(w, req, http.StatusForbidden, headerKey+" is wrong or missing\n", false)
		case !ok || req.Host != at.String():
			lingerStranger.refuse(w, req, http.StatusForbidden, "Host is not the address that was called\n", false)
		default:
			delete(req.Header, headerKey)
			r.serve(w, req, true)
		}
	})
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, local bool) {
	path := req.URL.Path
	if req.URL.RawPath != "" {
		path = "" // an encoded way to write a path is another path
	}
	below, ours := strings.CutPrefix(path, r.config.Path)
	switch nonce, isCheck := strings.CutPrefix(path, r.config.Path+"/check/"); {
	case ours && (below == "" || r.hasPath(below) || local && !isCheck && below[0] == '/') && req.Method == http.MethodPost:
		r.serveDelivery(w, req, local)
	case isCheck && r.config.Check != nil && validNonce(nonce) &&
		(req.Method == http.MethodGet || req.Method == http.MethodPost):
		r.counts.checks.Add(1)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		lingerStranger.refuse(w, req, http.StatusOK, r.config.Check(nonce), false)
	default:
		r.counts.notFound.Add(1)
		lingerStranger.refuse(w, req, http.StatusNotFound, "", false)
	}
}

func validNonce(s string) bool {
	return s != "" && len(s) <= 128 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// serveDelivery looks at the secret first: it decides how much is read.
func (r *Receiver) serveDelivery(w http.ResponseWriter, req *http.Request, local bool) {
	if local && r.config.Secret != "" && req.Header.Get(headerSource) != "" && req.Header.Get(headerSecret) != "as-is" {
		req.Header[event.SecretHeader] = []string{r.config.Secret}
	}
	verdict := r.secret.Check(req.Header, req.URL.RawQuery)
	if !verdict.Trusted() {
		r.serveStranger(w, req, local, verdict)
		return
	}
	if r.stopping.Load() {
		r.comeBack(w)
		lingerTrusted.refuse(w, req, http.StatusServiceUnavailable, "", false)
		return
	}
	body, taken, err := r.readBody(w, req)
	if err != nil {
		p := partial{bytes.Clone(body[:min(int64(len(body)), r.config.Limits.MaxBeginning)]), int64(len(body)), err}
		r.bodies.give(taken) // refuseBody may read on for long
		r.refuseBody(w, req, local, verdict, p)
		return
	}
	give := sync.OnceFunc(func() { r.bodies.give(taken) })
	defer give()
	received := time.Now()
	e, ok := r.event(w, req, local, verdict)
	if !ok {
		return
	}
	e.Body, e.ReceivedAt = body, received
	if e.Source == r.config.Source {
		r.counts.today.add(received)
	}
	to, err := r.take(r.life, e)
	if err != nil {
		r.comeBack(w)
		respond(w, http.StatusServiceUnavailable, nil)
		return
	}
	if local || e.Source == event.SourceTrigger {
		w.Header().Set(headerEvent, strconv.FormatInt(e.N, 10))
	}
	asked := !local || e.Source.AwaitsAnswer()
	if status := r.answerAndDeliver(w, req, e, to, asked, give); status == dropped {
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	}
}

// answerAndDeliver answers the sender of an event that is recorded, and hands the
// event to targets, in the order that Respond asks for. It returns the status of the
// answer, dropped if there is none. asked is whether the sender waits for what the
// Hub is told. give releases the memory of the body.
func (r *Receiver) answerAndDeliver(w http.ResponseWriter, req *http.Request, e *event.Event, to []*lane, asked bool, give func()) (status int) {
	received := e.ReceivedAt
	var fault *Fault
	if asked {
		fault = r.faultFor(e)
	}
	if r.config.Respond == Relay && asked && len(to) > 0 {
		h := r.handover(e, to, &relay{since: received, fault: fault})
		h.start()
		reply := h.reply()
		r.delay(req.Context(), fault)
		if status = reply.status; status != dropped {
			give() // the answer may be read slowly
			reply.write(w)
		}
		return status
	}
	r.delay(req.Context(), fault)
	if status = fault.status(http.StatusOK); status != dropped {
		respond(w, status, nil)
	}
	var answer event.Answer
	if asked {
		answer = answered(status, received)
	}
	r.acknowledged(e, to, answer)
	return status
}

// answered is an answer that was given, or refused by closing the connection,
// to a request whose last byte came at received. It is never zero.
func answered(status int, received time.Time) event.Answer {
	return event.Answer{Status: status, Duration: max(time.Since(received), 1)}
}

// take records an event and says where it goes. An event that goes nowhere is
// settled when it is recorded, so that one whose session is killed right after
// does not look as if a target had missed it. When the error is nil,
// acknowledged has to follow, or a handover.
func (r *Receiver) take(ctx context.Context, e *event.Event) ([]*lane, error) {
	if !r.begin() {
		return nil, ErrStopping
	}
	e.ParseRequest()
	var to []*lane
	if e.Verdict.Trusted() {
		to = r.lanesFor(e)
	}
	e.Targets = nil
	for _, lane := range to {
		e.Targets = append(e.Targets, lane.name)
	}
	if len(to) == 0 {
		e.Phase = event.PhaseSettled
	}
	if err := r.config.Recorder.Append(ctx, e); err != nil {
		r.end()
		return nil, err
	}
	if e.Verdict.Trusted() {
		r.counts.deliveries.Add(1)
	}
	return to, nil
}

// acknowledged notes the answer, if one was given, and hands the event over. It
// returns nil when there is no target.
func (r *Receiver) acknowledged(e *event.Event, to []*lane, answer event.Answer) *handover {
	if answer != (event.Answer{}) {
		r.config.Recorder.Update(event.Update{N: e.N, Answer: answer})
	}
	if len(to) == 0 {
		r.end()
		return nil
	}
	h := r.handover(e, to, nil)
	h.start()
	return h
}

// event makes the event of a request, all but its body. It answers the request
// and returns false when a local caller says something that makes no sense.
func (r *Receiver) event(w http.ResponseWriter, req *http.Request, local bool, verdict event.Verdict) (*event.Event, bool) {
	e := &event.Event{
		Session: r.config.Session,
		Source:  r.config.Source,
		Verdict: verdict,
		Method:  req.Method,
		Path:    req.URL.RequestURI(),
		Header:  make(http.Header, len(req.Header)+1),
		Phase:   event.PhaseOpen,
	}
	for key, values := range req.Header {
		e.Header[key] = values
	}
	// net/http moves these out of the header.
	e.Header["Host"] = []string{req.Host}
	if len(req.TransferEncoding) > 0 {
		e.Header["Transfer-Encoding"] = req.TransferEncoding
	}
	if !verdict.Trusted() {
		cutHead(e, int(r.config.Limits.MaxBeginning))
	}
	if !local {
		if r.marked(req.Header) {
			e.Source = event.SourceTrigger
			delete(e.Header, headerMark)
		}
		return e, true
	}
	switch source := event.Source(req.Header.Get(headerSource)); source {
	case "":
	case event.SourceReplay, event.SourceTrigger:
		e.Source = source
	default:
		respond(w, http.StatusBadRequest, []byte("unknown "+headerSource+"\n"))
		return nil, false
	}
	if of := req.Header.Get(headerReplayOf); of != "" {
		n, err := strconv.ParseInt(of, 10, 64)
		if err != nil || n < 1 {
			respond(w, http.StatusBadRequest, []byte("no number of an event in "+headerReplayOf+"\n"))
			return nil, false
		}
		e.ReplayOf = n
	}
	delete(e.Header, headerSource)
	delete(e.Header, headerReplayOf)
	delete(e.Header, headerSecret)
	return e, true
}

// comeBack says when to try again.
func (r *Receiver) comeBack(w http.ResponseWriter) {
	r.counts.unavailable.Add(1)
	w.Header().Set("Retry-After", "5")
}

// respond writes an answer. An error means that the sender is gone, which
// changes nothing about the event.
func respond(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	switch bodiless := status == http.StatusNoContent || status == http.StatusNotModified; {
	case bodiless:
		body = nil
	case h["Transfer-Encoding"] != nil:
	default:
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // or net/http would guess one
	}
	w.WriteHeader(status)
	if len(body) > 0 {
		_, _ = w.Write(body)
	}
}
