// Package present is the words that front ends share: what became of an event,
// how a target, a number, a duration and an error are written. Texts from outside
// stand in them as they came: whoever prints them makes them safe for the terminal.
package present

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/term"
)

// Count is a number of things: "1 event", "12 events".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Ordinal is "1st", "2nd", "3rd", "4th".
func Ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n, suffix)
}

// Round shortens a duration to what a person reads of it.
func Round(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// Size is a number of bytes in the largest unit that it has ten of.
func Size(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB"}
	i := 0
	for ; n >= 10<<10 && i < len(units)-1; i++ {
		n >>= 10
	}
	return fmt.Sprintf("%d %s", n, units[i])
}

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
		return shortCommand(name)
	}
	name = strings.TrimPrefix(event.MaskURL(name), "http://")
	if local, ok := strings.CutPrefix(name, "127.0.0.1:"); ok {
		name = ":" + local
	}
	return strings.TrimSuffix(name, "/")
}

// shortCommand is the beginning of a command's name: ":3000" is not long either.
func shortCommand(name string) string {
	const most = 40
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return name
}

// longest is the width, in terminal cells, at which Cut cuts: a longer name was made
// to fill screens.
const longest = 100

// Cut makes a name safe for the terminal, and shortens one that fills screens.
func Cut(name string) string { return ansi.Truncate(term.Line(name), longest, "…") }
