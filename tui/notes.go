package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/line"
)

// maxNotes is how many notes are kept.
const maxNotes = 1000

// note is the result of the last action. It stays at the foot until the next key.
type note struct {
	text string
	bad  bool
	at   time.Time
}

// showNote shows a text at the foot.
func (m *model) showNote(text string) { m.addNote(note{text: text}) }

func (m *model) addNote(n note) {
	n.at = m.cfg.Now()
	m.note = n
	if n.text == "" {
		return
	}
	m.notes = append(m.notes, n)
	if over := len(m.notes) - maxNotes; over > maxNotes/10 {
		m.notes = append([]note(nil), m.notes[over:]...)
	}
}

// openNotes shows all notes, the newest first.
func (m *model) openNotes() tea.Cmd {
	return m.openPage("the notes", func(int) []line.Line {
		lines := []line.Line{line.Text(line.Title, "hf-tap").Add(line.Plain, "  what the foot of the screen has shown"), nil}
		for i := range m.notes {
			n := m.notes[len(m.notes)-1-i]
			style := line.Plain
			if n.bad {
				style = line.Alarm
			}
			lines = append(lines, line.Text(line.Faint, n.at.In(m.cfg.Zone).Format(time.TimeOnly)+" ").Add(style, n.text))
		}
		if len(m.notes) == 0 {
			lines = append(lines, line.Text(line.Faint, "nothing yet"))
		}
		return lines
	})
}
