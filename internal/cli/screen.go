package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tui"
)

// screen shows a session in the full-screen interface. It reads the feed that
// the lines read, too.
type screen struct {
	p       *Process
	printer *printer // its limits end the session; what it prints goes nowhere
	gate    *gate
	app     *appLog // nil without an app
	appName string
	log     *slog.Logger   // gets what the foot of the screen says; nil: none
	roots   *x509.CertPool // the certificates that targets may have; nil: the system's
}

// newScreen makes the interface of a session, and holds back what is told
// while it is up: the terminal is its own then.
func newScreen(p *Process, limits *printer) *screen {
	s := &screen{p: p, printer: limits, gate: &gate{out: p.Err}}
	limits.out.Reset(io.Discard)
	p.Err = s.gate
	return s
}

// wantsScreen reports whether the interface is to be shown rather than lines.
func (p *Process) wantsScreen(lines bool) bool {
	return p.Interactive && !lines && tui.Unusable(p.Getenv) == ""
}

// Run shows the interface until the user leaves it, ctx ends, or what was
// wanted has come.
func (s *screen) Run(ctx context.Context, live *session.Live) error {
	if s.printer.ready != nil {
		if err := s.printer.ready(live); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var background sync.WaitGroup
	defer background.Wait()
	limits := make(chan error, 1)
	background.Go(func() {
		limits <- s.limit(ctx, live)
		cancel()
	})
	wake := make(chan struct{}, 1)
	feed := live.History.Follow(live.ID)
	defer feed.Close()
	background.Go(func() { s.merge(ctx, feed.Wake(), wake) })
	s.gate.hold()
	err := tui.Run(ctx, s.config(live, feed, wake))
	s.gate.open()
	cancel()
	s.lastWords()
	if limited := <-limits; limited != nil && !errors.Is(limited, context.Canceled) {
		err = errors.Join(err, limited)
	}
	return err
}

// lastWords prints the end of what the app wrote: why it ended stands there, and
// the interface has taken it along.
func (s *screen) lastWords() {
	if s.app == nil {
		return
	}
	for _, line := range s.app.last(10) {
		s.p.tell("%s | %s", s.appName, line)
	}
}

// limit ends when the session is to end by itself.
func (s *screen) limit(ctx context.Context, live *session.Live) error {
	quiet := *s.printer
	quiet.ready = nil
	err := quiet.Run(ctx, live)
	s.printer.progress = quiet.progress
	return err
}

// Last looks at what settled at the end, for the exit code.
func (s *screen) Last(ctx context.Context, live *session.Live) error {
	return s.printer.Last(ctx, live)
}

// merge wakes the interface when the history or the app has something new.
func (s *screen) merge(ctx context.Context, stored <-chan struct{}, wake chan<- struct{}) {
	var written <-chan struct{}
	if s.app != nil {
		written = s.app.wake
	}
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-stored:
			if !open {
				return
			}
		case <-written:
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// config fills in what the interface shows and can do.
func (s *screen) config(live *session.Live, feed *history.Follower, wake <-chan struct{}) tui.Config {
	cfg := tui.Config{
		Feed: tui.Feed{
			Read: feed.Read,
			Wake: wake,
			Get:  live.History.Get,
			Older: func(ctx context.Context, f *filter.Filter, before int64, limit int) (found []*event.Row, err error) {
				err = live.History.Search(ctx, history.Query{Filter: f, Before: before, Limit: limit}, func(row *event.Row) error {
					found = append(found, row)
					return nil
				})
				return found, err
			},
		},
		Status:  func() tui.Status { return statusOf(live) },
		Actions: (&actions{s.p, live, s.roots}).all(),
		Repo:    repoToTrigger(live.Watches),
		Editor:  editor(s.p.Getenv),
		Secrets: s.p.hidden.current(),
		NoColor: s.p.Getenv("NO_COLOR") != "",
		Log:     s.log,
	}
	if s.app != nil {
		cfg.Feed.App = s.app.since
	}
	status := cfg.Status
	cfg.Status = func() tui.Status {
		st := status()
		st.Tunnel.Cause, st.Check.Err, st.Webhook.Cause = cfg.Secrets.Mask(st.Tunnel.Cause), cfg.Secrets.Mask(st.Check.Err), cfg.Secrets.Mask(st.Webhook.Cause)
		for i := range st.Targets {
			st.Targets[i].Err = cfg.Secrets.Mask(event.MaskText(st.Targets[i].Err))
		}
		return st
	}
	return cfg
}

// repoToTrigger gives a repo to make up events of: one that is watched, or one
// of an account that is.
func repoToTrigger(watches []hub.Watch) string {
	for _, w := range watches {
		if w.IsRepo() {
			return w.String()
		}
	}
	for _, w := range watches {
		return "model:" + w.Name + "/example"
	}
	return "model:me/example"
}

// editor gives the user's editor, as git and gh find it.
func editor(getenv func(string) string) []string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if command := strings.Fields(getenv(name)); len(command) > 0 {
			return command
		}
	}
	usual := []string{"vi", "nano"}
	if runtime.GOOS == "windows" {
		usual = []string{"notepad"}
	}
	for _, name := range usual {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}
		}
	}
	return nil
}

// statusOf is how things stand, for the header.
func statusOf(live *session.Live) tui.Status {
	tunnel, check, stats := live.Tunnel(), live.LastCheck(), live.Receiver.Stats()
	s := tui.Status{
		Provider: tunnel.Provider, URL: live.URL(),
		Tunnel:    tui.Health{State: string(tunnel.State), Since: tunnel.Since},
		Check:     tui.Check{At: check.At, Took: check.Took},
		WebhookID: live.Webhook(), Domains: texts(live.Domains), Deliveries: stats.Today,
		Queued: int(stats.Queued),
		Paused: !stats.PausedSince.IsZero(), PausedSince: stats.PausedSince,
	}
	if tunnel.Cause != nil {
		s.Tunnel.Cause = oneLine(tunnel.Cause)
	}
	if check.Err != nil {
		s.Check.Err = oneLine(check.Err)
	}
	// All other states of it are passing news.
	if w := live.WebhookState(); w.State == "unknown" || w.State == "deleted" {
		s.Webhook = tui.Health{State: w.State, Since: w.At, Cause: w.Detail}
	}
	for _, w := range live.Watches {
		s.Watches = append(s.Watches, w.String())
	}
	for _, t := range stats.Targets {
		s.Targets = append(s.Targets, tui.TargetStatus{
			Name: t.Name, At: t.At, Down: t.Down, Status: t.Status, Err: t.Err, Queued: t.Queued,
		})
	}
	if fault, left := live.Receiver.Fault(); fault != nil {
		s.Fault = &tui.Fault{Status: fault.Status, Delay: fault.Delay, Drop: fault.Drop, Times: fault.Times, Filter: fault.Filter}
		s.FaultLeft = left
	}
	return s
}

// gate is standard error while the interface has the terminal: what is written
// meanwhile comes out when it is done.
type gate struct {
	mu   sync.Mutex
	out  io.Writer
	held bool
	kept []byte
}

// maxKept bounds what a gate keeps, in bytes.
const maxKept = 64 << 10

// Write writes, now or later.
func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.held {
		return g.out.Write(b)
	}
	if len(g.kept)+len(b) <= maxKept {
		g.kept = append(g.kept, b...)
	}
	return len(b), nil
}

func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = true
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = false
	// Nobody is left to be told of an error here.
	_, _ = g.out.Write(g.kept)
	g.kept = nil
}

// appLog is the app's latest output, for the interface.
type appLog struct {
	wake chan struct{} // one slot
	mu   sync.Mutex
	all  []tui.AppLine // the newest last; revisions without a gap
	rev  int64
}

// maxAppLog is how many lines are kept, and twice as many for a moment.
const maxAppLog = 10_000

func newAppLog() *appLog { return &appLog{wake: make(chan struct{}, 1)} }

func (l *appLog) add(stream, text string) {
	l.mu.Lock()
	l.rev++
	l.all = append(l.all, tui.AppLine{Rev: l.rev, At: time.Now(), Stderr: stream == "stderr", Text: text})
	if len(l.all) > 2*maxAppLog {
		l.all = append([]tui.AppLine(nil), l.all[maxAppLog:]...)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// since gives the lines after a revision, at most limit, the oldest first.
func (l *appLog) since(_ context.Context, rev int64, limit int) ([]tui.AppLine, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return nil, nil
	}
	from := int(max(rev-l.all[0].Rev+1, 0))
	if from >= len(l.all) {
		return nil, nil
	}
	lines := l.all[from:]
	return append([]tui.AppLine(nil), lines[:min(limit, len(lines))]...), nil
}

// last gives the latest lines.
func (l *appLog) last(most int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.all[max(len(l.all)-most, 0):]
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = line.Text
	}
	return out
}
