package line

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/internal/term"
)

// Line is text in several styles, side by side. Its text can come from anywhere:
// Render makes it safe.
type Line []span

// span is text in one style.
type span struct {
	style Style
	text  string
	sgr   string // the parameters of a style that a program chose, "" for style
}

// with returns another text in the same style.
func (s span) with(text string) span {
	s.text = text
	return s
}

// Text returns a line of one text.
func Text(st Style, s string) Line { return Line{{style: st, text: s}} }

// Add appends text to a line.
func (l Line) Add(st Style, s string) Line { return append(l, span{style: st, text: s}) }

// PlainText returns the text without its styles. It is not safe for a terminal.
func (l Line) PlainText() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}

// Width is how many cells the line takes.
func (l Line) Width() int {
	w := 0
	for _, s := range l.safe() {
		w += Width(s.text)
	}
	return w
}

// safe returns the line with all its text made safe. Its width is the sum of the
// widths of its parts: where the end of a part and the beginning of the next one would
// become one character, a dotted circle keeps them apart, as in tables of characters.
// A mark has to stand on something, and half of a flag would find its other half.
func (l Line) safe() Line {
	out := make(Line, 0, len(l))
	for _, s := range l {
		if s.text == "" {
			continue
		}
		text := term.Line(s.text)
		if n := len(out) - 1; n >= 0 && !apart(out[n].text, text) {
			if apart(out[n].text, circle+text) {
				text = circle + text
			} else {
				out[n].text += circle
			}
		}
		out = append(out, s.with(text))
	}
	return out
}

const circle = "◌"

// apart reports whether two texts are as wide beside each other as each alone.
func apart(a, b string) bool {
	if a[len(a)-1] < utf8.RuneSelf && b[0] < utf8.RuneSelf {
		return true
	}
	return Width(a+b) == Width(a)+Width(b)
}

// Render returns the line as it is written to the terminal: exactly w cells wide, with
// all its text made safe. A style other than Plain in over replaces the styles of the
// line; Invert keeps their colours.
func (l Line) Render(w int, over Style) string {
	if w <= 0 {
		return ""
	}
	var b strings.Builder
	b.Grow(w + 16*len(l))
	all := inks()
	ink := func(st Style) ink {
		switch over {
		case Plain:
			return all.usual[st]
		case Invert:
			return all.inverted[st]
		}
		return all.usual[over]
	}
	var open string // what ends the style of the span before
	last := span{style: styles}
	for _, s := range l.Fit(w) {
		if s.style != last.style || s.sgr != last.sgr {
			next := ink(s.style)
			if s.sgr != "" {
				next = programInk(s.sgr, over)
			}
			b.WriteString(open)
			b.WriteString(next.before)
			open, last = next.after, s
		}
		b.WriteString(s.text)
	}
	b.WriteString(open)
	return b.String()
}

// Steady returns the line with all its text masked, and steady as by the function.
func (l Line) Steady(mask func(string) string) Line {
	out := make(Line, len(l))
	for i, s := range l {
		out[i] = s.with(Steady(mask(s.text)))
	}
	return out
}

// Unjoined returns the line with all its text as by the function.
func (l Line) Unjoined() Line {
	out := make(Line, len(l))
	for i, s := range l {
		out[i] = s.with(Unjoined(s.text))
	}
	return out
}

// Fit returns the line exactly w cells wide, with all its text made safe. A line
// that is cut ends in "…".
func (l Line) Fit(w int) Line {
	l = l.safe()
	var out Line
	left, cutting := w, l.Width() > w
	if cutting {
		left-- // for the "…"
	}
	for _, s := range l {
		t := s.text
		if Width(t) > left {
			t = Cut(t, left)
		}
		if t != "" {
			out = append(out, s.with(t))
		}
		if left -= Width(t); left <= 0 {
			break
		}
	}
	if cutting && w > 0 {
		out = out.Add(Plain, "…")
	}
	if left > 0 {
		out = out.Add(Plain, strings.Repeat(" ", left))
	}
	return out
}

// Wrap breaks the line into lines of at most w cells. Lines after the first are
// indented by some cells.
func (l Line) Wrap(w, indent int) []Line {
	w = max(w, 4)
	indent = min(indent, w/2)
	var out []Line
	cur, left := Line{}, w
	for _, s := range l.safe() {
		rest := s.text
		for rest != "" {
			if Width(rest) <= left {
				cur = append(cur, s.with(rest))
				left -= Width(rest)
				break
			}
			head := fitting(rest, left)
			if head == "" && left < w-indent { // no room for one character
				out, cur, left = append(out, cur), Text(Plain, strings.Repeat(" ", indent)), w-indent
				continue
			}
			if head == "" {
				head, _ = ansi.FirstGraphemeCluster(rest, ansi.GraphemeWidth)
			}
			out = append(out, append(cur, s.with(head)))
			rest = strings.TrimLeft(rest[len(head):], joiners)
			cur, left = Text(Plain, strings.Repeat(" ", indent)), w-indent
		}
	}
	return append(out, cur)
}

// fitting returns the beginning of s that fits into w cells. It ends after a space
// if there is one in the second half.
func fitting(s string, w int) string {
	head := Cut(s, w)
	if i := strings.LastIndexByte(head, ' '); i > len(head)/2 {
		return head[:i+1]
	}
	return head
}

// Masked returns the line with all its text masked.
func (l Line) Masked(mask func(string) string) Line {
	out := make(Line, len(l))
	for i, s := range l {
		out[i] = s.with(mask(s.text))
	}
	return out
}
