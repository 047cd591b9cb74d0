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

// printed shows text on the terminal's own screen until enter is pressed or the
// session ends: the way out for terminals that copy nothing.
type textScreen struct {
	ctx  context.Context
	text string
	in   io.Reader
	out  io.Writer
}

// SetStdin is called with the terminal.
func (p *textScreen) SetStdin(r io.Reader) { p.in = r }

// SetStdout is called with the terminal.
func (p *textScreen) SetStdout(w io.Writer) { p.out = w }

// SetStderr is not needed.
func (p *textScreen) SetStderr(io.Writer) {}

// Run prints and waits.
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
