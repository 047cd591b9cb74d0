package line

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/internal/term"
)

// ascii reports whether every byte of s is one cell.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// Width is how many cells of a terminal a safe text takes.
func Width(s string) int {
	if ascii(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// Steady returns a safe text that every terminal draws equally wide. Terminals
// disagree about some texts, and a text that is drawn too wide moves the columns to
// its right. An emoji that is joined from several becomes its parts; what has no
// parts becomes a question mark.
func Steady(s string) string {
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
	if agreed(cluster) {
		return cluster
	}
	if parts := emojiParts(cluster); parts != "" && agreed(parts) {
		return parts
	}
	return "?"
}

// agreed reports whether all terminals draw a text equally wide.
func agreed(s string) bool { return ansi.StringWidth(s) == ansi.StringWidthWc(s) }

// Unjoined returns a safe text in which an emoji that is joined from several is its
// parts, if terminals disagree about its width. It is for text to read, where other
// scripts stay as they are.
func Unjoined(s string) string {
	if s = term.Line(s); ascii(s) || agreed(s) {
		return s
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		cluster, _ := ansi.FirstGraphemeCluster(rest, ansi.GraphemeWidth)
		rest = rest[len(cluster):]
		if parts := emojiParts(cluster); parts != "" && !agreed(cluster) && agreed(parts) {
			cluster = parts
		}
		b.WriteString(cluster)
	}
	return b.String()
}

// emojiParts is an emoji without what joins and changes its parts.
func emojiParts(cluster string) string {
	return strings.Map(func(r rune) rune {
		if r == 0x200d || r == 0x20e3 || r >= 0xfe00 && r <= 0xfe0f || r >= 0x1f3fb && r <= 0x1f3ff {
			return -1 // a joiner, a keycap, a selector, the colour of a skin
		}
		return r
	}, cluster)
}

// Shorten cuts s to w cells. A text that is cut ends in "…".
func Shorten(s string, w int) string {
	switch {
	case Width(s) <= w:
		return s
	case w <= 0:
		return ""
	}
	return Cut(s, w-1) + "…"
}

// ShortenMiddle cuts s to w cells. The beginning of an error says what failed, and its
// end why: "…" stands between them.
func ShortenMiddle(s string, w int) string {
	if Width(s) <= w || w < 8 {
		return Shorten(s, w)
	}
	head := Cut(s, w/3)
	tail, room := s, w-Width(head)-1
	for over := Width(s) - room; over > 0; {
		cluster, _ := ansi.FirstGraphemeCluster(tail, ansi.GraphemeWidth)
		over -= Width(cluster)
		tail = tail[len(cluster):]
	}
	return head + "…" + strings.TrimLeft(tail, joiners)
}

// joiners are drawn as nothing between the two that they join. At an end of a text
// they join nothing, and term shows them.
const joiners = "\u200c\u200d"

// Cut returns the beginning of s that fits into w cells. A safe text stays safe.
func Cut(s string, w int) string {
	if w <= 0 {
		return ""
	}
	if ascii(s) {
		return s[:min(w, len(s))]
	}
	return strings.TrimRight(ansi.Truncate(s, w, ""), joiners)
}

// CutBytes returns the beginning of a text: at most n bytes, without a character that
// would be cut.
func CutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i > max(n-utf8.UTFMax, 0); i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n]
}

// Pad returns s exactly w cells wide, with spaces after it.
func Pad(s string, w int) string {
	s = Shorten(s, w)
	return s + strings.Repeat(" ", max(w-Width(s), 0))
}

// PadLeft returns s exactly w cells wide, with spaces before it.
func PadLeft(s string, w int) string {
	s = Shorten(s, w)
	return strings.Repeat(" ", max(w-Width(s), 0)) + s
}
