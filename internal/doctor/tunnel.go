package doctor

import (
	"context"
	"errors"
	"net/http"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tunnel"
)

// tunnel goes the whole way to the tunnel that would be opened.
func (x *examination) tunnel(ctx context.Context, cfg Config) {
	if cfg.DirErr != nil {
		x.add(Finding{Check: "tunnel", Status: Skipped, Detail: "without a state folder none is opened"})
		return
	}
	if cfg.TunnelErr != nil {
		x.fail("tunnel", 0, cfg.TunnelErr)
		return
	}
	first, works := len(x.found), false
	for _, step := range cfg.Tunnel.Diagnose(ctx, &http.Client{Transport: cfg.Transport}) {
		x.step(step)
		works = works || step.Step == tunnel.FindingTrip && step.Err == nil
	}
	for i := range x.found[first:] {
		if f := &x.found[first+i]; works && f.Status == Failed {
			f.Status = Warning // another of those that were named does
		}
	}
}

// step adds one step on the way to a tunnel. What could not be measured is never
// well.
func (x *examination) step(step tunnel.Finding) {
	f := Finding{Check: step.Step, Status: OK, Detail: event.MaskURL(step.Detail), MS: ms(step.Took)}
	switch {
	case step.Err == nil && step.Unverified:
		f.Status, f.Detail = Warning, f.Detail+" (unverified)"
	case step.Err == nil:
	case errors.Is(step.Err, tunnel.ErrNoRoute):
		// The Hub is elsewhere, and may get there.
		f.Status, f.Detail = Warning, "unverified: "+present.Error(step.Err)
	case errors.Is(step.Err, tunnel.ErrUnverified):
		f.Status, f.Detail = Warning, present.Error(step.Err)
	default:
		f.Status, f.Detail, f.Hint = Failed, present.Error(step.Err), hint.For(step.Err)
	}
	x.add(f)
}
