package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestLongLinesOfTheAppAreWrappedOrCut(t *testing.T) {
	long := "ERROR webhook handler failed " + strings.Repeat("key=value ", 12) + "error=\x1b[31mno_model \u202e"
	onScreen(t, 80, 24, func(w *fakeSession) {
		for i, text := range []string{"first", long, "short", "last"} {
			w.app = append(w.app, AppLine{Rev: int64(i + 1), At: noon, Text: text})
		}
	}, func(s *screen) {
		s.press("a")
		s.shows("out last", "error=no_model", "out short", "4 lines of its output", "w cuts long lines")
		s.sound()
		s.press("k", "w") // the selection stays in its line
		s.hides("error=no_model")
		s.shows("w wraps long lines")
		s.session.app = append(s.session.app, AppLine{Rev: 5, At: noon, Text: "one more"})
		s.session.signal()
		s.settle()
		s.shows("out one more")
		s.press("c", "l")
		s.did("copied short")
		s.press("w")
		s.shows("error=no_model", "out one more")
		for _, w := range []int{20, 200, 80} {
			s.send(tea.WindowSizeMsg{Width: w, Height: 24})
			s.sound()
			s.press("c", "l")
			s.did("copied short")
		}
		s.press("c", "a")
		s.did("copied first\nERROR webhook")
		s.press("s")
		s.did("saved the app's output, 5 lines")
		s.press("a")
		s.hides("5 lines of its output")
	})
}

func TestTheAppKeepsItsColoursAndNothingElse(t *testing.T) {
	onScreen(t, 100, 24, func(w *fakeSession) {
		for i, text := range []string{
			"\x1b[1;31mred\x1b[0m plain \x1b[38;5;208morange", "still orange\x1b[m", "\x1b[5;8mhidden\x1b[999999999999999999m", "\x1b[2J\x1b[Hmoved\x1b]0;title\x07\x1bPq\x1b\\",
			"\x1b[38;2;1;2;300mwrong\x1b[48:5:17mblue\x1b[", "\u009b31mC1",
		} {
			w.app = append(w.app, AppLine{Rev: int64(i + 1), At: noon, Text: text})
		}
	}, func(s *screen) {
		s.press("a")
		content, _, _ := s.m.compose()
		for _, want := range []string{"\x1b[1;31mred\x1b[m", "\x1b[38;5;208morange\x1b[m", "\x1b[38;5;208mstill orange", "\x1b[48;5;17mblue"} {
			if !strings.Contains(content, want) {
				t.Errorf("the screen lacks %q:\n%q", want, content)
			}
		}
		s.shows("out hidden", "out moved", "out wrongblue")
		s.hides("title", "[2J")
		s.sound()
	})
}

func TestAProgressBarIsItsLastState(t *testing.T) {
	onScreen(t, 80, 24, func(w *fakeSession) {
		w.app = []AppLine{{Rev: 1, At: noon, Text: "\r 10%\r 50%\r"}, {Rev: 2, At: noon, Stderr: true, Text: "a warning"}, {Rev: 3, At: noon, Text: "\r 70%\r 90%\r"}}
	}, func(s *screen) {
		s.press("a")
		s.shows("out  90%", "err a warning", "2 lines of its output")
		s.hides("10%", "50%", "70%")
		s.session.app = append(s.session.app, AppLine{Rev: 4, At: noon, Text: "100%"}, AppLine{Rev: 5, At: noon, Text: "done"})
		s.session.signal()
		s.settle()
		s.shows("out 100%", "out done", "3 lines of its output")
		s.hides("90%")
	})
}

func TestABadgeSaysThatTheAppWroteToStandardError(t *testing.T) {
	onScreen(t, 80, 24, many(2), func(s *screen) {
		s.session.app = []AppLine{{Rev: 1, At: noon, Text: "fine"}}
		s.session.signal()
		s.settle()
		s.hides(" err ")
		s.session.app = append(s.session.app, AppLine{Rev: 2, At: noon, Stderr: true, Text: "trouble"})
		s.session.signal()
		s.settle()
		s.shows("a 1 err  ")
		s.press("a")
		s.shows("err trouble")
		s.press("a")
		s.hides("a 1 err")
	})
}

func TestAnAppThatEndedIsStartedAgain(t *testing.T) {
	onScreen(t, 100, 24, many(2), func(s *screen) {
		s.session.app = []AppLine{{Rev: 1, At: noon, Text: "fine"}}
		s.session.status.AppEnded, s.session.status.AppEndedAt = "ended with status 1", noon
		s.session.signal()
		s.settle()
		s.press("a")
		s.shows("APP ended with status 1 at 12:00:00  ^r starts it again")
		s.press("ctrl+r")
		s.did("started the app again")
		s.session.status.AppRuns, s.session.status.AppEnded = true, ""
		s.session.signal()
		s.settle()
		s.press("ctrl+r")
		s.shows("end the app and start it again?")
		s.press("y")
		s.did("started the app again")
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
