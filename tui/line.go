package tui

import (
	"strings"
	"sync"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/internal/term"
)

// style says what a text is; look says how that looks.
type style uint8

// The interface's styles.
const (
	plain  style = iota
	strong       // what a row is about
	faint        // what can be overlooked
	accent       // what can be acted on
	title
	good // all is well
	warn
	alarm
	invert // where the cursor is
	chosen
	number // a number or a word of JSON
	added
	gone
	styles // how many there are
)

// look is a style in Lip Gloss's terms. Only the terminal's own 16 colours are
// used, which fit its user's theme, light or dark. Cyan is the one accent. Red
// and yellow mean trouble, green that all is well, and each stands beside a
// word that says so.
func (st style) look() lipgloss.Style {
	s := lipgloss.NewStyle()
	switch st {
	case strong:
		return s.Bold(true)
	case faint:
		return s.Faint(true)
	case accent:
		return s.Foreground(lipgloss.Cyan)
	case title:
		return s.Bold(true).Foreground(lipgloss.Cyan)
	case good, added:
		return s.Foreground(lipgloss.Green)
	case warn:
		return s.Foreground(lipgloss.Yellow)
	case alarm:
		return s.Bold(true).Foreground(lipgloss.Red)
	case invert:
		return s.Reverse(true)
	case chosen:
		return s.Reverse(true).Foreground(lipgloss.Cyan)
	case number:
		return s.Foreground(lipgloss.Magenta)
	case gone:
		return s.Foreground(lipgloss.Red)
	}
	return s
}

// ink is what stands before and behind a text in a style.
type ink struct{ before, behind string }

// inks has Lip Gloss draw a letter in each style once: to let it draw every
// span, measured and wrapped anew, takes many times as long as a whole frame.
var inks = sync.OnceValue(func() (all [styles]ink) {
	for st := plain + 1; st < styles; st++ {
		all[st].before, all[st].behind, _ = strings.Cut(st.look().Render("x"), "x")
	}
	return all
})

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

// ascii reports whether every byte of s is one cell.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// width counts cells.
func width(s string) int {
	if ascii(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// steady makes a text safe and draws it so that terminals agree about its width:
// in a column, a text that some draw wider than others pushes away what stands
// behind it. Of an emoji that is joined from several, the parts are drawn; what has
// no parts becomes a question mark.
func steady(s string) string {
	if s = term.Line(s); ascii(s) {
		return s
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		cluster, _ := ansi.FirstGraphemeCluster(rest, ansi.GraphemeWidth)
		rest = rest[len(cluster):]
		b.WriteString(steadyCluster(cluster))
	}
	return b.String()
}

func steadyCluster(cluster string) string {
	agreed := func(s string) bool { return ansi.StringWidth(s) == ansi.StringWidthWc(s) }
	if agreed(cluster) {
		return cluster
	}
	parts := strings.Map(func(r rune) rune {
		if r == 0x200d || r == 0x20e3 || r >= 0xfe00 && r <= 0xfe0f || r >= 0x1f3fb && r <= 0x1f3ff {
			return -1 // a joiner, a keycap, a selector, the colour of a skin
		}
		return r
	}, cluster)
	if parts == "" || !agreed(parts) {
		return "?"
	}
	return parts
}

// steady is the line with all its text masked and steady.
func (l line) steady(mask func(string) string) line {
	out := make(line, len(l))
	for i, s := range l {
		out[i] = span{s.style, steady(mask(s.text))}
	}
	return out
}

// shorten cuts s to w cells and shows that it did.
func shorten(s string, w int) string {
	switch {
	case width(s) <= w:
		return s
	case w <= 0:
		return ""
	}
	return cutBefore(s, w-1) + "…"
}

func cutBefore(s string, w int) string {
	if w <= 0 {
		return ""
	}
	if ascii(s) {
		return s[:min(w, len(s))]
	}
	return ansi.Truncate(s, w, "")
}

// pad gives s exactly w cells wide.
func pad(s string, w int) string {
	s = shorten(s, w)
	return s + strings.Repeat(" ", max(w-width(s), 0))
}

// padLeft gives s at the right end of w cells.
func padLeft(s string, w int) string {
	s = shorten(s, w)
	return strings.Repeat(" ", max(w-width(s), 0)) + s
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
