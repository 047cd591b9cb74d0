package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// canvas is the lines of the screen.
type canvas []string

// write writes rows into a part of the screen. Parts that are side by side are written
// from left to right.
func (c canvas) write(r rect, rows []string) {
	blank := strings.Repeat(" ", max(r.w, 0))
	for i := range min(r.h, len(c)-r.y) {
		row := blank
		if i < len(rows) && rows[i] != "" {
			row = rows[i]
		}
		c[r.y+i] += row
	}
}

// View draws the screen, and sets all that is asked of the terminal.
func (m *model) View() tea.View {
	content, x, y := m.compose()
	v := tea.NewView(content)
	v.AltScreen = true
	v.WindowTitle = m.title()
	if m.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if m.w > 0 && m.h > 0 {
		v.Cursor = tea.NewCursor(min(max(x, 0), m.w-1), min(max(y, 0), m.h-1))
		v.Cursor.Blink = false
		if m.prompt != nil {
			v.Cursor.Shape = tea.CursorBar
		}
	}
	return v
}

// title is the title of the window, which is read also when the window is hidden.
func (m *model) title() string {
	if n := m.list.Failed(); n > 0 {
		return fmt.Sprintf("hf-tap: %s failed", present.Group(n))
	}
	return "hf-tap"
}

// compose returns the screen, and where the cursor is: on what is selected, where
// screen readers and magnifiers look for it.
func (m *model) compose() (content string, x, y int) {
	if m.w <= 0 || m.h <= 0 {
		return "", 0, 0
	}
	if m.w < minWidth || m.h < minHeight {
		return m.composeSmall()
	}
	l := m.layout()
	c := make(canvas, m.h)
	if m.page != nil {
		rows, at := m.page.Render(m.w, m.h-1, false)
		c.write(rect{0, 0, m.w, m.h - 1}, rows)
		foot := line.Text(line.Faint, "esc closes "+m.page.name)
		if m.page.Count() > m.h-1 {
			foot = foot.Add(line.Faint, "  ↑ ↓ scroll")
		}
		c.write(rect{0, m.h - 1, m.w, 1}, []string{foot.Render(m.w, line.Plain)})
		return strings.Join(c, "\n"), 0, at
	}
	var head []string
	for _, l := range m.headerLines() {
		head = append(head, l.Render(m.w, line.Plain))
	}
	c.write(l.header, head)
	c.write(l.filter, []string{m.filterLine().Render(m.w, line.Plain)})
	x, y = m.drawList(c, l)
	if sx, sy, has := m.drawSecond(c, l); has {
		x, y = sx, sy
	}
	if m.menu != nil {
		rows, at := m.menu.render(l.menu.w, l.menu.h)
		c.write(l.menu, rows)
		x, y = 0, l.menu.y+at
	}
	if px, py, has := m.drawFoot(c, l); has {
		x, y = px, py
	}
	return strings.Join(c, "\n"), x, y
}

// drawList draws the list, and returns where its cursor is.
func (m *model) drawList(c canvas, l layout) (x, y int) {
	if l.list.h == 0 {
		return 0, 0
	}
	rows, at := m.list.Render(l.list.w, l.list.h, m.focus == paneList)
	if m.list.Events() == 0 || m.list.Shown() == 0 {
		for _, e := range m.emptyLines() {
			for _, part := range e.Wrap(l.list.w, 2) {
				rows = append(rows, part.Render(l.list.w, line.Plain))
			}
		}
	}
	c.write(l.names, []string{m.list.Heading().Render(l.names.w, line.Plain)})
	c.write(l.list, rows)
	return l.list.x, l.list.y + at
}

// emptyLines is shown in place of an empty list.
func (m *model) emptyLines() []line.Line {
	if !m.list.Filter().Empty() {
		what := "no event fits the filter"
		if m.bodySearch.running || m.list.Undecided() > 0 {
			what = "no event fits the filter so far"
		}
		return []line.Line{nil, line.Text(line.Plain, "  "+what), line.Text(line.Faint, "  esc drops it; ↑ searches in older events and sessions")}
	}
	lines := []line.Line{nil, line.Text(line.Plain, "  nothing has arrived yet")}
	if len(m.header.status.Watches) > 0 {
		lines = append(lines, line.Text(line.Faint, "  what happens in "+strings.Join(m.header.status.Watches, ", ")+" shows up here"))
	}
	return append(lines, line.Text(line.Faint, "  ").Add(line.Accent, "t").Add(line.Faint, " triggers an event   ").Add(line.Accent, "?").Add(line.Faint, " shows all keys"))
}

// drawSecond draws the event or the app's output, if there is room. It returns where
// the cursor is, and whether keys go there.
func (m *model) drawSecond(c canvas, l layout) (x, y int, focused bool) {
	if l.tabs.h == 0 {
		return 0, 0, false
	}
	if l.rule.h > 1 {
		bars := make([]string, l.rule.h)
		for i := range bars {
			bars[i] = line.Text(line.Faint, " │ ").Render(l.rule.w, line.Plain)
		}
		c.write(l.rule, bars)
	} else if l.rule.h == 1 {
		c.write(l.rule, []string{line.Text(line.Faint, strings.Repeat("─", l.rule.w)).Render(l.rule.w, line.Plain)})
	}
	if m.focus == paneApp {
		c.write(l.tabs, []string{m.appHeading().Render(l.tabs.w, line.Plain)})
		rows, at := m.app.render(l.app.w, l.app.h, true)
		c.write(l.app, rows)
		return l.app.x, l.app.y + at, true
	}
	if m.list.SelectedRow() == nil {
		c.write(l.tabs, nil)
		c.write(l.detail, m.stateRows(l.detail.w))
		return 0, 0, false
	}
	focused = m.focus == paneDetail
	c.write(l.tabs, []string{m.detail.Heading(l.tabs.w, focused).Render(l.tabs.w, line.Plain)})
	rows, at := m.detail.Render(l.detail.w, l.detail.h, focused)
	c.write(l.detail, rows)
	return l.detail.x, l.detail.y + at, focused
}

// appHeading is the line above the app's output.
func (m *model) appHeading() line.Line {
	l := line.Text(line.Title, "app").Add(line.Faint, "  "+present.Count(len(m.app.all), "line")+" of its output")
	wrap := "w cuts long lines"
	if m.app.cut {
		wrap = "w wraps long lines"
	}
	return l.Add(line.Faint, "  "+wrap)
}

// stateRows is the selected state in full.
func (m *model) stateRows(w int) []string {
	state := m.list.SelectedState()
	if state == nil {
		return nil
	}
	var rows []string
	for _, l := range line.State(state).Masked(m.cfg.Secrets.Mask).Wrap(w, 0) {
		rows = append(rows, l.Render(w, line.Plain))
	}
	return rows
}

// composeSmall is the screen in a window that is too small for a list: the state in one
// line, and below it what keys go to, a question for example. With room for one line
// only, that takes the place of the state.
func (m *model) composeSmall() (content string, x, y int) {
	c := make(canvas, m.h)
	room := rect{0, min(1, m.h-1), m.w, max(m.h-1, 1)}
	rows, x, y := m.openRows(room)
	if room.y > 0 || rows == nil {
		c[0] = m.oneLine().Render(m.w, line.Plain)
	}
	if rows != nil {
		c.write(room, rows)
	}
	return strings.TrimRight(strings.Join(c, "\n"), "\n"), min(x, m.w-1), min(y, m.h-1)
}

// openRows is the prompt, menu or page that is open, or else the note, and where its
// cursor is; nil if there is none.
func (m *model) openRows(room rect) (rows []string, x, y int) {
	switch {
	case m.prompt != nil:
		above, typed, column := m.prompt.Lines(room.w)
		if room.h == 1 {
			return []string{typed.Render(room.w, line.Plain)}, column, room.y
		}
		return []string{above.Render(room.w, line.Plain), typed.Render(room.w, line.Plain)}, column, room.y + 1
	case m.menu != nil:
		rows, at := m.menu.render(room.w, room.h)
		return rows, 0, room.y + at
	case m.page != nil:
		rows, at := m.page.Render(room.w, room.h, false)
		return rows, 0, room.y + at
	case m.note.text != "":
		for _, part := range m.noteLines() {
			rows = append(rows, part.Render(room.w, line.Plain))
		}
		return rows, 0, 0
	}
	return nil, 0, 0
}

// oneLine is the state in a window that is too small.
func (m *model) oneLine() line.Line {
	l := line.Line{}
	s := &m.header.status
	if s.Paused {
		l = l.Add(line.Warn, "PAUSED ")
	}
	for _, t := range s.Targets {
		if t.Down {
			words, _, st := targetState(&t)
			l = l.Add(st, fmt.Sprintf("%s %s %s ", present.Target(t.Name), words, m.header.clock(t.At)))
		}
	}
	l = l.Add(line.StateStyle(s.Tunnel.State), s.Tunnel.State)
	return l.Add(line.Plain, " "+present.Count(m.list.Events(), "event"))
}

// filterLine is the filter, and how far the search in bodies is.
func (m *model) filterLine() line.Line {
	l := line.Text(line.Faint, "filter ").Add(line.Accent, m.list.Filter().String()).Add(line.Plain, "  "+present.Group(m.list.Shown())+" of "+present.Group(m.list.Events()))
	if cut := m.list.Filter().JQCutOff(); cut > 0 {
		l = l.Add(line.Warn, "  the expression took too long on "+present.Count(cut, "event"))
	}
	if failed, why := m.list.Filter().JQFailed(); failed > 0 {
		l = l.Add(line.Warn, "  the expression fails on "+present.Count(failed, "event")+": "+why)
	}
	if left := m.list.Undecided() + m.bodySearch.batch; left > 0 {
		l = l.Add(line.Warn, fmt.Sprintf("  looking into bodies: %s of %s", present.Group(m.bodySearch.decided), present.Group(m.bodySearch.decided+left)))
	}
	if m.readingOlder {
		l = l.Add(line.Warn, "  searching older events")
	}
	return l
}
