package tui

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// commenting puts an event whose last value is a text into a world.
func commenting(text string) func(*world) {
	return func(w *world) {
		e := delivery(1)
		e.Body = fmt.Appendf(nil, `{"event":{"action":"create"},"text":%q}`, text)
		e.Size = int64(len(e.Body))
		w.put(e)
	}
}

func TestAnOpenedTextIsReadToItsEnd(t *testing.T) {
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

func TestRowsOfALongTextLoseNothing(t *testing.T) {
	for _, whole := range []string{"", "a", "a\n", "\n\na", "one two three four five", strings.Repeat("x", 31), "你好世界你好世界", "e\u0301e\u0301e\u0301e\u0301 x", "tab\there \x1b[2J", strings.Repeat("👩‍👩‍👧", 5)} {
		for w := 8; w < 12; w++ {
			lt := newLongText(whole, w)
			var b strings.Builder
			for i := range lt.count() {
				row := lt.row(i)
				b.WriteString(row)
				if end := int(lt.ends[i]); end > 0 && lt.text[end-1] == '\n' {
					b.WriteByte('\n')
				}
				if ansi.StringWidth(row) > w {
					t.Errorf("%q: a row of %d cells, want %d: %q", whole, ansi.StringWidth(row), w, row)
				}
			}
			if b.String() != lt.text {
				t.Errorf("rows of %q give %q", lt.text, b.String())
			}
		}
	}
}

// TestATextOfFiveMegabytesScrollsLikeAShortOne: a move costs what the screen
// needs, whatever the text's length. The cost is counted in bytes of memory, as
// any work on the whole text copies it.
func TestATextOfFiveMegabytesScrollsLikeAShortOne(t *testing.T) {
	for name, unit := range map[string]string{"one line": "word ", "lines": "a line\n", "Chinese": "世界"} {
		short, long := scroll(t, strings.Repeat(unit, 512<<10/len(unit))), scroll(t, strings.Repeat(unit, 5<<20/len(unit)))
		if long > 2*short {
			t.Errorf("%s: %d bytes, and in a short text %d", name, long, short)
		}
	}
}

// scroll opens a text, and gives the bytes that moving in it takes.
func scroll(t *testing.T, text string) uint64 {
	t.Helper()
	tr := newTree(fmt.Appendf(nil, `{"text":%q}`, text))
	tr.render(80, 24, true)
	tr.toggle()
	laid := tr.rowsOf(0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tr.move(1 << 30)
	rows, _ := tr.render(80, 24, true)
	for range 300 {
		tr.move(-20)
		rows, _ = tr.render(80, 24, true)
	}
	runtime.ReadMemStats(&after)
	if tr.rowsOf(0) != laid {
		t.Errorf("%.10q…: the text was broken into rows again", text)
	}
	if len(rows) != 24 {
		t.Errorf("%.10q…: %d rows", text, len(rows))
	}
	return after.TotalAlloc - before.TotalAlloc
}
