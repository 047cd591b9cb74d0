package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestALongLineOfTheAppIsShownWhole(t *testing.T) {
	long := "ERROR webhook handler failed " + strings.Repeat("key=value ", 12) + "error=\x1b[31mno_model \u202e"
	onScreen(t, 80, 24, func(w *fakeSession) {
		for i, text := range []string{"first", long, "short", "last"} {
			w.app = append(w.app, AppLine{Rev: int64(i + 1), At: noon, Text: text})
		}
	}, func(s *screen) {
		s.press("shift+tab")
		s.shows("out last", "enter whole line")
		s.hides("error=no_model")
		s.press("k", "k", "enter")
		s.shows("error=no_model", "out short", "out last", "4 lines of its output")
		s.sound()
		s.press("j", "j", "j", "enter") // the next line, which is short: it is whole already
		s.hides("error=no_model")
		s.press("k", "enter")
		s.shows("error=no_model")
		s.session.app = append(s.session.app, AppLine{Rev: 5, At: noon, Text: "one more"})
		s.session.signal()
		s.settle()
		s.shows("error=no_model", "out one more")
		s.send(tea.WindowSizeMsg{Width: 200, Height: 30})
		s.shows("error=no_model", "out one more")
		s.press("enter")
		s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
		s.hides("error=no_model")
		s.press("g", "enter", "G", "k")
		s.shows("out first", "out one more")
	})
}

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
