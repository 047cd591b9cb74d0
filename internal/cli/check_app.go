package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/internal/app"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
)

// checkedApp is the handler that is started for a check.
type checkedApp struct {
	p      *Process
	args   []string
	env    []string
	target *receiver.HTTPTarget
	wait   time.Duration // for it to listen
	report *checkReport

	running *app.App
	mu      sync.Mutex
	output  []string // since it was last taken
}

// Bounds of the start and the output of a checked app.
const (
	appLookEvery  = 50 * time.Millisecond
	maxCheckLines = 200
)

// start starts the app, and waits until it listens.
func (a *checkedApp) start(ctx context.Context) error {
	if a.listens(ctx) {
		return withHint(fmt.Errorf("%s is in use, and the app cannot listen there", a.target.Name()), "stop that program, or check it without an app: hf-tap check "+quoted(a.target.Name()))
	}
	a.report.note("waiting for " + a.args[0] + " to listen")
	var err error
	if a.running, err = app.Start(app.Config{Args: a.args, Supervisor: a.p.Supervisor, Env: a.env, Line: a.add}); err != nil {
		return err
	}
	deadline := time.After(a.wait)
	for !a.listens(ctx) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-a.running.Done():
			result := a.running.Result()
			a.tellOutput()
			ended := &session.AppError{Name: a.args[0], Code: result.Code, Signal: result.Signal, Err: result.Err}
			return withHint(errors.New(ended.Error()), "see what it printed; it has to listen on PORT") // its status is not ours
		case <-deadline:
			a.tellOutput()
			return withHint(fmt.Errorf("the app %q does not listen at %s after %s", a.args[0], a.target.Name(), a.wait), a.elsewhere())
		case <-time.After(appLookEvery):
		}
	}
	return nil
}

// elsewhere is the hint for an app that does not listen on its port.
func (a *checkedApp) elsewhere() string {
	if ports, known := a.running.Ports(); known && len(ports) > 0 {
		return fmt.Sprintf("it listens on port %d: hf-tap check %d%s -- %s", ports[0], ports[0], a.target.URL().Path, typedArgs(a.args))
	}
	return "let it listen on PORT, or wait longer with --wait-target"
}

func (a *checkedApp) listens(ctx context.Context) bool { return a.target.Probe(ctx) == nil }

// restart ends the processes that are left of the app, and starts it again.
func (a *checkedApp) restart(ctx context.Context) error {
	if err := a.stop(ctx); err != nil {
		return err
	}
	return a.start(ctx)
}

// stop ends the app, also when ctx has ended.
func (a *checkedApp) stop(ctx context.Context) error {
	if a.running == nil {
		return nil
	}
	running := a.running
	a.running = nil
	return running.Stop(context.WithoutCancel(ctx))
}

func (a *checkedApp) add(_, line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.output = append(a.output, strings.TrimSuffix(line, "\r"))
	if len(a.output) > 2*maxCheckLines {
		a.output = append([]string(nil), a.output[maxCheckLines:]...)
	}
}

// takeOutput returns the app's output since the last call.
func (a *checkedApp) takeOutput() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.output
	a.output = nil
	return all
}

// tellOutput prints the end of the app's output.
func (a *checkedApp) tellOutput() {
	a.report.clear()
	all := a.takeOutput()
	for _, line := range all[max(0, len(all)-maxDetailLines):] {
		a.p.tell("%s | %s", a.args[0], line)
	}
}
