package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/hint"
)

// maxSkew is how far this machine's clock may be from the Hub's before
// certificates and tokens of tunnels get into trouble.
const maxSkew = time.Minute

// account looks at the token, the Hub, the clock and the proxy. The Hub is asked once
// for the token's user: that call is strictly limited.
func (x *examination) account(ctx context.Context, cfg Config) {
	endpoint, n := cfg.Endpoint, cfg.Network
	host := endpoint
	if u, err := url.Parse(endpoint); err == nil {
		host = u.Host
		if u.Port() == "" {
			host += ":443"
		}
	}
	proxy := Finding{Check: "proxy", Status: Skipped, Detail: fmt.Sprintf("%s is to be reached %s: unverified, as it is not asked", endpoint, via(n.Via(host)))}
	dated := &dated{base: cfg.Transport}
	client, token, err := cfg.Client(dated)
	if err != nil {
		x.add(proxy)
		x.fail("token", 0, err)
		x.add(Finding{Check: "hub", Status: Skipped, Detail: "without a token it is not asked"})
		return
	}
	defer client.Close()
	start := time.Now()
	who, err := client.WhoAmI(ctx)
	took := time.Since(start)
	answered := err == nil || errors.Is(err, hub.ErrUnauthorized)
	if answered {
		proxy.Status, proxy.Detail = OK, fmt.Sprintf("%s is reached %s", endpoint, via(n.Via(host)))
	} else {
		proxy.Detail = fmt.Sprintf("%s is to be reached %s: unverified, as it gave no answer", endpoint, via(n.Via(host)))
	}
	x.add(proxy)
	switch {
	case ctx.Err() != nil:
		return
	case !answered:
		x.fail("hub", took, err)
	default:
		x.add(Finding{Check: "hub", Status: OK, Detail: endpoint + " answers", MS: ms(took)})
		if err != nil {
			x.fail("token", 0, fmt.Errorf("from %s: %w", token.Source, err))
			break
		}
		x.token(who, token)
	}
	x.clock(dated, took)
}

// token finds the token's user and its permissions.
func (x *examination) token(who hub.Identity, token hub.Token) {
	detail := fmt.Sprintf("from %s, of %q", token.Source, who.Name)
	if t := who.Auth.AccessToken; t != nil && t.Role != "" {
		detail += ", role " + t.Role
	}
	f := Finding{Check: "token", Status: OK, Detail: detail}
	switch may := who.CanWriteWebhooks(); {
	case may.Refused():
		f.Status, f.Detail = Failed, detail+": it may not write webhooks: "+may.Reason
		f.Hint = hint.For(hub.ErrForbidden)
	case !may.Known:
		f.Status, f.Detail = Warning, detail+": whether it may write webhooks shows when one is made: "+may.Reason
	default:
		f.Detail += ": it may write webhooks"
	}
	x.add(f)
}

// dated keeps what an answer says of the time.
type dated struct {
	base http.RoundTripper
	skew atomic.Pointer[time.Duration] // this clock less the Hub's
}

// RoundTrip passes a request on.
func (t *dated) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// The Hub wrote it somewhere between, and without parts of a second.
		middle := start.Add(time.Since(start) / 2)
		skew := middle.Sub(date.Add(500 * time.Millisecond))
		t.skew.Store(&skew)
	}
	return resp, nil
}

func (x *examination) clock(t *dated, took time.Duration) {
	skew := t.skew.Load()
	if skew == nil {
		x.add(Finding{Check: "clock", Status: Skipped, Detail: "no answer of the Hub has a date"})
		return
	}
	off := skew.Abs()
	if off <= took+time.Second { // the measurement is not more exact
		x.add(Finding{Check: "clock", Status: OK, Detail: "agrees with the Hub's"})
		return
	}
	way := "ahead of"
	if *skew < 0 {
		way = "behind"
	}
	f := Finding{Check: "clock", Status: OK, Detail: fmt.Sprintf("%s %s the Hub's", off.Round(time.Second), way)}
	if off > maxSkew {
		f.Status, f.Hint = Warning, "set this machine's clock: certificates are checked against it"
	}
	x.add(f)
}

// via says how the Hub is reached, without the proxy's password.
func via(way string) string {
	if way == "directly" {
		return way
	}
	return "through " + way
}
