package tui

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

func TestEachKeyDoesWhatTheHelpSays(t *testing.T) {
	for _, c := range []struct {
		keys []string
		did  string
	}{
		{[]string{"r"}, `replayed [5] 1 times to ""`},
		{[]string{"R", "f"}, "replayed what failed"},
		{[]string{"R", "enter"}, "replayed what failed"},
		{[]string{"R", "n", "12", "enter"}, `replayed [5] 12 times to ""`},
		{[]string{"R", "n", "end", "5", "enter"}, `replayed [5] 25 times to ""`},
		{[]string{"R", "n", "backspace", "3", "enter"}, `replayed [5] 3 times to ""`},
		{[]string{"R", "n", "enter"}, `replayed [5] 2 times to ""`},
		{[]string{"R", "n", "ctrl+u", "12", "enter"}, `replayed [5] 12 times to ""`},
		{[]string{"R", "i"}, `replayed [5] as new`},
		{[]string{"R", "t"}, `replayed [5] 1 times to "http://127.0.0.1:3000/hook"`},
		{[]string{"R", "u", "4000/other", "enter"}, `replayed [5] 1 times to "4000/other"`},
		{[]string{"t", "3"}, "triggered repo.update for model:me/whisper-tiny"},
		{[]string{"t", "down", "down", "enter"}, "triggered repo.update for model:me/whisper-tiny"},
		{[]string{"p"}, "pinned [5] true"},
		{[]string{"P"}, "paused true"},
		{[]string{"P", "P"}, "paused false"},
		{[]string{"F", "1"}, `fault 500 0s false 1 ""`},
		{[]string{"F", "6"}, `fault 0 0s true 1 ""`},
		{[]string{"F", "1", "F", "x"}, "fault cleared"},
		{[]string{"F", "o", "ctrl+u", "503 delay 2s next 3 for kind:repo.*", "enter"}, `fault 503 2s false 3 "kind:repo.*"`},
		{[]string{"F", "o", "418", "enter"}, `fault 418 0s false 0 ""`},
		{[]string{"/", "kind:repo.*", "enter", "F", "f"}, `fault 500 0s false 0 "kind:repo.*"`},
		{[]string{"s", "j"}, "saved [5] as json"},
		{[]string{"s", "f"}, "saved [5] as fixture"},
		{[]string{"o"}, "opened https://huggingface.co/me/whisper-tiny"},
		{[]string{"c", "u"}, "copied https://huggingface.co/me/whisper-tiny"},
		{[]string{"c", "b"}, `copied {"event":{"action":"update","scope":"repo.config"}`},
		{[]string{"c", "c"}, "copied curl -sS -X POST http://127.0.0.1:3000/hook"},
		{[]string{"c", "j"}, "copied {\n  \"type\": \"event\""},
		{[]string{"enter", "down", "c", "v"}, "copied update"},
		{[]string{"enter", "down", "c", "p"}, "copied .event.action"},
		{[]string{"enter", "c", "v"}, `copied {"action":"update","scope":"repo.config"}`},
	} {
		t.Run(strings.Join(c.keys, " "), func(t *testing.T) {
			onScreen(t, 100, 30, many(5), func(s *screen) {
				s.press(c.keys...)
				s.did(c.did)
				s.sound()
			})
		})
	}
}

func TestReplaysOfferTheNewestEventWhereAStateIsSelected(t *testing.T) {
	onScreen(t, 100, 30, func(w *world) {
		many(3)(w)
		w.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://x", State: "down"})
		w.status.Targets = append(w.status.Targets, TargetStatus{Name: "http://127.0.0.1:4000/"})
	}, func(s *screen) {
		s.press("G", "R")
		s.shows("f  all that failed", "n  #3, the newest, several times", "t  #3, the newest, to :3000/hook only", "a  #3, the newest, to :4000 only", "u  #3, the newest, to another target")
		s.press("a")
		s.did(`replayed [3] 1 times to "http://127.0.0.1:4000/"`)
	})
}

func TestFaultsAreToldInWords(t *testing.T) {
	repo, err := filter.Parse("kind:repo.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fault Fault
		left  int
		want  string
	}{
		{Fault{Status: 500}, 3418, "the next 3,418 deliveries: answered 500"},
		{Fault{Status: 500}, 1, "the next delivery: answered 500"},
		{Fault{Status: 500}, 0, "every delivery: answered 500"},
		{Fault{Drop: true, Filter: repo}, 0, "every delivery that fits kind:repo.*: no answer, the connection is dropped"},
		{Fault{Delay: 2 * time.Second, Filter: repo}, 2, "the next 2 deliveries that fit kind:repo.*: answered late after 2.0s"},
	} {
		if got := faultWords(&c.fault, c.left); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestWithoutABrowserTheAddressCanBeCopied(t *testing.T) {
	onScreen(t, 80, 24, many(1), func(s *screen) {
		s.m.cfg.Actions.Open = func(_ context.Context, url string) (string, error) {
			return "", fmt.Errorf("open %s: %w", url, &exec.Error{Name: "xdg-open", Err: exec.ErrNotFound})
		}
		s.press("o")
		s.shows("no browser here: c, then u copies the address")
		s.m.cfg.Actions.Open = func(_ context.Context, url string) (string, error) {
			return "", fmt.Errorf("open %s: it is gone", url)
		}
		s.press("o")
		if got := strings.Count(s.m.note.text, "open https://"); got != 1 {
			t.Errorf("%q says it %d times", s.m.note.text, got)
		}
	})
}

func TestWhatWentWrongStaysAtTheFootUntilTheNextKey(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.world.fail = errors.New("no such target\x1b[31m")
		s.press("r")
		s.shows("replay #5: no such target␛[31m")
		s.world.put(delivery(6))
		s.settle()
		s.shows("no such target")
		s.press("up")
		s.hides("no such target")
		s.shows("enter open")
	})
}

func TestWrongInputIsExplained(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want string
	}{
		{[]string{"R", "n", "ctrl+u", "0", "enter"}, `replay "0" times: want a number from 1 to 1000`},
		{[]string{"F", "o", "ctrl+u", "oops", "enter"}, `"oops" is not understood: want a status`},
		{[]string{"F", "o", "ctrl+u", "500 for foo:x", "enter"}, `there is no key "foo"`},
		{[]string{"F", "o", "ctrl+u", "next 3", "enter"}, "is not understood"},
		{[]string{"F", "o", "ctrl+u", "500 next x", "enter"}, `"next x" is not understood`},
		{[]string{"enter", "/", "nowhere to be found", "enter"}, `"nowhere to be found" is not there`},
	} {
		onScreen(t, 120, 24, many(5), func(s *screen) {
			s.press(c.keys...)
			s.shows(c.want)
			if said := s.world.said(); len(said) > 0 {
				t.Errorf("%q did %q", c.keys, said)
			}
		})
	}
}

func TestWhatIsNotToBeHadSaysSo(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.m.cfg.Actions = Actions{}
		for _, k := range []string{"r", "t", "p", "P", "F", "s", "o", "e"} {
			s.press(k)
			s.shows("this is not to be had here")
		}
	})
}

func TestEscLeavesWhatIsOpen(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		for _, keys := range [][]string{{"t"}, {"F"}, {"c"}, {"s"}, {"R"}, {"R", "n"}, {"F", "o"}, {"/"}, {"?"}, {"enter", "/"}, {"enter", "c"}} {
			s.press(keys...)
			s.press("esc", "esc")
			s.shows("enter open", "5/5")
		}
		if said := s.world.said(); len(said) > 0 {
			t.Errorf("it did %q", said)
		}
	})
}

func TestTheHelpTellsEveryKeyOnOneScreen(t *testing.T) {
	if n := len(bindings()); n > 20 {
		t.Errorf("there are %d keys to learn", n)
	}
	seen := map[string]bool{}
	for _, b := range bindings() {
		for _, k := range b.keys {
			if seen[k] {
				t.Errorf("%q is bound twice", k)
			}
			seen[k] = true
		}
	}
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.press("?")
		for _, b := range bindings() {
			s.shows("\n"+b.show+" ", b.help)
		}
		for _, mv := range moves() {
			s.shows(mv[0])
		}
		s.press("?")
		s.shows("enter open")
	})
	onScreen(t, 40, 12, many(5), func(s *screen) {
		s.press("?")
		for range 5 {
			s.press("pgdown")
			s.sound()
		}
		s.shows("body jq")
	})
}

// Every key does something sound in every context, on screens of all kinds.
func TestEveryKeyInEveryContext(t *testing.T) {
	var keys []string
	for _, b := range bindings() {
		keys = append(keys, b.keys...)
	}
	keys = append(keys, "up", "down", "j", "k", "pgup", "pgdown", "ctrl+u", "ctrl+d", "ctrl+b", "ctrl+f", "home", "end", "g", "G", "left", "right", "h", "l", "1", "2", "3", "4", "5", "x", "ctrl+x", "ctrl+z")
	contexts := [][]string{{}, {"enter"}, {"2"}, {"3"}, {"4"}, {"5"}, {"shift+tab"}, {"/"}, {"enter", "/"}, {"?"}, {"t"}, {"F"}, {"R"}, {"c"}, {"s"}, {"R", "n"}, {"g"}, {"space", "space"}, {"/", "zzz", "enter"}}
	for _, size := range [][2]int{{40, 12}, {80, 24}, {120, 40}, {200, 50}, {19, 4}} {
		for _, context := range contexts {
			onScreen(t, size[0], size[1], aDay, func(s *screen) {
				s.press(context...)
				for _, k := range keys {
					if k == "e" {
						continue // the editor: see the story in a terminal
					}
					for _, press := range keyPresses(k) {
						s.send(press)
					}
					s.sound()
				}
				s.settle()
				s.sound()
			})
		}
	}
}

func TestTheMouseClicksWhatIsThere(t *testing.T) {
	click := func(x, y int) tea.MouseClickMsg { return tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft} }
	onScreen(t, 120, 40, many(30), func(s *screen) {
		if s.m.View().MouseMode != tea.MouseModeNone {
			t.Error("the mouse is taken without being asked")
		}
		s.press("m")
		if s.m.View().MouseMode == tea.MouseModeNone {
			t.Error("m does not take the mouse")
		}
		l := s.m.layout()
		s.send(click(20, l.list.y+2))
		s.settle()
		want := s.m.selectedRow().N
		s.shows(fmt.Sprintf("#%d  Payload", want))
		s.send(click(20, l.list.y+2)) // what is selected opens
		if s.m.focus != paneDetail {
			t.Error("a click on the selected event does not open it")
		}
		_, tabs := s.m.detail.heading(l.tabs.w, true)
		s.send(click(tabs[tabAttempts][0]+1, l.tabs.y))
		s.settle()
		s.shows("200 OK  in 12ms")
		s.send(click(1, l.tabs.y)) // the number is no tab
		s.send(click(tabs[tabPayload][0]+1, l.tabs.y))
		s.send(click(5, l.detail.y+3))
		s.send(click(5, l.detail.y+3)) // folds
		s.settle()
		s.shows("▸ repo")
		s.send(tea.MouseWheelMsg{X: 5, Y: l.list.y + 1, Button: tea.MouseWheelUp})
		s.settle()
		if got := s.m.selectedRow().N; got != want-3 {
			t.Errorf("the wheel went from #%d to #%d", want, got)
		}
		s.press("t")
		l = s.m.layout()
		s.send(click(5, l.menu.y+2))
		s.settle()
		s.did("triggered repo.delete")
		s.sound()
	})
}

func TestTheAppsOutputIsShownSafely(t *testing.T) {
	onScreen(t, 80, 24, func(w *world) {
		many(2)(w)
		for i := 1; i <= 40; i++ {
			w.app = append(w.app, AppLine{Rev: int64(i), At: noon, Stderr: i%2 == 0, Text: fmt.Sprintf("\x1b[31mline %d\x1b[m \x1b]52;c;eA==\x07 \u202e", i)})
		}
	}, func(s *screen) {
		s.press("shift+tab")
		s.shows("app  40 lines of its output", `12:00:00 err line 40`, "out line 39")
		s.sound()
		s.world.app = append(s.world.app, AppLine{Rev: 41, At: noon, Text: "ready"})
		s.world.signal()
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

func TestWhatIsTooLongForATerminalIsNotCopiedByIt(t *testing.T) {
	onScreen(t, 100, 24, func(w *world) {
		e := delivery(1)
		e.Body = []byte(`"` + strings.Repeat("x", maxClipboard) + `"`)
		w.put(e)
	}, func(s *screen) {
		s.press("c", "b")
		s.did("copied \"xxx")
		s.world.fail = errors.New("no clipboard")
		s.press("c", "b")
		s.shows("copy its body: no clipboard; s saves it")
		s.press("c", "c")
		s.m.cfg.Actions.Copy = nil
		s.press("c", "b")
		s.shows("more than a terminal takes; s saves it")
		s.press("c", "u")
		s.shows("names no address")
	})
}

func TestFaultsAreReadAsTheyAreWritten(t *testing.T) {
	f, err := parseFault("delay 1m drop next 2 for is:replay or not")
	if err != nil || f.Delay.Minutes() != 1 || !f.Drop || f.Times != 2 || f.Filter.String() != "is:replay or not" {
		t.Errorf("got %+v, %v", f, err)
	}
	for _, s := range []string{"", "delay", "delay 5", "next 0", "99", "600", "500 for jq:|"} {
		if _, err := parseFault(s); err == nil {
			t.Errorf("%q was taken for a fault", s)
		}
	}
	var wrong *filter.Error
	if _, err := parseFault("500 for foo:x"); !errors.As(err, &wrong) {
		t.Errorf("a wrong filter is said to be %v", err)
	}
}
