package tui

import (
	"fmt"

	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// drawFoot draws the prompt, or else a note or hints. It returns where the cursor is,
// and whether the prompt is open.
func (m *model) drawFoot(c canvas, l layout) (x, y int, typing bool) {
	if m.prompt != nil {
		above, typed, column := m.prompt.Lines(m.w)
		c.write(l.foot, []string{above.Render(m.w, line.Plain), typed.Render(m.w, line.Plain)})
		return column, l.foot.y + 1, true
	}
	c.write(l.foot, []string{m.footLine().Render(m.w, line.Plain)})
	return 0, 0, false
}

// footLine is the note or hints, and the position in the list.
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

// hints is the keys that matter now, as many as there is room for. The last one is
// always "?".
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

// position is the position in the list, or how many events are new, after the number of
// marked events.
func (m *model) position() line.Line {
	var l line.Line
	if n := len(m.list.Marked()); n > 0 {
		l = l.Add(line.Accent, fmt.Sprintf("%d marked  ", n))
	}
	if n := m.list.Fresh(); n > 0 {
		return l.Add(line.Warn, present.Group(n)+" new ↓")
	}
	n := m.list.Shown()
	if n == 0 {
		return l
	}
	return l.Add(line.Faint, present.Group(m.list.Position()+1)+"/"+present.Group(n))
}
