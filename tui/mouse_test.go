package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

func TestClicksSelectAndOpen(t *testing.T) {
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
		want := s.m.list.SelectedRow().N
		s.shows(fmt.Sprintf("#%d  Payload", want))
		s.send(click(20, l.list.y+2)) // what is selected opens
		if s.m.focus != paneDetail {
			t.Error("a click on the selected event does not open it")
		}
		tab := func(name string) int {
			row := strings.Split(s.text(), "\n")[l.tabs.y]
			return ansi.StringWidth(row[:strings.Index(row, name)])
		}
		s.send(click(tab("Attempts"), l.tabs.y))
		s.settle()
		s.shows("200 OK  in 12ms")
		s.send(click(1, l.tabs.y)) // the number is no tab
		s.send(click(tab("Payload"), l.tabs.y))
		s.send(click(5, l.detail.y+3))
		s.send(click(5, l.detail.y+3)) // folds
		s.settle()
		s.shows("▸ repo")
		s.send(tea.MouseWheelMsg{X: 5, Y: l.list.y + 1, Button: tea.MouseWheelUp})
		s.settle()
		if got := s.m.list.SelectedRow().N; got != want-3 {
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
