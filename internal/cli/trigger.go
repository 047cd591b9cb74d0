package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/jsonedit"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// triggerFlags are the flags of trigger, as they were given.
type triggerFlags struct {
	all     bool
	repo    string
	variant string
	sets    []string
	file    string
	seed    uint64
	edit    bool

	repeat      int
	rate        string
	sameID      bool
	noSecret    bool
	wrongSecret bool

	to            []string
	session       string
	throughTunnel bool
	timeout       time.Duration

	dryRun, curl, json, failOnError bool

	secret  secretFlags
	account accountFlags
	given   *pflag.FlagSet
}

func newTrigger(p *Process) *cobra.Command {
	var f triggerFlags
	cmd := &cobra.Command{
		Use:   "trigger [KIND]",
		Short: "Make a realistic event and send it to your handler",
		Long: `Make the delivery that the Hub would send for a kind of event, and send it: to --to,
else through the running session, which delivers it like the Hub's own. It waits until
every target is done, and prints the answers. The event is in the history like any
other, with the source "trigger".

The kinds: ` + strings.Join(texts(event.Kinds()), ", ") + `.

With a token, the id, owner, visibility, head and tags of the repo are those on the
Hub, and so is the discussion. Details that cannot be looked up within 3 s are
invented, and a line lists them.

--set changes the payload: path=value. The value is JSON, or else text.
Missing objects are created; "path=" deletes, and "path=null" sets null.
  --set repo.private=true  --set updatedRefs.0.ref=refs/pr/7  --set comment=`,
		Example: `  hf-tap trigger discussion.comment.create --to 7860
  hf-tap trigger repo.content.update --repo model:me/m --variant tag --to 7860
  hf-tap trigger repo.update --set repo.private=true --to 7860 --json
  hf-tap trigger discussion.create --wrong-secret --to 7860
  hf-tap trigger repo.update --dry-run
  hf-tap trigger --all --to 7860 --fail-on-error`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.trigger(cmd.Context(), p, args)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *triggerFlags) register(fs *pflag.FlagSet) {
	f.given = fs
	fs.BoolVar(&f.all, "all", false, "send every kind, for each type of repo")
	fs.StringVar(&f.repo, "repo", "", "the repo of the event, like model:me/m")
	fs.StringVar(&f.variant, "variant", "", "another form of the kind, like tag or pull-ref")
	fs.StringArrayVar(&f.sets, "set", nil, "change the payload; PATH= deletes; repeatable")
	fs.StringVar(&f.file, "file", "", "send the payload in this file, or - for standard input")
	fs.Uint64Var(&f.seed, "seed", 0, "invent the same ids and texts at each call")
	fs.BoolVar(&f.edit, "edit", false, "change the payload in your editor before it is sent")
	fs.IntVar(&f.repeat, "repeat", 1, "send each event N times")
	fs.StringVar(&f.rate, "rate", "", "send at most this many, like 10/s or 90/m")
	fs.BoolVar(&f.sameID, "same-id", false, "give repeats the same Webhook-Id, as the Hub's retries")
	fs.BoolVar(&f.noSecret, "no-secret", false, "send no secret, which a handler should refuse")
	fs.BoolVar(&f.wrongSecret, "wrong-secret", false, "send a wrong secret, which a handler should refuse")
	fs.StringArrayVar(&f.to, "to", nil, "send to this `TARGET`, not through a session; repeatable")
	fs.StringVar(&f.session, "session", "", "send through the running session with this id")
	fs.BoolVar(&f.throughTunnel, "through-tunnel", false, "send to the session's public address, as the Hub does")
	fs.DurationVar(&f.timeout, "timeout", 0, "time for a target of --to to answer")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print the request, and send nothing")
	fs.BoolVar(&f.curl, "curl", false, "print a curl command that sends it, and send nothing")
	fs.BoolVar(&f.json, "json", false, "print one JSON object per event (docs/events.md)")
	fs.BoolVar(&f.failOnError, "fail-on-error", false, "exit 4 if a target failed or did not get an event")
	f.secret.register(fs)
	f.account.register(fs)
}

// triggerPlan is what the flags of trigger ask for.
type triggerPlan struct {
	kinds    []event.Kind // nil with a file
	repo     hub.Repo     // zero if none was named
	changes  []jsonedit.Change
	routes   []receiver.Route // of --to
	interval time.Duration    // between two events; 0: none
}

const triggerHelp = "hf-tap trigger --help"

// parse reads the flags and arguments. It looks at nothing outside.
func (f *triggerFlags) parse(p *Process, args []string) (plan triggerPlan, err error) {
	if err := f.exclusive(p, args); err != nil {
		return plan, err
	}
	if plan.kinds, err = f.parseKinds(args); err != nil {
		return plan, err
	}
	if f.repo != "" {
		if plan.repo, err = p.parseRepo(f.repo, "hf-tap trigger "+f.subject(args)+" --repo"); err != nil {
			return plan, err
		}
	}
	for _, s := range f.sets {
		c, err := jsonedit.Parse(s)
		if err != nil {
			return plan, usageError(fmt.Errorf("--set: %w", err), "hf-tap trigger "+f.subject(args)+" --set repo.private=true")
		}
		plan.changes = append(plan.changes, c)
	}
	if err := f.checkSample(plan); err != nil {
		return plan, err
	}
	if f.rate != "" {
		if plan.interval, err = parseRate(f.rate); err != nil {
			return plan, usageError(err, "hf-tap trigger "+f.subject(args)+" --repeat 100 --rate 10/s")
		}
	}
	if plan.routes, err = p.parseRoutes(f.to, "hf-tap trigger "+f.subject(args)+" --to", "7860/webhooks/train"); err != nil {
		return plan, err
	}
	for _, r := range plan.routes {
		if r.Default || r.Match.String() != "" {
			return plan, usageError(fmt.Errorf("--to %q must be a target without a match", routeText(r)), "hf-tap trigger "+f.subject(args)+" --to "+quoted(event.MaskURL(r.Target.Name())))
		}
	}
	return plan, f.secret.check(p)
}

// parseKinds reads the kinds of the events to make; none with a file.
func (f *triggerFlags) parseKinds(args []string) ([]event.Kind, error) {
	switch {
	case f.all:
		return event.Kinds(), nil
	case len(args) == 0:
		return nil, nil
	}
	kind := event.Kind(args[0])
	if !kind.Known() {
		near := cmp.Or(nearest.Word(strings.ToLower(args[0]), texts(event.Kinds())), string(event.KindDiscussionCommentCreate))
		return nil, usageError(fmt.Errorf("%q is not a kind that the Hub documents", args[0]), "hf-tap trigger "+near)
	}
	return []event.Kind{kind}, nil
}

// checkSample reports a kind or a variant that the Hub never sends for the repo that
// is named, without one for a repo of any type; and a change that cannot be made.
func (f *triggerFlags) checkSample(plan triggerPlan) (err error) {
	if f.all || len(plan.kinds) == 0 {
		return nil
	}
	repos := []hub.Repo{plan.repo}
	if plan.repo == (hub.Repo{}) {
		repos = repos[:0]
		for _, t := range hub.RepoTypes() {
			repos = append(repos, hub.Repo{Type: t, Name: "me/example"})
		}
	}
	for i := len(repos) - 1; i >= 0; i-- { // the error is that of a model
		sample, errSample := event.Sample(plan.kinds[0], repos[i], event.SampleOptions{Variant: event.Variant(f.variant)})
		if err = errSample; err != nil {
			continue
		}
		body, err := plainJSON(sample)
		if err != nil {
			return err
		}
		_, _, err = f.change(plan.changes, body, false)
		return err
	}
	return f.sampleError(err, plan.kinds[0], repos[0])
}

// subject is the kind as the user typed it, or the flag that replaces it.
func (f *triggerFlags) subject(args []string) string {
	switch {
	case f.all:
		return "--all"
	case f.file != "":
		return "--file " + quoted(f.file)
	case len(args) > 0:
		return quoted(args[0])
	}
	return string(event.KindDiscussionCommentCreate)
}

// exclusive reports flags that contradict each other.
func (f *triggerFlags) exclusive(p *Process, args []string) error {
	ways := 0
	for _, given := range []bool{f.all, f.file != "", len(args) > 0} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return usageError(errors.New("name one kind, or choose --all or --file"), "hf-tap trigger "+string(event.KindDiscussionCommentCreate))
	}
	for _, pair := range []struct {
		a, b       string
		first, and bool
	}{
		{"--no-secret", "--wrong-secret", f.noSecret, f.wrongSecret},
		{"--dry-run", "--curl", f.dryRun, f.curl},
		{"--dry-run", "--json", f.dryRun, f.json},
		{"--curl", "--json", f.curl, f.json},
		{"--to", "--session", len(f.to) > 0, f.session != ""},
		{"--to", "--through-tunnel", len(f.to) > 0, f.throughTunnel},
		{"--all", "--edit", f.all, f.edit},
		{"--all", "--variant", f.all, f.variant != ""},
		{"--file -", "--token -", f.file == "-", f.account.token == "-"},
		{"--file", "--repo", f.file != "", f.repo != ""},
		{"--file", "--variant", f.file != "", f.variant != ""},
		{"--file", "--seed", f.file != "", f.given.Changed("seed")},
	} {
		if pair.first && pair.and {
			return usageError(fmt.Errorf("%s and %s exclude each other", pair.a, pair.b), triggerHelp)
		}
	}
	switch {
	case f.repeat < 1:
		return usageError(errors.New("--repeat must be 1 or more"), triggerHelp)
	case f.timeout < 0:
		return usageError(errors.New("--timeout must be 0 or more"), triggerHelp)
	case f.edit && !p.Interactive:
		return usageError(errors.New("--edit needs a terminal"), "hf-tap trigger "+f.subject(args)+" --dry-run, and --file for the payload that you have changed")
	}
	return nil
}

// parseRepo reads the repo of a flag. before is what is typed before it.
func (p *Process) parseRepo(s, before string) (hub.Repo, error) {
	w, err := p.parseWatch(s, before)
	if err != nil {
		return hub.Repo{}, err
	}
	repo, ok := w.Repo()
	if !ok {
		return repo, usageError(fmt.Errorf("%q is not a repo, and an event needs one", s), before+" model:"+w.Name+"/my-model")
	}
	return repo, nil
}

// parseRate reads "10/s", "90/m" or "10", which is a second, and returns the time
// between two events.
func parseRate(s string) (time.Duration, error) {
	number, unit, _ := strings.Cut(s, "/")
	per := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || per == 0 || !(n >= 1e-3 && n <= 1e6) { // NaN is neither
		return 0, fmt.Errorf("%q is not a rate: want a number of events and s, m or h, like 10/s", s)
	}
	return time.Duration(float64(per) / n), nil
}

// trigger makes events, and sends or prints them.
func (f *triggerFlags) trigger(ctx context.Context, p *Process, args []string) error {
	plan, err := f.parse(p, args)
	if err != nil {
		return err
	}
	body, err := f.readFile(p)
	if err != nil {
		return err
	}
	env, err := p.hubEnv()
	if err != nil {
		return err
	}
	n, err := f.account.network(p)
	if err != nil {
		return err
	}
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return err
	}
	p.hide(dir.KeptSecret())
	if body != nil {
		plan.repo = hub.ParseHead(body).Repo
	}
	d, err := f.findDestination(p, dir, plan, "hf-tap trigger "+f.subject(args))
	if err != nil {
		return err
	}
	d.roots, d.network = n.Roots(), n
	events, err := f.events(ctx, p, plan, body, d, env)
	if err != nil {
		return err
	}
	switch {
	case f.curl:
		return f.printCurl(p, events, d)
	case f.dryRun:
		return f.printRequests(p, events, d)
	}
	return f.send(ctx, p, dir, events, plan, d)
}

// secretHeader sets or removes the secret of a request.
func (f *triggerFlags) secretHeader(h http.Header, right string) {
	switch {
	case f.noSecret:
		h.Del(event.SecretHeader)
	case f.wrongSecret:
		h.Set(event.SecretHeader, wrongSecret)
	case right != "":
		h.Set(event.SecretHeader, right)
	}
}

// wrongSecret is a secret that no webhook has.
const wrongSecret = "hf-tap-wrong-secret"
