// Package term makes texts safe for the user's terminal. All text from outside
// (headers, paths, bodies, answers, names, messages) passes one of its functions on the
// way to a screen, a line or a log, and only there: stored data stays unchanged.
//
// A terminal obeys far more than colours. C1 controls start sequences without an escape
// byte, APC and DCS strings pass through renderers verbatim, bidirectional overrides
// reverse text. So nothing is filtered by form: every rune that is not plain text is
// shown as a visible picture of itself.
package term

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Line makes s printable on one line: newlines are shown as pictures too.
func Line(s string) string { return safe(s, false) }

// Text makes s printable and keeps its newlines.
func Text(s string) string { return safe(s, true) }

func safe(s string, newlines bool) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' && newlines:
			b.WriteByte('\n')
		case r == '\t':
			b.WriteString("    ")
		case r < 0x20:
			b.WriteRune(0x2400 + r)
		case r == 0x7f:
			b.WriteRune(0x2421)
		case hidden(s, i):
			b.WriteString(escaped(r))
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// plain reports whether s is printable ASCII, as nearly all text is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// escaped writes a rune in the way of Go: \u200b, \U000e0041.
func escaped(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// JSON makes a JSON text printable without changing what it means: the runes
// that JSON allows in strings, and that a terminal obeys or does not show, are
// written as \u escapes.
// The text has to be valid JSON in UTF-8.
func JSON(b []byte) []byte {
	text, out, done := "", []byte(nil), 0
	for i := 0; i < len(b); {
		if b[i] < 0x7f {
			i++
			continue
		}
		if text == "" {
			text = string(b)
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if hidden(text, i) {
			out = append(out, b[done:i]...)
			if r > 0xffff {
				high, low := utf16.EncodeRune(r)
				out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
			done = i + size
		}
		i += size
	}
	if done == 0 {
		return b
	}
	return append(out, b[done:]...)
}
