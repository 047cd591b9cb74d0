// Package present has the words that front ends share: the result of an event, how a
// target, a number, a duration and an error are written. Texts from outside are not
// changed: the package that prints them makes them safe for the terminal.
package present

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/term"
)

// List is values with commas between them.
func List[T any](all []T) string {
	words := make([]string, len(all))
	for i, one := range all {
		words[i] = fmt.Sprint(one)
	}
	return strings.Join(words, ", ")
}

// Error is an error on one line and without secrets. Joined errors, which have a
// line each, are separated by ";".
func Error(err error) string { return event.MaskText(strings.ReplaceAll(err.Error(), "\n", "; ")) }

// Target is a target's name without its secrets, and without what all targets on
// this machine have in common: ":3000/hook". Of a command it is the beginning.
func Target(name string) string {
	if event.IsCommand(name) {
		return ansi.Truncate(name, 30, "…")
	}
	name = strings.TrimSuffix(strings.TrimPrefix(event.MaskURL(name), "http://"), "/")
	for _, local := range []string{"127.0.0.1:", "localhost:", "[::1]:"} {
		if port, ok := strings.CutPrefix(name, local); ok {
			return ":" + port
		}
	}
	return name
}

// longest is the width, in terminal cells, at which Cut cuts: a longer name was made
// to fill screens.
const longest = 100

// Cut makes a name safe for the terminal, and shortens one that fills screens.
func Cut(name string) string { return ansi.Truncate(term.Line(name), longest, "…") }
