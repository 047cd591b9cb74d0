package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
)

// destination is where events are sent to.
type destination struct {
	routes  []receiver.Route // of --to
	session *session.Running // else; nil only if nothing is sent
	roots   *x509.CertPool   // of --ca
	network *network.Network
}

// findDestination finds the session to send through, unless there is a target of --to.
// typed is the command that its hints begin with.
func (f *triggerFlags) findDestination(p *Process, dir session.Dir, plan triggerPlan, typed string) (d destination, err error) {
	if len(plan.routes) > 0 {
		return destination{routes: plan.routes}, nil
	}
	running, err := session.RunningAt(dir)
	if err != nil {
		return d, err
	}
	ids := make([]string, len(running))
	for i, r := range running {
		ids[i] = r.ID
	}
	fits := func(r session.Running) bool { return plan.repo == hub.Repo{} || r.Watched(plan.repo) }
	if f.session != "" {
		fits = func(r session.Running) bool { return r.ID == f.session }
	}
	i := slices.IndexFunc(running, fits)
	switch {
	case i >= 0:
		if len(running) > 1 && f.session == "" {
			p.tell("through the session %s, the newest that can deliver it", ids[i])
		}
		return destination{session: &running[i]}, nil
	case f.dryRun && f.session == "":
		return d, nil
	case len(running) == 0 && f.session == "":
		return d, withHint(errors.New("no session is running, and no target is named"), typed+" --to 7860")
	case f.session != "":
		hint := "hf-tap"
		if near := nearest.Word(strings.ToLower(f.session), ids); near != "" {
			hint = typed + " --session " + near
		} else if len(ids) > 0 {
			hint = "the newest is: " + typed + " --session " + ids[0]
		}
		return d, usageError(fmt.Errorf("no running session has the id %q", f.session), hint)
	}
	return d, withHint(fmt.Errorf("no running session watches %s", plan.repo), typed+" --session "+ids[0]+", which sends it all the same")
}

// url is the address in printed requests.
func (d destination) url(public bool) string {
	switch {
	case len(d.routes) > 0:
		return d.routes[0].Target.Name()
	case d.session == nil:
		return ""
	case public:
		return d.session.URL
	}
	return d.session.Local.URL
}
