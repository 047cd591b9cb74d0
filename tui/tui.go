// Package tui is the full-screen interface: a header that says how things
// stand, the list of events, one event in detail, the output of the app under
// development, and what can be done about all of them.
//
// It pulls and is never pushed at: whoever records an event does not wait for a
// screen. A one-slot channel says that something changed; the interface then
// asks what changed since the revision it has seen, at most once a frame. So
// nothing that it does or fails to do slows an answer down.
//
// There is one model. The list, the detail, the header, the prompt are parts
// with methods; Update routes a message to one of them, View puts their lines
// together. Whatever may take time happens in a command. Every text on the
// screen passes line.render, which makes it safe for a terminal.
package tui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// Run shows the interface until the user quits or ctx ends; both are no error.
// What ran on the interface's behalf has ended when it returns. The caller owns
// the signals.
func Run(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work := &work{ctx: ctx}
	m := newModel(work, cfg)
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
	err := runUntil(ctx, tea.NewProgram(m, options...))
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

// quitGrace is how long the program may take to quit when its context ends,
// before it is cut off. An editor that is open has to end within it.
const quitGrace = 2 * editorGrace

// runUntil runs the program until it ends or is quit because ctx ends. Bubble
// Tea's own way to end with a context is to cut off at once, which closes the
// terminal's input while it is still being read.
func runUntil(ctx context.Context, p *tea.Program) error {
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ended:
			return
		case <-ctx.Done():
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

// Unusable says why the interface should not be opened on a terminal that is
// described by the environment, or is empty. The lines of text are for screen
// readers, which ACCESSIBLE asks for, and for terminals that can do no more.
func Unusable(getenv func(string) string) string {
	switch {
	case getenv("ACCESSIBLE") != "":
		return "ACCESSIBLE is set"
	case getenv("TERM") == "dumb":
		return "TERM is dumb"
	}
	return ""
}
