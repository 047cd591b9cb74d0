package receiver

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

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
		lingerStranger.refuse(w, req, status, text, false)
		return
	}
	body, cut, err := r.readBeginning(w, req)
	if err != nil {
		w.Header().Del("Content-Type")
		if !r.refuseBody(w, req, local, verdict, partial{body, int64(len(body)), err}) {
			r.counts.strangersLeft.Add(1)
		}
		return
	}
	received := time.Now()
	e, ok := r.event(w, req, local, verdict)
	if !ok {
		r.counts.strangersLeft.Add(1)
		return
	}
	e.Body, e.ReceivedAt = body, received
	e.ParseRequest()
	e.BodyCut = cut
	switch {
	case !r.recordRefusal(e, status):
		r.counts.strangersLeft.Add(1)
	case local || e.Source == event.SourceTrigger:
		w.Header().Set(headerEvent, strconv.FormatInt(e.N, 10))
	}
	if cut {
		lingerStranger.refuse(w, req, status, text, true)
		return
	}
	respond(w, status, []byte(text))
}

// cutHead bounds what is kept of a stranger's path and headers: the smallest
// headers, as those that say who it is are small. What is left out is said.
func cutHead(e *event.Event, most int) {
	delete(e.Header, event.LeftOutHeader)
	var left []string
	if more := len(e.Path) - most/4; more > 0 {
		left = append(left, fmt.Sprintf("%d bytes of the path", more))
		e.Path = e.Path[:most/4]
	}
	size := func(name string) (n int) {
		for _, value := range e.Header[name] {
			n += len(name) + len(value) + len(": \r\n")
		}
		return n
	}
	names := slices.SortedFunc(maps.Keys(e.Header), func(a, b string) int { return cmp.Or(size(a)-size(b), strings.Compare(a, b)) })
	kept, headers, bytes := len(e.Path), 0, 0
	for _, name := range names {
		if n := size(name); kept+n <= most {
			kept += n
		} else {
			headers, bytes = headers+1, bytes+n
			delete(e.Header, name)
		}
	}
	switch {
	case headers == 1:
		left = append(left, fmt.Sprintf("1 header of %d bytes", bytes))
	case headers > 1:
		left = append(left, fmt.Sprintf("%d headers of %d bytes", headers, bytes))
	}
	if len(left) > 0 {
		e.Header[event.LeftOutHeader] = []string{strings.Join(left, "; ")}
	}
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

// partial is a body that was not taken whole.
type partial struct {
	beginning []byte // what is kept of it
	read      int64  // bytes
	err       error  // why
}

// refuseBody records and answers a request whose body was not taken, and
// reports whether it was recorded. One that found no room is not: its sender is
// told to come back, and all that such a burst costs is what it brings. A bound
// as for strangers is not needed, because who is trusted may fill the history
// with whole events.
func (r *Receiver) refuseBody(w http.ResponseWriter, req *http.Request, local bool, verdict event.Verdict, p partial) (recorded bool) {
	r.counts.refused.Add(1)
	status := http.StatusBadRequest
	switch p.err {
	case errBudget:
		r.comeBack(w)
		lingerTrusted.refuse(w, req, http.StatusServiceUnavailable, "", p.read > 0)
		return false
	case errBodyTooBig:
		status = http.StatusRequestEntityTooLarge
	case errBodySlow:
		status = http.StatusRequestTimeout
	}
	e, ok := r.event(w, req, local, verdict)
	if !ok {
		return false
	}
	e.Body, e.ReceivedAt = p.beginning, time.Now()
	e.ParseRequest()
	e.BodyCut = true
	if verdict.Trusted() {
		e.Size = max(req.ContentLength, p.read)
		if e.Source == r.config.Source {
			r.counts.today.add(e.ReceivedAt)
		}
	}
	if recorded = r.recordRefusal(e, status); recorded && local {
		w.Header().Set(headerEvent, strconv.FormatInt(e.N, 10))
	}
	if status == http.StatusRequestEntityTooLarge {
		lingerTrusted.refuse(w, req, status, "", p.read > 0)
	} else {
		w.Header().Set("Connection", "close")
		respond(w, status, nil)
	}
	return recorded
}

// recordRefusal records an event that no target gets, whose sender is about to
// be answered with an error. It reports whether it could.
func (r *Receiver) recordRefusal(e *event.Event, status int) bool {
	if !r.begin() {
		return false
	}
	defer r.end()
	e.Phase = event.PhaseSettled
	if r.config.Recorder.Append(r.life, e) != nil {
		return false
	}
	if e.Source.AwaitsAnswer() {
		r.config.Recorder.Update(event.Update{N: e.N, Answer: answered(status, e.ReceivedAt)})
	}
	return true
}
