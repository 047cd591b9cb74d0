package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/tui/line"
)

// page is a text in front of the screen: the help, or the notes.
type page struct {
	line.Scroller
	lines func(w int) []line.Line
	name  string
}

// openPage shows a text in front of the screen.
func (m *model) openPage(name string, lines func(w int) []line.Line) tea.Cmd {
	m.page = &page{lines: lines, name: name}
	m.page.wrap(m.w)
	return nil
}

// wrap breaks the text into lines for a window.
func (p *page) wrap(w int) { p.SetRows(line.WrapAll(p.lines(w), max(w, minWidth))) }

// openHelp shows all keys.
func (m *model) openHelp() tea.Cmd { return m.openPage("the help", helpLines) }

// pageKey scrolls the page, or closes it.
func (m *model) pageKey(name string) {
	switch name {
	case "esc", "?", "q", "enter", "E":
		m.page = nil
	case "up", "k":
		m.page.MoveTo(m.page.Top() - 1)
	case "down", "j":
		m.page.MoveTo(m.page.Top() + m.h - 1)
	case "pgup":
		m.page.MoveTo(m.page.Top() - m.h)
	case "pgdown", "space":
		m.page.MoveTo(m.page.Top() + 2*m.h)
	}
}

// helpLines is the help of all bindings. To its right, or below it in a narrow window,
// are the keys that move and the terms of filters.
func helpLines(w int) []line.Line {
	const left, both = 49, 80
	var lines []line.Line
	for _, b := range bindings() {
		if b.help == "" {
			continue
		}
		lines = append(lines, line.Text(line.Accent, line.Pad(b.show, 7)).Add(line.Plain, b.help))
	}
	var side []line.Line
	for _, mv := range moves() {
		side = append(side, line.Text(line.Accent, line.Pad(mv[0], 11)).Add(line.Plain, mv[1]))
	}
	side = append(side, nil, line.Text(line.Strong, "a filter"), line.Text(line.Plain, "kind:discussion.* repo:me/*"), line.Text(line.Plain, `status:>=500 "@bot" -is:again`))
	var keys []string
	for _, k := range filter.Keys() {
		keys = append(keys, k.Name)
	}
	side = append(side, line.Text(line.Faint, strings.Join(keys, " ")+" jq").Wrap(30, 0)...)
	head := line.Text(line.Title, "hf-tap").Add(line.Plain, "  the keys")
	toMove := line.Text(line.Strong, "to move and to read")
	if w < both {
		return append(append(append([]line.Line{head}, lines...), nil, toMove), side...)
	}
	for i := range side {
		if i == len(lines) {
			lines = append(lines, nil)
		}
		lines[i] = append(lines[i].Fit(left), side[i]...)
	}
	return append([]line.Line{append(head.Fit(left), toMove...), nil}, lines...)
}
