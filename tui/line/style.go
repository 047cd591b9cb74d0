// Package line is text on the screen: in styles, cut and padded to cells of a
// terminal, and scrolled. Render is the only way to the terminal, and makes all text
// safe. The words that several parts of the screen share are here, too: for verdicts,
// outcomes, targets, states, sizes and counts.
package line

import (
	"strings"
	"sync"

	"charm.land/lipgloss/v2"
)

// Style is the meaning of a text. The zero value has none.
type Style uint8

// The styles of the screen.
const (
	Plain  Style = iota
	Strong       // the subject of a row
	Faint        // details
	Accent       // keys, and what they act on
	Title
	Good   // all is well
	Warn   // may need attention
	Alarm  // needs attention
	Invert // the line of the cursor
	Chosen // the tab that is open, if keys go to it
	Number // a number, true, false or null
	Added
	Gone
	GoneWord // a word that differs
	AddedWord
	Found  // what was searched for
	styles // the number of styles
)

// look translates a style to Lip Gloss. It uses only the terminal's own 16 colours,
// which fit the user's theme, light or dark. Red and yellow mean trouble, green means
// that all is well, and each is shown beside a word with the same meaning.
func (st Style) look() lipgloss.Style {
	s := lipgloss.NewStyle()
	switch st {
	case Strong:
		return s.Bold(true)
	case Faint:
		return s.Faint(true)
	case Accent:
		return s.Foreground(lipgloss.Cyan)
	case Title:
		return s.Bold(true).Foreground(lipgloss.Cyan)
	case Good, Added:
		return s.Foreground(lipgloss.Green)
	case Warn:
		return s.Foreground(lipgloss.Yellow)
	case Alarm:
		return s.Bold(true).Foreground(lipgloss.Red)
	case Invert:
		return s.Reverse(true)
	case Chosen:
		return s.Reverse(true).Foreground(lipgloss.Cyan)
	case Number:
		return s.Foreground(lipgloss.Magenta)
	case Found:
		return s.Reverse(true).Bold(true).Foreground(lipgloss.Yellow)
	case GoneWord:
		return s.Bold(true).Underline(true).Foreground(lipgloss.Red)
	case AddedWord:
		return s.Bold(true).Underline(true).Foreground(lipgloss.Green)
	case Gone:
		return s.Foreground(lipgloss.Red)
	}
	return s
}

// ink is the sequences before and after a text in a style.
type ink struct{ before, after string }

// inks is the sequences of all styles, and of all styles in the line of the cursor, from
// a letter that Lip Gloss draws once in each. Drawing every span with Lip Gloss takes
// many times as long as a whole frame.
var inks = sync.OnceValue(func() (all struct{ usual, inverted [styles]ink }) {
	for st := range styles {
		all.usual[st], all.inverted[st] = inkOf(st.look()), inkOf(st.look().Reverse(true))
	}
	return all
})

func inkOf(look lipgloss.Style) (i ink) {
	i.before, i.after, _ = strings.Cut(look.Render("x"), "x")
	return i
}
