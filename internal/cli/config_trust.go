package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/config"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/spf13/cobra"
)

func newConfigTrust(p *Process) *cobra.Command {
	var yes, forget bool
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Let the project's .hf-tap.toml take effect",
		Long: `Show the project's .hf-tap.toml and trust it, as it is now. Until then it has no effect:
it may come from a stranger, and it decides which commands are run and where events go.
On a terminal it asks first; elsewhere it needs --yes. After a change it must be trusted again.`,
		Example: `  hf-tap config trust --yes
  hf-tap config trust --forget`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.trust(cmd.Context(), yes, forget) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&forget, "forget", false, "stop trusting the file")
	return cmd
}

func (p *Process) trust(ctx context.Context, yes, forget bool) error {
	switch {
	case yes && forget:
		return usageError(errors.New("--yes and --forget exclude each other"), "leave out one of them")
	case forget:
		return p.forgetTrust()
	case !yes && !p.Interactive:
		return usageError(errors.New("config trust needs a terminal to ask, or --yes"), "read the file, then: hf-tap config trust --yes")
	}
	file, dir, trust, err := p.project()
	if err != nil {
		return err
	}
	if file == nil {
		return noProject()
	}
	if err := p.showProject(p.Out, file); err != nil {
		return err
	}
	if trust.Current {
		p.tell("%s is trusted already, since %s", file.Path, lines.Stamp(trust.Since, time.Now()))
		return nil
	}
	p.tell("%s %s", file.Path, distrust(trust))
	if !yes {
		if err := p.askForTrust(ctx, file); err != nil {
			return err
		}
	}
	if err := dir.SetTrust(file.Path, file.Content); err != nil {
		return err
	}
	p.tell("%s is trusted until it changes", file.Path)
	return nil
}

// forgetTrust stops trusting the project's file, also one that cannot be read.
func (p *Process) forgetTrust() error {
	path := projectPath()
	if path == "" {
		return noProject()
	}
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return err
	}
	switch was, err := dir.EndTrust(path); {
	case err != nil:
		return err
	case !was:
		p.tell("%s was not trusted", path)
	default:
		p.tell("%s is no longer trusted", path)
	}
	return nil
}

func noProject() error {
	return withHint(fmt.Errorf("there is no %s in this folder, nor above it up to the root of its git repository", config.ProjectFile),
		`echo 'forward = ["7860"]' > `+config.ProjectFile)
}

// distrust is the reason why a file has no effect, for example "is not trusted".
func distrust(t session.Trust) string {
	if t.Since.IsZero() {
		return "is not trusted"
	}
	return "has changed since it was trusted"
}

// showProject prints a project's file, and then its effects beside receiving events,
// which may be hard to see in it.
func (p *Process) showProject(w io.Writer, file *config.File) error {
	var b strings.Builder
	for line := range strings.Lines(string(file.Content)) {
		fmt.Fprintf(&b, "  | %s\n", p.notes.Shown(strings.TrimRight(line, "\r\n")))
	}
	for _, text := range file.Values["exec"].Texts {
		fmt.Fprintf(&b, "it runs a command when events come: %s\n", p.notes.Shown(text))
	}
	for _, text := range file.Values["forward"].Texts {
		if url, elsewhere := otherHost(text); elsewhere {
			fmt.Fprintf(&b, "it sends events, with the webhook's secret, to another host: %s\n", p.notes.Shown(url))
		}
	}
	_, err := io.WriteString(w, b.String())
	return lines.WriteError(err)
}

// otherHost is the address of a target that is not on this machine.
func otherHost(route string) (address string, elsewhere bool) {
	r, err := receiver.ParseRoute(route)
	if err != nil {
		return "", false
	}
	u, err := url.Parse(r.Target.Name())
	return event.MaskURL(r.Target.Name()), err != nil || !loopback.Is(u.Hostname())
}

// askForTrust asks whether to trust a file that is shown. A no is an error.
func (p *Process) askForTrust(ctx context.Context, file *config.File) error {
	sure, err := p.confirm(ctx, "trust it?")
	if err == nil && !sure {
		err = withHint(fmt.Errorf("%s is not trusted: nothing was done", file.Path), "go on without it: hf-tap listen --no-config")
	}
	return err
}
