package lines

import (
	"fmt"
	"io"
	"sync"

	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/term"
)

// Notes is where lines for people go: standard error. While the full-screen
// interface has the terminal it holds them back.
type Notes struct {
	Mask *Mask // what no line shows

	out  io.Writer
	mu   sync.Mutex
	held bool
	kept []byte
}

// maxKept bounds what is held back, in bytes.
const maxKept = 64 << 10

// NewNotes writes to out what mask leaves.
func NewNotes(out io.Writer, mask *Mask) *Notes { return &Notes{Mask: mask, out: out} }

// Print prints a line. Its values are made safe for the terminal.
func (n *Notes) Print(format string, args ...any) {
	safe := make([]any, len(args))
	for i, arg := range args {
		safe[i] = n.Shown(arg)
	}
	fmt.Fprintln(n, term.Line(fmt.Sprintf(format, safe...)))
}

// Shown is a value as a line for people may show it. It stays one line whatever the
// value is, or a name with a line end would forge a line of ours.
func (n *Notes) Shown(v any) any {
	switch v := v.(type) {
	case string:
		return term.Line(n.Mask.Text(v))
	case error:
		return term.Line(n.Mask.Text(present.Error(v)))
	case fmt.Stringer:
		return term.Line(n.Mask.Text(v.String()))
	}
	return v
}

// Write writes text as it is, at once or when the notes are released.
func (n *Notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.held {
		return n.out.Write(b)
	}
	if len(n.kept)+len(b) <= maxKept {
		n.kept = append(n.kept, b...)
	}
	return len(b), nil
}

// Hold holds back what is written from now on.
func (n *Notes) Hold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = true
}

// Release writes what was held back, and holds nothing back any more.
func (n *Notes) Release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = false
	// Nobody is left to read of an error here.
	_, _ = n.out.Write(n.kept)
	n.kept = nil
}
