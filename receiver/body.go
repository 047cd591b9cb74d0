package receiver

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// Why a body was not taken.
var (
	errBodyTooBig = errors.New("the body is too big")
	errBudget     = errors.New("too many bodies at once")
	errBodySlow   = errors.New("the body came too slowly")
	errBodyBroken = errors.New("the body broke off")
)

// reading is a request's body as it is read under the deadlines for slow
// senders. Deadlines are the connection's, so they are set only while a body is
// read: once its end was seen net/http reads on in the background to notice
// that the sender is gone, and a deadline that fired there would cancel the
// request. After a failure they stay, because net/http goes on to read what is
// left of a body before it closes the connection, without a deadline of its own.
type reading struct {
	body        io.Reader
	deadlines   *http.ResponseController
	idle        time.Duration
	latest, set time.Time
}

func (r *Receiver) reading(w http.ResponseWriter, req *http.Request) *reading {
	now := time.Now()
	return &reading{
		body:      req.Body,
		deadlines: http.NewResponseController(w),
		idle:      r.config.Limits.BodyIdle,
		latest:    now.Add(r.config.Limits.BodyTotal),
	}
}

// Read passes on at least one byte or an error. The errors are io.EOF,
// errBodySlow and errBodyBroken.
func (b *reading) Read(p []byte) (int, error) {
	now := time.Now()
	if !now.Before(b.latest) {
		return 0, errBodySlow
	}
	// Moving the deadline for each of a thousand packets costs more than it is worth.
	if now.Sub(b.set) > b.idle/16 {
		deadline := now.Add(b.idle)
		if deadline.After(b.latest) {
			deadline = b.latest
		}
		// An error means that w is no connection, as in tests of handlers.
		_ = b.deadlines.SetReadDeadline(deadline)
		b.set = now
	}
	n, err := b.body.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, errBodySlow
	}
	return n, errBodyBroken
}

// done lifts the deadlines after a body was read to its end.
func (b *reading) done() { _ = b.deadlines.SetReadDeadline(time.Time{}) }

// readBody reads a trusted body whole, within the limit and the shared budget.
// It returns how much of the budget is taken, also with an error; the caller
// gives it back. With an error, body is what was read.
func (r *Receiver) readBody(w http.ResponseWriter, req *http.Request) (body []byte, taken int64, err error) {
	limit := r.config.Limits.MaxBody
	announced := req.ContentLength // -1 when unknown
	if announced > limit {
		body, _, _ = r.readBeginning(w, req)
		return body, 0, errBodyTooBig
	}
	if announced == 0 {
		return []byte{}, 0, nil // no deadline: the connection is being read in the background
	}
	first := announced
	if announced < 0 {
		first = min(4<<10, limit+1)
	}
	if !r.bodies.take(first) {
		return nil, 0, errBudget
	}
	taken = first
	in := r.reading(w, req)
	body = make([]byte, 0, first)
	for {
		if len(body) == cap(body) && announced < 0 {
			// One byte more than allowed shows that there is more.
			more := min(int64(cap(body)), limit+1-int64(cap(body)))
			if more <= 0 {
				return body, taken, errBodyTooBig
			}
			if !r.bodies.take(more) {
				return body, taken, errBudget
			}
			taken += more
			body = append(make([]byte, 0, int64(cap(body))+more), body...)
		}
		n, err := in.Read(room(body))
		body = body[:len(body)+min(n, cap(body)-len(body))]
		switch {
		case err == io.EOF && int64(len(body)) > limit:
			return body, taken, errBodyTooBig
		case err == io.EOF:
			in.done()
			return body, taken, nil
		case err != nil:
			return body, taken, err
		}
	}
}

// room is the free part of buf, or a byte elsewhere when there is none: a body
// of a known length is full before its end has been seen.
func room(buf []byte) []byte {
	if len(buf) == cap(buf) {
		return make([]byte, 1)
	}
	return buf[len(buf):cap(buf)]
}

// readBeginning reads as much of a body as is kept of one that no target gets.
// cut reports whether there is more. With an error, body is what was read.
func (r *Receiver) readBeginning(w http.ResponseWriter, req *http.Request) (body []byte, cut bool, err error) {
	if req.ContentLength == 0 {
		return []byte{}, false, nil
	}
	limit := r.config.Limits.MaxBeginning
	in := r.reading(w, req)
	body, err = io.ReadAll(io.LimitReader(in, limit))
	switch {
	case err != nil:
		return body, true, err
	case int64(len(body)) < limit || req.ContentLength == limit:
		in.done()
		return body, false, nil
	case req.ContentLength > limit:
		return body, true, nil
	}
	switch n, err := in.Read(make([]byte, 1)); {
	case n > 0:
		return body, true, nil
	case err == io.EOF:
		in.done()
		return body, false, nil
	default:
		return body, true, err
	}
}

// Bounds of what is thrown away of a body that nobody wants: of a sender who
// knows the secret, and of one who does not.
var (
	lingerTrusted  = lingering{bytes: 64 << 20, time: 30 * time.Second}
	lingerStranger = lingering{bytes: 256 << 10, time: 500 * time.Millisecond}
)

type lingering struct {
	bytes int64
	time  time.Duration
}

// refuse answers a request whose body is not read to its end, and ends the
// connection in a way that lets the answer arrive. Most senders look for an
// answer only when they have sent everything, and a connection that is closed
// with bytes unread is reset, which takes the answer with it. net/http itself
// would either do that or read on for as long as the sender cares to take.
// begun says that some of the body was read.
func (l lingering) refuse(w http.ResponseWriter, req *http.Request, status int, text string, begun bool) {
	if req.ContentLength == 0 {
		respond(w, status, []byte(text))
		return // nothing is left, and the connection is being read in the background
	}
	w.Header().Set("Connection", "close")
	respond(w, status, []byte(text))
	control := http.NewResponseController(w)
	_ = control.Flush()
	// A sender that waits to be asked for the body sends none if it was not,
	// and net/http asks at the first read.
	waits := !begun && req.Header.Get("Expect") != ""
	if !waits && control.SetReadDeadline(time.Now().Add(l.time)) == nil {
		_, _ = io.CopyN(io.Discard, req.Body, l.bytes)
	}
	_ = control.SetReadDeadline(time.Unix(1, 0))
}
