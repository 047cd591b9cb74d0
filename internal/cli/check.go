package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/internal/check"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// errCheckFailed is the error of a handler that fails a check.
var errCheckFailed = errors.New("the handler fails")

// checkFlags are the flags of check, as they were given.
type checkFlags struct {
	only, skip []string
	repo       string
	comment    string
	timeout    time.Duration
	waitTarget time.Duration
	sandbox    bool
	json       bool
	verbose    bool
	secret     secretFlags
	ca         string
	app        []string // the command after --
	set        *pflag.FlagSet
}

func newCheck(p *Process) *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check TARGET [-- app args]",
		Short: "Test a handler, and judge its answers",
		Long: `Send a handler what the Hub sends, what it could send later, and what others send,
and judge the answers: every kind of event, payloads that break handlers, wrong
secrets, repeats, other methods, broken bodies, two events at once. Each check passes,
warns or fails, or cannot tell, and then says what to look at.

The handler gets about 80 test deliveries, and does its work for them. With
--sandbox it works with a stand-in Hub, and what it writes there shows
what its answers hide: whether it does its work twice, or answers itself.

The command after -- is the handler: it is started for the check, with PORT and
WEBHOOK_SECRET in its environment as for "hf-tap listen", started again when it goes
down, and ended. The Hub is not called. It exits 4 when a check fails.`,
		Example: `  hf-tap check 7860
  hf-tap check 7860 --only secret,repeat* --verbose
  hf-tap check 7860 --repo dataset:me/d --json | jq 'select(.result == "fail")'
  hf-tap check --sandbox -- ./my-app
  hf-tap check /webhook -- ./my-app`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				f.app = args[dash:]
				if args = args[:dash]; len(f.app) == 0 {
					return usageError(errors.New("there is no command after --"), "hf-tap check 7860 -- python app.py")
				}
			}
			return f.check(cmd.Context(), p, args)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *checkFlags) register(fs *pflag.FlagSet) {
	f.set = fs
	fs.StringSliceVar(&f.only, "only", nil, "run only these checks or groups; repeatable, or a,b")
	fs.StringSliceVar(&f.skip, "skip", nil, "leave these checks out; repeatable, or a,b")
	fs.StringVar(&f.repo, "repo", "model:me/my-model", "the repo of most payloads")
	fs.StringVar(&f.comment, "comment", "", "the text of comments, if the handler looks for words")
	fs.DurationVar(&f.timeout, "timeout", 10*time.Second, "time for an answer")
	fs.DurationVar(&f.waitTarget, "wait-target", time.Minute, "time for the app after -- to listen")
	fs.BoolVar(&f.sandbox, "sandbox", false, "give the app after -- a stand-in Hub to write to")
	fs.BoolVar(&f.json, "json", false, "print one JSON object per check (docs/check.md)")
	fs.BoolVar(&f.verbose, "verbose", false, "show what was sent, what came back and why it matters")
	fs.StringVar(&f.ca, "ca", "", "also trust the certificates in this PEM file")
	fs.StringVar(&f.secret.file, "secret-file", "", "take the webhook's secret from this file")
	configurable(fs, "ca", "secret-file")
}

// parse turns the flags and arguments into the configuration of a run. It looks at
// nothing outside. The target is nil where the app gets a free port.
func (f *checkFlags) parse(args []string) (cfg check.Config, err error) {
	const help = "hf-tap check --help"
	switch {
	case len(args) == 0 && len(f.app) == 0:
		return cfg, usageError(errors.New("name the handler"), "hf-tap check 7860/webhooks/train")
	case len(args) > 1:
		return cfg, usageError(fmt.Errorf("check takes one target, and got %q too", args[1]), "hf-tap check "+quoted(event.MaskURL(args[0])))
	case f.timeout <= 0 || f.waitTarget <= 0:
		return cfg, usageError(errors.New("--timeout and --wait-target must be more than 0"), help)
	case f.sandbox && len(f.app) == 0:
		return cfg, usageError(errors.New("--sandbox needs the handler's command after --"), "hf-tap check --sandbox -- python app.py")
	}
	if len(args) == 1 {
		if cfg.Target, err = receiver.ParseTarget(args[0]); err != nil {
			return cfg, usageError(err, "hf-tap check 7860/webhooks/train")
		}
		if u := cfg.Target.URL(); len(f.app) > 0 && (u.Port() == "" || !loopback.Is(u.Hostname())) {
			return cfg, usageError(fmt.Errorf("the app starts on this machine, but the target %q is elsewhere", cfg.Target.Name()), "hf-tap check 7860 -- "+typedArgs(f.app))
		}
	}
	var wrong *check.WordError
	switch cfg.Checks, err = check.Select(f.only, f.skip); {
	case errors.As(err, &wrong) && wrong.Nearest != "":
		return cfg, usageError(err, "did you mean "+wrong.Nearest+"? see: docs/check.md")
	case err != nil:
		return cfg, usageError(err, "hf-tap check 7860 --only secret,repeat*")
	case len(cfg.Checks) == 0:
		return cfg, usageError(errors.New("--only and --skip leave no check"), help)
	}
	if cfg.Repo, err = hub.ParseRepo(f.repo); err == nil {
		_, err = event.Sample(event.KindRepoUpdate, cfg.Repo, event.SampleOptions{})
	}
	if err != nil {
		return cfg, usageError(err, "hf-tap check 7860 --repo model:me/my-model")
	}
	cfg.Timeout, cfg.Text = f.timeout, f.comment
	return cfg, nil
}

func (f *checkFlags) check(ctx context.Context, p *Process, args []string) (err error) {
	if len(args) == 1 && len(f.app) > 0 && strings.HasPrefix(args[0], "/") { // a path of the app
		port, err := freePort()
		if err != nil {
			return err
		}
		args = []string{port + args[0]}
	}
	cfg, err := f.parse(args)
	if err != nil {
		return err
	}
	if len(f.app) > 0 {
		if _, err := exec.LookPath(f.app[0]); err != nil {
			return usageError(fmt.Errorf("the app %q cannot be started: %w", f.app[0], errors.Unwrap(err)), "check its name and PATH: hf-tap check 7860 -- python app.py")
		}
	} else {
		p.tellUnused(f.set, "without an app after --", "wait-target")
	}
	var roots *x509.CertPool
	if f.ca != "" {
		n, err := (&accountFlags{ca: f.ca}).network(p)
		if err != nil {
			return err
		}
		roots = n.Roots()
	}
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return err
	}
	if cfg.Secret, err = f.secret.find(p, dir); err != nil {
		return err
	}
	p.hide(cfg.Secret)
	if cfg.Target == nil {
		port, err := freePort()
		if err != nil {
			return err
		}
		if cfg.Target, err = receiver.ParseTarget(port); err != nil {
			return err
		}
	}
	cfg.Target.Roots = roots
	defer cfg.Target.CloseIdleConnections()
	return lines.UntilClosed(ctx, p.Out, func(ctx context.Context) error { return f.run(ctx, p, cfg, args) })
}

// run checks the handler, which it starts if it is behind --.
func (f *checkFlags) run(ctx context.Context, p *Process, cfg check.Config, args []string) (err error) {
	report := newCheckReport(p, f.json, f.verbose)
	defer report.clear()
	var env []string
	if f.sandbox {
		world, err := check.StartSandbox(ctx, p.Version, cfg.Repo)
		if err != nil {
			return err
		}
		defer world.Close()
		p.hide(world.Token())
		cfg.World, env = world, world.Env()
		if cfg.Text == "" {
			cfg.Text = "@" + world.User() + " could you look at the files, please?"
		}
	}
	if len(f.app) > 0 {
		handler := &checkedApp{p: p, args: f.app, env: append(session.AppEnv(cfg.Secret, cfg.Target.URL().Port()), env...), target: cfg.Target, wait: f.waitTarget, report: report}
		if err := handler.start(ctx); err != nil {
			return errors.Join(err, handler.stop(ctx))
		}
		defer func() { err = errors.Join(err, handler.stop(ctx)) }()
		cfg.Restart, cfg.AppOutput = handler.restart, handler.takeOutput
	}
	began := time.Now()
	cfg.Progress, cfg.Report = report.progress, report.add
	count, err := check.Run(ctx, cfg)
	report.clear()
	if err != nil {
		return f.explained(err, cfg, args)
	}
	if err := report.end(cfg.Target.Name(), count, time.Since(began)); err != nil {
		return err
	}
	if failed := report.failed(); len(failed) > 0 {
		return withHint(fmt.Errorf("%w: %s", errCheckFailed, strings.Join(failed, ", ")), f.again(args, failed))
	}
	return nil
}

// explained is an error of a run that could not check anything, with its hint.
func (f *checkFlags) explained(err error, cfg check.Config, args []string) error {
	var address *check.AddressError
	switch {
	case check.Unreachable(err) && len(f.app) == 0:
		return withHint(fmt.Errorf("there is no handler at %w", err), "start it, or let hf-tap start it: hf-tap check "+quoted(event.MaskURL(args[0]))+" -- python app.py")
	case check.Unreachable(err):
		return withHint(fmt.Errorf("there is no handler at %w", err), "see what it prints: "+typedArgs(f.app))
	case errors.As(err, &address) && address.To != "":
		return withHint(err, f.typed(quoted(event.MaskURL(address.To))))
	case errors.As(err, &address):
		return withHint(err, f.paths(cfg.Target, address.Paths))
	}
	return err
}

// paths is the hint with the paths at which the handler accepts POST, or with the usual
// ones if they are unknown.
func (f *checkFlags) paths(target *receiver.HTTPTarget, paths []string) string {
	behind := ", where the handler takes POST"
	if len(paths) == 0 {
		paths, behind = advice.Usual()[:2], ", or the path that your handler has"
	}
	u := target.URL()
	host := u.Scheme + "://" + u.Host
	if loopback.Is(u.Hostname()) && u.Port() != "" && u.Scheme == "http" {
		host = u.Port()
	}
	var commands []string
	for _, path := range paths[:min(len(paths), 3)] {
		commands = append(commands, f.typed(quoted(host+path)))
	}
	return strings.Join(commands, " or ") + behind
}

// typed is the same command as the user typed it, with another target.
func (f *checkFlags) typed(target string) string {
	command := "hf-tap check " + target
	if f.sandbox {
		command += " --sandbox"
	}
	if len(f.app) > 0 {
		command += " -- " + typedArgs(f.app)
	}
	return command
}

// again is the command that repeats the failed checks.
func (f *checkFlags) again(args, failed []string) string {
	words := []string{"hf-tap check"}
	for _, arg := range args {
		words = append(words, quoted(event.MaskURL(arg)))
	}
	const most = 6
	if len(failed) <= most {
		words = append(words, "--only "+strings.Join(failed, ","))
	}
	for _, flag := range []string{"repo", "comment", "timeout", "secret-file", "ca"} {
		if f.set.Changed(flag) {
			words = append(words, "--"+flag+" "+quoted(f.set.Lookup(flag).Value.String()))
		}
	}
	if f.sandbox {
		words = append(words, "--sandbox")
	}
	if len(f.app) > 0 {
		words = append(words, "--", typedArgs(f.app))
	}
	return strings.Join(words, " ")
}

// typedArgs is a program and its arguments as they are typed.
func typedArgs(args []string) string {
	words := make([]string, len(args))
	for i, word := range args {
		words[i] = quoted(word)
	}
	return strings.Join(words, " ")
}
