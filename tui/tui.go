// Package tui is the full-screen interface: the state of the session, the list of
// events, one event in detail, the output of the app under development, and all actions
// on them.
//
// Recording an event does not wait for the screen. A channel of one slot signals a
// change. The interface then reads all changes since the last time, at most once a
// frame.
//
// There is one model. Update routes keys and messages to the parts: tui/list,
// tui/detail, tui/input, the header, the menus. They know neither the model nor each
// other, and return what a key asks for. View composes the lines that they draw.
// What may take long is a command. All text reaches the screen through tui/line,
// which makes it safe for a terminal.
//
// A new key is a line in bindings.go, a new column is described in tui/list/columns.go,
// and a new tab in tui/detail/detail.go.
package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// Run shows the interface until the user quits or ctx ends. Neither is an error. When it
// returns, its goroutines have ended. The caller handles signals.
func Run(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work := &work{ctx: ctx}
	m := newModel(work, cfg)
	// At rest the renderer's 60 frames a second cost 0.65 % of a core. 30 cost 0.43 %, but
	// then a key is on the screen after 18 ms, with 60 after 12 ms.
	options := []tea.ProgramOption{tea.WithoutSignalHandler(), tea.WithFilter(wheelAsLines)}
	if cfg.Input != nil {
		options = append(options, tea.WithInput(cfg.Input))
	}
	if cfg.Output != nil {
		options = append(options, tea.WithOutput(cfg.Output))
	}
	if cfg.Environ != nil {
		options = append(options, tea.WithEnvironment(cfg.Environ))
	}
	if cfg.NoColor {
		options = append(options, tea.WithColorProfile(colorprofile.ASCII))
	}
	err := runUntil(ctx, work, tea.NewProgram(m, options...))
	if m.foreign {
		out := cfg.Output
		if out == nil {
			out = os.Stdout
		}
		_, _ = io.WriteString(out, mouseOff) // without a terminal there is nothing to switch off
	}
	cancel()
	work.wait()
	switch {
	case err == nil, errors.Is(err, tea.ErrProgramPanic):
		return err
	case errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil:
		return nil
	}
	return fmt.Errorf("show the interface: %w", err)
}

// quitGrace is how long the program may take to quit when its context ends, with an
// editor that is open. After that it is killed.
const quitGrace = 2 * editorGrace

// runUntil runs the program until it ends, and makes it quit when ctx ends. With a
// context of its own, Bubble Tea closes the terminal's input while it is read.
func runUntil(ctx context.Context, w *work, p *tea.Program) error {
	ended, watched := make(chan struct{}), make(chan struct{})
	again := make(chan os.Signal, 1)
	notifyContinued(again)
	defer signal.Stop(again)
	var sending sync.WaitGroup
	defer sending.Wait()
	go func() {
		defer close(watched)
		for ctx.Err() == nil {
			select {
			case <-ended:
				return
			case <-again:
				if w.stops.Load() > 0 { // the stop by a key sets the terminal up itself
					w.stops.Add(-1)
					continue
				}
				// A program that has the terminal holds the message back.
				sending.Go(func() { p.Send(continued{}) })
			case <-ctx.Done():
			}
		}
		cut := time.AfterFunc(quitGrace, p.Kill)
		defer cut.Stop()
		p.Quit()
		<-ended
	}()
	_, err := p.Run()
	close(ended)
	<-watched
	return err
}

// Unusable is why lines of text are better than the interface for a terminal with this
// environment, "" if they are not. They are for screen readers, and for terminals that
// cannot move the cursor.
func Unusable(getenv func(string) string) string {
	switch {
	case getenv("ACCESSIBLE") != "":
		return "ACCESSIBLE is set"
	case getenv("TERM") == "dumb":
		return "TERM is dumb"
	}
	return ""
}
