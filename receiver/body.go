package receiver

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// Why a body is refused.
var (
	errBodyTooBig = errors.New("the body is too big")
	errBudget     = errors.New("too many bodies at once")
	errBodySlow   = errors.New("the body came too slowly")
	errBodyBroken = errors.New("the body broke off")
)

// readBody reads a trusted body whole, within the limit and the shared budget.
// reserved is how much of the budget it holds, also with an error; the caller
// releases it. With an error, body is what was read.
func (d *delivery) readBody() (body []byte, reserved int64, err error) {
	limit := d.r.config.Limits.MaxBody
	announced := d.req.ContentLength // -1 when unknown
	if announced > limit {
		body, _, _ = d.readBeginning()
		return body, 0, errBodyTooBig
	}
	if announced == 0 {
		return []byte{}, 0, nil // no deadline: the connection is being read in the background
	}
	size := announced
	if announced < 0 {
		size = min(4<<10, limit+1)
	}
	if !d.r.bodies.reserve(size) {
		return nil, 0, errBudget
	}
	reserved = size
	body = make([]byte, 0, size)
	for {
		free := body[len(body):cap(body)]
		switch {
		case len(free) > 0:
		case announced > 0:
			free = make([]byte, 1) // the body is complete, but its end was not seen yet
		default:
			// One byte more than allowed shows that there is more.
			more := min(int64(cap(body)), limit+1-int64(cap(body)))
			if more <= 0 {
				return body, reserved, errBodyTooBig
			}
			if !d.r.bodies.reserve(more) {
				return body, reserved, errBudget
			}
			reserved += more
			body = append(make([]byte, 0, int64(cap(body))+more), body...)
			free = body[len(body):cap(body)]
		}
		n, err := d.body.Read(free)
		body = body[:min(len(body)+n, cap(body))]
		switch {
		case err == io.EOF && int64(len(body)) > limit:
			return body, reserved, errBodyTooBig
		case err == io.EOF:
			return body, reserved, nil
		case err != nil:
			return body, reserved, err
		}
	}
}

// readBeginning reads the part of a body that is kept if no target gets it. cut
// reports whether there is more. With an error, body is what was read.
func (d *delivery) readBeginning() (body []byte, cut bool, err error) {
	limit := d.r.config.Limits.MaxBeginning
	if d.req.ContentLength == 0 {
		return []byte{}, false, nil
	}
	body, err = io.ReadAll(io.LimitReader(&d.body, limit))
	switch {
	case err != nil:
		return body, true, err
	case int64(len(body)) < limit || d.req.ContentLength == limit:
		return body, false, nil
	case d.req.ContentLength > limit:
		return body, true, nil
	}
	n, err := d.body.Read(make([]byte, 1))
	if n > 0 || err == io.EOF {
		return body, n > 0, nil
	}
	return body, true, err
}

// bodyReader reads a request's body under the deadlines for slow senders. The
// deadlines are the connection's, so they end with the body: net/http then reads on
// in the background to notice that the sender is gone, and a deadline that fired
// there would cancel the request. After a failure they stay, because net/http goes
// on to read the rest of a body before it closes the connection, without a deadline
// of its own.
type bodyReader struct {
	body    io.Reader
	control *http.ResponseController
	limits  *Limits
	latest  time.Time // when the body has to be complete; zero: nothing was read yet
	moved   time.Time // when the deadline was set
	ended   bool      // the end of the body was seen
}

// Read passes on at least one byte or an error. The errors are io.EOF,
// errBodySlow and errBodyBroken.
func (b *bodyReader) Read(p []byte) (int, error) {
	now := time.Now()
	if b.latest.IsZero() {
		b.latest = now.Add(b.limits.BodyTotal)
	}
	if !now.Before(b.latest) {
		return 0, errBodySlow
	}
	// Moving the deadline for each of a thousand packets costs more than it is worth.
	if now.Sub(b.moved) > b.limits.BodyIdle/16 {
		deadline := now.Add(b.limits.BodyIdle)
		if deadline.After(b.latest) {
			deadline = b.latest
		}
		// An error means that w is not a connection, as in tests of handlers.
		_ = b.control.SetReadDeadline(deadline)
		b.moved = now
	}
	n, err := b.body.Read(p)
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF:
		b.ended = true
		_ = b.control.SetReadDeadline(time.Time{})
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, errBodySlow
	}
	return n, errBodyBroken
}

// budget is a number of bytes, or of other things, that many share.
type budget struct {
	left atomic.Int64
}

// reserve takes n from the budget, all or none.
func (b *budget) reserve(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

// release returns n to the budget.
func (b *budget) release(n int64) { b.left.Add(n) }
