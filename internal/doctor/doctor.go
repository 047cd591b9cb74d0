// Package doctor examines what hf-tap needs on this machine: the token, the Hub, the
// clock, proxies, the state folder, the tunnel and the targets. It makes no webhook,
// and leaves nothing open.
package doctor

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
)

// Config is what the doctor examines.
type Config struct {
	Endpoint  string // the Hub's
	Network   *network.Network
	Transport http.RoundTripper // of the network
	// Client makes the Hub's client over a transport. Its error is why there is no
	// token.
	Client func(http.RoundTripper) (*hub.Client, hub.Token, error)

	Dir       session.Dir
	DirErr    error // why there is no state folder
	Tunnel    session.TunnelConfig
	TunnelErr error // why it is not known which tunnel would be opened
	Routes    []receiver.Route
}

// Status is how a check ended.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Finding is the result of one check.
type Finding struct {
	Check  string  `json:"check"`
	Status Status  `json:"status"`
	Detail string  `json:"detail"`
	MS     float64 `json:"ms,omitempty"` // how long it took
	Hint   string  `json:"hint,omitempty"`
}

// examination is what was found so far.
type examination struct{ found []Finding }

// Examine makes all checks and returns what they found. It calls show with the
// findings of each group as soon as they are final. Its error is that of show or of
// ctx: a check that fails is a finding.
func Examine(ctx context.Context, cfg Config, show func([]Finding) error) ([]Finding, error) {
	x := &examination{}
	shown := 0
	for _, examine := range []func(){
		func() { x.account(ctx, cfg) },
		func() { x.state(ctx, cfg.Dir, cfg.DirErr) },
		func() { x.tunnel(ctx, cfg) },
		func() { x.targets(ctx, cfg.Routes) },
	} {
		examine()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := show(x.found[shown:]); err != nil {
			return nil, err
		}
		shown = len(x.found)
	}
	return x.found, nil
}

// Troubles returns the names of the checks that failed, and the first hint of them.
func Troubles(found []Finding) (failed []string, hint string) {
	for _, f := range found {
		if f.Status != Failed {
			continue
		}
		if !slices.Contains(failed, f.Check) {
			failed = append(failed, f.Check)
		}
		hint = cmp.Or(hint, f.Hint)
	}
	return failed, hint
}

// add adds a finding. A failure that was found before is only pointed to.
func (x *examination) add(f Finding) {
	for _, before := range x.found {
		if f.Status == Failed && before.Status == Failed && f.Detail == before.Detail {
			f = Finding{Check: f.Check, Status: Skipped, Detail: "the same as " + before.Check}
		}
	}
	x.found = append(x.found, f)
}

// fail notes an error with what to do about it.
func (x *examination) fail(check string, took time.Duration, err error) {
	x.add(Finding{Check: check, Status: Failed, Detail: present.Error(err), MS: ms(took), Hint: hint.For(err)})
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
