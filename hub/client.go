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

// ClientConfig says how to reach a Hub. The zero value reaches the real one
// without a token.
type ClientConfig struct {
	Endpoint string // see ParseEndpoint; blank means DefaultEndpoint
	Token    string // goes into each request, never to a host elsewhere over plain http
	Version  string // ours, for the User-Agent; "dev" when empty
	Origin   string // goes to the end of the User-Agent: Env.Origin
	Offline  bool   // every call is refused with ErrOffline: Env.Offline

	// Transport carries the requests. The default takes proxies from the
	// environment, never for loopback.
	Transport http.RoundTripper
	// Timeout is for each request, from the dial to the last byte of the answer;
	// 10 s by default. Waits between tries come on top.
	Timeout time.Duration
	// Retries is how often a call is tried again at most; 2 by default, none
	// when negative.
	Retries int
	// MaxWait is how long a call waits between its tries, all waits together;
	// 60 s by default, not at all when negative. When the Hub asks for a longer
	// wait, the call ends at once with an error that says how long.
	MaxWait time.Duration
	// OnWarning is called for a warning that the Hub attached to an answer, once
	// a topic. Calls come one at a time, from the goroutine of the call.
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

// NewClient makes a client. It sends nothing. The error says what is wrong with
// the endpoint or the token ([ErrBadToken]); it does not hold the token. Call
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

// Endpoint is the address that the client calls, without a trailing slash.
func (c *Client) Endpoint() string { return c.endpoint }

// Close lets go of idle connections. It leaves a transport that was given in
// ClientConfig to its owner. A closed client can be used again.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// userAgent is built as huggingface_hub does it, with the origin last. What no
// header can hold is left out.
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

// sameOriginOnly follows a redirect only to where the token has been sent
// already, and only as the same request. Go itself would keep the token for
// the same host over plain http, and turn most redirected POSTs into GETs.
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
		// A refusal says nothing of an earlier try that went unanswered.
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

// refuse gives the error of a request that must not be sent.
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

// tell passes on the warnings of an answer: "X-HF-Warning: topic; message".
func (c *Client) tell(h http.Header) {
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
		// The number of topics is bounded: a server that makes up new ones must not
		// fill the memory.
		if message != "" && !c.warned[topic] && len(c.warned) < c.maxWarn {
			c.warned[topic] = true
			c.warn(topic, message)
		}
	}
}

// readJSON gives an into that reads an answer's JSON as far as it can be read:
// a field of another type than today's is left empty, as it is in payloads.
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
