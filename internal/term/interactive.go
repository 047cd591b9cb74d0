package term

import (
	"os"

	xterm "golang.org/x/term"
)

// Interactive reports whether a person sits before this process: its input and its output
// are terminals, and it may use them. A shell stops a process that it has started with "&"
// as soon as that reads from the terminal or changes its mode.
func Interactive(in, out *os.File) bool {
	return xterm.IsTerminal(int(in.Fd())) && xterm.IsTerminal(int(out.Fd())) && foreground(in)
}
