package tui

import (
	"errors"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
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
		{[]string{"R", "1"}, `replayed [5] 1 times to "http://127.0.0.1:3000/hook"`},
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
	onScreen(t, 100, 30, func(w *fakeSession) {
		many(3)(w)
		w.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://x", State: "down"})
		w.status.Targets = append(w.status.Targets, TargetStatus{Name: "http://127.0.0.1:4000/"})
	}, func(s *screen) {
		s.press("j", "R")
		s.shows("f  all failed (0 here), not delivered since", "n  #3, the newest, several times", "1  #3, the newest, to :3000/hook only", "2  #3, the newest, to :4000 only", "u  #3, the newest, to another target")
		s.press("2")
		s.did(`replayed [3] 1 times to "http://127.0.0.1:4000/"`)
	})
}

func TestAnErrorStaysAtTheFootUntilTheNextKey(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.session.fail = errors.New("no such target\x1b[31m")
		s.press("r")
		s.shows("replay #5: no such target␛[31m")
		s.session.record(delivery(6))
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
		{[]string{"F", "o", "ctrl+u", "500 for foo:x", "enter"}, `unknown key "foo"`},
		{[]string{"F", "o", "ctrl+u", "next 3", "enter"}, "is not understood"},
		{[]string{"F", "o", "ctrl+u", "500 next x", "enter"}, `"next x" is not understood`},
		{[]string{"enter", "/", "nowhere to be found", "enter"}, `"nowhere to be found" was not found`},
	} {
		onScreen(t, 120, 24, many(5), func(s *screen) {
			s.press(c.keys...)
			s.shows(c.want)
			if said := s.session.actions(); len(said) > 0 {
				t.Errorf("%q did %q", c.keys, said)
			}
		})
	}
}

func TestActionsThatAreNotAvailableSaySo(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.m.cfg.Actions = Actions{}
		for _, k := range []string{"r", "t", "p", "P", "F", "s", "o", "e"} {
			s.press(k)
			s.shows("this is not to be had here")
		}
	})
}

func TestEscClosesWhatIsOpen(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		for _, keys := range [][]string{{"t"}, {"F"}, {"c"}, {"s"}, {"R"}, {"R", "n"}, {"F", "o"}, {"/"}, {"?"}, {"enter", "/"}, {"enter", "c"}} {
			s.press(keys...)
			s.press("esc", "esc")
			s.shows("enter open", "5/5")
		}
		if said := s.session.actions(); len(said) > 0 {
			t.Errorf("it did %q", said)
		}
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
