package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/spf13/cobra"
)

// maxSkew is how far this machine's clock may be from the Hub's before
// certificates and tokens of tunnels get into trouble.
const maxSkew = time.Minute

// doctorFlags are the flags of doctor, as they were given.
type doctorFlags struct {
	account accountFlags
	tunnel  tunnelFlags
	all     bool
	forward []string
	json    bool
}

func newDoctor(p *Process) *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what works from here, and what stands in the way",
		Long: `Look at everything that "hf-tap listen" needs: the token and what it may, the Hub
and the clock, proxies, the state folder, the tunnel that would be taken, from its server to a POST
through it and back, and the targets that you name. No webhook is made, and nothing
stays open. It exits 1 when something stands in the way.`,
		Example: `  hf-tap doctor
  hf-tap doctor --forward 7860
  hf-tap doctor --json | jq '.[] | select(.status == "failed")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.doctor(cmd.Context(), p) },
	}
	fs := cmd.Flags()
	f.account.register(fs)
	f.tunnel.register(fs)
	fs.BoolVar(&f.all, "all", false, "look at every tunnel: that calls services of third parties, so that it asks first")
	fs.StringArrayVar(&f.forward, "forward", nil, "look whether this target can be reached; repeatable")
	fs.BoolVar(&f.json, "json", false, "print a JSON array, as docs/commands.md describes")
	return cmd
}

// The ways a check can end.
const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkFailed  = "failed"
	checkSkipped = "skipped"
)

// finding is what one check found.
type finding struct {
	Check  string  `json:"check"`
	Status string  `json:"status"`
	Detail string  `json:"detail"`
	MS     float64 `json:"ms,omitempty"` // how long it took
	Hint   string  `json:"hint,omitempty"`
}

// doctor is one examination.
type doctor struct {
	p     *Process
	found []finding
	shown int // how many of them were printed
}

func (f *doctorFlags) doctor(ctx context.Context, p *Process) error {
	routes, err := p.parseRoutes(f.forward, "hf-tap doctor --forward", "7860")
	if err != nil {
		return err
	}
	if f.all {
		if err := f.askForAll(ctx, p); err != nil {
			return err
		}
	}
	env, err := p.hubEnv()
	if err != nil {
		return err
	}
	if err := f.tunnel.misplaced(p, env); err != nil {
		return err
	}
	n, err := f.account.network(p)
	if err != nil {
		return err
	}
	trustRoots(n.Roots(), routes...)
	d := &doctor{p: p}
	transport := n.Transport()
	defer transport.CloseIdleConnections()
	dir, dirErr := session.FindDir(p.Getenv)
	tunnelConfig, tunnelErr := f.tunnel.config(p, dir, env, n, transport)
	if err := f.tunnel.check(tunnelConfig); err != nil && exitCode(err) == exitUsage {
		return err
	}
	for _, examine := range []func() error{
		func() error { return d.account(ctx, f.account, env, n, transport) },
		func() error { d.state(ctx, dir, dirErr); return nil },
		func() error { return d.tunnel(ctx, dirErr, tunnelConfig, tunnelErr, transport) },
		func() error { return d.targets(ctx, routes) },
	} {
		if err := examine(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !f.json {
			if err := d.print(); err != nil {
				return err
			}
		}
	}
	if f.json {
		if err := d.printJSON(); err != nil {
			return err
		}
	}
	return d.verdict()
}

// askForAll names every tunnel, if the user agrees that all those services are
// called.
func (f *doctorFlags) askForAll(ctx context.Context, p *Process) error {
	var names []string
	for _, name := range session.TunnelProviders() {
		if !strings.Contains(name, "://") { // a server of the user's own has to be named
			names = append(names, name)
		}
	}
	all := strings.Join(names, ",")
	if f.tunnel.provider != tunnel.Auto {
		return usageError(errors.New("--all looks at every tunnel: name none beside it"), "hf-tap doctor --all")
	}
	if !p.Interactive {
		return usageError(errors.New("--all asks first, which needs a terminal"), "name them: hf-tap doctor --tunnel "+all)
	}
	sure, err := p.confirm(ctx, fmt.Sprintf("this calls %s; each sees your address. go on?", strings.Join(names, ", ")))
	if err != nil {
		return err
	}
	if !sure {
		return &hinted{errors.New("nothing was called"), "name those that may be: hf-tap doctor --tunnel ngrok", exitFailed}
	}
	f.tunnel.provider = all
	return nil
}

// add adds a finding. A failure that was found before is only pointed to.
func (d *doctor) add(f finding) {
	for _, before := range d.found {
		if f.Status == checkFailed && before.Status == checkFailed && f.Detail == before.Detail {
			f = finding{Check: f.Check, Status: checkSkipped, Detail: "the same as " + before.Check}
		}
	}
	d.found = append(d.found, f)
}

// fail notes an error with what to do about it.
func (d *doctor) fail(check string, took time.Duration, err error) {
	d.add(finding{Check: check, Status: checkFailed, Detail: oneLine(err), MS: ms(took), Hint: hintFor(err)})
}

// account looks at the token, the Hub, the clock and the proxy. The Hub is
// asked once, who the token belongs to: that call is strictly limited.
func (d *doctor) account(ctx context.Context, f accountFlags, env hub.Env, n *network.Network, transport http.RoundTripper) error {
	host := env.Endpoint
	if u, err := url.Parse(env.Endpoint); err == nil {
		host = u.Host
		if u.Port() == "" {
			host += ":443"
		}
	}
	proxy := finding{Check: "proxy", Status: checkSkipped, Detail: fmt.Sprintf("%s is to be reached %s: unverified, as it is not asked", env.Endpoint, via(n.Via(host)))}
	dated := &dated{base: transport}
	client, token, err := f.client(d.p, env, dated)
	if err != nil {
		d.add(proxy)
		d.fail("token", 0, err)
		d.add(finding{Check: "hub", Status: checkSkipped, Detail: "without a token it is not asked"})
		return nil
	}
	defer client.Close()
	start := time.Now()
	who, err := client.WhoAmI(ctx)
	took := time.Since(start)
	answered := err == nil || errors.Is(err, hub.ErrUnauthorized)
	if answered {
		proxy.Status, proxy.Detail = checkOK, fmt.Sprintf("%s is reached %s", env.Endpoint, via(n.Via(host)))
	} else {
		proxy.Detail = fmt.Sprintf("%s is to be reached %s: unverified, as it gave no answer", env.Endpoint, via(n.Via(host)))
	}
	d.add(proxy)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !answered:
		d.fail("hub", took, err)
	default:
		d.add(finding{Check: "hub", Status: checkOK, Detail: env.Endpoint + " answers", MS: ms(took)})
		if err != nil {
			d.fail("token", 0, fmt.Errorf("from %s: %w", token.Source, err))
			break
		}
		d.token(who, token)
	}
	d.clock(dated, took)
	return nil
}

// token tells whose token it is and what it may.
func (d *doctor) token(who hub.Identity, token hub.Token) {
	detail := fmt.Sprintf("from %s, of %q", token.Source, who.Name)
	if t := who.Auth.AccessToken; t != nil && t.Role != "" {
		detail += ", role " + t.Role
	}
	f := finding{Check: "token", Status: checkOK, Detail: detail}
	switch may := who.CanWriteWebhooks(); {
	case may.Refused():
		f.Status, f.Detail = checkFailed, detail+": it may not write webhooks: "+may.Reason
		f.Hint = hintFor(hub.ErrForbidden)
	case !may.Known:
		f.Status, f.Detail = checkWarning, detail+": whether it may write webhooks shows when one is made: "+may.Reason
	default:
		f.Detail += ": it may write webhooks"
	}
	d.add(f)
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

func (d *doctor) clock(t *dated, took time.Duration) {
	skew := t.skew.Load()
	if skew == nil {
		d.add(finding{Check: "clock", Status: checkSkipped, Detail: "no answer of the Hub's says what time it is there"})
		return
	}
	off := skew.Abs()
	if off <= took+time.Second { // it cannot be told more exactly
		d.add(finding{Check: "clock", Status: checkOK, Detail: "agrees with the Hub's"})
		return
	}
	way := "ahead of"
	if *skew < 0 {
		way = "behind"
	}
	f := finding{Check: "clock", Status: checkOK, Detail: fmt.Sprintf("%s %s the Hub's", off.Round(time.Second), way)}
	if off > maxSkew {
		f.Status, f.Hint = checkWarning, "set this machine's clock: certificates are checked against it"
	}
	d.add(f)
}

// tunnel goes the whole way to the tunnel that would be taken. err says why it is
// not known which, and dirErr why there is no state folder.
func (d *doctor) tunnel(ctx context.Context, dirErr error, cfg session.TunnelConfig, err error, transport http.RoundTripper) error {
	if dirErr != nil {
		d.add(finding{Check: "tunnel", Status: checkSkipped, Detail: "without a state folder none is opened"})
		return nil
	}
	if err != nil {
		d.fail("tunnel", 0, err)
		return nil
	}
	first, works := len(d.found), false
	for _, step := range cfg.Diagnose(ctx, &http.Client{Transport: transport}) {
		d.step(step)
		works = works || step.Step == tunnel.FindingTrip && step.Err == nil
	}
	for i := range d.found[first:] {
		if f := &d.found[first+i]; works && f.Status == checkFailed {
			f.Status = checkWarning // another of those that were named does
		}
	}
	return ctx.Err()
}

// step adds one step on the way to a tunnel. What could not be measured is never
// well.
func (d *doctor) step(step tunnel.Finding) {
	f := finding{Check: step.Step, Status: checkOK, Detail: event.MaskURL(step.Detail), MS: ms(step.Took)}
	switch {
	case step.Err == nil && step.Unverified:
		f.Status, f.Detail = checkWarning, f.Detail+" (unverified)"
	case step.Err == nil:
	case errors.Is(step.Err, tunnel.ErrNoRoute):
		// The Hub is elsewhere, and may get there.
		f.Status, f.Detail = checkWarning, "unverified: "+oneLine(step.Err)
	case errors.Is(step.Err, tunnel.ErrUnverified):
		f.Status, f.Detail = checkWarning, oneLine(step.Err)
	default:
		f.Status, f.Detail, f.Hint = checkFailed, oneLine(step.Err), hintFor(step.Err)
	}
	d.add(f)
}

// print shows what was found since the last time.
func (d *doctor) print() error {
	for _, f := range d.found[d.shown:] {
		status := f.Status
		if status == checkFailed {
			status = "FAILED"
		}
		line := fmt.Sprintf("%-8s %-10s %s", status, f.Check, f.Detail)
		if f.MS > 0 {
			line += fmt.Sprintf(" (%s)", round(time.Duration(f.MS*float64(time.Millisecond))))
		}
		if _, err := fmt.Fprintln(d.p.Out, d.p.shown(line)); err != nil {
			return closedOutput(err)
		}
		if f.Hint != "" {
			if _, err := fmt.Fprintf(d.p.Out, "%19s hint: %s\n", "", term.Line(f.Hint)); err != nil {
				return closedOutput(err)
			}
		}
	}
	d.shown = len(d.found)
	return nil
}

func (d *doctor) printJSON() error {
	b, err := json.MarshalIndent(d.found, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(d.p.Out, d.p.hidden.maskJSON(b))
	return closedOutput(err)
}

// verdict is the command's error: what does not work, and what to do first.
func (d *doctor) verdict() error {
	var failed []string
	hint := ""
	for _, f := range d.found {
		if f.Status == checkFailed && !slices.Contains(failed, f.Check) {
			failed = append(failed, f.Check)
		}
		if f.Status == checkFailed {
			hint = cmp.Or(hint, f.Hint)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	if d.shown > 0 { // the hints stand above
		hint = "follow the hints, then again: hf-tap doctor"
	}
	return withHint(fmt.Errorf("not everything works: %s", strings.Join(failed, ", ")), hint)
}

// via says how the Hub is reached, without the proxy's password.
func via(way string) string {
	if way == "directly" {
		return way
	}
	return "through " + way
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
