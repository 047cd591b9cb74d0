package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

func TestTheReasonOfATroubleIsCutAndNotLeftOut(t *testing.T) {
	cause := "the account may run one agent at a time, and another one is running since this morning: stop it, or log in with another account, then r tries again (ERR_NGROK_107)"
	for _, w := range []int{60, 80, 110, 150} {
		for _, most := range []int{1, 5} {
			h := header{zone: time.UTC, status: newWorld().status}
			h.status.Tunnel = Health{State: "away", Since: noon, Cause: cause}
			got := h.lines(w, most)[0]
			for _, want := range []string{"hf-tap ● away", "the account", "…", "(ERR_NGROK_107)"} {
				if !strings.Contains(got.PlainText(), want) || got.Width() > w {
					t.Errorf("%d cells, %d lines: %q lacks %q", w, most, got.PlainText(), want)
				}
			}
			h.status.Tunnel = Health{State: "up", Since: noon}
			h.status.Check = Check{At: noon, Err: strings.Repeat("no answer from there ", 9)}
			if got := h.lines(w, most)[0].PlainText(); !strings.Contains(got, "check at 12:00:00 failed: no") && !strings.Contains(got, "check FAILED") {
				t.Errorf("%d cells: %q does not say what failed", w, got)
			}
		}
	}
}

func TestColumnsAreAsWideAsTheRowsInSightNeed(t *testing.T) {
	world := func(w *world) {
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
			w.put(e)
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
		onScreen(t, c.w, c.h, world, func(s *screen) {
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
	prepare := func(w *world) {
		w.put(at(5, noon))
		w.old = []*event.Event{at(4, noon.AddDate(0, 0, -1)), at(3, noon.AddDate(-1, 0, 0))}
	}
	onScreen(t, 80, 24, prepare, func(s *screen) {
		s.shows("› 12:00:00     #5")
		s.press("up")
		s.shows("12:00:00", "Nov 23 12:00     #4", "2025-11-24       #3")
		s.world.now = noon.AddDate(0, 0, 1)
		s.shows("Nov 24 12:00     #5")
		s.send(tea.WindowSizeMsg{Width: 40, Height: 12})
		s.shows("Nov 23 ", "Nov 2025 ")
		s.sound()
	})
}
