package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/line"
)

// canvas is the screen that is being put together: a row of text for each line,
// each as wide as the window.
type canvas struct {
	rows []string
	w    int
}

// put writes rows into a part of the screen, from the left. Parts that stand
// side by side are put from left to right.
func (c *canvas) write(r rect, rows []string) {
	blank := strings.Repeat(" ", max(r.w, 0))
	for i := range r.h {
		row := blank
		if i < len(rows) && rows[i] != "" {
			row = rows[i]
		}
		if r.y+i < len(c.rows) {
			c.rows[r.y+i] += row
		}
	}
}

// View draws the screen. All that the terminal is asked for is said here.
func (m *model) View() tea.View {
	content, x, y := m.compose()
	v := tea.NewView(content)
	v.AltScreen = true
	v.WindowTitle = "hf-tap"
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

// draw gives the screen's lines and where the cursor is: on what is selected,
// where screen readers and magnifiers look for it.
func (m *model) compose() (content string, x, y int) {
	if m.w <= 0 || m.h <= 0 {
		return "", 0, 0
	}
	l := m.layout()
	c := &canvas{rows: make([]string, m.h), w: m.w}
	if l.list.h == 0 && l.tabs.h == 0 { // too small
		c.rows[0] = m.oneLine().Render(m.w, line.Plain)
		return strings.TrimRight(strings.Join(c.rows, "\n"), "\n"), 0, 0
	}
	if m.help != nil {
		rows, at := m.help.Render(m.w, m.h-1, false)
		c.write(rect{0, 0, m.w, m.h - 1}, rows)
		c.write(rect{0, m.h - 1, m.w, 1}, []string{line.Text(line.Faint, "? or esc closes the help").Render(m.w, line.Plain)})
		return strings.Join(c.rows, "\n"), 0, at
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
	return strings.Join(c.rows, "\n"), x, y
}

func (m *model) drawList(c *canvas, l layout) (x, y int) {
	if l.list.h == 0 {
		return 0, 0
	}
	rows, at := m.list.Render(l.list.w, l.list.h, m.focus == paneList)
	if m.list.Shown() == 0 {
		rows = nil
		for _, e := range m.emptyLines() {
			rows = append(rows, e.Render(l.list.w, line.Plain))
		}
	}
	c.write(l.names, []string{m.list.Heading().Render(l.names.w, line.Plain)})
	c.write(l.list, rows)
	return l.list.x, l.list.y + at
}

// emptyLines say what to do when there is nothing to see.
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
	return append(lines, line.Text(line.Faint, "  ").Add(line.Accent, "t").Add(line.Faint, " makes an event up   ").Add(line.Accent, "?").Add(line.Faint, " tells all keys"))
}

// drawSecond draws the event or the app's output, if they are in sight.
func (m *model) drawSecond(c *canvas, l layout) (x, y int, focused bool) {
	if l.tabs.h == 0 {
		return 0, 0, false
	}
	if l.rule.h > 1 {
		bars := make([]string, l.rule.h)
		for i := range bars {
			bars[i] = line.Text(line.Faint, "│ ").Render(l.rule.w, line.Plain)
		}
		c.write(l.rule, bars)
	} else if l.rule.h == 1 {
		c.write(l.rule, []string{line.Text(line.Faint, strings.Repeat("─", l.rule.w)).Render(l.rule.w, line.Plain)})
	}
	if m.focus == paneApp {
		c.write(l.tabs, []string{line.Text(line.Title, "app").Add(line.Faint, "  "+line.Count(len(m.app.all), "line")+" of its output").Render(l.tabs.w, line.Plain)})
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

// stateRows tell a selected state in full.
func (m *model) stateRows(w int) []string {
	state := m.list.SelectedState()
	if state == nil {
		return nil
	}
	var rows []string
	for _, l := range line.State(state).Masked(m.cfg.Mask).Wrap(w, 0) {
		rows = append(rows, l.Render(w, line.Plain))
	}
	return rows
}

// oneLine is the whole interface of a window that is too small.
func (m *model) oneLine() line.Line {
	l := line.Line{}
	s := &m.header.status
	if s.Paused {
		l = l.Add(line.Warn, "PAUSED ")
	}
	for _, t := range s.Targets {
		if t.Down {
			words, _, st := targetState(&t)
			l = l.Add(st, fmt.Sprintf("%s %s %s ", line.ShortTarget(t.Name), words, m.header.clock(t.At)))
		}
	}
	l = l.Add(line.StateStyle(s.Tunnel.State), s.Tunnel.State)
	return l.Add(line.Plain, " "+line.Count(m.list.Events(), "event"))
}

// filterLine says what the list is narrowed to.
func (m *model) filterLine() line.Line {
	l := line.Text(line.Faint, "filter ").Add(line.Accent, m.list.Filter().String()).Add(line.Plain, "  "+line.Group(m.list.Shown())+" of "+line.Group(m.list.Total()))
	if cut := m.list.Filter().JQCutOff(); cut > 0 {
		l = l.Add(line.Warn, "  the expression took too long on "+line.Count(cut, "event"))
	}
	if left := m.list.Undecided() + m.bodySearch.batch; left > 0 {
		l = l.Add(line.Warn, fmt.Sprintf("  looking into bodies: %s of %s", line.Group(m.bodySearch.decided), line.Group(m.bodySearch.decided+left)))
	}
	if m.readingOlder {
		l = l.Add(line.Warn, "  searching older events")
	}
	return l
}

// drawFoot draws the prompt or what can be done now.
func (m *model) drawFoot(c *canvas, l layout) (x, y int, typing bool) {
	if m.prompt != nil {
		above, typed, column := m.prompt.Lines(m.w)
		c.write(l.foot, []string{above.Render(m.w, line.Plain), typed.Render(m.w, line.Plain)})
		return column, l.foot.y + 1, true
	}
	c.write(l.foot, []string{m.footLine().Render(m.w, line.Plain)})
	return 0, 0, false
}

func (m *model) footLine() line.Line {
	right := m.position()
	room := m.w - right.Width() - 2
	var left line.Line
	switch {
	case m.note.text != "" && m.note.bad:
		left, right = line.Text(line.Alarm, m.note.text), nil
		room = m.w
	case m.note.text != "":
		left = line.Text(line.Plain, m.note.text)
	case m.menu != nil:
		left = line.Text(line.Faint, "↑ ↓ enter, or the letter")
	default:
		left = m.hints(room)
	}
	if right == nil {
		return left
	}
	return append(left.Fit(max(room, 0)).Add(line.Plain, "  "), right...)
}

// hints name the keys that matter here, as many as there is room for. The help
// is always among them.
func (m *model) hints(room int) line.Line {
	var l, help line.Line
	for _, b := range bindings() {
		if b.show == "?" {
			help = line.Text(line.Plain, "  ").Add(line.Accent, b.show).Add(line.Faint, " "+b.short)
		}
	}
	room -= help.Width()
	for _, b := range bindings() {
		if b.short == "" || b.foot == nil || !b.foot(m) || b.show == "?" {
			continue
		}
		words := b.short
		if b.other != "" && m.focus != paneList {
			words = b.other
		}
		more := line.Text(line.Accent, b.show).Add(line.Faint, " "+words)
		if len(l) > 0 {
			more = append(line.Text(line.Plain, "  "), more...)
		}
		if l.Width()+more.Width() > room {
			break
		}
		l = append(l, more...)
	}
	return append(l, help...)
}

// position says where in the list one is and what came meanwhile.
func (m *model) position() line.Line {
	var l line.Line
	if n := len(m.list.Marked()); n > 0 {
		l = l.Add(line.Accent, fmt.Sprintf("%d marked  ", n))
	}
	if n := m.list.Fresh(); n > 0 {
		return l.Add(line.Warn, line.Group(n)+" new ↓")
	}
	n := m.list.Shown()
	if n == 0 {
		return l
	}
	return l.Add(line.Faint, line.Group(m.list.Position()+1)+"/"+line.Group(n))
}
