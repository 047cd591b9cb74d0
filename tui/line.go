package tui

import (
	"strings"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/internal/term"
)

// span is text in one style; line is what stands side by side.
type (
	span struct {
		style style
		text  string
	}
	line []span
)

func text(st style, s string) line { return line{{st, s}} }

// add appends text to a line.
func (l line) add(st style, s string) line { return append(l, span{st, s}) }

// plainText gives the line without its styles.
func (l line) plainText() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}

func (l line) width() int {
	w := 0
	for _, s := range l {
		w += width(term.Line(s.text))
	}
	return w
}

// render is the border to the terminal: it gives the line exactly w cells wide,
// all its text made safe. A style in over overrules those of the spans.
func (l line) render(w int, over style) string {
	if w <= 0 {
		return ""
	}
	var b strings.Builder
	b.Grow(w + 16*len(l))
	inks := inks()
	b.WriteString(inks[over].before)
	for _, s := range l.fit(w) {
		ink := inks[plain]
		if over == plain {
			ink = inks[s.style]
		}
		b.WriteString(ink.before)
		b.WriteString(s.text)
		b.WriteString(ink.behind)
	}
	b.WriteString(inks[over].behind)
	return b.String()
}

// steady is the line with all its text masked and steady.
func (l line) steady(mask func(string) string) line {
	out := make(line, len(l))
	for i, s := range l {
		out[i] = span{s.style, steady(mask(s.text))}
	}
	return out
}

// fit gives the line exactly w cells wide, and safe.
func (l line) fit(w int) line {
	var out line
	left, cutting := w, l.width() > w
	if cutting {
		left-- // for the sign that it was cut
	}
	for _, s := range l {
		t := term.Line(s.text)
		if width(t) > left {
			t = cutBefore(t, left)
		}
		if t != "" {
			out = out.add(s.style, t)
		}
		if left -= width(t); left <= 0 {
			break
		}
	}
	if cutting && w > 0 {
		out = out.add(plain, "…")
	}
	if left > 0 {
		out = out.add(plain, strings.Repeat(" ", left))
	}
	return out
}

// wrap breaks a line into lines of at most w cells; those after the first are
// set in by indent cells.
func (l line) wrap(w, indent int) []line {
	w = max(w, 4)
	indent = min(indent, w/2)
	var out []line
	cur, left := line{}, w
	for _, s := range l {
		rest := term.Line(s.text)
		for rest != "" {
			if width(rest) <= left {
				cur = cur.add(s.style, rest)
				left -= width(rest)
				break
			}
			head := fitting(rest, left)
			if head == "" && left < w-indent { // not even one rune fits behind what is there
				out, cur, left = append(out, cur), text(plain, strings.Repeat(" ", indent)), w-indent
				continue
			}
			if head == "" {
				_, size := utf8.DecodeRuneInString(rest)
				head = rest[:size]
			}
			out = append(out, cur.add(s.style, head))
			rest = rest[len(head):]
			cur, left = text(plain, strings.Repeat(" ", indent)), w-indent
		}
	}
	return append(out, cur)
}

// fitting gives the beginning of s that fits into w cells, preferably up to a
// space.
func fitting(s string, w int) string {
	head := cutBefore(s, w)
	if !strings.HasPrefix(s, head) { // cannot be: Truncate keeps the text
		return ""
	}
	if i := strings.LastIndexByte(head, ' '); i > len(head)/2 {
		return head[:i+1]
	}
	return head
}

// masked is the line with all its text masked.
func (l line) masked(mask func(string) string) line {
	out := make(line, len(l))
	for i, s := range l {
		out[i] = span{s.style, mask(s.text)}
	}
	return out
}
