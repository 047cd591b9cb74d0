package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
)

func many(n int) func(*fakeSession) {
	return func(w *fakeSession) {
		for i := 1; i <= n; i++ {
			w.record(delivery(i))
		}
	}
}

func TestTheListFollowsUntilTheUserMovesAway(t *testing.T) {
	onScreen(t, 80, 24, many(30), func(s *screen) {
		s.shows("› 12:03:30    #30", "30/30")
		s.session.record(delivery(31))
		s.settle()
		s.shows("#31", "31/31")
		s.press("up", "up")
		s.shows("› 12:03:23    #29")
		for i := 32; i <= 43; i++ {
			s.session.record(delivery(i))
			if i == 36 {
				s.settle()
			}
		}
		s.settle()
		s.shows("› 12:03:23    #29", "12 new ↓")
		s.press("G")
		s.shows("› 12:05:01    #43", "43/43")
		s.hides("new ↓")
		s.session.record(delivery(44))
		s.settle()
		s.shows("› 12:05:08    #44")
	})
}

func TestTheListWaitsWhileAnEventIsRead(t *testing.T) {
	onScreen(t, 120, 40, many(5), func(s *screen) {
		s.press("enter")
		s.session.record(delivery(6))
		s.settle()
		s.shows("#5  Payload", "1 new ↓")
		s.press("esc", "G")
		s.shows("#6  Payload")
		s.press("enter", "esc") // nothing came meanwhile: it follows as before
		s.session.record(delivery(7))
		s.settle()
		s.shows("#7  Payload")
	})
}

func TestAChangeOfAnEventIsShownInItsRow(t *testing.T) {
	onScreen(t, 80, 24, func(w *fakeSession) {
		e := delivery(1)
		e.Attempts, e.Phase, e.Answer = nil, event.PhaseOpen, event.Answer{}
		w.record(e)
		w.record(delivery(2)) // is selected, so that the other's row is kept
	}, func(s *screen) {
		s.shows("whisper-tiny  …")
		e := delivery(1)
		e.Attempts[0].Status = 503
		s.session.record(e)
		s.settle()
		s.shows("FAIL 503")
		s.shows("2/2")
	})
}

func TestTheAnswerIsShownOnlyIfSomebodyWaitsForIt(t *testing.T) {
	onScreen(t, 80, 24, func(w *fakeSession) {
		for i, change := range []func(*event.Event){
			func(e *event.Event) { e.Answer = event.Answer{} },                                               // on its way
			func(e *event.Event) { e.Answer.Status = 0 },                                                     // the connection was closed on purpose
			func(e *event.Event) { e.Answer, e.Source, e.ReplayOf = event.Answer{}, event.SourceReplay, 1 },  // nobody asked
			func(e *event.Event) { e.Answer, e.Source = event.Answer{}, event.SourceTrigger },                // nor here
			func(e *event.Event) { e.Answer, e.Phase, e.Attempts = event.Answer{}, event.PhasePending, nil }, // killed before
			func(e *event.Event) { e.Answer.Status, e.BodyCut, e.Targets, e.Attempts = 413, true, nil, nil }, // refused
		} {
			e := delivery(i + 1)
			change(e)
			w.record(e)
		}
	}, func(s *screen) {
		var answers []string
		column := 0
		for l := range strings.SplitSeq(s.text(), "\n") {
			if at := strings.Index(l, " hub "); at >= 0 {
				column = ansi.StringWidth(l[:at+1])
			}
			if column > 0 && strings.Contains(l, "#") {
				answers = append(answers, strings.TrimSpace(ansi.Cut(l, column, column+4)))
			}
		}
		if got := strings.Join(answers, " "); got != "… – – – – 413" {
			t.Errorf("the answers are %s:\n%s", got, s.text())
		}
	})
}

func TestAnIncompleteAnswerIsAFailureWithAReason(t *testing.T) {
	for reason, want := range map[string]string{
		"": "FAIL 500", "the answer was cut short after 5 of 100 bytes: connection closed": "FAIL 500 cut short",
	} {
		onScreen(t, 120, 24, func(w *fakeSession) {
			e := delivery(1)
			e.Attempts[0].Status, e.Attempts[0].Err = 500, reason
			w.record(e)
		}, func(s *screen) { s.shows(want + " 12ms") })
	}
}

func TestAnErrorInAnAnswerOf2xxIsShown(t *testing.T) {
	for _, width := range []int{120, 80} {
		onScreen(t, width, 40, func(w *fakeSession) {
			e := delivery(1)
			e.Attempts[0].Body = []byte(`[{"error":"incorrect secret"},400]`)
			w.record(e)
		}, func(s *screen) {
			s.shows("200 ERROR IN BODY")
			s.press("tab", "tab", "tab")
			s.shows("200 OK, ERROR IN BODY  in 12ms", "incorrect secret")
		})
	}
}

func TestAnEventWithAnIncompleteBodyIsNotEdited(t *testing.T) {
	onScreen(t, 120, 24, func(w *fakeSession) {
		e := delivery(1)
		e.Answer.Status, e.BodyCut, e.Targets, e.Attempts = 413, true, nil, nil
		w.record(e)
	}, func(s *screen) {
		s.m.cfg.Editor = []string{"no-such-editor"}
		s.press("e")
		s.settle()
		s.shows("edit #1: only the beginning of its body was kept")
	})
}

func TestStatesAreShownAmongTheEvents(t *testing.T) {
	onScreen(t, 80, 24, many(2), func(s *screen) {
		s.session.state(event.State{At: noon.Add(20 * time.Second), Subject: event.SubjectTunnel, Name: "https://x", State: "down", Detail: "session closed\x1b[2J"})
		s.settle()
		s.shows("12:00:20   tunnel https://x down: session closed␛[2J")
		s.press("enter") // there is nothing to open
		s.sound()
	})
}

func TestStatesDoNotTakeTheSelectionFromTheNewestEvent(t *testing.T) {
	onScreen(t, 80, 24, nil, func(s *screen) {
		state := func(detail string) {
			s.session.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://x", State: "down", Detail: detail})
			s.settle()
		}
		state("before all")
		s.shows("› 12:00:00   tunnel https://x down: before all")
		for i := 1; i <= 30; i++ {
			s.session.record(delivery(i))
		}
		s.settle()
		state("one")
		state("two")
		s.shows("› 12:03:30    #30", "down: one", "down: two")
		s.press("space")
		s.shows("*12:03:30    #30", "› 12:00:00   tunnel https://x down: one")
		s.press("space")
		s.shows("only events can be marked", "› 12:00:00   tunnel https://x down: one", "1 marked")
		s.press("G")
		s.session.record(delivery(31))
		s.settle()
		s.shows("› 12:03:37    #31")
		for range 40 {
			state("many")
		}
		s.shows("› 12:03:37    #31")
		s.press("G")
		s.session.record(delivery(32))
		s.settle()
		s.shows("› 12:03:44    #32")
		s.sound()
	})
}

func TestStatesAreNotCountedAsEvents(t *testing.T) {
	onScreen(t, 80, 24, func(w *fakeSession) {
		w.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://x", State: "up"})
		many(3)(w)
		w.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://x", State: "down"})
	}, func(s *screen) {
		s.shows("following 3/3")
		s.press("g")
		s.shows("0/3") // on the state before all
		s.press("j")
		s.shows("1/3")
		s.session.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://x", State: "up"})
		s.settle()
		s.hides("new ↓")
		s.session.record(delivery(4))
		s.settle()
		s.shows("1 new ↓")
		s.press("/", "n:>=2", "enter")
		s.shows("filter n:>=2  3 of 4")
	})
}

func TestOlderEventsAreReadAPageAtATime(t *testing.T) {
	onScreen(t, 80, 24, func(w *fakeSession) {
		for i := 1001; i <= 1010; i++ {
			w.record(delivery(i))
		}
		for i := 1000; i > 0; i-- {
			e := delivery(i)
			e.Session = "earlier"
			w.old = append(w.old, e)
		}
	}, func(s *screen) {
		s.press("g")
		s.shows("#1001", "1/10")
		s.press("up")
		s.shows("500 older events")
		s.press("up") // the line between the sessions
		s.press("up")
		s.shows("› 13:56:40  #1000", "500/510")
		s.press("g", "up", "g", "up")
		s.press("g")
		s.shows("› 12:00:07     #1", "1/1,010")
		s.press("up")
		s.sound()
		s.press("enter")
		s.shows("event:")
	})
}

func TestActionsApplyToMarkedEvents(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.press("g", "space", "space", "down", "space")
		s.shows(" *12:00:07", "3 marked")
		s.press("r")
		s.did("replayed [1 2 4] 1 times")
		s.press("s", "n")
		s.did("saved [1 2 4] as ndjson")
		s.press("p")
		s.did("pinned [1 2 4] true")
		s.press("p")
		s.did("pinned [1 2 4] false")
		s.press("esc", "r")
		s.did("replayed [5] 1 times")
	})
}

func TestColumnsThatSayNothingNewMakeRoomForTheSummary(t *testing.T) {
	events := func(change func(*event.Event)) func(*fakeSession) {
		return func(w *fakeSession) {
			e := delivery(1)
			e.Body = []byte(`{"event":{"action":"create","scope":"discussion.comment"},"repo":{"type":"model","name":"me/m"},"discussion":{"num":7,"title":"A title"},"comment":{"content":"please merge"}}`)
			change(e)
			e.ParseRequest()
			w.record(e)
		}
	}
	onScreen(t, 140, 30, events(func(*event.Event) {}), func(s *screen) {
		s.shows("summary", "#7 A title: please merge")
		s.hides("secret  ", " hub ")
	})
	onScreen(t, 140, 30, events(func(e *event.Event) { e.Verdict = event.VerdictWrong }), func(s *screen) { s.shows("secret  ", "BAD SECRET", "#7 A title") })
	onScreen(t, 140, 30, events(func(e *event.Event) { e.Answer.Status = 502 }), func(s *screen) { s.shows(" hub ", "502", "#7 A title") })
}
