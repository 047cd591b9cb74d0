package check

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/neterror"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

// secretForm is the place of the secret in a request: a header, the query or a
// signature.
type secretForm int

const (
	secretRight secretForm = iota
	secretWrong
	secretMissing
	secretEmpty
	secretLonger  // the right one with more behind it
	secretInQuery // the right one, as ?secret= only
)

// request is one request to the handler.
type request struct {
	method      string // POST if empty
	kind        event.Kind
	repo        hub.Repo
	id          string // Webhook-Id
	secret      secretForm
	contentType string // application/json if empty
	header      http.Header
	body        []byte
	slow        bool   // in pieces
	shell       string // shell commands that write the body, for one that no command line holds
}

// slowPieces is in how many pieces a slow body comes.
const slowPieces = 6

// headers are those of a request. wrong is the secret that is not the right one.
func (r *runner) headers(q request) http.Header {
	h := http.Header{"User-Agent": {"hf-tap check"}}
	for name, values := range q.header {
		h[name] = values
	}
	if q.id != "" {
		h.Set("Webhook-Id", q.id)
	}
	if len(q.body) > 0 {
		h.Set("Content-Type", "application/json")
		if q.contentType != "" {
			h.Set("Content-Type", q.contentType)
		}
	}
	switch q.secret {
	case secretRight:
		h.Set(event.SecretHeader, r.Secret)
	case secretWrong:
		h.Set(event.SecretHeader, wrongSecret)
	case secretEmpty:
		h.Set(event.SecretHeader, "")
	case secretLonger:
		h.Set(event.SecretHeader, r.Secret+"x")
	}
	return h
}

// wrongSecret is a secret that no webhook has. Commands that are shown mask one that
// is wrong, and what stands in its place is wrong, too.
const wrongSecret = event.Masked

// address is where a request goes. A secret in the target's own query is another
// place for the secret.
func (r *runner) address(q request) *url.URL {
	u := r.Target.URL()
	query := u.Query()
	if q.secret == secretInQuery {
		query.Set("secret", r.Secret)
		u.RawQuery = query.Encode()
	}
	if !query.Has("secret") {
		return u
	}
	switch q.secret {
	case secretWrong:
		query.Set("secret", wrongSecret)
	case secretMissing:
		query.Del("secret")
	case secretEmpty:
		query.Set("secret", "")
	case secretLonger:
		query.Set("secret", query.Get("secret")+"x")
	default:
		return u
	}
	u.RawQuery = query.Encode()
	return u
}

// send sends a request on a connection of its own, and reads the answer.
func (r *runner) send(ctx context.Context, q request) Answer {
	a := r.exchangeWithin(ctx, q)
	r.note(ctx, q, &a)
	return a
}

// exchangeWithin sends a request and reads the answer, in the time that there is for
// it.
func (r *runner) exchangeWithin(ctx context.Context, q request) Answer {
	limit := r.Timeout
	if q.slow {
		limit += slowPieces * r.Pieces
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	a := r.exchange(within, q)
	if ctx.Err() == nil && within.Err() != nil && a.Err != "" {
		a.timedOut = true
		a.Err = fmt.Sprintf("no answer within %s", r.Timeout)
		if a.Status != 0 {
			a.Err = fmt.Sprintf("the answer did not end within %s", r.Timeout)
		}
	}
	return a
}

func (r *runner) exchange(ctx context.Context, q request) (a Answer) {
	u := r.address(q)
	req := &http.Request{
		Method: q.method, URL: u, Header: r.headers(q), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: http.NoBody, ContentLength: int64(len(q.body)), Close: true, // a kept connection may be one that the handler is closing
	}
	if q.method == "" {
		req.Method = http.MethodPost
	}
	if len(q.body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(q.body))
		if q.slow {
			req.Body = &slowBody{ctx: ctx, rest: q.body, size: len(q.body)/slowPieces + 1, pause: r.Pieces}
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		req.SetBasicAuth(u.User.Username(), password)
	}
	start := time.Now()
	defer func() { a.Took = time.Since(start) }()
	resp, err := r.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		a.refused = notConnected(err)
		a.Err = strings.TrimPrefix(neterror.Reason(err), "net/http: HTTP/1.x transport connection broken: ")
		return a
	}
	defer resp.Body.Close()
	a.Status, a.contentType = resp.StatusCode, resp.Header.Get("Content-Type")
	if to, err := resp.Location(); err == nil && a.Status >= 300 && a.Status < 400 {
		a.To = u.ResolveReference(to).String()
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	a.BodyCut = len(body) > maxAnswer
	a.Body = body[:min(len(body), maxAnswer)]
	if err != nil {
		a.Err = "the answer broke off: " + neterror.Reason(err)
	}
	return a
}

// notConnected reports whether a request failed before anything was sent.
func notConnected(err error) bool {
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &certificate)
}

// slowBody is a body that comes in pieces.
type slowBody struct {
	ctx   context.Context
	rest  []byte
	size  int
	pause time.Duration
	begun bool
}

// Read returns the next piece, after a pause.
func (b *slowBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	if b.begun {
		select {
		case <-b.ctx.Done():
			return 0, context.Cause(b.ctx)
		case <-time.After(b.pause):
		}
	}
	b.begun = true
	n := copy(p, b.rest[:min(b.size, len(b.rest))])
	b.rest = b.rest[n:]
	return n, nil
}

// Close has nothing to close.
func (b *slowBody) Close() error { return nil }

// responds reports whether the handler responds in time to a request other than a
// delivery. Closing the connection is a response.
func (r *runner) responds(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	a := r.exchange(ctx, request{method: http.MethodOptions, secret: secretMissing})
	return a.Status != 0 || ctx.Err() == nil
}
