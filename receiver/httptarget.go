package receiver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/headers"
	"github.com/hf-tap/hf-tap/internal/network"
)

// HTTPTarget is a server that gets events as requests. A request has the body of
// the delivery, byte for byte, and all its headers except those that belong to one
// connection (hop-by-hop headers, Host, Content-Length, Expect). Nothing is
// added. Redirects are not followed: their status is the answer.
type HTTPTarget struct {
	// AnswerTime is how long the body of an answer may take after its status, 1
	// minute by default. The rest of a slower body is cut off. That is not a
	// failure, because the status decides. Set it before the first event.
	AnswerTime time.Duration
	// Roots are the certificates that an https target may have, those of the
	// system by default. Set them before the first event.
	Roots *x509.CertPool

	url         *url.URL
	name        string
	hidesSecret bool                       // the name leaves out a secret of the URL
	connector   func() (*connector, error) // the same at each call
}

// drainBytes is how much of an answer is read beyond the kept part, so that the
// connection can be used again.
const drainBytes = 256 << 10

var errAnswerTime = errors.New("the answer went on for too long")

// NewHTTPTarget makes a target of an http or https URL. The query of a delivery is
// appended to the URL's own. A user and a password in the URL become an Authorization
// header if the delivery has none. Proxies are those of the environment. They are not
// used for this machine, however its name is spelled. If nothing listens on a port of
// 127.0.0.1, ::1 is tried: some servers take "localhost" for that.
func NewHTTPTarget(u *url.URL) (*HTTPTarget, error) {
	if err := checkTargetURL(u); err != nil {
		return nil, err
	}
	if err := checkHidden(u); err != nil {
		return nil, err
	}
	own := *u
	own.Fragment, own.RawFragment = "", ""
	name := event.MaskURL(own.String())
	t := &HTTPTarget{url: &own, name: name, hidesSecret: name != own.String()}
	t.connector = sync.OnceValues(func() (*connector, error) { return newConnector(t.url, t.Roots) })
	return t, nil
}

// Name returns the URL, with a password and secrets in its query masked.
func (t *HTTPTarget) Name() string { return t.name }

// CloseIdleConnections closes the connections that no try uses.
func (t *HTTPTarget) CloseIdleConnections() {
	if c, err := t.connector(); err == nil {
		c.transport.CloseIdleConnections()
	}
}

// Probe opens a connection, to the target or to the proxy for it, and closes it.
func (t *HTTPTarget) Probe(ctx context.Context) error {
	_, err := t.connect(ctx, false)
	return err
}

// Check is Probe with the TLS handshake of an https target. It returns the address
// that answered, which is the proxy's if there is one on the way.
func (t *HTTPTarget) Check(ctx context.Context) (net.Addr, error) { return t.connect(ctx, true) }

func (t *HTTPTarget) connect(ctx context.Context, handshake bool) (net.Addr, error) {
	c, err := t.connector()
	if err != nil {
		return nil, err
	}
	conn, err := c.open(ctx, handshake)
	if err != nil {
		return nil, &connectError{err}
	}
	return conn.RemoteAddr(), conn.Close()
}

// Proxy returns the URL of the proxy on the way to the target, without its password,
// or "" if there is none.
func (t *HTTPTarget) Proxy() string {
	c, err := t.connector()
	if err != nil {
		return ""
	}
	return network.Redacted(c.proxy())
}

// Try sends one request. Every failure to connect is OutcomeRefused, because a
// container that restarts loses its name and address as well as its port, and
// nothing of the event was sent. Through a proxy that is not certain, and such a
// failure is OutcomeFailed.
func (t *HTTPTarget) Try(ctx context.Context, e *event.Event) (event.Attempt, Outcome) {
	a := event.Attempt{StartedAt: time.Now()}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, dropped, err := t.send(ctx, e)
	if err != nil {
		a.Duration = time.Since(a.StartedAt)
		switch {
		case ctx.Err() != nil:
			a.Err = context.Cause(ctx).Error()
			return a, OutcomeFailed
		case notConnected(err):
			a.Err = (&connectError{err}).Error()
			return a, OutcomeRefused
		case dropped:
			a.Err = dropReason(err)
			return a, OutcomeDropped
		}
		a.Err = strings.TrimPrefix(err.Error(), "net/http: HTTP/1.x transport connection broken: ")
		return a, OutcomeFailed
	}
	a.Status, a.Header = resp.StatusCode, resp.Header
	if t.hidesSecret { // a redirect repeats the URL, for example
		for _, values := range a.Header {
			for i, value := range values {
				values[i] = event.MaskURL(value)
			}
		}
	}
	read, err := t.readAnswer(resp, &a, cancel)
	a.Duration = time.Since(a.StartedAt)
	if a.Status >= 500 {
		// After the error of a handler some servers (uvicorn) close the connection
		// without "Connection: close". The next event on it would be lost.
		t.CloseIdleConnections()
	}
	switch cause := context.Cause(ctx); {
	case err == nil:
	case cause == errAnswerTime:
		a.BodyCut = true
	case cause != nil:
		a.Err = cause.Error()
		return a, OutcomeFailed
	default:
		a.Err = cutReason(err, read, resp.ContentLength)
	}
	return a, OutcomeAnswered
}

// send sends the request of an event, and waits for the head of its answer. dropped
// reports whether there was a connection, which ended before the first byte of an
// answer. The request is sent again only if it met a kept connection that the target
// had closed before: the target cannot have read it then.
func (t *HTTPTarget) send(ctx context.Context, e *event.Event) (resp *http.Response, dropped bool, err error) {
	c, err := t.connector()
	if err != nil {
		return nil, false, err
	}
	for {
		var connected, reused, begun atomic.Bool // the transport's goroutines set them
		resp, err := c.transport.RoundTrip(t.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GotConn: func(got httptrace.GotConnInfo) {
				connected.Store(true)
				reused.Store(got.Reused)
			},
			GotFirstResponseByte: func() { begun.Store(true) },
		}), e))
		if err == nil || !reused.Load() || !closedWhileIdle(err) || ctx.Err() != nil {
			return resp, connected.Load() && !begun.Load(), err
		}
	}
}

// request makes the request of an event. net/http must neither add to its headers,
// nor repeat a request that the target may have read.
func (t *HTTPTarget) request(ctx context.Context, e *event.Event) *http.Request {
	u := *t.url
	if _, query, ok := strings.Cut(e.Path, "?"); ok && query != "" {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += query
	}
	header := headers.Onward(e.Header)
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := header[key]; ok { // under this spelling the transport would repeat the request
			delete(header, key)
			header[strings.ToLower(key)] = values
		}
	}
	switch agents := header["User-Agent"]; len(agents) {
	case 0:
		header["User-Agent"] = []string{""} // or net/http would send its own
	case 1:
	default: // net/http writes only the first; under another spelling it is a header like any other
		header["user-agent"], header["User-Agent"] = agents, []string{""}
	}
	method := cmp.Or(e.Method, http.MethodPost)
	req := (&http.Request{
		Method:        method,
		URL:           &u,
		Header:        header,
		Body:          http.NoBody,
		ContentLength: int64(len(e.Body)),
		Proto:         "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	body := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(e.Body)), nil }
	switch {
	case method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions:
		// The transport repeats these by itself, unless it cannot read their body again.
		req.Body, _ = body()
	case len(e.Body) > 0:
		req.Body, _ = body()
		// Lets the transport take another connection when the one it had turns out to
		// be closed before anything was written to it.
		req.GetBody = body
	}
	if t.url.User != nil && req.Header.Get("Authorization") == "" {
		password, _ := t.url.User.Password()
		req.SetBasicAuth(t.url.User.Username(), password)
	}
	return req
}

// readAnswer keeps the beginning of an answer's body and reads a little more to find
// its end; it does not wait for the rest. It returns how many bytes it read. cancel
// ends the request when the answer takes too long.
func (t *HTTPTarget) readAnswer(resp *http.Response, a *event.Attempt, cancel context.CancelCauseFunc) (read int64, err error) {
	defer resp.Body.Close()
	if resp.ContentLength == 0 {
		return 0, nil
	}
	overtime := time.AfterFunc(cmp.Or(t.AnswerTime, time.Minute), func() { cancel(errAnswerTime) })
	defer overtime.Stop()
	var kept bytes.Buffer
	if n := resp.ContentLength; n > 0 {
		kept.Grow(int(min(n, event.MaxTargetBody)) + bytes.MinRead)
	}
	read, err = kept.ReadFrom(io.LimitReader(resp.Body, event.MaxTargetBody))
	a.Body = kept.Bytes()
	if err != nil || read < event.MaxTargetBody {
		return read, err
	}
	more, err := io.CopyN(io.Discard, resp.Body, drainBytes)
	a.BodyCut = more > 0
	if err == io.EOF {
		err = nil
	}
	return read + more, err
}

// TrustRoots sets the certificates that https targets of routes may have: those of
// roots, or the system's if roots is nil.
func TrustRoots(roots *x509.CertPool, routes ...Route) {
	for _, route := range routes {
		if target, ok := route.Target.(*HTTPTarget); ok {
			target.Roots = roots
		}
	}
}
