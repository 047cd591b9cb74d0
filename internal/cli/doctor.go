package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/doctor"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/spf13/cobra"
)

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
		Short: "Check what works from this machine, and what does not",
		Long: `Look at everything that "hf-tap listen" needs: the token and its permissions, the Hub
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
	fs.BoolVar(&f.all, "all", false, "check every tunnel service; asks first")
	fs.StringArrayVar(&f.forward, "forward", nil, "check whether this target can be reached; repeatable")
	fs.BoolVar(&f.json, "json", false, "print a JSON array (docs/commands.md)")
	return cmd
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
	found, err := f.examine(ctx, p, routes, func(found []doctor.Finding) error {
		if f.json {
			return nil
		}
		return p.printFindings(found)
	})
	if err != nil {
		return err
	}
	if f.json {
		if err := p.printFindingsJSON(found); err != nil {
			return err
		}
	}
	failed, next := doctor.Troubles(found)
	if len(failed) == 0 {
		return nil
	}
	if !f.json { // the hints stand above
		next = "follow the hints, then again: hf-tap doctor"
	}
	return withHint(fmt.Errorf("checks failed: %s", strings.Join(failed, ", ")), next)
}

// examine makes the checks, and calls show with each finding.
func (f *doctorFlags) examine(ctx context.Context, p *Process, routes []receiver.Route, show func([]doctor.Finding) error) ([]doctor.Finding, error) {
	env, err := p.hubEnv()
	if err != nil {
		return nil, err
	}
	if err := f.tunnel.misplaced(p, env); err != nil {
		return nil, err
	}
	n, err := f.account.network(p)
	if err != nil {
		return nil, err
	}
	receiver.TrustRoots(n.Roots(), routes...)
	transport := n.Transport()
	defer transport.CloseIdleConnections()
	dir, dirErr := session.FindDir(p.Getenv)
	tunnelConfig, tunnelErr := f.tunnel.config(p, dir, env, n, transport)
	if err := f.tunnel.check(tunnelConfig); err != nil && exitCode(err) == exitUsage {
		return nil, err
	}
	return doctor.Examine(ctx, doctor.Config{
		Endpoint: env.Endpoint, Network: n, Transport: transport,
		Client: func(t http.RoundTripper) (*hub.Client, hub.Token, error) { return f.account.client(p, env, t) },
		Dir:    dir, DirErr: dirErr, Tunnel: tunnelConfig, TunnelErr: tunnelErr, Routes: routes,
	}, show)
}

// askForAll returns the names of all tunnels, if the user agrees to call all their
// services.
func (f *doctorFlags) askForAll(ctx context.Context, p *Process) error {
	var names []string
	for _, name := range session.TunnelProviders() {
		if !strings.Contains(name, "://") { // a server of the user's own has to be named
			names = append(names, name)
		}
	}
	all := strings.Join(names, ",")
	if f.tunnel.provider != tunnel.Auto {
		return usageError(errors.New("--all and --tunnel exclude each other"), "hf-tap doctor --all")
	}
	if !p.Interactive {
		return usageError(errors.New("--all needs a terminal to ask"), "name them: hf-tap doctor --tunnel "+all)
	}
	sure, err := p.confirm(ctx, fmt.Sprintf("this calls %s; each sees your address. go on?", strings.Join(names, ", ")))
	if err != nil {
		return err
	}
	if !sure {
		return withHint(errors.New("no tunnel was checked"), "name the tunnels to check: hf-tap doctor --tunnel ngrok")
	}
	f.tunnel.provider = all
	return nil
}

// printFindings prints the findings for people.
func (p *Process) printFindings(found []doctor.Finding) error {
	for _, f := range found {
		status := string(f.Status)
		if f.Status == doctor.Failed {
			status = "FAILED"
		}
		line := fmt.Sprintf("%-8s %-10s %s", status, f.Check, f.Detail)
		if f.MS > 0 {
			line += fmt.Sprintf(" (%s)", present.Duration(time.Duration(f.MS*float64(time.Millisecond))))
		}
		if _, err := fmt.Fprintln(p.Out, p.notes.Shown(line)); err != nil {
			return lines.WriteError(err)
		}
		if f.Hint != "" {
			if _, err := fmt.Fprintf(p.Out, "%19s hint: %s\n", "", p.notes.Shown(f.Hint)); err != nil {
				return lines.WriteError(err)
			}
		}
	}
	return nil
}

func (p *Process) printFindingsJSON(found []doctor.Finding) error {
	b, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.Out, p.notes.Mask.JSON(b))
	return lines.WriteError(err)
}
