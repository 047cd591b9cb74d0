package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/internal/term"
)

// question asks on standard error and returns the typed line, in lower case and without
// blanks around it. At the end of the input, the line is empty. The error is that of
// ctx. Nothing interrupts the read of a terminal: after such an error its goroutine
// lasts as long as the process, which is about to end.
func (p *Process) question(ctx context.Context, text string) (string, error) {
	fmt.Fprint(p.Err, term.Text(p.notes.Mask.Text(text)))
	line := make(chan string, 1)
	go func() {
		s, _ := bufio.NewReader(p.In).ReadString('\n') // half a line is an answer, too
		line <- s
	}()
	select {
	case s := <-line:
		return strings.ToLower(strings.TrimSpace(s)), nil
	case <-ctx.Done():
		fmt.Fprintln(p.Err)
		return "", ctx.Err()
	}
}

// confirm asks a question that is answered by yes or no, and reports whether it
// was a yes.
func (p *Process) confirm(ctx context.Context, text string) (bool, error) {
	answer, err := p.question(ctx, text+" [y/N] ")
	return answer == "y" || answer == "yes", err
}
