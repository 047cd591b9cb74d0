package tui

import (
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event/filter"
)

// canvas is the screen that is being put together: a row of text for each line,
// each as wide as the window.
type canvas struct {
	rows []string
	w    int
}

// put writes rows into a part of the screen, from the left. Parts that stand
// side by side are put from left to right.
func (c *canvas) put(r rect, rows []string) {
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
	content, x, y := m.draw()
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
func (m *model) draw() (content string, x, y int) {
	if m.w <= 0 || m.h <= 0 {
		return "", 0, 0
	}
	l := m.layout()
	c := &canvas{rows: make([]string, m.h), w: m.w}
	if l.list.h == 0 && l.tabs.h == 0 { // too small
		c.rows[0] = m.oneLine().render(m.w, plain)
		return strings.TrimRight(strings.Join(c.rows, "\n"), "\n"), 0, 0
	}
	if m.help != nil {
		rows, at := m.help.render(m.w, m.h-1, false)
		c.put(rect{0, 0, m.w, m.h - 1}, rows)
		c.put(rect{0, m.h - 1, m.w, 1}, []string{text(faint, "? or esc closes the help").render(m.w, plain)})
		return strings.Join(c.rows, "\n"), 0, at
	}
	var head []string
	for _, l := range m.headerLines() {
		head = append(head, l.render(m.w, plain))
	}
	c.put(l.header, head)
	c.put(l.filter, []string{m.filterLine().render(m.w, plain)})
	x, y = m.drawList(c, l)
	if sx, sy, has := m.drawSecond(c, l); has {
		x, y = sx, sy
	}
	if m.menu != nil {
		rows, at := m.menu.render(l.menu.w, l.menu.h)
		c.put(l.menu, rows)
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
	rows, at := m.list.render(l.list.w, l.list.h, m.focus == paneList)
	if m.store.len() == 0 {
		rows = nil
		for _, e := range m.emptyLines() {
			rows = append(rows, e.render(l.list.w, plain))
		}
	}
	c.put(l.names, []string{heading(m.list.cols, l.list.w).render(l.names.w, plain)})
	c.put(l.list, rows)
	return l.list.x, l.list.y + at
}

// emptyLines say what to do when there is nothing to see.
func (m *model) emptyLines() []line {
	if !m.store.filter.Empty() {
		what := "no event fits the filter"
		if m.scan.running || len(m.store.open) > 0 {
			what = "no event fits the filter so far"
		}
		return []line{nil, text(plain, "  "+what), text(faint, "  esc drops it; ↑ searches in older events and sessions")}
	}
	lines := []line{nil, text(plain, "  nothing has arrived yet")}
	if len(m.header.status.Watches) > 0 {
		lines = append(lines, text(faint, "  what happens in "+strings.Join(m.header.status.Watches, ", ")+" shows up here"))
	}
	return append(lines, text(faint, "  ").add(accent, "t").add(faint, " makes an event up   ").add(accent, "?").add(faint, " tells all keys"))
}

// drawSecond draws the event or the app's output, if they are in sight.
func (m *model) drawSecond(c *canvas, l layout) (x, y int, focused bool) {
	if l.tabs.h == 0 {
		return 0, 0, false
	}
	if l.rule.h > 1 {
		bars := make([]string, l.rule.h)
		for i := range bars {
			bars[i] = text(faint, "│ ").render(l.rule.w, plain)
		}
		c.put(l.rule, bars)
	} else if l.rule.h == 1 {
		c.put(l.rule, []string{text(faint, strings.Repeat("─", l.rule.w)).render(l.rule.w, plain)})
	}
	if m.focus == paneApp {
		c.put(l.tabs, []string{text(title, "app").add(faint, "  "+count(len(m.app.all), "line")+" of its output").render(l.tabs.w, plain)})
		rows, at := m.app.render(l.app.w, l.app.h, true)
		c.put(l.app, rows)
		return l.app.x, l.app.y + at, true
	}
	if m.selectedRow() == nil {
		c.put(l.tabs, nil)
		c.put(l.detail, m.stateRows(l.detail.w))
		return 0, 0, false
	}
	focused = m.focus == paneDetail
	tabs, _ := m.detail.heading(l.tabs.w, focused)
	c.put(l.tabs, []string{tabs.render(l.tabs.w, plain)})
	rows, at := m.detail.render(l.detail.w, l.detail.h, focused)
	c.put(l.detail, rows)
	return l.detail.x, l.detail.y + at, focused
}

// stateRows tell a selected state in full.
func (m *model) stateRows(w int) []string {
	e := m.list.selected()
	if e == nil || e.state == nil {
		return nil
	}
	var rows []string
	for _, l := range stateWords(e.state).masked(m.cfg.Secrets.Mask).wrap(w, 0) {
		rows = append(rows, l.render(w, plain))
	}
	return rows
}

// oneLine is the whole interface of a window that is too small.
func (m *model) oneLine() line {
	l := line{}
	s := &m.header.status
	if s.Paused {
		l = l.add(warn, "PAUSED ")
	}
	for _, t := range s.Targets {
		if t.Down {
			words, _, st := targetState(&t)
			l = l.add(st, fmt.Sprintf("%s %s %s ", shortTarget(t.Name), words, m.header.clock(t.At)))
		}
	}
	l = l.add(stateStyle(s.Tunnel.State), s.Tunnel.State)
	return l.add(plain, " "+count(len(m.store.byN), "event"))
}

// filterLine says what the list is narrowed to.
func (m *model) filterLine() line {
	l := text(faint, "filter ").add(accent, m.store.filter.String()).add(plain, "  "+group(m.store.len())+" of "+group(len(m.store.entries)))
	if cut := m.store.filter.JQCutOff(); cut > 0 {
		l = l.add(warn, "  the expression took too long on "+count(cut, "event"))
	}
	if left := len(m.store.open) + m.scan.batch; left > 0 {
		l = l.add(warn, fmt.Sprintf("  looking into bodies: %s of %s", group(m.scan.looked), group(m.scan.looked+left)))
	}
	if m.reading {
		l = l.add(warn, "  searching older events")
	}
	return l
}

// drawFoot draws the prompt or what can be done now.
func (m *model) drawFoot(c *canvas, l layout) (x, y int, typing bool) {
	if m.prompt != nil {
		above, typed, column := m.prompt.lines(m.w)
		c.put(l.foot, []string{above.render(m.w, plain), typed.render(m.w, plain)})
		return column, l.foot.y + 1, true
	}
	c.put(l.foot, []string{m.footLine().render(m.w, plain)})
	return 0, 0, false
}

func (m *model) footLine() line {
	right := m.position()
	room := m.w - right.width() - 2
	var left line
	switch {
	case m.note.text != "" && m.note.bad:
		left, right = text(alarm, m.note.text), nil
		room = m.w
	case m.note.text != "":
		left = text(plain, m.note.text)
	case m.menu != nil:
		left = text(faint, "↑ ↓ enter, or the letter")
	default:
		left = m.hints(room)
	}
	if right == nil {
		return left
	}
	return append(append(left.fit(max(room, 0)), span{plain, "  "}), right...)
}

// hints name the keys that matter here, as many as there is room for. The help
// is always among them.
func (m *model) hints(room int) line {
	var l, help line
	for _, b := range bindings() {
		if b.show == "?" {
			help = line{{plain, "  "}, {accent, b.show}, {faint, " " + b.short}}
		}
	}
	room -= help.width()
	for _, b := range bindings() {
		if b.short == "" || b.foot == nil || !b.foot(m) || b.show == "?" {
			continue
		}
		words := b.short
		if b.other != "" && m.focus != paneList {
			words = b.other
		}
		more := line{{accent, b.show}, {faint, " " + words}}
		if len(l) > 0 {
			more = append(line{{plain, "  "}}, more...)
		}
		if l.width()+more.width() > room {
			break
		}
		l = append(l, more...)
	}
	return append(l, help...)
}

// position says where in the list one is and what came meanwhile.
func (m *model) position() line {
	var l line
	if n := len(m.list.marks); n > 0 {
		l = l.add(accent, fmt.Sprintf("%d marked  ", n))
	}
	if m.list.fresh > 0 {
		return l.add(warn, group(m.list.fresh)+" new ↓")
	}
	n := m.store.len()
	if n == 0 {
		return l
	}
	return l.add(faint, group(m.list.at()+1)+"/"+group(n))
}

// filterProblem says shortly what is wrong with a filter that is being typed.
func filterProblem(err error) string {
	var at *filter.Error
	if errors.As(err, &at) {
		return fmt.Sprintf("at %d: %s: want %s", at.Pos+1, at.Problem, at.Want)
	}
	return err.Error()
}
