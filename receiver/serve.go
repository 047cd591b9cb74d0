package receiver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
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

// delivery is one request while it is received and answered.
type delivery struct {
	r        *Receiver
	w        http.ResponseWriter
	req      *http.Request
	body     bodyReader
	verdict  event.Verdict // "" until the secret is checked
	local    bool          // it came through LocalHandler
	marked   bool          // it has a TriggerMark
	source   event.Source
	replayOf int64
}

func (r *Receiver) newDelivery(w http.ResponseWriter, req *http.Request) *delivery {
	return &delivery{
		r: r, w: w, req: req, source: r.config.Source,
		body: bodyReader{body: req.Body, control: http.NewResponseController(w), limits: &r.config.Limits},
	}
}

// awaitsAnswer reports whether the sender waits for the answer that the Hub would get.
func (d *delivery) awaitsAnswer() bool { return d.marked || d.source.AwaitsAnswer() }

// tellNumber puts the number of the event into the answer to a caller on this machine.
func (d *delivery) tellNumber(e *event.Event) {
	if d.local || d.marked {
		d.w.Header().Set(headerEvent, strconv.FormatInt(e.N, 10))
	}
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
// In Relay there are also the answers of the targets, 502 for a target that is
// down, and 504 after RelayTimeout. The connection must support deadlines, as
// every net.Conn does.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	d := r.newDelivery(w, req)
	if r.isMarked(req.Header) {
		d.marked, d.source = true, event.SourceTrigger
		delete(req.Header, headerMark)
	}
	d.serve()
}

// LocalHandler returns the handler for callers on this machine. They need
// Config.LocalKey, in the header Hf-Tap-Key, but not the secret. The answer is 403
// without the key. It is also 403 if the Host is not the address that was called, as in
// the requests of a web page whose domain resolves to this machine.
//
// A request with the header Hf-Tap-Source is a "replay" or a "trigger". It is handled
// like [Receiver.Deliver]: it is answered 200 as soon as it is recorded, also in Relay,
// and no answer is recorded. Any other request is handled like one to ServeHTTP. Of a
// replay or a trigger,
//
//   - the Receiver sets the secret, unless Hf-Tap-Secret is "as-is";
//   - Hf-Tap-Replay-Of is the number of the event that it repeats;
//   - a path below Config.Path that no route has counts as Config.Path, because a replay
//     may come from a session with other routes.
//
// The four headers are removed before the event is recorded. The header Hf-Tap-Event of
// the answer is the number of the new event.
func (r *Receiver) LocalHandler() http.Handler {
	key := sha256.Sum256([]byte(r.config.LocalKey))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		d := r.newDelivery(w, req)
		d.local = true
		given := sha256.Sum256([]byte(req.Header.Get(headerKey)))
		switch at, ok := req.Context().Value(http.LocalAddrContextKey).(net.Addr); {
		case r.config.LocalKey == "" || subtle.ConstantTimeCompare(given[:], key[:]) == 0:
			d.refuse(http.StatusForbidden, headerKey+" is wrong or missing\n")
			return
		case !ok || req.Host != at.String():
			d.refuse(http.StatusForbidden, "Host is not the address that was called\n")
			return
		}
		switch source := event.Source(req.Header.Get(headerSource)); source {
		case "":
		case event.SourceReplay, event.SourceTrigger:
			d.source = source
			if r.config.Secret != "" && req.Header.Get(headerSecret) != "as-is" {
				req.Header[event.SecretHeader] = []string{r.config.Secret}
			}
		default:
			d.refuse(http.StatusBadRequest, "unknown "+headerSource+"\n")
			return
		}
		if of := req.Header.Get(headerReplayOf); of != "" {
			n, err := strconv.ParseInt(of, 10, 64)
			if err != nil || n < 1 {
				d.refuse(http.StatusBadRequest, headerReplayOf+" is not an event number\n")
				return
			}
			d.replayOf = n
		}
		for _, name := range []string{headerKey, headerSource, headerReplayOf, headerSecret} {
			delete(req.Header, name)
		}
		d.serve()
	})
}

// serve answers a request: a delivery, a self-check or anything else.
func (d *delivery) serve() {
	path := d.req.URL.Path
	if d.req.URL.RawPath != "" {
		path = "" // an encoded path is another path
	}
	config := &d.r.config
	isPost := d.req.Method == http.MethodPost
	below, ours := strings.CutPrefix(path, config.Path)
	nonce, isCheck := strings.CutPrefix(path, config.Path+"/check/")
	switch {
	case ours && isPost && (below == "" || d.r.hasPath(below) || d.local && !isCheck && below[0] == '/'):
		d.receive()
	case isCheck && config.Check != nil && validNonce(nonce) && (isPost || d.req.Method == http.MethodGet):
		d.r.counts.checks.Add(1)
		d.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		d.w.Header().Set("Cache-Control", "no-store")
		d.refuse(http.StatusOK, config.Check(nonce))
	default:
		d.r.counts.notFound.Add(1)
		d.refuse(http.StatusNotFound, "")
	}
}

func validNonce(s string) bool {
	return s != "" && len(s) <= 128 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// receive handles a delivery: it checks the secret, reads the body, records the event
// and answers. The secret comes first, because it decides how much of the body is read.
func (d *delivery) receive() {
	r := d.r
	d.verdict = r.secret.Check(d.req.Header, d.req.URL.RawQuery)
	if !d.verdict.Trusted() {
		d.receiveUntrusted()
		return
	}
	if r.stopping.Load() {
		d.unavailable()
		return
	}
	body, reserved, err := d.readBody()
	release := sync.OnceFunc(func() { r.bodies.release(reserved) })
	defer release()
	if err != nil {
		beginning := bytes.Clone(body[:min(int64(len(body)), r.config.Limits.MaxBeginning)])
		release() // a refusal may take long
		d.refuseBody(beginning, int64(len(body)), err)
		return
	}
	e := d.newEvent(body)
	queues, err := r.record(r.life, e)
	if err != nil {
		d.unavailable()
		return
	}
	d.tellNumber(e)
	var fault *Fault
	if d.awaitsAnswer() {
		fault = r.faultFor(e)
	}
	var status int
	if r.config.Respond == Relay && d.awaitsAnswer() && len(queues) > 0 {
		status = d.answerAfterTargets(e, queues, fault, release)
	} else {
		status = d.answerAtOnce(e, queues, fault)
	}
	if status == noAnswer {
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	}
}

// newEvent makes the event of a delivery.
func (d *delivery) newEvent(body []byte) *event.Event {
	e := &event.Event{
		Session:    d.r.config.Session,
		Source:     d.source,
		ReplayOf:   d.replayOf,
		Verdict:    d.verdict,
		Method:     d.req.Method,
		Path:       d.req.URL.RequestURI(),
		Header:     make(http.Header, len(d.req.Header)+1),
		Body:       body,
		ReceivedAt: time.Now(),
		Phase:      event.PhaseOpen,
	}
	for key, values := range d.req.Header {
		e.Header[key] = values
	}
	// net/http moves these out of the header.
	e.Header["Host"] = []string{d.req.Host}
	if len(d.req.TransferEncoding) > 0 {
		e.Header["Transfer-Encoding"] = d.req.TransferEncoding
	}
	if !d.verdict.Trusted() {
		trimHead(e, int(d.r.config.Limits.MaxBeginning))
	} else if e.Source == d.r.config.Source {
		d.r.counts.today.add(e.ReceivedAt)
	}
	e.ParseRequest()
	return e
}

// record stores a new event with the names of its targets, and returns their
// queues. An event without a target is stored as settled: if the session is killed
// right afterwards, it does not look as if a target had missed it. When the error is
// nil, dispatch has to follow.
func (r *Receiver) record(ctx context.Context, e *event.Event) (queues []*targetQueue, err error) {
	if !r.admit() {
		return nil, ErrStopping
	}
	deliver := e.Verdict.Trusted() && !e.BodyCut
	if deliver {
		queues = r.queuesFor(e)
	}
	e.Targets = nil
	for _, q := range queues {
		e.Targets = append(e.Targets, q.name)
	}
	if len(queues) == 0 {
		e.Phase = event.PhaseSettled
	}
	if err := r.config.Recorder.Append(ctx, e); err != nil {
		r.settleOne()
		return nil, err
	}
	if deliver {
		r.counts.deliveries.Add(1)
	}
	return queues, nil
}

// answerAtOnce answers 200, or as an injected fault demands, and then hands the event
// to its targets. It returns the status of the answer.
func (d *delivery) answerAtOnce(e *event.Event, queues []*targetQueue, fault *Fault) (status int) {
	status, ok := fault.override()
	if !ok {
		status = http.StatusOK
	}
	d.r.delay(d.req.Context(), fault)
	if status != noAnswer {
		respond(d.w, status, nil)
	}
	if d.awaitsAnswer() {
		d.r.config.Recorder.Update(event.Update{N: e.N, Answer: newAnswer(status, e.ReceivedAt)})
	}
	d.r.dispatch(e, queues, nil)
	return status
}

// answerAfterTargets hands the event to its targets and passes on an answer of
// theirs. It returns the status of the answer. release frees the memory of the body.
func (d *delivery) answerAfterTargets(e *event.Event, queues []*targetQueue, fault *Fault, release func()) (status int) {
	answer := d.r.dispatch(e, queues, &relay{received: e.ReceivedAt, fault: fault}).waitForAnswer()
	d.r.delay(d.req.Context(), fault)
	if answer.status == noAnswer {
		return noAnswer
	}
	release() // the answer may be read slowly
	header := d.w.Header()
	var body []byte
	if target := answer.target; target != nil {
		for _, name := range relayedHeaders {
			if values := target.Header[name]; len(values) > 0 && (name != "Location" || answer.status/100 == 3) {
				header[name] = values
			}
		}
		if target.BodyCut {
			// It ends where the connection does, so that nobody takes it for whole.
			header.Set("Transfer-Encoding", "identity")
			header.Set("Connection", "close")
		}
		body = target.Body
	}
	respond(d.w, answer.status, body)
	return answer.status
}

// newAnswer is the answer to a request whose last byte came at received. It is never
// zero.
func newAnswer(status int, received time.Time) event.Answer {
	return event.Answer{Status: status, Duration: max(time.Since(received), 1)}
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
