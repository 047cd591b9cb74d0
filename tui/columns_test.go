package tui

import (
	"fmt"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

func TestColumnsAreAsWideAsTheRowsInSightNeed(t *testing.T) {
	events := func(w *fakeSession) {
		for i := 1; i <= 6; i++ {
			e := delivery(i)
			e.Body = fmt.Appendf(nil, `{"event":{"action":"create","scope":"discussion"},"repo":{"type":"model","name":"someone/a-rather-long-name-%d"}}`, i)
			if i == 3 {
				e.DeliveryN = 2
			}
			if i == 4 {
				e.Source, e.ReplayOf, e.Edited, e.Pinned = event.SourceReplay, 14, true, true
			}
			e.ParseRequest()
			w.record(e)
		}
	}
	for _, c := range []struct {
		w, h int
		want []string
	}{
		{80, 24, []string{"2nd", "of 14 edited pinned"}},
		{110, 24, []string{"2nd", "of 14 edited pinned", "someone/a-rather-long"}},
		{130, 24, []string{"2nd delivery", "replay of 14 edited pinned", "someone/a-rather-long-name-4"}},
		{200, 50, []string{"2nd", "of 14 edited pinned", "someone/a-rather-long-name-4"}},
		{149, 50, []string{"2nd delivery", "replay of 14 edited pinned", "model:someone/a-rather-long-name-4"}},
	} {
		onScreen(t, c.w, c.h, events, func(s *screen) {
			s.shows(c.want...)
			s.hides("delive…", "rep…", "pinn…")
			s.sound()
		})
	}
}

func TestEventsOfOtherDaysHaveTheirDate(t *testing.T) {
	at := func(i int, at time.Time) *event.Event {
		e := delivery(i)
		e.ReceivedAt = at
		return e
	}
	prepare := func(w *fakeSession) {
		w.record(at(5, noon))
		w.old = []*event.Event{at(4, noon.AddDate(0, 0, -1)), at(3, noon.AddDate(-1, 0, 0))}
	}
	onScreen(t, 80, 24, prepare, func(s *screen) {
		s.shows("› 12:00:00     #5")
		s.press("up")
		s.shows("12:00:00", "Nov 23 12:00     #4", "2025-11-24       #3")
		s.session.now = noon.AddDate(0, 0, 1)
		s.shows("Nov 24 12:00     #5")
		s.send(tea.WindowSizeMsg{Width: 40, Height: 12})
		s.shows("Nov 23 ", "Nov 2025 ")
		s.sound()
	})
}
