package receiver

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// The headers of local callers.
const (
	headerSource   = "Hf-Tap-Source"
	headerReplayOf = "Hf-Tap-Replay-Of"
	headerEvent    = "Hf-Tap-Event"
)

// ServeHTTP is the public side: whoever knows the URL can call it. It answers
//
//	200  the event is recorded (Ack), or no target takes it (Relay)
//	401  there is no secret; 403: it is a wrong one
//	404  anything but a POST to the one path
//	400  the body broke off; 408: it came too slowly; 413: it is too big
//	503  it cannot be recorded now: Retry-After says when to come back
//
// and in Relay what the targets say, 502 for one that is down and 504 after the
// time-out. Connections have to support deadlines, as net.Conn promises.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.serve(w, req, false)
}

// Local is the side for callers on this machine, who may say who they are: of
// the request's headers, Hf-Tap-Source is the event's source (replay or
// trigger) and Hf-Tap-Replay-Of the number of the event that it repeats. Both
// are removed before the event is recorded. Who gives a source has the secret put
// in: what is replayed may carry that of another session. The answer's header
// Hf-Tap-Event is the number of the new event. All else is as in ServeHTTP. It
// must not be reachable from anywhere else.
func (r *Receiver) Local() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serve(w, req, true) })
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, local bool) {
	path := req.URL.Path
	if req.URL.RawPath != "" {
		path = "" // an encoded way to write a path is another path
	}
	switch nonce, isCheck := strings.CutPrefix(path, r.config.Path+"/check/"); {
	case path == r.config.Path && req.Method == http.MethodPost:
		r.serveDelivery(w, req, local)
	case isCheck && r.config.Check != nil && validNonce(nonce) &&
		(req.Method == http.MethodGet || req.Method == http.MethodPost):
		r.counts.checks.Add(1)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		lingerStranger.refuse(w, req, http.StatusOK, r.config.Check(nonce))
	default:
		r.counts.notFound.Add(1)
		lingerStranger.refuse(w, req, http.StatusNotFound, "")
	}
}

func validNonce(s string) bool {
	return s != "" && len(s) <= 128 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// serveDelivery looks at the secret first: it decides how much is read.
func (r *Receiver) serveDelivery(w http.ResponseWriter, req *http.Request, local bool) {
	if local && r.config.Secret != "" && req.Header.Get(headerSource) != "" {
		req.Header[event.SecretHeader] = []string{r.config.Secret}
	}
	verdict := r.secret.Check(req.Header, req.URL.RawQuery)
	if !verdict.Trusted() {
		r.serveStranger(w, req, local, verdict)
		return
	}
	if r.stopping.Load() {
		r.comeBack(w)
		lingerTrusted.refuse(w, req, http.StatusServiceUnavailable, "")
		return
	}
	body, taken, err := r.readBody(w, req)
	defer func() { r.bodies.give(taken) }()
	if err != nil {
		r.refuseBody(w, req, err)
		return
	}
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
	if local {
		w.Header().Set(headerEvent, strconv.FormatInt(e.N, 10))
	}
	status := http.StatusOK
	fault := r.faultFor(e)
	if r.config.Respond == Relay && len(to) > 0 {
		h := r.handover(e, to, &relay{since: received, fault: fault})
		h.start()
		reply := h.reply()
		r.delay(req.Context(), fault)
		if status = reply.status; status != dropped {
			reply.write(w)
		}
	} else {
		r.delay(req.Context(), fault)
		if status = fault.status(status); status != dropped {
			respond(w, status, nil)
		}
		r.acknowledged(e, to, event.Answer{Status: status, Duration: time.Since(received)})
	}
	if status == dropped {
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	}
}

// take records an event and says where it goes. When it returns nil somebody
// has to settle the event.
func (r *Receiver) take(ctx context.Context, e *event.Event) ([]*lane, error) {
	if !r.begin() {
		return nil, ErrStopping
	}
	e.File()
	var to []*lane
	if e.Verdict.Trusted() {
		to = r.lanesFor(e)
	}
	e.Targets = nil
	for _, lane := range to {
		e.Targets = append(e.Targets, lane.name)
	}
	if err := r.append(ctx, e); err != nil {
		r.end()
		return nil, err
	}
	if e.Verdict.Trusted() {
		r.counts.deliveries.Add(1)
	}
	return to, nil
}

// acknowledged notes the answer and hands the event over. It returns nil when
// there is no target, which settles the event.
func (r *Receiver) acknowledged(e *event.Event, to []*lane, answer event.Answer) *handover {
	u := event.Update{N: e.N, Answer: answer}
	if len(to) == 0 {
		u.Phase = event.PhaseSettled
		r.config.Recorder.Update(u)
		r.end()
		return nil
	}
	r.config.Recorder.Update(u)
	h := r.handover(e, to, nil)
	h.start()
	return h
}

// serveStranger answers whoever does not know the secret. What they send is
// shown, because a wrong secret is a mistake more often than an attack, but
// there is a limit to how much of it is kept.
func (r *Receiver) serveStranger(w http.ResponseWriter, req *http.Request, local bool, verdict event.Verdict) {
	status := statusOfVerdict(verdict)
	text := `{"error":"the X-Webhook-Secret header is wrong"}`
	if status == http.StatusUnauthorized {
		text = `{"error":"the X-Webhook-Secret header is missing"}`
	}
	w.Header().Set("Content-Type", "application/json")
	r.counts.strangers.Add(1)
	if r.stopping.Load() || !atLeastOne(&r.counts.strangersLeft) {
		lingerStranger.refuse(w, req, status, text)
		return
	}
	body, cut, err := r.readStrangerBody(w, req)
	if err != nil {
		r.counts.strangersLeft.Add(1)
		w.Header().Del("Content-Type")
		r.refuseBody(w, req, err)
		return
	}
	received := time.Now()
	e, ok := r.event(w, req, local, verdict)
	if !ok {
		r.counts.strangersLeft.Add(1)
		return
	}
	e.Body, e.ReceivedAt = body, received
	e.File()
	e.BodyCut = cut
	if r.append(r.life, e) != nil {
		r.counts.strangersLeft.Add(1)
	} else {
		r.config.Recorder.Update(event.Update{
			N: e.N, Phase: event.PhaseSettled,
			Answer: event.Answer{Status: status, Duration: time.Since(received)},
		})
		if local {
			w.Header().Set(headerEvent, strconv.FormatInt(e.N, 10))
		}
	}
	if cut {
		lingerStranger.refuse(w, req, status, text)
		return
	}
	respond(w, status, []byte(text))
}

// statusOfVerdict is what an untrusted sender is answered.
func statusOfVerdict(v event.Verdict) int {
	if v == event.VerdictMissing {
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

// atLeastOne takes one of what is left.
func atLeastOne(left *atomic.Int64) bool {
	if left.Add(-1) >= 0 {
		return true
	}
	left.Add(1)
	return false
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
	if !local {
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
	return e, true
}

// refuseBody answers a request whose body was not taken.
func (r *Receiver) refuseBody(w http.ResponseWriter, req *http.Request, err error) {
	r.counts.refused.Add(1)
	switch err {
	case errBodyTooBig:
		lingerTrusted.refuse(w, req, http.StatusRequestEntityTooLarge, "")
	case errBudget:
		r.comeBack(w)
		lingerTrusted.refuse(w, req, http.StatusServiceUnavailable, "")
	case errBodySlow:
		w.Header().Set("Connection", "close")
		respond(w, http.StatusRequestTimeout, nil)
	default:
		w.Header().Set("Connection", "close")
		respond(w, http.StatusBadRequest, nil)
	}
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
