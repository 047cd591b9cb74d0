package tui

import (
	"fmt"

	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/term"
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
	if m.longNote() {
		var rows []string
		for _, part := range m.noteLines() {
			rows = append(rows, part.Render(m.w, line.Plain))
		}
		c.write(l.foot, rows)
		return 0, 0, false
	}
	c.write(l.foot, []string{m.footLine().Render(m.w, line.Plain)})
	return 0, 0, false
}

// longNote reports whether the note takes lines of its own at the foot: an error, or a
// text that does not fit beside the position.
func (m *model) longNote() bool {
	return m.note.bad || line.Width(term.Line(m.note.text)) > m.w-m.position().Width()-2
}

// noteLines is the note at the foot, in as many lines as it takes and the window has.
func (m *model) noteLines() []line.Line {
	style := line.Plain
	if m.note.bad {
		style = line.Alarm
	}
	most := max(min(4, m.h/4), 1)
	text := term.Line(m.note.text)
	for room := most * m.w; ; room -= 8 { // words that do not fit into a line cost room
		parts := line.Text(style, line.ShortenMiddle(text, room)).Wrap(m.w, 0)
		if len(parts) <= most || room <= m.w {
			return parts[:min(len(parts), most)]
		}
	}
}

// footLine is the note or hints, and the position in the list.
func (m *model) footLine() line.Line {
	right := m.position()
	room := m.w - right.Width() - 2
	var left line.Line
	switch {
	case m.note.text != "":
		left = line.Text(line.Plain, m.note.text)
	case m.menu != nil:
		left = line.Text(line.Faint, "↑ ↓ enter, or the letter")
	default:
		left = m.hints(room)
	}
	return append(left.Fit(max(room, 0)).Add(line.Plain, "  "), right...)
}

// hints is the keys that matter now, as many as there is room for. The last ones are
// always "?" and "q"; in the detail, esc replaces "q".
func (m *model) hints(room int) line.Line {
	var l, last line.Line
	for _, b := range bindings() {
		if b.show == "q" && room >= 24 && !inDetail(m) || b.show == "?" {
			last = append(last.Add(line.Plain, "  "), m.hint(b)...)
		}
	}
	room -= last.Width()
	for _, b := range bindings() {
		if b.short == "" || b.foot == nil || !b.foot(m) || b.show == "?" || b.show == "q" {
			continue
		}
		more := m.hint(b)
		if len(l) > 0 {
			more = append(line.Text(line.Plain, "  "), more...)
		}
		if l.Width()+more.Width() > room {
			break
		}
		l = append(l, more...)
	}
	return append(l, last...)
}

// hint is a key and what it does in the pane with the focus.
func (m *model) hint(b binding) line.Line {
	words := b.short
	if b.other != "" && m.focus != paneList {
		words = b.other
	}
	return line.Text(line.Accent, b.show).Add(line.Faint, " "+words)
}

// position is the position among the events and whether the list follows, or how many events
// are new, after the number of marked events.
func (m *model) position() line.Line {
	var l line.Line
	if n := len(m.list.Marked()); n > 0 {
		l = l.Add(line.Accent, fmt.Sprintf("%d marked  ", n))
	}
	if m.app.unseen > 0 {
		l = l.Add(line.Warn, "a "+present.Group(m.app.unseen)+" err  ")
	}
	if n := m.list.Fresh(); n > 0 {
		return l.Add(line.Warn, present.Group(n)+" new ↓")
	}
	at, of := m.list.EventPosition()
	if of == 0 {
		return l
	}
	if m.list.Following() && m.w >= 60 {
		l = l.Add(line.Good, "following ")
	}
	return l.Add(line.Faint, present.Group(at)+"/"+present.Group(of))
}
