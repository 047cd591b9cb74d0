package receiver

import (
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// relay is the answer to a sender who waits for the targets. Its fields are
// guarded by the handover's mu.
type relay struct {
	since   time.Time // the last byte of the request
	fault   *Fault    // what is wrong with the answer on purpose, nil if nothing
	results []result  // in the order of the routes; the zero value: not done
	reply   *reply    // what the sender is told, once that is certain
}

// result is how an event fared with one target.
type result struct {
	status  int  // 0: not done
	down    bool // it is waited for
	attempt *event.Attempt
}

// reply is an answer to a sender.
type reply struct {
	status int
	header http.Header // taken from a target, nil if none
	body   []byte
	cut    bool // the target's body went on
}

// relayed are the headers of a target's answer that a sender gets to see. The
// encoding is one of them, for the body is passed on as it is.
var relayed = [...]string{"Content-Type", "Content-Encoding", "Location"}

// answer decides what the sender is told, if it was not told before: the answer
// of the first target that is not 2xx, else the first's. A target that is not
// done counts as 504, and as 502 where it refuses connections. It returns the zero Answer when the sender was told.
func (a *relay) answer() event.Answer {
	if a.reply != nil {
		return event.Answer{}
	}
	if status := a.fault.status(0); a.fault != nil && (status != 0 || a.fault.Drop) {
		a.reply = &reply{status: status}
		late := answered(status, a.since)
		late.Duration += a.fault.Delay
		return late
	}
	deciding := a.results[0]
	for _, result := range a.results {
		if result.status/100 != 2 {
			deciding = result
			break
		}
	}
	a.reply = &reply{status: deciding.status}
	switch {
	case a.reply.status != 0:
	case deciding.down:
		a.reply.status = http.StatusBadGateway
	default:
		a.reply.status = http.StatusGatewayTimeout
	}
	if target := deciding.attempt; target != nil && target.Err == "" && target.Status == deciding.status {
		a.reply.header, a.reply.body, a.reply.cut = target.Header, target.Body, target.BodyCut
	}
	return answered(a.reply.status, a.since)
}

// reply waits for all targets, or for as long as a sender is made to wait.
func (h *handover) reply() *reply {
	select {
	case <-h.settled:
	case <-h.ctx.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if answer := h.relay.answer(); answer != (event.Answer{}) {
		h.r.config.Recorder.Update(event.Update{N: h.n, Answer: answer})
	}
	return h.relay.reply
}

// write passes a reply on.
func (a *reply) write(w http.ResponseWriter) {
	for _, key := range relayed {
		if values := a.header[key]; len(values) > 0 && (key != "Location" || a.status/100 == 3) {
			w.Header()[key] = values
		}
	}
	if a.cut {
		// It ends where the connection does, so that nobody takes it for whole.
		w.Header().Set("Transfer-Encoding", "identity")
		w.Header().Set("Connection", "close")
	}
	respond(w, a.status, a.body)
}
