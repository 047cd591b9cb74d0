// Package lines prints events and states as lines, for people or as JSON, and lines
// for people on standard error. Nothing that it prints shows a secret of the
// process, or what a terminal would obey.
package lines

import (
	"bufio"
	"fmt"
	"io"

	"github.com/hf-tap/hf-tap/event"
)

// Printer prints events and states, each as a line for people or as JSON.
type Printer struct {
	out     *bufio.Writer
	json    bool
	mask    *Mask
	columns Columns
}

// NewPrinter makes a printer on out of lines in which mask masks secrets.
func NewPrinter(out io.Writer, json bool, mask *Mask) *Printer {
	return &Printer{out: bufio.NewWriterSize(out, 64<<10), json: json, mask: mask}
}

// Event prints an event as a line of a type: "event", or "arrival" before it has
// settled. JSON needs the whole event, which whole returns. If that is nil, because the
// event was deleted, nothing is printed.
func (p *Printer) Event(lineType event.LineType, row *event.Row, whole func() (*event.Event, error)) error {
	if !p.json {
		return p.line(p.mask.Text(p.columns.Event(row)))
	}
	e, err := whole()
	if e == nil || err != nil {
		return err
	}
	b, err := e.JSONLine(lineType)
	if err != nil {
		return err
	}
	return p.line(p.mask.JSON(b))
}

// State prints a state as a line.
func (p *Printer) State(s *event.State) error {
	if !p.json {
		return p.line(p.mask.Text(p.columns.State(s)))
	}
	b, err := s.JSONLine()
	if err != nil {
		return err
	}
	return p.line(p.mask.JSON(b))
}

// Flush writes what was printed so far.
func (p *Printer) Flush() error { return WriteError(p.out.Flush()) }

func (p *Printer) line(s string) error {
	_, err := fmt.Fprintln(p.out, s)
	return WriteError(err)
}
