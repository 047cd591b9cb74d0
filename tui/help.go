package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event/filter"
)

// openHelp shows all keys on one screen.
func (m *model) openHelp() tea.Cmd {
	m.help = &scroller{}
	m.help.setRows(wrapRows(helpLines(m.w), max(m.w, minWidth)))
	return nil
}

func (m *model) helpKey(name string) {
	switch name {
	case "esc", "?", "q", "enter":
		m.help = nil
	case "up", "k":
		m.help.moveTo(m.help.first() - 1)
	case "down", "j":
		m.help.moveTo(m.help.first() + m.h - 1)
	case "pgup":
		m.help.moveTo(m.help.first() - m.h)
	case "pgdown", "space":
		m.help.moveTo(m.help.first() + 2*m.h)
	}
}

// helpLines tell the keys in the words of their bindings; beside them, or below
// in a narrow window, how to move and how to filter.
func helpLines(w int) []line {
	const left, both = 49, 80
	var lines []line
	for _, b := range bindings() {
		lines = append(lines, text(accent, pad(b.show, 7)).add(plain, b.help))
	}
	side := []line{text(strong, "to move")}
	for _, mv := range moves() {
		side = append(side, text(accent, pad(mv[0], 11)).add(plain, mv[1]))
	}
	side = append(side, nil, text(strong, "a filter"), text(plain, "kind:discussion.* repo:me/*"), text(plain, `status:>=500 "@bot" -is:again`))
	var keys []string
	for _, k := range filter.Keys() {
		keys = append(keys, k.Name)
	}
	side = append(side, text(faint, strings.Join(keys, " ")+" jq").wrap(30, 0)...)
	head := text(title, "hf-tap").add(plain, "  the keys")
	if w < both {
		return append(append(append([]line{head}, lines...), nil), side...)
	}
	for i := range lines {
		if i < len(side) {
			lines[i] = append(lines[i].fit(left), side[i]...)
		}
	}
	return append([]line{head, nil}, lines...)
}
