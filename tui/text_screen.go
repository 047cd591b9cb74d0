package tui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/muesli/cancelreader"
)

// textScreen shows text on the terminal's own screen, until enter is pressed or the
// session ends. It is for terminals without a clipboard: the text can be selected.
type textScreen struct {
	ctx  context.Context
	text string
	in   io.Reader
	out  io.Writer
}

// SetStdin sets the terminal's input.
func (p *textScreen) SetStdin(r io.Reader) { p.in = r }

// SetStdout sets the terminal's output.
func (p *textScreen) SetStdout(w io.Writer) { p.out = w }

// SetStderr does nothing.
func (p *textScreen) SetStderr(io.Writer) {}

// Run prints the text, and waits.
func (p *textScreen) Run() error {
	if _, err := fmt.Fprintf(p.out, "\n%s\n\n(enter goes back)\n", strings.ReplaceAll(term.Text(p.text), "\n", "\r\n")); err != nil {
		return err
	}
	in, err := cancelreader.NewReader(p.in)
	if err != nil {
		return err
	}
	defer in.Close()
	stop := context.AfterFunc(p.ctx, func() { in.Cancel() })
	defer stop()
	_, err = bufio.NewReader(in).ReadString('\n')
	if errors.Is(err, io.EOF) || errors.Is(err, cancelreader.ErrCanceled) {
		return nil
	}
	return err
}
