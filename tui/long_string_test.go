package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

// commenting is a session with an event whose last value is a text.
func commenting(text string) func(*fakeSession) {
	return func(w *fakeSession) {
		e := delivery(1)
		e.Body = fmt.Appendf(nil, `{"event":{"action":"create"},"text":%q}`, text)
		e.Size = int64(len(e.Body))
		w.record(e)
	}
}

func TestALongStringCanBeReadToItsEnd(t *testing.T) {
	var lines []string
	for i := 1; i <= 60; i++ {
		lines = append(lines, fmt.Sprintf("L%03d", i))
	}
	onScreen(t, 80, 24, commenting(strings.Join(lines, "\n")), func(s *screen) {
		s.press("enter", "G", "enter")
		s.shows("│ L001")
		s.hides("L060")
		s.press("G")
		s.shows("│ L060", ".text  line 60 of 60")
		s.hides("L001")
		s.press("g")
		s.shows("action")
		for _, down := range []string{"j", "down", "pgdown", "ctrl+d"} {
			s.press("g")
			seen := map[string]bool{}
			for range 80 {
				s.press(down)
				for _, l := range lines {
					if strings.Contains(s.text(), l) {
						seen[l] = true
					}
				}
			}
			if len(seen) != len(lines) {
				t.Errorf("%s showed %d of %d lines", down, len(seen), len(lines))
			}
		}
		s.press("g")
		d := s.m.layout().detail
		for range 30 {
			s.send(tea.MouseWheelMsg{X: d.x, Y: d.y, Button: tea.MouseWheelDown})
		}
		s.shows("L060")
		s.press("pgup", "pgup", "k", "up", "ctrl+u")
		s.hides("L060")
		s.press("/", "L033", "enter")
		s.shows(".text  line 33 of 60")
		s.press("enter") // on any of its rows
		s.hides("│ L")
		s.sound()
	})
}
