package tui

import (
	"strings"

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
