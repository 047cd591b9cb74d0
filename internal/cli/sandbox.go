package cli

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sandboxOptions are the flags of hf-tap sandbox.
type sandboxOptions struct {
	port        int
	user        string
	orgs, repos []string
}

func newSandbox(p *Process) *cobra.Command {
	var o sandboxOptions
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a stand-in for the Hub on this machine",
		Long: `Run a stand-in for the Hub on a loopback port: its webhooks API, tokens, repos with
commits, branches and tags, discussions and pull requests. The Hub's own clients work
against it. It prints the environment to export, then a line for each call and each
delivery. It delivers to loopback only.

Each change sends the same events as on the Hub. docs/sandbox.md lists the calls.
A call that the sandbox does not support, for example Git LFS, gets 501 with its name.

Make any kind of event happen:
  curl -H "Authorization: Bearer $HF_TOKEN" "$HF_ENDPOINT/sandbox/events" \
    -d '{"kind": "discussion.create", "repo": "model:me/m"}'`,
		Example: `  hf-tap sandbox
  hf-tap sandbox --port 4000 --user ada --repo dataset:ada/notes
  hf-tap sandbox --org lab --repo model:lab/m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.sandbox(cmd.Context(), o) },
	}
	o.register(cmd.Flags())
	return cmd
}

func (o *sandboxOptions) register(fs *pflag.FlagSet) {
	fs.IntVar(&o.port, "port", 0, "the loopback port (default a free one)")
	fs.StringVar(&o.user, "user", "me", "the user that the token belongs to")
	fs.StringArrayVar(&o.orgs, "org", nil, "an organization that the user belongs to; repeatable")
	fs.StringArrayVar(&o.repos, "repo", nil, "a repo that exists from the start; repeatable")
}

// parse checks the port, and reads the repos that exist from the start: without a
// flag one of each type.
func (o *sandboxOptions) parse(p *Process) (repos []hub.Repo, err error) {
	if o.port < 0 || o.port > 65535 {
		return nil, usageError(fmt.Errorf("%d is not a valid port", o.port), "hf-tap sandbox --port 4000")
	}
	for _, s := range o.repos {
		w, err := p.parseWatch(s, "hf-tap sandbox --repo")
		if err != nil {
			return nil, err
		}
		repo, ok := w.Repo()
		if !ok {
			return nil, usageError(fmt.Errorf("%q is not a repo", s), "hf-tap sandbox --repo model:me/m")
		}
		repos = append(repos, repo)
	}
	if len(repos) == 0 {
		for _, t := range []hub.RepoType{hub.RepoTypeModel, hub.RepoTypeDataset, hub.RepoTypeSpace, hub.RepoTypeBucket} {
			repos = append(repos, hub.Repo{Type: t, Name: o.user + "/" + string(t[0])})
		}
	}
	o.orgs = unique(p, o.orgs, func(org string) string { return "--org " + org })
	return unique(p, repos, func(r hub.Repo) string { return "--repo " + r.String() }), nil
}

// fill adds the accounts and repos that exist from the start.
func (o *sandboxOptions) fill(h *sandbox.Hub, repos []hub.Repo) error {
	if err := h.AddUser(o.user); err != nil {
		return usageError(err, "hf-tap sandbox --user me")
	}
	for _, org := range o.orgs {
		if err := h.AddOrg(org, o.user); err != nil {
			return usageError(err, "hf-tap sandbox --org lab")
		}
	}
	for _, repo := range repos {
		if err := h.AddRepo(repo, false); err != nil {
			return usageError(err, "hf-tap sandbox --repo model:me/m")
		}
	}
	return nil
}

func (p *Process) sandbox(ctx context.Context, o sandboxOptions) error {
	repos, err := o.parse(p)
	if err != nil {
		return err
	}
	log := make(chan sandbox.Entry, 1024)
	// The endpoint is known once the port is: payloads take it from there.
	h := sandbox.New(sandbox.Config{Log: func(e sandbox.Entry) {
		select {
		case log <- e:
		case <-ctx.Done():
		}
	}})
	defer h.Close()
	if err := o.fill(h, repos); err != nil {
		return err
	}
	token, err := h.AddToken(o.user, sandbox.Token{})
	if err != nil {
		return err
	}
	base, err := h.Start("127.0.0.1:" + strconv.Itoa(o.port))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(p.Out, "export HF_ENDPOINT=%s\nexport HF_TOKEN=%s\n", base, token); err != nil {
		return lines.WriteError(err)
	}
	p.tell("repos: %s; stop with Ctrl+C", present.List(repos))
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-log:
			if _, err := fmt.Fprintln(p.Out, sandboxLine(e)); err != nil {
				return lines.WriteError(err)
			}
		}
	}
}

// sandboxLine is what the stand-in Hub did, as one line for people.
func sandboxLine(e sandbox.Entry) string {
	words := []string{e.Time.Local().Format(time.TimeOnly), lines.Pad(string(e.Type), len(sandbox.EntryAttempt))}
	switch e.Type {
	case sandbox.EntryCall:
		words = append(words, lines.Pad(e.Method, len(http.MethodDelete)), e.Path)
	default:
		words = append(words, lines.Pad(string(e.Kind), lines.KindWidth), "webhook "+e.WebhookID)
		if e.Delivery != "" {
			words = append(words, "delivery "+e.Delivery)
		}
		if e.Attempt > 0 {
			words = append(words, fmt.Sprintf("attempt %d", e.Attempt))
		}
		if e.Replay {
			words = append(words, "replay")
		}
		if e.URL != "" {
			words = append(words, "to "+event.MaskURL(e.URL))
		}
	}
	if e.Status != 0 {
		words = append(words, fmt.Sprintf("%d in %s", e.Status, present.Duration(e.Duration)))
	}
	if e.Err != "" {
		words = append(words, e.Err)
	}
	return term.Line(strings.Join(words, "  "))
}
