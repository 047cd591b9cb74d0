package tui

import (
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestEveryWindowSizeHasASoundScreen(t *testing.T) {
	for _, context := range [][]string{{}, {"enter", "j"}, {"3"}, {"shift+tab"}, {"t"}, {"/", "kind:repo st"}, {"?"}} {
		onScreen(t, 80, 24, aDay, func(s *screen) {
			s.press(context...)
			for w := 0; w <= 200; w += 1 + w/9 {
				for h := 0; h <= 60; h += 1 + h/12 {
					s.send(tea.WindowSizeMsg{Width: w, Height: h})
					s.sound()
				}
			}
		})
	}
}
