package listen

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"unicode"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tui"
)

// screen shows a session in the full-screen interface.
type screen struct {
	notes    *lines.Notes // are held back while it has the terminal
	getenv   func(string) string
	app      *appLog // nil without an app
	appName  string
	terminal *os.File       // nil: standard output
	saveTo   string         // the folder for saved events; "": the working directory
	bell     bool           // the terminal's bell rings when an event fails
	log      *slog.Logger   // gets what the foot of the screen says; nil: none
	roots    *x509.CertPool // the certificates that targets may have; nil: the system's
}

// Run shows the interface until the user leaves it, ctx ends, or the follower says
// that the session ends.
func (s *screen) Run(ctx context.Context, live *session.Live, follower *follower) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var background sync.WaitGroup
	defer background.Wait()
	limits := make(chan error, 1)
	background.Go(func() {
		limits <- follower.Run(ctx, live)
		cancel()
	})
	wake := make(chan struct{}, 1)
	feed := live.Follow()
	defer feed.Close()
	background.Go(func() { s.merge(ctx, feed.Wake(), live.AppChanged(), wake) })
	s.notes.Hold()
	err := tui.Run(ctx, s.config(live, feed, wake))
	s.notes.Release()
	cancel()
	s.lastWords()
	if ended := live.App().Ended; ended != nil && err == nil {
		err = ended
	}
	if limited := <-limits; limited != nil && !errors.Is(limited, context.Canceled) {
		err = errors.Join(err, limited)
	}
	return err
}

// lastWords prints the end of the app's output: it shows why the app ended, and it
// disappeared with the interface.
func (s *screen) lastWords() {
	if s.app == nil {
		return
	}
	for _, line := range s.app.last(10) {
		s.notes.Print("%s | %s", s.appName, line)
	}
}

// merge wakes the interface when the history has something new, or the app has written
// something, ended or started.
func (s *screen) merge(ctx context.Context, stored, app <-chan struct{}, wake chan<- struct{}) {
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
		case <-app:
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// config returns the configuration of the interface: its data and its actions.
func (s *screen) config(live *session.Live, feed *history.Follower, wake <-chan struct{}) tui.Config {
	acts := &actions{s.notes.Mask, live, s.roots, s.saveTo}
	cfg := tui.Config{
		Feed: tui.Feed{
			Read:  feed.Read,
			Wake:  wake,
			Get:   live.Event,
			Older: live.Older,
		},
		Status:  func() tui.Status { return s.status(live) },
		Actions: acts.all(),
		Repo:    repoToTrigger(live.Watches),
		Editor:  Editor(s.getenv),
		Pager:   pager(s.getenv),
		Bell:    s.bell,
		Secrets: s.notes.Mask.Secrets(),
		NoColor: s.getenv("NO_COLOR") != "",
		Log:     s.log,
	}
	if s.terminal != nil {
		cfg.Output = s.terminal
	}
	if s.app != nil {
		cfg.Feed.App = s.app.since
	}
	if live.HasApp() {
		cfg.Actions.RestartApp = acts.restartApp
	}
	return cfg
}

// status is how the session is, with secrets masked.
func (s *screen) status(live *session.Live) tui.Status {
	st, app := statusOf(live), live.App()
	st.AppRuns = app.Runs
	if app.Ended != nil {
		st.AppEnded, st.AppEndedAt = app.Ended.Outcome(), app.At
	}
	mask := s.notes.Mask.Secrets().Mask
	st.Tunnel.Cause, st.Check.Err, st.Webhook.Cause = mask(st.Tunnel.Cause), mask(st.Check.Err), mask(st.Webhook.Cause)
	for i := range st.Targets {
		st.Targets[i].Err = mask(event.MaskText(st.Targets[i].Err))
	}
	return st
}

// repoToTrigger returns a repo for triggered events: a watched one, or one of a watched
// account.
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

// splitWords splits a command at spaces outside quotes: "'My Editor' --wait". A
// backslash is part of a path on Windows, and quotes the next character elsewhere.
func splitWords(s string) (words []string) {
	var word strings.Builder
	var quote rune
	begun, escaped := false, false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'' && runtime.GOOS != "windows":
			begun, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			begun, quote = true, r
		case quote == 0 && unicode.IsSpace(r):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}

// Editor returns the command of the user's editor, as git and gh find it; nil if there
// is none.
func Editor(getenv func(string) string) []string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if command := splitWords(getenv(name)); len(command) > 0 {
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

// pager returns the user's pager, or one that is usual.
func pager(getenv func(string) string) []string {
	if command := splitWords(getenv("PAGER")); len(command) > 0 {
		return command
	}
	for _, name := range []string{"less", "more"} {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}
		}
	}
	return nil
}

// statusOf is the state of the session for the header.
func statusOf(live *session.Live) tui.Status {
	tunnel, check, stats := live.Tunnel(), live.LastCheck(), live.Receiver.Stats()
	s := tui.Status{
		Provider: tunnel.Provider, URL: live.URL(),
		Tunnel:    tui.Health{State: string(tunnel.State), Since: tunnel.Since},
		Check:     tui.Check{At: check.At, Took: check.Took},
		WebhookID: live.Webhook(), Deliveries: stats.Today,
		Queued: int(stats.Unsettled),
		Paused: !stats.PausedSince.IsZero(), PausedSince: stats.PausedSince,
	}
	if tunnel.Cause != nil {
		s.Tunnel.Cause = present.Error(tunnel.Cause)
	}
	if check.Err != nil {
		s.Check.Err = present.Error(check.Err)
	}
	// All other states of it are passing news.
	if w := live.WebhookState(); w.State == "unknown" || w.State == "deleted" {
		s.Webhook = tui.Health{State: w.State, Since: w.At, Cause: w.Detail}
	}
	for _, d := range live.Domains {
		s.Domains = append(s.Domains, string(d))
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
