package hub

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// The kinds of an [*Error], for errors.Is.
var (
	ErrUnauthorized = errors.New("the Hub refused the token")                  // 401
	ErrForbidden    = errors.New("the Hub does not allow this token to do it") // 403
	ErrNotFound     = errors.New("not found on the Hub")                       // 404; another account's webhook is a 404, too
	ErrInvalid      = errors.New("the request is not valid")                   // 400, 422, or refused here before it was sent
	ErrRateLimited  = errors.New("too many requests to the Hub")               // 429
	ErrOffline      = errors.New("HF_HUB_OFFLINE is set")                      // nothing was sent
	ErrInsecure     = errors.New("the token is not sent over plain http")      // nothing was sent
	ErrUnreachable  = errors.New("the Hub does not answer")                    // no connection, or no whole answer in time
	ErrBadAnswer    = errors.New("the answer is not the Hub's")                // 2xx, but not what the Hub's OpenAPI document says
)

// Error is a failed call of the Hub. Code, Message and RequestID are as the
// network sent them, terminal escapes included, but shortened, and with the token
// and the webhook's secret masked.
type Error struct {
	Op         string        // the call, in words that fit after "cannot": "delete webhook 65a1…"
	Method     string        // of the request
	URL        string        // of the request; it never holds a secret
	Status     int           // HTTP status, 0 without an answer
	Code       string        // the X-Error-Code header, or an OAuth error's code
	Message    string        // what the Hub said, at most 500 bytes
	RequestID  string        // to quote to the Hub's support
	RetryAfter time.Duration // how long the Hub asks to wait, 0 if it did not say
	Err        error         // why there is no answer or no readable one; nil when the Hub refused

	kind  error // one of the sentinels above, if the status does not imply it
	maybe bool  // see OutcomeUnknown
}

// Is reports whether e is of the kind target, one of the Err variables.
func (e *Error) Is(target error) bool {
	if e.kind != nil {
		return e.kind == target
	}
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrInvalid:
		return e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	}
	return false
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Error returns one line.
func (e *Error) Error() string {
	s := e.summary()
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Code != "" && !strings.Contains(e.Message, e.Code) {
		s += ", code " + e.Code
	}
	if e.RequestID != "" {
		s += ", request id " + e.RequestID
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}

// summary is the error in our own words, with the status.
func (e *Error) summary() string {
	switch {
	case e.kind == ErrBadAnswer:
		return fmt.Sprintf("cannot %s: the answer (%d) is not the Hub's: %v", e.Op, e.Status, e.Err)
	case e.Status == 0:
		return fmt.Sprintf("cannot %s: %v", e.Op, e.Err)
	case e.Status == http.StatusUnauthorized:
		return "the Hub refused the token (401)"
	case e.Status == http.StatusForbidden:
		return fmt.Sprintf("the Hub does not allow this token to %s (403)", e.Op)
	case e.Status == http.StatusNotFound:
		return fmt.Sprintf("cannot %s: not found on the Hub (404)", e.Op)
	case e.Status == http.StatusTooManyRequests && e.RetryAfter > 0:
		return fmt.Sprintf("too many requests to the Hub, which asks to wait %v (429)", e.RetryAfter)
	case e.Status == http.StatusTooManyRequests:
		return "too many requests to the Hub (429)"
	case e.Status >= 500:
		return fmt.Sprintf("the Hub failed to %s (%d)", e.Op, e.Status)
	}
	return fmt.Sprintf("the Hub refused to %s (%d)", e.Op, e.Status)
}

// OutcomeUnknown reports whether a call that returned err may have taken effect:
// it changes something, it may have been sent, and no answer refused it. After a
// create, look for the webhook in the list. If it reports false, nothing was
// changed.
//
// An answer of 4xx is a refusal, except after an earlier try without an answer:
// that try may have deleted the webhook which the second one did not find. After
// an answer of 5xx, or one that cannot be read, the outcome is unknown.
func OutcomeUnknown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.maybe
}

// maxText is how much of a text from the network an Error keeps, in bytes.
const maxText = 500

// shorten cuts s to at most n bytes, between characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const more = "…"
	cut := n - len(more)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + more
}
