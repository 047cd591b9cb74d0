package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

func TestTheReasonOfAFailureIsCutButNotLeftOut(t *testing.T) {
	cause := "the account may run one agent at a time, and another one is running since this morning: stop it, or log in with another account, then r tries again (ERR_NGROK_107)"
	for _, w := range []int{60, 80, 110, 150} {
		for _, most := range []int{1, 5} {
			h := header{zone: time.UTC, status: newFakeSession().status}
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

func TestTheHeaderShowsWhatIsWrongAndSinceWhen(t *testing.T) {
	onScreen(t, 140, 40, many(1), func(s *screen) {
		st := &s.session.status
		s.shows("● up", "https://tap.ngrok.app/hf-tap/4f1c", "ngrok since 11:50:00", "checked 11:51:00 in 82ms", "webhook  model:me/whisper-tiny", "p50 12ms  p95 12ms", "12 deliveries", ":3000/hook answered 200 at 11:55:00")
		s.hides("PAUSED", "FAULT", "LOOP")
		st.Tunnel = Health{State: "down", Since: noon, Cause: "ERR_NGROK_108"}
		st.Check = Check{At: noon, Err: "no route"}
		st.Webhook = Health{State: "suspended", Cause: "the Hub gave up"}
		st.Deliveries = 800
		st.Targets = append(st.Targets, TargetStatus{Name: "http://127.0.0.1:4000/", At: noon, Down: true, Err: "dial tcp: connection refused", Queued: 3}, TargetStatus{Name: "http://127.0.0.1:5000/"})
		st.Paused, st.PausedSince, st.Queued = true, noon, 7
		st.Fault, st.FaultLeft = &Fault{Status: 503, Delay: 2 * time.Second}, 2
		s.session.signal()
		s.settle()
		s.shows("● down", "ERR_NGROK_108", "check at 12:00:00 failed: no route", "suspended: the Hub gave up", "800 of 1,000 deliveries a day",
			":4000 refused at 12:00:00, 3 waiting", ":5000 not tried yet", "PAUSED since 12:00:00: 7 events queued", "FAULT: the next 2 deliveries: answered 503 after 2.0s")
		s.send(tea.WindowSizeMsg{Width: 40, Height: 12})
		s.shows("PAUSED", "FAULT", "● down")
		st.WebhookID, st.Deliveries = "", 799
		s.send(tea.WindowSizeMsg{Width: 140, Height: 40})
		s.session.signal()
		s.settle()
		s.shows("webhook made by hand", "799 deliveries")
	})
}

func TestTheHeaderShowsTheLastResultOfATarget(t *testing.T) {
	for _, c := range []struct {
		status TargetStatus
		want   string
	}{
		{TargetStatus{}, ":3000 not tried yet"},
		{TargetStatus{Queued: 2}, ":3000 not tried yet, 2 queued"},
		{TargetStatus{At: noon, Status: 200}, ":3000 answered 200 at 12:00:00"},
		{TargetStatus{At: noon, Status: 500}, ":3000 answered 500 at 12:00:00"},
		{TargetStatus{At: noon, Status: 200, Err: "the answer was cut short after 5 of 100 bytes: connection closed"}, ":3000 answered 200 at 12:00:00, cut short"},
		{TargetStatus{At: noon, Err: "connection reset before an answer"}, ":3000 failed at 12:00:00, reset"},
		{TargetStatus{At: noon}, ":3000 reached at 12:00:00"},
		{TargetStatus{At: noon, Down: true, Err: "connection refused", Queued: 1}, ":3000 refused at 12:00:00, 1 waiting"},
		{TargetStatus{At: noon, Down: true, Err: "no such host"}, ":3000 not reached at 12:00:00, no such host"},
	} {
		c.status.Name = "http://127.0.0.1:3000"
		h := header{zone: time.UTC, status: Status{Targets: []TargetStatus{c.status}}}
		if got := h.lines(120, 9)[2].PlainText(); got != "targets  "+c.want {
			t.Errorf("%+v is shown as %q, want %q", c.status, got, c.want)
		}
	}
}

func TestANarrowHeaderNamesTheHostOfTheAddress(t *testing.T) {
	h := header{zone: time.UTC, status: newFakeSession().status}
	h.status.URL = "https://grown-ape-nicely-seen.ngrok-free.app/hf-tap/0123456789abcdef"
	for _, w := range []int{60, 80} {
		if got := h.lines(w, 5)[0].PlainText(); !strings.Contains(got, "● up  grown-ape-nicely-seen.ngrok-free.app") {
			t.Errorf("%d cells: %q", w, got)
		}
	}
}

func TestMenusOpenInTheSmallestWindow(t *testing.T) {
	onScreen(t, 20, 5, many(2), func(s *screen) {
		s.press("t")
		s.shows("trigger", "1  ")
		s.sound()
		s.press("j", "enter")
		s.did("triggered")
	})
}

// In a window that has room for no list, what takes the keys is shown all the same.
func TestATinyWindowShowsWhatTheKeysGoTo(t *testing.T) {
	for _, size := range [][2]int{{20, 4}, {20, 2}, {20, 1}, {15, 3}, {8, 1}} {
		onScreen(t, size[0], size[1], many(3), func(s *screen) {
			s.session.status.Queued = 3
			s.session.signal()
			s.settle()
			s.press("q")
			s.shows("quit?")
			s.sound()
			s.press("n")
			s.hides("quit?")
			s.press("/", "kind")
			s.shows("kind")
			s.sound()
			s.press("esc", "?")
			s.hides("kind")
			s.sound()
		})
	}
}

func TestARepoWithoutATypeIsItsName(t *testing.T) {
	onScreen(t, 120, 40, func(w *fakeSession) {
		e := delivery(1)
		e.Body = []byte(`{"event":{"action":"update","scope":"repo"},"repo":{"name":"somebody/thing"}}`)
		e.ParseRequest()
		w.record(e)
	}, func(s *screen) {
		s.shows("somebody/thing")
		s.hides(":somebody")
	})
}

func TestAFilterWhoseExpressionFailsSaysSoOnce(t *testing.T) {
	onScreen(t, 120, 40, many(5), func(s *screen) {
		s.press("/", "jq:.body.event.action.x", "enter")
		s.shows("filter jq:.body.event.action.x  0 of 5  the expression fails on 5 events: expected an object but got: string")
		if n := strings.Count(s.text(), "expected an object"); n != 1 {
			t.Errorf("it is shown %d times:\n%s", n, s.text())
		}
	})
}

func TestPreviewsAreCutBetweenCharacters(t *testing.T) {
	onScreen(t, 200, 60, func(w *fakeSession) {
		e := delivery(1)
		e.Body = []byte(`{"a":{"k":"` + strings.Repeat("é", 1000) + `"},"b":"x` + strings.Repeat("한", 1000) + `"}`)
		w.record(e)
	}, func(s *screen) {
		s.hides(`\xc3`, `\xed`, `\xe`)
		s.press("enter", "Z")
		s.hides(`\xc3`, `\xed`, `\xe`)
	})
}
