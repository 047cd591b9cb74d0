package tunnel

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/internal/clock"
	"github.com/hf-tap/hf-tap/internal/neterror"
)

// Probe is a request that only this process can answer correctly, for [Verify].
type Probe struct {
	URL     string                    // where to POST, without a slash at the end: "/" and a nonce are appended
	Answer  func(nonce string) string // the body that this process answers to a nonce; it must need a key that others do not have
	Client  *http.Client              // its Transport is used, redirects are not followed; nil: a plain client
	Timeout time.Duration             // how long to try, 10 s by default: a fresh tunnel may need a moment
	Pause   time.Duration             // between two tries, 250 ms by default

	clock clock.Clock
}

// ErrNoRoute means that no answer came from the public address. A firewall or
// DNS may block this machine alone, so deliveries of the Hub may arrive all the
// same.
var ErrNoRoute = errors.New("the public address cannot be reached from here")

// WrongAnswerError means that another server answers at the public address, for
// example a gateway that has lost the tunnel.
type WrongAnswerError struct {
	URL    string
	Status int    // HTTP status
	Code   string // the provider's error code, "ERR_NGROK_3200", if it gave one
	Text   string // the beginning of the answer, as it came
}

// Error returns the address and the beginning of the answer.
func (e *WrongAnswerError) Error() string {
	msg := fmt.Sprintf("the public address %s does not lead here: it answered %d", e.URL, e.Status)
	if e.Code != "" {
		msg += ", " + e.Code
	}
	if e.Text != "" {
		msg += fmt.Sprintf(", %q", e.Text)
	}
	return msg
}

// Verify checks that a public address leads to this process: it posts a fresh
// nonce to p.URL until the right answer comes, and returns the time of that
// round trip. The server behind the tunnel must answer POST p.URL/NONCE with
// status 200 and the body p.Answer(NONCE), as receiver.Config.Check does.
//
// After p.Timeout the error is a [*WrongAnswerError] if the last answer was
// another one, and wraps [ErrNoRoute] if there was none. If ctx ends first, it is
// the error of ctx.
func Verify(ctx context.Context, p Probe) (time.Duration, error) {
	within, pause := p.Timeout, p.Pause
	if within == 0 {
		within = 10 * time.Second
	}
	if pause == 0 {
		pause = 250 * time.Millisecond
	}
	client := p.client()
	tries, cancel := p.clock.WithTimeout(ctx, within, nil)
	defer cancel()
	var last error
	for {
		took, err := probeOnce(tries, client, p)
		if err == nil {
			return took, nil
		}
		// A try that the deadline cut short has a less useful error than the one before.
		if last == nil || tries.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tries.Done():
			if ctx.Err() != nil { // which ends both
				return 0, ctx.Err()
			}
			return 0, last
		case <-time.After(pause):
		}
	}
}

// VerifyOnce is [Verify] with a single try, which ends after p.Timeout, or at the
// deadline of ctx, which means that no answer came, too.
func VerifyOnce(ctx context.Context, p Probe) (time.Duration, error) {
	within := p.Timeout
	if within == 0 {
		within = 10 * time.Second
	}
	try, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	took, err := probeOnce(try, p.client(), p)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return 0, ctx.Err()
	}
	return took, err
}

func (p Probe) client() *http.Client {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if p.Client != nil {
		client.Transport = p.Client.Transport
	}
	return client
}

func probeOnce(ctx context.Context, client *http.Client, p Probe) (time.Duration, error) {
	nonce := rand.Text()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/"+nonce, http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("ask for the self-check: %w", err)
	}
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNoRoute, neterror.Plain(err))
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode == http.StatusOK && string(body) == p.Answer(nonce) {
		return time.Since(start), nil
	}
	return 0, &WrongAnswerError{URL: p.URL, Status: resp.StatusCode, Code: ngrokCode(resp.Header), Text: excerpt(string(body))}
}

// ngrokCode returns the code with which ngrok's gateway explains its page, "" if there
// is none. Another gateway may send anything in its place.
func ngrokCode(h http.Header) string {
	code := h.Get("Ngrok-Error-Code")
	number, isCode := strings.CutPrefix(code, "ERR_NGROK_")
	if !isCode || number == "" || len(number) > 6 || strings.Trim(number, "0123456789") != "" {
		return ""
	}
	return code
}

// excerpt returns the beginning of an answer, or "" for a page of HTML, which has
// no meaning in one line.
func excerpt(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "<") {
		return ""
	}
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:120], "") + "…"
	}
	return s
}
