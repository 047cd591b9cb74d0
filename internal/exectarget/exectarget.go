// Package exectarget runs a command for each event,
// with the environment that the Hub gives to a webhook's Job: what runs here
// runs there.
//
// Package app runs the command, and ends it together with all that it has started.
package exectarget

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/app"
	"github.com/hf-tap/hf-tap/receiver"
)

// Target is a command as a receiver's target. Its zero value is not valid: see New.
type Target struct {
	// Grace is the time between the request to end and the kill, when the time-out is
	// over or the session ends; 0 for 3 s. Set it before the first event.
	Grace time.Duration
	// Supervisor is the path of a program that can be the command's supervisor: see
	// process.Config. Empty: there is none. Set it before the first event.
	Supervisor string
	// Folder is where payloads are kept for a command while it runs. Who removes files
	// there that a killed process has left looks at their locks: those in use are locked.
	// It is made with mode 0700. Empty, or if it cannot be written to: the system's folder
	// for temporary files. Set it before the first event.
	Folder string

	command, name string
}

// grace is shorter than that of an app: the end of a session waits for it.
const grace = 3 * time.Second

// New makes a target of a command, which "sh -c" runs, on Windows "cmd /d /s /c".
func New(command string) (*Target, error) {
	t := &Target{Grace: grace, command: command, name: event.CommandPrefix + nameOf(command)}
	if t.name == event.CommandPrefix {
		return nil, errors.New("the command is empty")
	}
	return t, nil
}

// ParseRoute reads a command, or a match (see event.ParseMatch) or "default", "="
// and a command. The text in front of the first "=" is a match only if ParseMatch
// accepts it: else it belongs to the command, as in "DEBUG=1 python train.py".
//
// supervisor and folder are the Target's.
func ParseRoute(s, supervisor, folder string) (receiver.Route, error) {
	route, command, _ := receiver.CutRoute(s)
	target, err := New(command)
	if err != nil {
		return receiver.Route{}, fmt.Errorf("command %q: %w", s, err)
	}
	target.Supervisor, target.Folder = supervisor, folder
	route.Target = target
	return route, nil
}

// Name is event.CommandPrefix and the command in one line of at most 200 bytes, without
// the secrets that can be recognized in it.
func (t *Target) Name() string { return t.name }

// Identity is the whole command.
func (t *Target) Identity() string { return event.CommandPrefix + t.command }

// Probe has nothing to look at: a command is started for each event.
func (t *Target) Probe(context.Context) error { return nil }

// Try runs the command once. What it writes to both streams is the attempt's body.
// When ctx ends, the command and all that it has started are ended.
func (t *Target) Try(ctx context.Context, e *event.Event) (a event.Attempt, outcome receiver.Outcome) {
	a = event.Attempt{Target: t.name, StartedAt: time.Now()}
	out := &output{}
	code, err := t.run(ctx, e, out)
	a.Duration, a.Err = time.Since(a.StartedAt), event.ExitError(code)
	a.Body, a.BodyCut = out.result()
	if err != nil {
		a.Err = err.Error()
	}
	if a.OK() {
		return a, receiver.OutcomeAnswered
	}
	return a, receiver.OutcomeFailed
}

// run returns the exit status of the command.
func (t *Target) run(ctx context.Context, e *event.Event, out *output) (int, error) {
	in, err := newPayload(t.Folder, e.Body)
	if err != nil {
		return 0, fmt.Errorf("keep the payload for the command: %w", err)
	}
	defer in.remove()
	running, err := t.start(e, in, out)
	if err != nil {
		return 0, err
	}
	var interrupted error
	select {
	case <-running.Done():
	case <-ctx.Done():
		select {
		case <-running.Done(): // at the same time
		default:
			interrupted = context.Cause(ctx)
		}
	}
	if err := running.Stop(context.Background()); err != nil {
		return 0, err
	}
	result := running.Result()
	switch {
	case interrupted != nil:
		return 0, interrupted
	case result.Err != nil:
		return 0, result.Err
	case result.Signal != "":
		return 0, fmt.Errorf("ended by %s", result.Signal)
	}
	return result.Code, nil
}

// start starts the command, and once more with the payload in a file if the
// environment is too large for the system.
func (t *Target) start(e *event.Event, in *payload, out *output) (*app.App, error) {
	named := !fits("WEBHOOK_PAYLOAD", string(e.Body))
	for {
		if named {
			if err := in.nameFile(); err != nil {
				return nil, fmt.Errorf("keep the payload for the command: %w", err)
			}
		}
		args, line := shell(t.command)
		running, err := app.Start(app.Config{
			Args: args, CommandLine: line, Environ: environ(os.Environ(), e, in.name), Stdin: in.file, Output: out.add, Grace: t.Grace, Supervisor: t.Supervisor,
		})
		switch {
		case err == nil || !errors.Is(err, syscall.E2BIG):
			return running, err
		case named:
			return nil, errors.New("start the command: the environment of hf-tap is too large for the system")
		}
		named = true
	}
}

// output is what a command has written: the beginning of it.
type output struct {
	mu   sync.Mutex
	kept []byte
	cut  bool
}

func (o *output) add(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := min(len(b), event.MaxTargetBody-len(o.kept))
	o.kept, o.cut = append(o.kept, b[:room]...), o.cut || room < len(b)
}

func (o *output) result() (kept []byte, cut bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.kept), o.cut
}
