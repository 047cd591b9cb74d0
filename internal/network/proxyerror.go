package network

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hf-tap/hf-tap/internal/neterror"
)

// The kinds of a *ProxyError, for errors.Is.
var (
	ErrPasswordNeeded  = errors.New("it wants a user and a password")
	ErrPasswordRefused = errors.New("it refuses the user and the password")
)

// ProxyError means that a proxy refuses a connection. It unwraps to Err, so that
// callers can recognize the errors of packages net, tls and context.
type ProxyError struct {
	Proxy  string // its URL, with the password masked
	From   string // what names it: the variable, "HTTPS_PROXY", or a file
	Target string // host:port of what it was asked for
	Status int    // what it answered to CONNECT, 0 if that was not HTTP, or not asked
	Text   string // the words after the status as they came, at most 200 bytes
	Err    error  // why there is no answer, or what the status means; nil if it says nothing more
}

// Error names the proxy and what it said.
func (e *ProxyError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("no way to %s through the proxy %s: %s", e.Target, e.Proxy, reason(e.Err))
	}
	msg := fmt.Sprintf("the proxy %s refuses a connection to %s: %d", e.Proxy, e.Target, e.Status)
	if e.Text != "" && e.Text != http.StatusText(e.Status) {
		msg += fmt.Sprintf(" %q", e.Text)
	} else if e.Text != "" {
		msg += " " + e.Text
	}
	if e.Err != nil {
		msg += ", " + e.Err.Error()
	}
	return msg
}

// Unwrap returns the reason.
func (e *ProxyError) Unwrap() error { return e.Err }

func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return neterror.Reason(err)
}

// failed wraps an error in a *ProxyError, unless it is one already.
func (p *proxy) failed(target string, err error) error {
	var already *ProxyError
	if errors.As(err, &already) {
		return err
	}
	return &ProxyError{Proxy: p.masked(), From: p.from, Target: target, Err: err}
}
