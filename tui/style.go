package tui

import (
	"strings"
	"sync"

	"charm.land/lipgloss/v2"
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
