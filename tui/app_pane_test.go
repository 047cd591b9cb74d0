package tui

import (
	"fmt"
	"testing"
)

func TestTheAppsOutputIsShownSafely(t *testing.T) {
	onScreen(t, 80, 24, func(w *fakeSession) {
		many(2)(w)
		for i := 1; i <= 40; i++ {
			w.app = append(w.app, AppLine{Rev: int64(i), At: noon, Stderr: i%2 == 0, Text: fmt.Sprintf("\x1b[31mline %d\x1b[m \x1b]52;c;eA==\x07 \u202e", i)})
		}
	}, func(s *screen) {
		s.press("shift+tab")
		s.shows("app  40 lines of its output", `12:00:00 err line 40`, "out line 39")
		s.sound()
		s.session.app = append(s.session.app, AppLine{Rev: 41, At: noon, Text: "ready"})
		s.session.signal()
		s.settle()
		s.shows("out ready")
		s.press("g")
		s.shows("out line 1 ")
		s.press("/", "LINE 20", "enter")
		s.shows("err line 20")
		s.press("tab")
		s.shows("2/2")
	})
}
