package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

func TestMarksAreSetForAllThatIsShown(t *testing.T) {
	onScreen(t, 100, 30, many(5), func(s *screen) {
		s.press("*")
		s.shows("5 marked")
		s.press("*")
		s.hides("marked")
		s.press("g", "space", "!")
		s.shows("4 marked")
		s.press("r")
		s.did(`replayed [2 3 4 5] 1 times to ""`)
	})
}

func TestWhatTheFilterHidesIsNotActedOnInSilence(t *testing.T) {
	onScreen(t, 100, 30, many(5), func(s *screen) {
		s.press("g", "space", "/", "n:4..5", "enter", "r") // the mark is on #1
		s.shows("replay #1, hidden by the filter?")
		if did := s.session.actions(); len(did) > 0 {
			t.Errorf("did %q", did)
		}
		s.press("n", "space", "r")
		s.shows("replay 2 events, 1 of them hidden by the filter?")
		s.press("y")
		s.did("replayed [1 ")
	})
}

func TestManyEventsAreActedOnAfterAQuestion(t *testing.T) {
	onScreen(t, 100, 40, many(25), func(s *screen) {
		s.press("*", "r")
		s.shows("replay 25 events?")
		s.press("esc")
		if did := s.session.actions(); len(did) > 0 {
			t.Errorf("did %q", did)
		}
		s.press("*", "R", "a")
		s.shows("replay 25 events?")
		s.press("y")
		s.did("replayed [1 2 3 ")
	})
}

func TestReplaysOfferSetsOfEvents(t *testing.T) {
	onScreen(t, 100, 40, func(w *fakeSession) {
		many(3)(w)
		e := delivery(4)
		e.Attempts, e.Phase = nil, event.PhasePending
		w.record(e)
	}, func(s *screen) {
		s.press("R")
		s.shows("all failed (0 here), not delivered since", "all pending, never handed over (1)", "all shown (4)")
		s.press("p")
		s.did(`replayed [4] 1 times to ""`)
	})
}

func TestReplaysOfFailuresKeepToTheFilter(t *testing.T) {
	onScreen(t, 100, 40, func(w *fakeSession) {
		for i := 1; i <= 4; i++ {
			e := delivery(i)
			e.Attempts[0].Status = 500
			if i > 2 {
				e.Repo.Name = "me/other"
			}
			w.record(e)
		}
	}, func(s *screen) {
		s.press("/", "repo:me/other", "enter", "R")
		s.shows("f  all failed of those shown (2)")
		s.press("f")
		s.did(`replayed [3 4] 1 times to ""`)
	})
}

// A key that was meant for the event before does nothing to one that has just come.
func TestAKeyDoesNotApplyToAnEventThatHasJustArrived(t *testing.T) {
	onScreen(t, 100, 30, many(5), func(s *screen) {
		s.session.record(delivery(6))
		for s.m.list.SelectedRow().N != 6 {
			s.send(<-s.msgs)
		}
		s.send(keyPresses("r")[0])
		s.shows("#6 has just arrived: press the key again to replay it")
		s.press("r")
		s.did("replayed [6]")
	})
	onScreen(t, 100, 30, many(5), func(s *screen) {
		s.session.record(delivery(6))
		s.settle() // seconds pass
		s.press("r")
		s.did("replayed [6]")
	})
}

func TestFollowingIsSwitchedAndShown(t *testing.T) {
	onScreen(t, 100, 30, many(5), func(s *screen) {
		s.shows("following 5/5")
		s.press("f")
		s.hides("following")
		s.session.record(delivery(6))
		s.settle()
		s.shows("› 12:00:35     #5", "1 new ↓")
		s.press("f")
		s.shows("› 12:00:42     #6", "following 6/6")
		s.press("up", "down") // the selection stays where the user put it
		s.session.record(delivery(7))
		s.settle()
		s.shows("› 12:00:42     #6", "1 new ↓")
	})
}

func TestEventsAreReachedByTheirNumbersAndOneAfterTheOther(t *testing.T) {
	onScreen(t, 100, 40, func(w *fakeSession) {
		many(3)(w)
		w.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://x", State: "down"})
		w.record(delivery(4))
	}, func(s *screen) {
		s.press("#", "2", "enter")
		s.shows("#2  Payload")
		s.press("enter", "J")
		s.shows("#3  Payload")
		s.press("J") // past the state
		s.shows("#4  Payload")
		s.press("J")
		s.shows("there is no further event")
		s.press("K", "K")
		s.shows("#2  Payload")
		s.press("esc", "#", "77", "enter")
		s.shows("#77 is not in the list")
		s.press("#", "x", "enter")
		s.shows(`"x" is not an event number`)
	})
}

func TestQuittingAsksBeforeWorkIsLost(t *testing.T) {
	quits := func(s *screen) bool {
		for _, msg := range s.sent {
			if _, ok := msg.(tea.QuitMsg); ok {
				return true
			}
		}
		return false
	}
	onScreen(t, 100, 40, many(3), func(s *screen) {
		s.press("enter", "q") // only back
		if quits(s) {
			t.Error("q in the detail quits")
		}
		s.press("q")
		if !quits(s) {
			t.Error("q in the list does not quit")
		}
	})
	onScreen(t, 100, 40, many(3), func(s *screen) {
		s.session.status.AppRuns, s.session.status.Queued = true, 3
		s.session.signal()
		s.settle()
		s.press("q")
		s.shows("quit? the app is running, 3 events waiting")
		s.press("n")
		if quits(s) {
			t.Error("no quits")
		}
		s.press("q", "y")
		if !quits(s) {
			t.Error("yes does not quit")
		}
	})
}

func TestOlderSessionsAreSeparatedByALine(t *testing.T) {
	for _, by := range []string{"key", "wheel"} {
		t.Run(by, func(t *testing.T) {
			onScreen(t, 100, 40, func(w *fakeSession) {
				e := delivery(5)
				w.record(e)
				for i := 4; i > 2; i-- {
					old := delivery(i)
					old.Session = "0123456789abcdef"
					w.old = append(w.old, old)
				}
			}, func(s *screen) {
				if by == "key" {
					s.press("up")
				} else {
					s.send(tea.MouseWheelMsg{X: 1, Y: 5, Button: tea.MouseWheelUp})
					s.settle()
				}
				s.shows("#3", "#4", "session 0123456789abcdef ended: its events are above", "#5", "2 older events")
			})
		})
	}
}

func TestWhatTheFootHasShownCanBeReadAgain(t *testing.T) {
	onScreen(t, 100, 40, many(3), func(s *screen) {
		s.session.fail = fmt.Errorf("the target hung up")
		s.press("r", "down", "E")
		s.shows("what the foot of the screen has shown", "12:00:00 replay #3: the target hung up")
		s.press("esc")
		s.hides("what the foot")
	})
}

func TestAnOpenPageIsWrappedAnewWhenTheWindowChanges(t *testing.T) {
	sizes := []tea.WindowSizeMsg{{Width: 30, Height: 60}, {Width: 100, Height: 40}, {Width: 60, Height: 20}}
	for _, key := range []string{"?", "E"} {
		onScreen(t, 100, 40, many(3), func(s *screen) {
			s.session.fail = errors.New(strings.Repeat("long ", 30))
			s.press("r", key)
			for _, size := range sizes {
				s.send(size)
				s.sound()
				resized := s.text()
				s.press("esc", key)
				if opened := s.text(); resized != opened {
					t.Errorf("%s in %d×%d is\n%s\nand not\n%s", key, size.Width, size.Height, resized, opened)
				}
			}
		})
	}
}

func TestCopiesOfSeveralEventsAndOfAnswers(t *testing.T) {
	for _, c := range []struct {
		keys []string
		did  string
	}{
		{[]string{"c", "a"}, `copied {"ok":true}`},
		{[]string{"c", "A"}, "copied Content-Type: application/json"},
		{[]string{"c", "h"}, "copied Content-Type: application/json\nUser-Agent: huggingface/webhooks\nWebhook-Id: d-3\nX-Webhook-Secret: ***"},
		{[]string{"c", "w"}, "copied https://tap.ngrok.app/hf-tap/4f1c"},
		{[]string{"c", "i"}, "copied 65a14fd933eca76f4639fc84"},
		{[]string{"g", "space", "space", "c", "u"}, "copied https://huggingface.co/me/whisper-tiny\nhttps://huggingface.co/me/whisper-tiny"},
	} {
		onScreen(t, 100, 40, many(3), func(s *screen) {
			s.press(c.keys...)
			s.did(c.did)
		})
	}
}

func TestTheUsersOwnEventsAreNoLoop(t *testing.T) {
	w := &botWatch{}
	for i := range 30 {
		r := &event.Row{N: int64(i + 1), At: noon.Add(time.Duration(i) * time.Second), Kind: "discussion.comment.create", Repo: "model:me/m", Verdict: event.VerdictOK, Source: event.SourceTrigger}
		if recent := w.add(r); recent != nil {
			t.Fatalf("%d comments count", len(recent))
		}
	}
}

func TestTheEndOfALongErrorStays(t *testing.T) {
	onScreen(t, 60, 20, many(3), func(s *screen) {
		s.session.fail = fmt.Errorf("%s: connect: connection refused", strings.Repeat("long ", 90))
		s.press("r")
		s.shows("replay #3: long", "…", "connection refused")
		s.sound()
	})
}

func TestALongNoteTakesSeveralLines(t *testing.T) {
	onScreen(t, 40, 12, many(3), func(s *screen) {
		s.m.cfg.Feed.App = nil
		s.press("a")
		s.shows("there is no app: hf-tap listen … --", "COMMAND starts one")
		s.sound()
		s.press("?")
		s.shows("esc closes the help  ↑ ↓ scroll")
		s.press("esc", "t")
		s.shows("trigger on model:m…  1 of 11  esc leaves")
	})
}

func TestWhatToDoInAnEmptyListIsReadWhole(t *testing.T) {
	onScreen(t, 40, 14, many(2), func(s *screen) {
		s.press("/", "nowhere", "enter")
		s.shows("no event fits the filter", "esc drops it; ↑ searches in older", "events and sessions")
		s.sound()
	})
}

func TestTheFootOffersOnlyWhatDoesSomething(t *testing.T) {
	onScreen(t, 120, 40, func(w *fakeSession) {
		w.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://x", State: "up"})
	}, func(s *screen) {
		s.m.cfg.Feed.App = nil
		s.shows("tunnel https://x up", "nothing has arrived yet", "t triggers an event", "t trigger", "? help", "q quit")
		s.hides("enter open", "space mark", "tab next", "r replay", "c copy")
		s.session.record(delivery(1))
		s.settle()
		s.hides("nothing has arrived yet")
		s.shows("enter open", "space mark", "tab next", "r replay", "c copy")
	})
	onScreen(t, 120, 40, many(3), func(s *screen) {
		s.press("s")
		s.shows("the body alone")
		s.press("esc", "*", "s")
		s.hides("the body alone") // of several events
	})
}

func TestAFaultThatIsNotOneCanBePutRight(t *testing.T) {
	onScreen(t, 100, 30, many(3), func(s *screen) {
		s.press("F", "o", "ctrl+u", "5oo next 2", "enter")
		s.shows(`"5oo" is not understood`, "fault: 5oo next 2")
		s.press("home", "delete", "delete", "delete", "500", "enter")
		s.did("fault 500 0s false 2")
	})
}
