package cli

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/doctor"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/mcp"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// mcpFlags are the flags of mcp, as they were given.
type mcpFlags struct {
	allowWebhooks bool
	forward       []string
	tunnel        tunnelFlags
	secretFile    string
	account       accountFlags
}

func newMCP(p *Process) *cobra.Command {
	var f mcpFlags
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Let a coding agent work on your handler",
		Long: `Be a server of the Model Context Protocol on standard input and output, which coding
agents start by themselves: docs/agents.md says how to add it to the usual ones. An
agent can send sample events to your handler, look at what came and what was answered,
send it again after a change, and wait for the next event.

Events go to targets on this machine, and to those that you name by --forward. Your
account is touched only with --allow-webhooks; a Hub on this machine (hf-tap sandbox)
needs no permission. No tool runs a command. The server ends when its input ends, and a
session that it has started ends before it.`,
		Example: `  hf-tap mcp
  hf-tap mcp --allow-webhooks --forward 7860/webhook`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.serve(cmd.Context(), p) },
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *mcpFlags) register(fs *pflag.FlagSet) {
	fs.BoolVar(&f.allowWebhooks, "allow-webhooks", false, "let the agent make temporary webhooks, and list yours")
	fs.StringArrayVar(&f.forward, "forward", nil, "a target that the agent may use; repeatable")
	f.tunnel.register(fs)
	fs.StringVar(&f.secretFile, "secret-file", "", "take the webhook's secret from this file")
	f.account.register(fs)
	configurable(fs, "forward", "secret-file")
}

func (f *mcpFlags) serve(ctx context.Context, p *Process) error {
	if f.account.token == "-" {
		return usageError(errors.New("--token - reads standard input, where the client's messages come"), "name a stored token: hf-tap mcp --token NAME")
	}
	targets, err := f.targets()
	if err != nil {
		return err
	}
	env, err := p.hubEnv()
	if err != nil {
		return err
	}
	if err := f.tunnel.misplaced(p, env); err != nil {
		return err
	}
	network, err := f.account.network(p)
	if err != nil {
		return err
	}
	for _, t := range targets {
		receiver.TrustRoots(network.Roots(), t.Route)
	}
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return err
	}
	tunnel, err := f.tunnel.config(p, dir, env, network, nil)
	if err == nil {
		err = f.tunnel.check(tunnel)
	}
	if err != nil && exitCode(err) == exitUsage {
		return err // any other trouble is that of the call that needs the tunnel
	}
	if err := f.hideSecrets(p, dir, env); err != nil {
		return err
	}
	if p.Interactive {
		p.tell("a coding agent starts this and speaks to it, see docs/agents.md; end it with Ctrl+C")
	}
	log, closeLog := p.openLog(dir)
	defer closeLog()
	defer divertStdout(log)()
	// From here on all that is for people goes to the log: nobody reads it on a terminal.
	journal := mcp.NewJournal(log)
	p.notes = lines.NewNotes(journal, p.notes.Mask)
	cfg := mcp.Config{
		Version: p.Version, In: p.In, Out: p.Out, Log: log, Notes: p.notes, Journal: journal, Getenv: p.Getenv,
		Dir: dir, Endpoint: env.Endpoint, Targets: targets, Roots: network.Roots(),
		Secret: func() (string, error) { return f.secret().find(p, dir) },
		Doctor: func(ctx context.Context, routes []receiver.Route) ([]doctor.Finding, error) {
			d := doctorFlags{account: f.account, tunnel: f.tunnel}
			return d.examine(ctx, p, routes, func([]doctor.Finding) error { return nil })
		},
	}
	if f.allowWebhooks || env.Loopback() {
		f.offerAccount(p, &cfg)
	}
	return lines.UntilClosed(ctx, p.Out, func(ctx context.Context) error { return mcp.Serve(ctx, cfg) })
}

// targets are the targets of --forward.
func (f *mcpFlags) targets() ([]mcp.Target, error) {
	var targets []mcp.Target
	for _, text := range f.forward {
		route, err := parseRoute(text, "hf-tap mcp --forward", "7860/webhook")
		if err != nil {
			return nil, err
		}
		targets = append(targets, mcp.Target{Text: text, Route: route})
	}
	return targets, nil
}

// offerAccount adds the tools that use the account on the Hub.
func (f *mcpFlags) offerAccount(p *Process, cfg *mcp.Config) {
	cfg.Listen = func(ctx context.Context, watches, domains, targets []string) (listen.Options, func(), error) {
		return f.listen(ctx, p, watches, domains, targets)
	}
	cfg.Survey = func(ctx context.Context) (session.Survey, error) {
		a, err := p.account(f.account)
		if err != nil {
			return session.Survey{}, err
		}
		return session.Look(ctx, a.dir, a.client)
	}
}

func (f *mcpFlags) secret() *secretFlags { return &secretFlags{file: f.secretFile} }

// listen returns the options that "hf-tap listen" would run with.
func (f *mcpFlags) listen(ctx context.Context, p *Process, watches, domains, targets []string) (listen.Options, func(), error) {
	var l listenFlags
	flags := pflag.NewFlagSet("listen", pflag.ContinueOnError)
	l.register(flags) // with the defaults
	if err := p.setFromFiles(flags); err != nil {
		return listen.Options{}, nil, err
	}
	// An agent runs no commands, and ends the session itself.
	l.forward, l.exec, l.output = targets, nil, outputFlags{}
	l.tunnel, l.secret, l.account = f.tunnel, *f.secret(), f.account
	if len(domains) > 0 {
		l.domains = domains
	}
	if own, ok := p.settings["watch"]; ok && len(watches) == 0 {
		watches = own.Texts
	}
	return l.options(ctx, p, watches)
}

// hideSecrets keeps the secrets of this machine out of all results, also those that no
// tool has needed yet. It is not an error if there are none.
func (f *mcpFlags) hideSecrets(p *Process, dir session.Dir, env hub.Env) error {
	p.hide(dir.KeptSecret(), p.Getenv("NGROK_AUTHTOKEN"))
	if f.secretFile != "" {
		secret, err := f.secret().find(p, dir)
		if err != nil {
			return err
		}
		p.hide(secret)
	}
	_, _, err := f.account.client(p, env, nil)
	if f.account.token == "" {
		return nil // the tool that needs it reports the error
	}
	return err
}

// openLog opens the log in the state folder. Where it cannot be opened, nothing is
// logged: a history can be read all the same.
func (p *Process) openLog(dir session.Dir) (log *slog.Logger, done func()) {
	mask := p.notes.Mask
	opened, err := dir.OpenLog(func(s string) string { return mask.Text(event.MaskText(s)) })
	if err != nil {
		return slog.New(slog.DiscardHandler), func() {}
	}
	return opened.Logger, func() { _ = opened.Close() } // nobody is left to read of an error
}

// divertStdout sends what anything in this process writes to os.Stdout to the log: the
// client takes every byte there for a message. The server has the real one.
func divertStdout(log *slog.Logger) (restore func()) {
	r, w, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	stdout := os.Stdout
	os.Stdout = w
	var reading sync.WaitGroup
	reading.Go(func() {
		for in := bufio.NewReader(r); ; {
			line, err := in.ReadString('\n')
			if line != "" {
				log.Warn("standard output", "line", line)
			}
			if err != nil {
				return
			}
		}
	})
	return func() {
		os.Stdout = stdout
		_ = w.Close() // what was written is read to its end
		reading.Wait()
		_ = r.Close()
	}
}
