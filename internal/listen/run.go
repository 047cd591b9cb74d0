// Package listen runs a session with a front end that shows it: lines, JSON or the
// full-screen interface. It is what the commands listen and demo do.
package listen

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
)

// View is the form in which a session is shown.
type View struct {
	Out    io.Writer    // gets a line for each event, but for a Screen
	JSON   bool         // the lines are JSON
	Screen bool         // the full-screen interface has the terminal, instead of lines
	Notes  *lines.Notes // gets lines for people about the session
	Getenv func(string) string

	Bell     bool     // the terminal's bell rings when an event fails on the Screen
	Terminal *os.File // shows the Screen; nil: standard output
	SaveTo   string   // the folder in which the Screen saves events; "": the working directory
	// Output is called with a function that takes the lines that the program itself
	// writes, before the session starts: the Screen shows them. nil: there are none.
	Output func(line func(stream, line string))
}

// Options are the settings of a session and of its front end.
type Options struct {
	View
	Session     session.Config // Log, Tell, Moved and App.Line are filled in
	Stop        Stop
	Announce    func(*session.Live) // says what the session is, once it is up and at each new public URL; nil: the lines of listen
	FailOnError bool                // an event that did not get where it should is an error
	ReadyFile   string              // gets the public URL while the session is up; "": none
	Roots       *x509.CertPool      // the certificates of targets that are added while it runs; nil: the system's
}

// Run runs a session to its end, prints what it leaves, and returns its error:
// ErrNotInTime or ErrAppEnded if the stop condition was not met, ErrFailed or
// ErrNotHandedOver with FailOnError, a [session.AppError] if the app failed. That ctx
// ends is not an error.
func Run(ctx context.Context, o Options) (err error) {
	ready := &readiness{notes: o.Notes, file: o.ReadyFile}
	if err := ready.prepare(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ready.remove()) }()
	cfg, mask := o.Session, o.Notes.Mask
	mask.Add(cfg.Secret)
	log, err := cfg.Dir.OpenLog(func(s string) string { return mask.Text(event.MaskText(s)) })
	if err != nil {
		return err
	}
	defer log.Close()
	defer logStacks(ctx, log.Logger)()
	cfg.Log = log.Logger
	cfg.Tell = func(s string) { o.Notes.Print("%s", event.MaskText(s)) }
	var up atomic.Pointer[session.Live]
	cfg.Moved = func(url string) error {
		if live := up.Load(); live != nil && o.Announce != nil {
			o.Announce(live)
		}
		return ready.publish(func() string { return url })
	}
	front := newFront(o.View, o.Stop)
	front.ready = func(live *session.Live) error {
		up.Store(live)
		if o.Announce != nil {
			o.Announce(live)
		} else {
			o.announce(live)
		}
		return ready.publish(live.URL)
	}
	if len(cfg.App.Args) > 0 {
		if front.screen != nil && cfg.AppEnd == session.EndsSession && !o.Stop.wants() {
			cfg.AppEnd = session.Waits // on the screen a key starts it again
		}
		cfg.App.Line = front.appLines(filepath.Base(cfg.App.Args[0]), o.Notes)
	}
	if front.screen != nil && o.Output != nil {
		o.Output(front.appLines("program", o.Notes))
	}
	if front.screen != nil {
		front.screen.log, front.screen.roots = log.Logger, o.Roots
	}
	var sum session.Summary
	err = lines.UntilClosed(ctx, o.Out, func(ctx context.Context) error {
		sum, err = session.Run(ctx, cfg, front)
		return err
	})
	appEnded := err != nil
	if err = appStatus(err); err == nil {
		err = front.unmet(appEnded)
	}
	if err == nil || lines.OnlyClosedOutput(err) || sum.Happened() {
		o.Notes.Print("%s", lastLine(sum))
	}
	if sum.Left != "" || sum.Doubt {
		return errors.Join(err, hint.With(ErrLeft, "hf-tap webhooks prune"))
	}
	if err == nil && o.FailOnError {
		return front.Failure(sum.ID)
	}
	return err
}

// ErrLeft says that a session could not delete its webhook, or does not know.
var ErrLeft = errors.New("a webhook may be left on your account")

// front shows a session by lines or by the full-screen interface.
type front struct {
	follower
	screen *screen // nil for lines
	ready  func(*session.Live) error
}

func newFront(v View, stop Stop) *front {
	f := &front{follower: follower{stop: stop}}
	if v.Screen {
		f.screen = &screen{notes: v.Notes, getenv: v.Getenv, terminal: v.Terminal, saveTo: v.SaveTo, bell: v.Bell}
	} else {
		f.printer = lines.NewPrinter(v.Out, v.JSON, v.Notes.Mask)
	}
	return f
}

// Run shows the session until the user leaves it, ctx ends, or the stop condition is
// met.
func (f *front) Run(ctx context.Context, live *session.Live) error {
	if err := f.ready(live); err != nil {
		return err
	}
	if f.screen != nil {
		return f.screen.Run(ctx, live, &f.follower)
	}
	return f.follower.Run(ctx, live)
}

// appLines shows the app's output.
func (f *front) appLines(name string, notes *lines.Notes) func(stream, line string) {
	if f.screen == nil {
		return func(_, line string) {
			if !strings.HasSuffix(line, "\r") { // else a later state takes its place
				notes.Print("%s | %s", name, line)
			}
		}
	}
	f.screen.app, f.screen.appName = newAppLog(), name
	return func(stream, line string) { f.screen.app.add(stream, notes.Mask.Text(line)) }
}

// appStatus is the error of a session that may have ended with its app: none if the
// app ended well and nothing else went wrong.
func appStatus(err error) error {
	var ended *session.AppError
	if !errors.As(err, &ended) {
		return err
	}
	if ended.Code == 0 && ended.Err == nil && lines.Only(err, func(err error) bool { return err == error(ended) }) {
		return nil
	}
	return hint.With(err, "see what it printed; start it again with the same command")
}

// lastLine is the last line of a session: the webhooks that it deleted or left, and the
// events that it kept.
func lastLine(sum session.Summary) string {
	var parts []string
	for _, id := range sum.Deleted {
		parts = append(parts, fmt.Sprintf("webhook %s deleted", id))
	}
	for _, id := range sum.Enabled {
		parts = append(parts, fmt.Sprintf("webhook %s enabled again", id))
	}
	switch {
	case sum.Left != "":
		parts = append(parts, fmt.Sprintf("webhook %s NOT deleted", sum.Left))
	case sum.Doubt:
		parts = append(parts, "whether the Hub made the webhook is unknown: the next start checks")
	case sum.ByHand != "":
		parts = append(parts, "the webhook that you made by hand is yours to delete: "+sum.ByHand)
	case len(sum.Deleted) == 0:
		parts = append(parts, "no webhook is left")
	}
	parts = append(parts, present.Count(sum.Kept, "event")+" kept")
	if sum.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed: hf-tap events replay --failed --session %s", sum.Failed, sum.ID))
	}
	if sum.Pending > 0 {
		parts = append(parts, fmt.Sprintf("%d never handed over: hf-tap events replay --pending --session %s", sum.Pending, sum.ID))
	}
	return strings.Join(parts, " · ")
}
