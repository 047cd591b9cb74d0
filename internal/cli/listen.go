package cli

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tui"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// listenFlags are the flags of listen, as they were given.
type listenFlags struct {
	forward   []string
	exec      []string
	domains   []string
	like      string
	mute      []string
	noWebhook bool
	restart   bool
	app       []string // the command after --
	picked    string   // the app's port, if the user named none
	set       *pflag.FlagSet

	tunnel  tunnelFlags
	project projectFlags

	respond     string
	concurrency int
	retries     int
	timeout     time.Duration
	waitTarget  time.Duration

	secret  secretFlags
	account accountFlags
	output  outputFlags
}

// viewFlags are the flags for how a session is shown.
type viewFlags struct{ plain, json bool }

func (v *viewFlags) register(f *pflag.FlagSet) {
	f.BoolVar(&v.plain, "plain", false, "print one line per event, also on a terminal")
	f.BoolVar(&v.json, "json", false, "print one JSON object per event (docs/events.md)")
}

// view is the front end to use, by the flags and the terminal. hint is that of wrong
// use.
func (v *viewFlags) view(p *Process, hint string) (listen.View, error) {
	if v.plain && v.json {
		return listen.View{}, usageError(errors.New("--plain and --json exclude each other"), hint)
	}
	screen := p.Interactive && !v.plain && !v.json && tui.Unusable(p.Getenv) == ""
	return listen.View{Out: p.Out, JSON: v.json, Screen: screen, Bell: p.settings.Bell(), Notes: p.notes, Getenv: p.Getenv}, nil
}

// outputFlags are the flags for how a session is shown and when it ends by itself.
type outputFlags struct {
	viewFlags
	count       int
	until       string
	wait        time.Duration
	failOnError bool
	readyFile   string
}

func (o *outputFlags) register(f *pflag.FlagSet) {
	o.viewFlags.register(f)
	f.IntVar(&o.count, "count", 0, "stop after N events with the right secret")
	f.StringVar(&o.until, "until", "", "stop at the first event that matches this filter")
	f.DurationVar(&o.wait, "wait", 0, "stop TIME after ready: exit 3 if count or until is unmet")
	f.BoolVar(&o.failOnError, "fail-on-error", false, "exit 4 if a target failed or did not get an event")
	f.StringVar(&o.readyFile, "ready-file", "", "write the webhook's URL to this file when ready")
}

func newListen(p *Process) *cobra.Command {
	var f listenFlags
	cmd := &cobra.Command{
		Use:   "listen [type:name …] [-- app args]",
		Short: "Receive the Hub's webhooks here",
		Long: `Make a temporary webhook on the Hub, receive what it delivers, record it, show it,
and hand it to your app. The webhook is deleted when you leave with Ctrl+C; if
hf-tap is killed, the next start deletes it.

What is watched: the repos and accounts you name; else the Hub repo of this
folder; else your own account.

Where events go: each --forward is a target, for example 7860, 7860/webhooks/train,
host:port/path or a URL. Kinds and repos in front of a "=" choose what it gets:
  --forward 'discussion.*=3000'  --forward 'model:me/*,*.update=8000/hook'
An event goes to every target that matches; default=TARGET takes the rest.
Each --exec is a target, too: a command that is run for each event, with the
environment that the Hub gives to a webhook's Job. See: hf-tap help targets

How the Hub is answered: --respond ack says 200 as soon as an event is recorded;
relay waits for your targets and passes their answer on.

The command after -- is your app: it is started with PORT and WEBHOOK_SECRET in its
environment, also under the names that Gradio, uvicorn, Flask and handlers use; it
gets the events, and ends with the session. A --forward that is a path alone is a
path of your app.`,
		Example: `  hf-tap listen model:me/my-model --forward 7860
  hf-tap listen --forward 'discussion.*=3000/bot' --forward default=8000
  hf-tap listen user:me --json --count 1 --wait 60s
  hf-tap listen dataset:me/d --exec 'repo.content.update=python train.py'
  hf-tap listen model:me/my-model --forward /webhook -- ./my-app --reload`,
		Annotations: readsConfigItself(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				f.app = args[dash:]
				if args = args[:dash]; len(f.app) == 0 {
					return usageError(errors.New("there is no command after --"), "hf-tap listen -- python app.py")
				}
			}
			// Typing errors come first, before the question about a file.
			if err := f.fillPorts(); err != nil {
				return err
			}
			if _, err := f.parse(p.silent(), args); err != nil {
				return err
			}
			if err := p.useConfig(cmd, args); err != nil {
				return err
			}
			if watches, ok := p.settings["watch"]; ok && len(args) == 0 {
				args = watches.Texts
			}
			return f.listen(cmd.Context(), p, args)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *listenFlags) register(fs *pflag.FlagSet) {
	f.set = fs
	fs.StringArrayVar(&f.forward, "forward", nil, "send events to this target; repeatable")
	fs.StringArrayVar(&f.exec, "exec", nil, "run this command for each event; repeatable")
	fs.StringArrayVar(&f.domains, "domain", nil, "watch only this domain, repo or discussion; repeatable")
	fs.StringVar(&f.like, "like", "", "watch what this webhook watches; it is not changed")
	fs.StringArrayVar(&f.mute, "mute", nil, "disable this webhook while the session runs; repeatable")
	fs.BoolVar(&f.noWebhook, "no-webhook", false, "make no webhook: print URL and secret; needs no token")
	f.tunnel.register(fs)
	fs.BoolVar(&f.tunnel.newURL, "new-url", false, "take a new address at gradio.live and keep it")
	fs.StringVar(&f.respond, "respond", "ack", "answer the Hub with ack or relay")
	fs.IntVar(&f.concurrency, "concurrency", 4, "events in flight; 1 keeps their order")
	fs.IntVar(&f.retries, "retry", 0, "retry a failed delivery up to N times")
	fs.DurationVar(&f.timeout, "timeout", 0, "time for a target to answer (default 30s with relay)")
	fs.DurationVar(&f.waitTarget, "wait-target", time.Minute, "wait for a target that is down")
	fs.BoolVar(&f.restart, "restart", false, "start the app after -- again when it ends")
	f.secret.register(fs)
	f.account.register(fs)
	f.output.register(fs)
	f.project.register(fs)
	configurable(fs, "forward", "exec", "domain", "until", "wait", "respond", "concurrency", "retry", "timeout", "wait-target")
}

// parse turns the flags and arguments into the options of a session. It looks at
// nothing outside, so that errors in the call of the command come first.
func (f *listenFlags) parse(p *Process, args []string) (o listen.Options, err error) {
	const help = "hf-tap listen --help"
	if o.View, err = f.output.view(p, help); err != nil {
		return o, err
	}
	if o.Stop, err = f.output.stop(help); err != nil {
		return o, err
	}
	o.FailOnError, o.ReadyFile = f.output.failOnError, f.output.readyFile
	o.Session, err = f.config(p, args)
	if f.restart {
		o.Session.AppEnd = session.Restarts
	}
	return o, err
}

func (f *listenFlags) listen(ctx context.Context, p *Process, args []string) error {
	if err := f.fillPorts(); err != nil {
		return err
	}
	o, release, err := f.options(ctx, p, args)
	if err != nil {
		return err
	}
	defer release()
	return listen.Run(ctx, o)
}

// options are the options of the session: from the flags and arguments, with all
// defaults filled in. The caller calls release afterwards.
func (f *listenFlags) options(ctx context.Context, p *Process, args []string) (o listen.Options, release func(), err error) {
	if o, err = f.parse(p, args); err != nil {
		return o, nil, err
	}
	cfg := &o.Session
	if err := f.useApp(p, cfg); err != nil {
		return o, nil, err
	}
	if err := f.secret.check(p); err != nil {
		return o, nil, err
	}
	env, err := p.hubEnv()
	if err != nil {
		return o, nil, err
	}
	if err := f.tunnel.misplaced(p, env); err != nil {
		return o, nil, err
	}
	cfg.Endpoint, cfg.NewURL = env.Endpoint, f.tunnel.newURL
	network, err := f.account.network(p)
	if err != nil {
		return o, nil, err
	}
	o.Roots = network.Roots()
	receiver.TrustRoots(o.Roots, cfg.Receiver.Routes...)
	transport := network.Transport()
	cfg.Public = &http.Client{Transport: transport}
	if env.Loopback() {
		cfg.Receiver.Source = event.SourceSandbox
	}
	if cfg.Dir, err = session.FindDir(p.Getenv); err != nil {
		return o, nil, err
	}
	if cfg.Tunnel, err = f.tunnel.config(p, cfg.Dir, env, network, transport); err != nil {
		return o, nil, err
	}
	if err := f.tunnel.check(cfg.Tunnel); err != nil {
		return o, nil, p.blamed("tunnel", err)
	}
	f.tellUnused(p, *cfg)
	if !f.noWebhook {
		if cfg.Hub, _, err = f.account.client(p, env, transport); err != nil {
			return o, nil, err
		}
	}
	if len(args) == 0 && f.like == "" && !f.noWebhook {
		if repo, why := folderRepo(ctx, p.Getenv); why == "" {
			cfg.Watches = []hub.Watch{repo.Watch()}
			p.tell("watching %s, the Hub repo of this folder", repo)
		} else {
			p.tell("watching your whole account: %s", why)
		}
	}
	cfg.Secret, err = f.secret.find(p, cfg.Dir)
	return o, transport.CloseIdleConnections, err
}

// tellUnused prints which flags have no effect.
func (f *listenFlags) tellUnused(p *Process, cfg session.Config) {
	if len(cfg.Receiver.Routes) == 0 {
		p.tellUnused(f.set, "without a target", "fail-on-error", "respond", "concurrency", "retry", "timeout", "wait-target")
	}
	if len(f.forward)+len(f.app) == 0 && len(f.exec) > 0 {
		p.tellUnused(f.set, "with commands alone, which are not waited for", "wait-target")
	}
	if len(f.app) == 0 {
		p.tellUnused(f.set, "without an app behind --", "restart")
	}
	if f.noWebhook {
		p.tellUnused(f.set, "with --no-webhook", "token")
	}
}

// config turns the flags into a session's configuration. It looks at nothing
// outside.
func (f *listenFlags) config(p *Process, args []string) (session.Config, error) {
	cfg := session.Config{NoWebhook: f.noWebhook, Retention: history.Retention(p.settings.Retention())}
	const help = "hf-tap listen --help"
	for _, arg := range args {
		w, err := p.parseWatch(arg, "hf-tap listen")
		if err != nil {
			return cfg, notWatch(err, arg, args)
		}
		cfg.Watches = append(cfg.Watches, w)
	}
	cfg.Watches = unique(p, cfg.Watches, hub.Watch.String)
	if f.noWebhook && (len(args) > 0 || f.like != "" || len(f.mute) > 0 || len(f.domains) > 0) {
		return cfg, usageError(errors.New("--no-webhook excludes watches, --domain, --like and --mute"), help)
	}
	if f.like != "" && len(args) > 0 {
		return cfg, usageError(errors.New("--like and watches exclude each other"), help)
	}
	if f.like != "" {
		var err error
		if cfg.Like, err = hub.ParseWebhookID(f.like); err != nil {
			return cfg, usageError(err, "hf-tap webhooks ls")
		}
	}
	for _, s := range f.mute {
		id, err := hub.ParseWebhookID(s)
		if err != nil {
			return cfg, usageError(err, "hf-tap webhooks ls")
		}
		cfg.Mute = append(cfg.Mute, id)
	}
	cfg.Mute = unique(p, cfg.Mute, func(id string) string { return "--mute " + id })
	for _, d := range f.domains {
		domain, err := parseDomain(d, "hf-tap listen --domain")
		if err != nil {
			return cfg, err
		}
		cfg.Domains = append(cfg.Domains, domain)
	}
	cfg.Domains = unique(p, cfg.Domains, func(d hub.Domain) string { return "--domain " + string(d) })
	var err error
	cfg.Receiver, err = f.receiver(p)
	return cfg, err
}

func (f *listenFlags) receiver(p *Process) (receiver.Config, error) {
	cfg := receiver.Config{Concurrency: f.concurrency, Retries: f.retries, Timeout: f.timeout, WaitTarget: f.waitTarget, RelayTimeout: f.timeout}
	if f.waitTarget == 0 {
		cfg.WaitTarget = -1 // not at all; 0 would be the default
	}
	if err := oneOf("--respond", f.respond, "hf-tap listen", "ack", "relay"); err != nil {
		return cfg, err
	}
	if f.respond == "relay" {
		cfg.Respond = receiver.Relay
	}
	const help = "hf-tap listen --help"
	err := cmp.Or(atLeast("concurrency", f.concurrency, 1, help), atLeast("retry", f.retries, 0, help),
		atLeast("timeout", f.timeout, 0, help), atLeast("wait-target", f.waitTarget, 0, help))
	if err != nil {
		return cfg, err
	}
	cfg.Routes, err = p.parseRoutes(f.forward, "hf-tap listen --forward", "7860/webhooks/train")
	if err != nil {
		return cfg, err
	}
	commands, err := p.execRoutes(f.exec, "hf-tap listen")
	cfg.Routes = append(cfg.Routes, commands...)
	return cfg, err
}

// stop is the condition on which the session ends by itself. help is the hint of wrong
// use.
func (o *outputFlags) stop(help string) (stop listen.Stop, err error) {
	if err := cmp.Or(atLeast("count", o.count, 0, help), atLeast("wait", o.wait, 0, help)); err != nil {
		return stop, err
	}
	stop.Count, stop.Wait = o.count, o.wait
	if o.until != "" {
		stop.Until, err = parseFilter(o.until, "hf-tap listen --until", "discussion.* status:>=500")
	}
	return stop, err
}
