package tui

import (
	"fmt"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/internal/present"
	"golang.org/x/term"
)

// continued is the message that the process runs again after it was stopped from outside.
// The shell has set the terminal to line mode.
type continued struct{}

// suspended is the end of a stop by a key.
type suspended struct {
	took time.Duration
	err  error
}

// resumed is the end of setting up the terminal again.
type resumed struct{ err error }

// suspend stops the process until the shell continues it.
func (m *model) suspend() tea.Cmd {
	if !canStop {
		m.showNote("this system cannot stop a program")
		return nil
	}
	began := time.Now().Round(0) // by the wall clock: the monotonic one may stop with the process
	return tea.Exec(&pauseScreen{text: "hf-tap is stopped and receives nothing: fg continues it", then: func() error {
		m.work.stops.Add(1)
		return stopProcess()
	}}, func(err error) tea.Msg {
		return suspended{took: time.Now().Round(0).Sub(began), err: err}
	})
}

// mouseOff switches all mouse modes off. An editor that is killed leaves them on.
const mouseOff = ansi.ResetModeMouseNormal + ansi.ResetModeMouseButtonEvent + ansi.ResetModeMouseAnyEvent + ansi.ResetModeMouseExtSgr

// resetMouse switches off what another program has left of its mouse mode.
func (m *model) resetMouse() tea.Cmd {
	if m.mouse {
		return nil
	}
	return tea.Raw(mouseOff)
}

// finishSuspend shows what a stop meant.
func (m *model) finishSuspend(s suspended) {
	if s.err != nil {
		m.showError(fmt.Errorf("stop: %w", s.err))
		return
	}
	m.showNote("stopped for " + present.Duration(s.took) + ": nothing was received during that time")
}

// resume sets the terminal to raw mode again, and draws the whole screen. The terminal
// kept its other modes, because the process was stopped from outside.
func (m *model) resume() tea.Cmd {
	input := m.cfg.Input
	return func() tea.Msg {
		if input == nil {
			input = os.Stdin
		}
		if f, ok := input.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			if _, err := term.MakeRaw(int(f.Fd())); err != nil {
				return resumed{err}
			}
		}
		return resumed{}
	}
}

// pauseScreen gives the terminal back while it does something. The interface gets it
// anew afterwards.
type pauseScreen struct {
	text string
	then func() error
	out  io.Writer
}

// SetStdin does nothing.
func (p *pauseScreen) SetStdin(io.Reader) {}

// SetStdout sets the terminal's output.
func (p *pauseScreen) SetStdout(w io.Writer) { p.out = w }

// SetStderr does nothing.
func (p *pauseScreen) SetStderr(io.Writer) {}

// Run writes the text, and does what is to be done.
func (p *pauseScreen) Run() error {
	if p.text != "" {
		if _, err := fmt.Fprintf(p.out, "%s\r\n", p.text); err != nil {
			return err
		}
	}
	if p.then == nil {
		return nil
	}
	return p.then()
}
