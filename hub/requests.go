package hub

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/internal/neterror"
)

const (
	maxAnswer  = 8 << 20  // bytes of an answer that are read; a webhook has some hundred
	maxRefusal = 64 << 10 // bytes of an error's answer that are read
)

// send sends a request once and reads its answer.
func (c *Client) send(parent context.Context, r request) *Error {
	ctx, cancel := context.WithTimeout(parent, c.timeout)
	defer cancel()
	e := &Error{Op: r.op, Method: r.method, URL: c.endpoint + r.path}

	// A transport that reports its connections shows whether there was one. With
	// another transport, the request may have been sent.
	var dialed, connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { dialed.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := c.newRequest(ctx, r)
	if err != nil {
		e.Err, e.kind = err, ErrInvalid
		return e
	}
	resp, err := c.http.Do(req)
	if err != nil {
		e.maybe = !r.reads && (connected.Load() || !dialed.Load())
		return c.unanswered(parent, e, err)
	}
	defer resp.Body.Close()
	c.reportWarnings(resp.Header)
	e.Status = resp.StatusCode
	if resp.StatusCode/100 != 2 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // the status says enough
		c.refused(e, r, resp, body)
		return e
	}
	e.maybe = !r.reads
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		e.Status = 0
		return c.unanswered(parent, e, err)
	}
	if len(body) > maxAnswer {
		err = fmt.Errorf("it is longer than %d bytes", maxAnswer)
	} else {
		err = r.into(body)
	}
	if err != nil {
		e.Err, e.kind, e.RequestID = err, ErrBadAnswer, requestID(resp.Header)
		return e
	}
	return nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.endpoint+r.path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

// unanswered completes the error of a request without a complete answer.
func (c *Client) unanswered(parent context.Context, e *Error, err error) *Error {
	var about *url.Error
	if errors.As(err, &about) {
		err = about.Err // the URL stands in Error.URL
	}
	switch {
	case errors.Is(parent.Err(), context.Canceled):
		e.Err = stopped(parent)
		return e
	case parent.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		err = &lateError{after: c.timeout}
	case parent.Err() != nil && !errors.Is(err, parent.Err()):
		// The deadline can show as an error of the socket.
		err = fmt.Errorf("%w: %w", parent.Err(), err)
	}
	e.Err, e.kind = &noAnswer{host: c.host, err: err}, ErrUnreachable
	return e
}

// noAnswer explains why there is no answer of the Hub.
type noAnswer struct {
	host string
	err  error
}

func (e *noAnswer) Unwrap() error { return e.err }

func (e *noAnswer) Error() string {
	reason := neterror.Reason(e.err)
	switch neterror.Cause(e.err).(type) {
	case *net.DNSError:
		return reason
	case *tls.CertificateVerificationError:
		return fmt.Sprintf("no connection to the Hub at %s: %s", e.host, reason)
	}
	return fmt.Sprintf("the Hub at %s does not answer: %s", e.host, reason)
}

// lateError means that a request got no answer within ClientConfig.Timeout,
// although the context of the call has not ended.
type lateError struct{ after time.Duration }

func (e *lateError) Error() string { return fmt.Sprintf("nothing came within %v", e.after) }
func (e *lateError) Unwrap() error { return context.DeadlineExceeded }

// refused completes the error of an answer that is not 2xx.
func (c *Client) refused(e *Error, r request, resp *http.Response, body []byte) {
	e.Code = resp.Header.Get("X-Error-Code")
	said := []string{resp.Header.Get("X-Error-Message")}
	if code, messages := refusal(resp.Header.Get("Content-Type"), body); code != "" || messages != nil {
		e.Code = cmp.Or(e.Code, code)
		said = append(said, messages...)
	}
	if to := resp.Header.Get("Location"); resp.StatusCode/100 == 3 && to != "" {
		to, _, _ = strings.Cut(to, "?")
		said = []string{fmt.Sprintf("it redirects to %q, which is not followed", shorten(to, 200))}
	}
	var once []string
	for _, s := range said {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	e.Message = shorten(c.mask(r, strings.Join(once, "; ")), maxText)
	e.Code = shorten(c.mask(r, e.Code), 100)
	e.RequestID = requestID(resp.Header)
	e.RetryAfter = retryAfter(resp.StatusCode, resp.Header, time.Now())
	// A 307 or 308 asks to send the request elsewhere: it had no effect here. After
	// another redirect, it may have had one.
	repeat := resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect
	e.maybe = !r.reads && resp.StatusCode/100 != 4 && !repeat
}

// mask replaces the token and the webhook's secret in a text of the server, which
// may quote the request.
func (c *Client) mask(r request, s string) string {
	for _, secret := range []string{c.token, r.secret} {
		if len(secret) > 3 { // a shorter one is a part of many words
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return s
}

// refusal reads the body of an error, in all forms that the Hub has. An HTML page,
// or a body that is not text, has no messages.
func refusal(contentType string, body []byte) (code string, messages []string) {
	body = bytes.TrimSpace(body)
	var top fields
	if json.Unmarshal(body, &top) != nil || top == nil {
		page := strings.Contains(contentType, "html") || bytes.HasPrefix(body, []byte("<"))
		if page || !utf8.Valid(body) || json.Valid(body) {
			return "", nil
		}
		return "", []string{string(body)}
	}
	var list []json.RawMessage
	var several []struct{ Message string }
	read(top["error"], &list)
	read(top["errors"], &several)
	single, description := top.text("error"), top.text("error_description")
	switch {
	case description != "":
		code, messages = single, []string{description}
	case single != "":
		messages = []string{single}
	}
	for _, raw := range list {
		var s string
		read(raw, &s)
		messages = append(messages, s)
	}
	for _, each := range several {
		messages = append(messages, each.Message)
	}
	return code, messages
}

func requestID(h http.Header) string {
	return shorten(cmp.Or(h.Get("X-Request-Id"), h.Get("X-Amzn-Trace-Id"), h.Get("X-Amz-Cf-Id")), 100)
}
