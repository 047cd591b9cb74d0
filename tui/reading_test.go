package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

func TestASearchMarksItsHitsAndCountsThem(t *testing.T) {
	onScreen(t, 120, 40, func(w *fakeSession) {
		e := delivery(1)
		e.Body = []byte(`{"needle":1,"b":{"c":"a needle in hay"},"d":["NEEDLE"],"e":2}`)
		w.record(e)
		for i := range 9 {
			w.app = append(w.app, AppLine{Rev: int64(i + 1), At: noon, Text: fmt.Sprintf("\x1b[31mline\x1b[m %d needle %d", i, i%3)})
		}
	}, func(s *screen) {
		s.press("enter", "/", "needle", "enter")
		s.shows(`"needle" 2 of 3`) // the cursor stood on the first
		s.press("n")
		s.shows(`"needle" 3 of 3`)
		s.press("n")
		s.shows(`"needle" 1 of 3`)
		s.press("N")
		s.shows(`"needle" 3 of 3`)
		content, _, _ := s.m.compose()
		if n := strings.Count(content, "\x1b[1;7;33mneedle"); n != 2 {
			t.Errorf("%d hits are marked, want 2 beside the selected one:\n%q", n, content)
		}
		s.press("a", "g", "/", "needle 2", "enter")
		s.shows(`"needle 2" 1 of 3`)
		s.press("N")
		s.shows(`"needle 2" 3 of 3`)
		s.press("/", "nothing like it", "enter")
		s.shows("was not found")
		s.sound()
	})
}

func TestBodiesAreShownAsTheyCame(t *testing.T) {
	onScreen(t, 120, 40, func(w *fakeSession) {
		e := delivery(1)
		e.Body = []byte(`{"a":{"b":1},"c":"x\u00e9"}`)
		e.Attempts[0].Body = []byte(`{"ok":{"deep":true}}`)
		w.record(e)
	}, func(s *screen) {
		s.shows("▾ a:")
		s.press("V")
		s.shows(`{"a":{"b":1},"c":"x\u00e9"}`, "raw  line 1 of 1")
		s.hides("▾ a:")
		s.press("3")
		s.shows(`{"ok":{"deep":true}}`)
		s.press("V")
		s.shows(`  "deep": true`)
		s.press("1")
		s.shows("▾ a:")
	})
}

func TestAPaneIsZoomed(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {200, 50}, {80, 24}} {
		onScreen(t, size[0], size[1], many(30), func(s *screen) {
			tabs := func() bool { return s.m.layout().tabs.h > 0 }
			usual := s.m.layout()
			s.press("+")
			s.sound()
			s.press("+", "+")
			if tabs() {
				t.Errorf("%v: the list is not alone:\n%s", size, s.text())
			}
			s.press("_", "_", "_")
			s.sound()
			s.press("+")
			if got := s.m.layout(); got != usual {
				t.Errorf("%v: %v became %v", size, usual, got)
			}
			s.press("enter", "+", "+")
			if !tabs() || s.m.layout().list.h > 0 {
				t.Errorf("%v: the event is not alone:\n%s", size, s.text())
			}
			s.press("esc")
			if s.m.layout().list.h == 0 {
				t.Errorf("%v: the list has the focus and is not there", size)
			}
			s.sound()
		})
	}
}

func TestTheBellRingsAtAFailureIfItIsWanted(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		onScreen(t, 80, 24, many(2), func(s *screen) {
			s.m.cfg.Bell = wanted
			rung := func() int {
				n := 0
				for _, msg := range s.sent {
					if raw, ok := msg.(tea.RawMsg); ok && fmt.Sprint(raw.Msg) == "\a" {
						n++
					}
				}
				return n
			}
			s.session.record(delivery(3))
			s.settle()
			before := rung()
			e := delivery(4)
			e.Attempts[0].Status = 500
			s.session.record(e)
			s.settle()
			if got := rung() - before; before != 0 || got != map[bool]int{true: 1, false: 0}[wanted] {
				t.Errorf("it rang %d times before and %d times after", before, got)
			}
		})
	}
}

func TestDiffShowsTheChangeAndEnterBothWhole(t *testing.T) {
	head, tail := strings.Repeat("the same beginning ", 30), strings.Repeat(" and the same end", 30)
	onScreen(t, 120, 50, func(w *fakeSession) {
		for i, word := range []string{"quick", "slow"} {
			e := delivery(8)
			e.N, e.Kind = int64(i+1), event.Kind("discussion.comment.create")
			e.Body = []byte(`{"event":{"action":"create","scope":"discussion.comment"},"n":` + fmt.Sprint(i) + `,"text":"` + head + word + tail + `"}`)
			e.ParseRequest()
			w.record(e)
		}
	}, func(s *screen) {
		s.press("5")
		s.shows("~ .text  enter shows both whole", "  - …", "quick and the", "  + …", "slow and the", "~ .n 0 → 1")
		if n := strings.Count(s.text(), "the same beginning"); n > 2 {
			t.Errorf("the same beginning is shown %d times:\n%s", n, s.text())
		}
		content, _, _ := s.m.compose()
		if !strings.Contains(content, "mquick\x1b[m\x1b[31m and") || !strings.Contains(content, "mslow\x1b[m\x1b[32m and") {
			t.Errorf("the changed word is not marked: %q", content)
		}
		s.press("enter")
		if n := strings.Count(s.text(), "the same beginning"); n < 20 {
			t.Errorf("the whole is not shown:\n%s", s.text())
		}
		s.press("enter")
		s.shows("enter shows both whole")
	})
}
