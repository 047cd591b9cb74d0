package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// ClientConfig configures a [Client]. The zero value is a client of
// DefaultEndpoint without a token.
type ClientConfig struct {
	Endpoint string // the address of the Hub, see ParseEndpoint; DefaultEndpoint by default
	Token    string // sent with each request, but over plain http only to loopback
	Version  string // of hf-tap, in the User-Agent; "dev" by default
	Origin   string // appended to the User-Agent; usually Env.Origin
	Offline  bool   // every call fails with ErrOffline; usually Env.Offline

	// Transport sends the requests. The default uses the proxies of the
	// environment, but not for loopback.
	Transport http.RoundTripper
	// Timeout limits each request, from the dial to the last byte of the answer;
	// 10 s by default. The pauses between tries are not part of it.
	Timeout time.Duration
	// Retries is how many more tries a call may have; 2 by default, none if
	// negative.
	Retries int
	// MaxWait limits the sum of the pauses between the tries of a call; 60 s by
	// default, no pause if negative. If the Hub asks for a longer one, the call
	// ends at once with an error that has it in RetryAfter.
	MaxWait time.Duration
	// OnWarning is called with warnings that the Hub adds to answers, once for
	// each topic. It is called from the goroutine of the call, never twice at a
	// time.
	OnWarning func(topic, message string)
}

// Client calls the Hub's API. It may be used from several goroutines.
type Client struct {
	endpoint  string
	host      string
	insecure  bool // plain http to another machine
	offline   bool
	token     string
	userAgent string
	http      http.Client
	own       *http.Transport // the default transport, nil when one was given
	timeout   time.Duration
	retries   int
	maxWait   time.Duration

	warn    func(topic, message string)
	warnMu  sync.Mutex
	warned  map[string]bool
	maxWarn int
}

// NewClient makes a client. It sends nothing. The error is about an invalid
// endpoint or token ([ErrBadToken]), and does not quote the token. Call
// [Client.Close] when the client is no longer needed.
func NewClient(cfg ClientConfig) (*Client, error) {
	endpoint, err := ParseEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(cfg.Token)
	if err := checkToken(token); err != nil {
		return nil, fmt.Errorf("invalid token: %w", err)
	}
	c := &Client{
		endpoint: endpoint, offline: cfg.Offline, token: token,
		userAgent: userAgent(cfg.Version, cfg.Origin),
		timeout:   cmp.Or(max(cfg.Timeout, 0), 10*time.Second),
		retries:   max(cmp.Or(cfg.Retries, 2), 0),
		maxWait:   max(cmp.Or(cfg.MaxWait, 60*time.Second), 0),
		warn:      cfg.OnWarning, warned: make(map[string]bool), maxWarn: 50,
	}
	if u, err := url.Parse(endpoint); err == nil {
		c.host = u.Host
		c.insecure = u.Scheme == "http" && !loopback.Is(u.Hostname())
	}
	c.http = http.Client{Transport: cfg.Transport, CheckRedirect: sameOriginOnly}
	if cfg.Transport == nil {
		dialer := &net.Dialer{Timeout: c.timeout}
		c.own = &http.Transport{
			Proxy: loopback.ProxyFromEnvironment,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return loopback.Dial(ctx, dialer, network, address)
			},
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: c.timeout,
			MaxIdleConns:        4,
			IdleConnTimeout:     30 * time.Second,
		}
		c.http.Transport = c.own
	}
	return c, nil
}

// Endpoint returns the address of the client's Hub, without a trailing slash.
func (c *Client) Endpoint() string { return c.endpoint }

// Close closes idle connections, but not those of a ClientConfig.Transport. A
// closed client can be used again.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// userAgent returns the User-Agent in the form of huggingface_hub, with the origin
// last. Characters that a header cannot have are left out.
func userAgent(version, origin string) string {
	ua := "hf-tap/" + cmp.Or(version, "dev")
	if origin != "" {
		ua += "; origin/" + origin
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, ua)
}

// sameOriginOnly allows redirects to the same origin with the same method only. By
// default net/http sends the token to the same host over plain http, too, and
// turns most redirected POSTs into GETs.
func sameOriginOnly(next *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > 3 || next.Method != first.Method || next.URL.Scheme != first.URL.Scheme ||
		!strings.EqualFold(next.URL.Host, first.URL.Host) || next.URL.User != nil {
		return http.ErrUseLastResponse
	}
	return nil
}

// request is one call of the API.
type request struct {
	op     string // for Error.Op
	method string
	path   string // below the endpoint, escaped
	body   []byte // JSON, nil for none
	secret string // the webhook's secret in body, to keep it out of errors
	reads  bool   // changes nothing
	once   bool   // doing it twice does harm, so that it is sent again only after a refusal
	into   func(body []byte) error
}

// call carries out a request, with the tries that it may have.
func (c *Client) call(ctx context.Context, r request) error {
	if e := c.refuse(ctx, r); e != nil {
		return e
	}
	var waited time.Duration
	for try, maybe := 0, false; ; try++ {
		e := c.send(ctx, r)
		if e == nil {
			return nil
		}
		// A refusal does not undo an earlier try that got no answer.
		maybe = maybe || e.maybe
		e.maybe = maybe
		wait, ok := r.waitBefore(e, try)
		if !ok || try >= c.retries || waited+wait > c.maxWait || endsWithin(ctx, wait) {
			return e
		}
		waited += wait
		if err := sleep(ctx, wait); err != nil {
			return &Error{Op: r.op, Method: r.method, URL: c.endpoint + r.path, Err: err, maybe: maybe}
		}
	}
}

// refuse returns an error for a request that must not be sent, else nil.
func (c *Client) refuse(ctx context.Context, r request) *Error {
	e := &Error{Op: r.op, Method: r.method, URL: c.endpoint + r.path}
	switch {
	case c.offline:
		e.Err, e.kind = ErrOffline, ErrOffline
	case c.insecure && (c.token != "" || r.body != nil):
		e.Err, e.kind = fmt.Errorf("%w to %q", ErrInsecure, c.host), ErrInsecure
	case ctx.Err() != nil:
		e.Err = stopped(ctx)
	default:
		return nil
	}
	return e
}

// reportWarnings calls OnWarning for the warnings of an answer: "X-HF-Warning: topic; message".
func (c *Client) reportWarnings(h http.Header) {
	if c.warn == nil {
		return
	}
	c.warnMu.Lock()
	defer c.warnMu.Unlock()
	for _, value := range h.Values("X-HF-Warning") {
		topic, message, ok := strings.Cut(value, ";")
		if !ok {
			topic, message = "", value
		}
		topic, message = shorten(strings.TrimSpace(topic), maxText), shorten(strings.TrimSpace(message), maxText)
		// The number of topics is limited: a server that invents new ones must not
		// fill the memory.
		if message != "" && !c.warned[topic] && len(c.warned) < c.maxWarn {
			c.warned[topic] = true
			c.warn(topic, message)
		}
	}
}

// readJSON returns a request.into that unmarshals an answer into v. A field of an
// unexpected type is left empty, as in payloads.
func readJSON(v any) func([]byte) error {
	return func(body []byte) error {
		err := json.Unmarshal(body, v)
		var wrongType *json.UnmarshalTypeError
		if errors.As(err, &wrongType) {
			return nil
		}
		return err
	}
}
