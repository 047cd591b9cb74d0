package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/hf-tap/hf-tap/internal/diff"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// replayFlags are the flags of events replay, as they were given.
type replayFlags struct {
	sel         selectFlags
	span        spanFlags
	times       int
	rate        string
	compare     bool
	ignore      []string
	forward     []string
	exec        []string
	newID       bool
	json        bool
	failOnError bool
	ca          string
	secret      secretFlags
	set         *pflag.FlagSet
}

func newEventsReplay(p *Process) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay [N …]",
		Short: "Send recorded events again",
		Long: `Send recorded events to their targets again, byte for byte, with the current secret. Each becomes a new event that names the old one.

Events go to --forward and --exec, if given. Otherwise a running session delivers them
like its own events. Without one, they go to their former targets. A recorded command
is never run by itself: name it with --exec. A replay keeps the Webhook-Id of its event,
and a handler may drop it as a repeat; --new-id gives it a new one.

--compare tests a handler: each answer is compared with the target's earlier one, by
status, by the headers that change its meaning, and by its body (JSON by its values).
The exit code is 4 if one differs.`,
		Example: `  hf-tap events replay 12 13
  hf-tap events replay --failed
  hf-tap events replay 12 --forward 9000
  hf-tap events replay --since 2h --filter 'discussion.*' --forward 9000 --rate 10/s
  hf-tap events replay 5 --forward 9000 --compare --ignore .id --ignore '.items[].at'
  hf-tap events replay 12 --new-id`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.replay(cmd.Context(), p, args)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *replayFlags) register(fs *pflag.FlagSet) {
	f.sel.register(fs)
	f.span.register(fs)
	f.set = fs
	fs.IntVar(&f.times, "times", 1, "send all of them N times")
	fs.StringVar(&f.rate, "rate", "", "send at most this many, like 10/s or 30/m")
	fs.BoolVar(&f.compare, "compare", false, "compare new answers with old; exit 4 if one differs")
	fs.StringArrayVar(&f.ignore, "ignore", nil, "leave this JSON path out of --compare; repeatable")
	fs.StringArrayVar(&f.forward, "forward", nil, "send them to this target instead; repeatable")
	fs.StringArrayVar(&f.exec, "exec", nil, "run this command for each event instead; repeatable")
	fs.BoolVar(&f.newID, "new-id", false, "give each a new Webhook-Id, so that none is a repeat")
	fs.BoolVar(&f.json, "json", false, "print one JSON object per event (docs/events.md)")
	fs.BoolVar(&f.failOnError, "fail-on-error", false, "exit 4 if a target failed or did not get an event")
	fs.StringVar(&f.ca, "ca", "", "also trust the certificates in this PEM file")
	configurable(fs, "ca")
	f.secret.register(fs)
}

// parse reads the numbers of the events that are named, none if the flags choose
// them, and where they are to go instead of their targets.
func (f *replayFlags) parse(p *Process, args []string) (named []int64, routes []receiver.Route, err error) {
	if selects := f.sel.failed || f.sel.pending || f.sel.session != "" || f.span.given(); selects == (len(args) > 0) {
		return nil, nil, usageError(errors.New("name the events by number, or choose them by --failed, --pending, --session, --since, --until or --filter"), "hf-tap events replay --failed")
	}
	if named, err = parseNumbers(args); err != nil {
		return nil, nil, err
	}
	if routes, err = p.parseRoutes(f.forward, "hf-tap events replay 12 --forward", "9000"); err != nil {
		return nil, nil, err
	}
	commands, err := p.execRoutes(f.exec, "hf-tap events replay 12")
	if err != nil {
		return nil, nil, err
	}
	return named, append(routes, commands...), f.secret.check(p)
}

func (f *replayFlags) replay(ctx context.Context, p *Process, args []string) (err error) {
	named, routes, err := f.parse(p, args)
	if err != nil {
		return err
	}
	q := f.sel.query()
	if err := f.span.narrow(&q, "hf-tap events replay"); err != nil {
		return err
	}
	interval, compared, err := f.manner()
	if err != nil {
		return err
	}
	var roots *x509.CertPool
	if f.ca != "" {
		n, err := (&accountFlags{ca: f.ca}).network(p)
		if err != nil {
			return err
		}
		roots = n.Roots()
	}
	store, dir, err := p.openHistory(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	numbers, err := f.numbers(ctx, store, named, q)
	if err != nil {
		return err
	}
	p.tellCutOff(q.Filter)
	if len(numbers) == 0 {
		p.tell("nothing to send again")
		return nil
	}
	r := &replayer{p: p, printer: lines.NewPrinter(p.Out, f.json, p.notes.Mask), source: store, numbers: numbers, newID: f.newID, typed: f.sel.typed("hf-tap events replay", named) + f.span.typed(),
		times: f.times, interval: interval, compared: compared, progress: newProgress(p.Err, p.ErrTerminal, "sent", len(numbers)*f.times)}
	defer r.progress.Done()
	r.dir = dir
	switch r.liveID, r.live, err = f.liveSession(ctx, store, dir, numbers); {
	case err != nil:
		return err
	case r.live.URL != "":
		p.tellUnused(f.set, "while a session runs: it sends the events itself", "secret-file", "new-secret", "ca")
		err = r.throughSession(ctx)
	default:
		err = f.ownSession(ctx, p, dir, r, routes, roots)
	}
	r.progress.Done()
	if err == nil && compared != nil {
		err = compared.result(p)
	}
	if err == nil && f.failOnError {
		return r.tally.Failure("")
	}
	return err
}

// manner reads the options for sending: the least interval between events, and whether
// to compare answers.
func (f *replayFlags) manner() (interval time.Duration, compared *comparison, err error) {
	const command = "hf-tap events replay 12"
	if f.times < 1 {
		return 0, nil, usageError(errors.New("--times must be 1 or more"), command+" --times 3")
	}
	if f.rate != "" {
		if interval, err = parseRate(f.rate); err != nil {
			return 0, nil, usageError(err, command+" --rate 10/s")
		}
	}
	if !f.compare {
		if len(f.ignore) > 0 {
			return 0, nil, usageError(errors.New("--ignore has no effect without --compare"), command+" --compare --ignore "+quoted(f.ignore[0]))
		}
		return interval, nil, nil
	}
	compared = &comparison{json: f.json}
	for _, s := range f.ignore {
		path, err := diff.ParsePath(s)
		if err != nil {
			return 0, nil, usageError(err, command+" --compare --ignore '.items[].at'")
		}
		compared.ignored = append(compared.ignored, path)
	}
	return interval, compared, nil
}

// numbers returns the events to send, the oldest first.
func (f *replayFlags) numbers(ctx context.Context, store *history.Store, named []int64, q history.Query) ([]int64, error) {
	for _, n := range named {
		e, err := getEvent(ctx, store.Reader, n)
		if err != nil {
			return nil, err
		}
		// A stranger's delivery never reaches a target, neither live nor as a replay.
		if err := session.Sendable(e); err != nil {
			return nil, withHint(fmt.Errorf("event %d cannot be sent again: %w", n, err), fmt.Sprintf("hf-tap events show %d", n))
		}
	}
	if len(named) > 0 {
		return named, nil
	}
	numbers, err := session.ToReplay(ctx, store.Reader, q)
	if err == nil && len(numbers) == 0 {
		err = f.sel.known(ctx, store.Reader, "hf-tap events replay")
	}
	return numbers, err
}

// liveSession returns the id of the session that replays go through, and the way to it: the
// one that received the events if it lives, else the only one that does. It is
// empty when --forward or --exec names another way or when none lives.
func (f *replayFlags) liveSession(ctx context.Context, store *history.Store, dir session.Dir, numbers []int64) (id string, none session.LocalAccess, err error) {
	if f.elsewhere() {
		return "", none, nil
	}
	live, err := session.LiveAt(dir)
	if err != nil || len(live) == 0 {
		return "", none, err
	}
	first, err := getEvent(ctx, store.Reader, numbers[0])
	if err != nil {
		return "", none, err
	}
	if at, ok := live[first.Session]; ok {
		return first.Session, at, nil
	}
	if len(live) > 1 {
		return "", none, withHint(errors.New("several sessions run, and none of them received this event"),
			fmt.Sprintf("hf-tap events replay %d --forward PORT", numbers[0]))
	}
	for id, at := range live {
		return id, at, nil
	}
	return "", none, nil
}

// elsewhere reports whether a flag names other targets for the events.
func (f *replayFlags) elsewhere() bool { return len(f.forward)+len(f.exec) > 0 }
