package receiver

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// receiveUntrusted records and refuses a delivery whose secret is wrong or missing.
// It is shown, because a wrong secret is a mistake more often than an attack. How
// many are recorded, and how much of each, is limited.
func (d *delivery) receiveUntrusted() {
	status, text := http.StatusForbidden, `{"error":"the X-Webhook-Secret header is wrong"}`
	if d.verdict == event.VerdictMissing {
		status, text = http.StatusUnauthorized, `{"error":"the X-Webhook-Secret header is missing"}`
	}
	d.w.Header().Set("Content-Type", "application/json")
	d.r.counts.strangers.Add(1)
	if d.r.stopping.Load() || !d.r.strangers.reserve(1) {
		d.refuse(status, text)
		return
	}
	body, cut, err := d.readBeginning()
	if err != nil {
		d.w.Header().Del("Content-Type")
		if !d.refuseBody(body, int64(len(body)), err) {
			d.r.strangers.release(1)
		}
		return
	}
	e := d.newEvent(body)
	e.BodyCut = cut
	if !d.recordRefusal(e, status) {
		d.r.strangers.release(1)
	}
	d.refuse(status, text)
}

// refuseBody records and answers a delivery whose body was not read whole, and reports
// whether it was recorded. beginning is what is kept of the body, and read the number
// of bytes that came. A body that found no room is not recorded: its sender is asked to
// retry, and a burst of these costs only the memory of its own requests. There is no
// limit as for strangers, because a trusted sender may fill the history with whole
// events, too.
func (d *delivery) refuseBody(beginning []byte, read int64, err error) (recorded bool) {
	d.r.counts.refused.Add(1)
	status := http.StatusBadRequest
	switch err {
	case errBudget:
		d.unavailable()
		return false
	case errBodyTooBig:
		status = http.StatusRequestEntityTooLarge
	case errBodySlow:
		status = http.StatusRequestTimeout
	}
	e := d.newEvent(beginning)
	e.BodyCut = true
	if d.verdict.Trusted() {
		e.Size = max(d.req.ContentLength, read)
	}
	recorded = d.recordRefusal(e, status)
	if status == http.StatusRequestEntityTooLarge {
		d.refuse(status, "")
	} else {
		d.w.Header().Set("Connection", "close")
		respond(d.w, status, nil)
	}
	return recorded
}

// recordRefusal records an event that no target gets, and the answer that its sender
// is about to get. It reports whether it could.
func (d *delivery) recordRefusal(e *event.Event, status int) bool {
	if _, err := d.r.record(d.r.life, e); err != nil {
		return false
	}
	if d.awaitsAnswer() {
		d.r.config.Recorder.Update(event.Update{N: e.N, Answer: newAnswer(status, e.ReceivedAt)})
	}
	d.tellNumber(e)
	d.r.settleOne()
	return true
}

// unavailable asks the sender to try again later.
func (d *delivery) unavailable() {
	d.r.counts.unavailable.Add(1)
	d.w.Header().Set("Retry-After", "5")
	d.refuse(http.StatusServiceUnavailable, "")
}

// refuse answers a request whose body may not be read to its end, and then ends the
// connection in a way that lets the answer arrive. Most senders look for an answer
// only when they have sent everything. A connection that is closed with bytes unread
// is reset, and the answer is lost. net/http itself would either do that or read on
// for as long as the sender likes.
func (d *delivery) refuse(status int, text string) {
	if d.req.ContentLength == 0 || d.body.ended {
		respond(d.w, status, []byte(text))
		return // nothing is left to read, and the connection is being read in the background
	}
	bytes, within := int64(256<<10), 500*time.Millisecond
	if d.verdict.Trusted() {
		bytes, within = 64<<20, 30*time.Second
	}
	d.w.Header().Set("Connection", "close")
	respond(d.w, status, []byte(text))
	control := d.body.control
	_ = control.Flush()
	// net/http asks a sender with Expect for the body at the first read. A sender
	// that was not asked sends none.
	asked := !d.body.latest.IsZero() || d.req.Header.Get("Expect") == ""
	if asked && control.SetReadDeadline(time.Now().Add(within)) == nil {
		_, _ = io.CopyN(io.Discard, d.req.Body, bytes)
	}
	_ = control.SetReadDeadline(time.Unix(1, 0))
}

// trimHead limits the path and headers that are kept of a stranger's event, in
// bytes. The largest headers are left out, because those that identify the sender
// are small. event.LeftOutHeader says what is missing.
func trimHead(e *event.Event, limit int) {
	delete(e.Header, event.LeftOutHeader)
	var missing []string
	if more := len(e.Path) - limit/4; more > 0 {
		missing = append(missing, fmt.Sprintf("%d bytes of the path", more))
		e.Path = e.Path[:limit/4]
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
		if n := size(name); kept+n <= limit {
			kept += n
		} else {
			headers, bytes = headers+1, bytes+n
			delete(e.Header, name)
		}
	}
	switch {
	case headers == 1:
		missing = append(missing, fmt.Sprintf("1 header of %d bytes", bytes))
	case headers > 1:
		missing = append(missing, fmt.Sprintf("%d headers of %d bytes", headers, bytes))
	}
	if len(missing) > 0 {
		e.Header[event.LeftOutHeader] = []string{strings.Join(missing, "; ")}
	}
}
