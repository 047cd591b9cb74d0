package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

func many(n int) func(*world) {
	return func(w *world) {
		for i := 1; i <= n; i++ {
			w.put(delivery(i))
		}
	}
}

func TestTheListFollowsUntilTheUserMovesAway(t *testing.T) {
	onScreen(t, 80, 24, many(30), func(s *screen) {
		s.shows("› 12:03:30    #30", "30/30")
		s.world.put(delivery(31))
		s.settle()
		s.shows("#31", "31/31")
		s.press("up", "up")
		s.shows("› 12:03:23    #29")
		for i := 32; i <= 43; i++ {
			s.world.put(delivery(i))
			if i == 36 {
				s.settle()
			}
		}
		s.settle()
		s.shows("› 12:03:23    #29", "12 new ↓")
		s.press("G")
		s.shows("› 12:05:01    #43", "43/43")
		s.hides("new ↓")
		s.world.put(delivery(44))
		s.settle()
		s.shows("› 12:05:08    #44")
	})
}

func TestTheListWaitsWhileAnEventIsRead(t *testing.T) {
	onScreen(t, 120, 40, many(5), func(s *screen) {
		s.press("enter")
		s.world.put(delivery(6))
		s.settle()
		s.shows("#5  Payload", "1 new ↓")
		s.press("esc", "G")
		s.shows("#6  Payload")
		s.press("enter", "esc") // nothing came meanwhile: it follows as before
		s.world.put(delivery(7))
		s.settle()
		s.shows("#7  Payload")
	})
}

func TestWhatIsThereAtTheStartIsReadToTheEnd(t *testing.T) {
	onScreen(t, 120, 40, many(2*pullLimit+500), func(s *screen) { s.shows("4,500/4,500") })
}

func TestAFeedThatFailsIsAskedAgain(t *testing.T) {
	onScreen(t, 120, 40, many(2), func(s *screen) {
		read := s.m.cfg.Feed.Read
		broken := true
		s.m.cfg.Feed.Read = func(ctx context.Context, limit int) ([]event.Change, error) {
			if broken {
				broken = false
				return nil, errors.New("disk I/O error")
			}
			return read(ctx, limit)
		}
		s.world.put(delivery(3)) // read by what began before
		s.settle()
		s.world.put(delivery(4))
		s.settle()
		s.shows("read what is new: disk I/O error", "#4")
	})
}

func TestAChangeOfAnEventIsShownInItsRow(t *testing.T) {
	onScreen(t, 80, 24, func(w *world) {
		e := delivery(1)
		e.Attempts, e.Phase, e.Answer = nil, event.PhaseOpen, event.Answer{}
		w.put(e)
		w.put(delivery(2)) // is selected, so that the other's row is kept
	}, func(s *screen) {
		s.shows("…    …")
		e := delivery(1)
		e.Attempts[0].Status = 503
		s.world.put(e)
		s.settle()
		s.shows("FAIL 503")
		if s.m.store.len() != 2 {
			t.Errorf("%d rows of two events", s.m.store.len())
		}
	})
}

func TestTheAnswerIsOnlyShownWhereSomebodyAsked(t *testing.T) {
	onScreen(t, 80, 24, func(w *world) {
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
			w.put(e)
		}
	}, func(s *screen) {
		var answers []string
		for l := range strings.SplitSeq(s.text(), "\n") {
			if fields := strings.Fields(strings.TrimLeft(l, "› ")); len(fields) > 4 && strings.HasPrefix(fields[1], "#") {
				answers = append(answers, fields[4])
			}
		}
		if got := strings.Join(answers, " "); got != "… – – – – 413" {
			t.Errorf("the answers are %s:\n%s", got, s.text())
		}
	})
}

func TestAnAnswerThatIsNotWholeIsShownAsAFailureWithItsReason(t *testing.T) {
	for reason, want := range map[string]string{
		"": "FAIL 500", "the answer was cut short after 5 of 100 bytes: connection closed": "FAIL 500 cut short",
	} {
		onScreen(t, 120, 24, func(w *world) {
			e := delivery(1)
			e.Attempts[0].Status, e.Attempts[0].Err = 500, reason
			w.put(e)
		}, func(s *screen) { s.shows(want + " 12ms") })
	}
	if got := shortError("connection closed before an answer"); got != "hung up" {
		t.Errorf("a connection that was closed is %q", got)
	}
}

func TestAnErrorInAnAnswerOf2xxIsShown(t *testing.T) {
	for _, width := range []int{120, 80} {
		onScreen(t, width, 40, func(w *world) {
			e := delivery(1)
			e.Attempts[0].Body = []byte(`[{"error":"incorrect secret"},400]`)
			w.put(e)
		}, func(s *screen) {
			s.shows("200 ERROR IN BODY")
			s.press("tab", "tab", "tab")
			s.shows("200 OK, ERROR IN BODY  in 12ms", "incorrect secret")
		})
	}
}

func TestAnEventWhoseBodyWasCutIsNotEdited(t *testing.T) {
	onScreen(t, 120, 24, func(w *world) {
		e := delivery(1)
		e.Answer.Status, e.BodyCut, e.Targets, e.Attempts = 413, true, nil, nil
		w.put(e)
	}, func(s *screen) {
		s.m.cfg.Editor = []string{"no-such-editor"}
		s.press("e")
		s.settle()
		s.shows("edit #1: only the beginning of its body was kept")
	})
}

func TestChangesOfStateStandAmongTheEvents(t *testing.T) {
	onScreen(t, 80, 24, many(2), func(s *screen) {
		s.world.state(event.State{At: noon.Add(20 * time.Second), Subject: event.SubjectTunnel, Name: "https://x", State: "down", Detail: "session closed\x1b[2J"})
		s.settle()
		s.shows("12:00:20   tunnel https://x down: session closed␛[2J")
		s.press("enter") // there is nothing to open
		s.sound()
	})
}

func TestStatesDoNotTakeTheSelectionFromTheNewestEvent(t *testing.T) {
	onScreen(t, 80, 24, nil, func(s *screen) {
		state := func(detail string) {
			s.world.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://x", State: "down", Detail: detail})
			s.settle()
		}
		state("before all")
		s.shows("› 12:00:00   tunnel https://x down: before all")
		for i := 1; i <= 30; i++ {
			s.world.put(delivery(i))
		}
		s.settle()
		state("one")
		state("two")
		s.shows("› 12:03:30    #30", "down: one", "down: two")
		s.press("space")
		s.shows("*12:03:30    #30", "› 12:00:00   tunnel https://x down: one")
		s.press("space")
		s.shows("only events can be marked", "› 12:00:00   tunnel https://x down: one", "1 marked")
		s.world.put(delivery(31)) // it followed all the time
		s.settle()
		s.shows("› 12:03:37    #31")
		for range 40 {
			state("many")
		}
		s.shows("› 12:03:37    #31")
		s.press("G")
		s.world.put(delivery(32))
		s.settle()
		s.shows("› 12:03:44    #32")
		s.sound()
	})
}

func TestTheHeaderSaysWhatIsWrongAndSinceWhen(t *testing.T) {
	onScreen(t, 140, 40, many(1), func(s *screen) {
		st := &s.world.status
		s.shows("● up", "https://tap.ngrok.app/hf-tap/4f1c", "ngrok since 11:50:00", "checked 11:51:00 in 82ms", "webhook 65a14fd933eca76f4639fc84", "12 deliveries", ":3000/hook answered 200 at 11:55:00")
		s.hides("PAUSED", "FAULT", "LOOP")
		st.Tunnel = Health{State: "down", Since: noon, Cause: "ERR_NGROK_108"}
		st.Check = Check{At: noon, Err: "no route"}
		st.Webhook = Health{State: "suspended", Cause: "the Hub gave up"}
		st.Deliveries = 800
		st.Targets = append(st.Targets, TargetStatus{Name: "http://127.0.0.1:4000/", At: noon, Down: true, Err: "dial tcp: connection refused", Queued: 3}, TargetStatus{Name: "http://127.0.0.1:5000/"})
		st.Paused, st.PausedSince, st.Queued = true, noon, 7
		st.Fault, st.FaultLeft = &Fault{Status: 503, Delay: 2 * time.Second}, 2
		s.world.signal()
		s.settle()
		s.shows("● down", "ERR_NGROK_108", "check at 12:00:00 failed: no route", "suspended: the Hub gave up", "800 of 1,000 deliveries a day",
			":4000 refused at 12:00:00, 3 waiting", ":5000 not tried yet", "PAUSED since 12:00:00: 7 events queued", "FAULT: the next 2 deliveries: answered 503 after 2.0s")
		s.send(tea.WindowSizeMsg{Width: 40, Height: 12})
		s.shows("PAUSED", "FAULT", "● down")
		st.WebhookID, st.Deliveries = "", 799
		s.send(tea.WindowSizeMsg{Width: 140, Height: 40})
		s.world.signal()
		s.settle()
		s.shows("webhook made by hand", "799 deliveries")
	})
}

func TestTheHeaderSaysWhatATargetDidAndWhen(t *testing.T) {
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
		if got := h.lines(120, 9)[2].plainText(); got != "targets  "+c.want {
			t.Errorf("%+v is shown as %q, want %q", c.status, got, c.want)
		}
	}
}

func TestABotThatAnswersItselfIsNoticed(t *testing.T) {
	comment := func(i int, author, discussion string, at time.Duration) *event.Event {
		e := delivery(9) // discussion.comment.create
		e.N, e.ReceivedAt = int64(i), noon.Add(at)
		e.Body = []byte(fmt.Sprintf(`{"event":{"action":"create","scope":"discussion.comment"},"repo":{"type":"model","name":"me/m"},"discussion":{"id":%q,"num":4},"comment":{"author":{"id":%q}}}`, discussion, author))
		e.ParseRequest()
		return e
	}
	for _, c := range []struct {
		name string
		make func(i int) *event.Event
		loop bool
	}{
		{"one author, one discussion, one minute", func(i int) *event.Event { return comment(i, "a", "d", time.Duration(i)*5*time.Second) }, true},
		{"ten authors", func(i int) *event.Event { return comment(i, fmt.Sprint(i), "d", time.Duration(i)*5*time.Second) }, false},
		{"ten discussions", func(i int) *event.Event { return comment(i, "a", fmt.Sprint(i), time.Duration(i)*5*time.Second) }, false},
		{"ten minutes", func(i int) *event.Event { return comment(i, "a", "d", time.Duration(i)*time.Minute) }, false},
	} {
		onScreen(t, 140, 24, nil, func(s *screen) {
			for i := 1; i <= 10; i++ {
				s.world.put(c.make(i))
				s.settle()
			}
			if got := strings.Contains(s.text(), "LOOP? 10 comments by one author in discussion 4 of model:me/m"); got != c.loop {
				t.Errorf("%s: warned: %v\n%s", c.name, got, s.text())
			}
			s.press("esc")
			s.hides("LOOP?")
		})
	}
}

func TestOlderEventsAreReadAPageAtATime(t *testing.T) {
	onScreen(t, 80, 24, func(w *world) {
		for i := 1001; i <= 1010; i++ {
			w.put(delivery(i))
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
		s.press("up")
		s.shows("#1000", "500/510")
		s.press("g", "up", "g", "up")
		s.press("g")
		s.shows("› 12:00:07     #1", "1/1,010")
		s.press("up")
		s.sound()
		s.press("enter")
		s.shows("event:")
	})
}

func TestSpaceMarksAndActionsGoToTheMarked(t *testing.T) {
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

func TestRowsAreRenderedOnceUntilTheyChange(t *testing.T) {
	onScreen(t, 80, 24, many(100), func(s *screen) {
		before := s.m.list.rendered
		for range 10 {
			s.m.draw()
		}
		if got := s.m.list.rendered - before; got != 0 {
			t.Errorf("%d rows were rendered again although nothing had changed", got)
		}
		s.press("up")
		if got := s.m.list.rendered - before; got > 1 {
			t.Errorf("a step rendered %d rows", got)
		}
		s.world.put(delivery(90))
		s.settle()
		if got := s.m.list.rendered - before; got > 2 {
			t.Errorf("the change of one event rendered %d rows", got-1)
		}
	})
}

func TestTheStoreKeepsTheNewestRows(t *testing.T) {
	s := newStore()
	l := newList(s, time.UTC)
	l.moveTo(0)
	l.follow = false
	for from := 0; from < maxRows+3*maxRows/50; from += 1000 {
		var us []event.Change
		for i := range 1000 {
			us = append(us, event.Change{Row: &event.Row{N: int64(from + i + 1), Kind: "repo.create"}})
		}
		l.changed(s.apply(us))
	}
	if len(s.entries) > maxRows+maxRows/50 || len(s.byN) != len(s.entries) {
		t.Errorf("%d entries are held, and %d numbers", len(s.entries), len(s.byN))
	}
	if e := l.selected(); e == nil || e.row.N != s.entries[0].row.N {
		t.Errorf("what was selected is gone, and not the oldest is selected but %+v", e)
	}
	f, _ := filter.Parse("n:>=103000")
	s.setFilter(f)
	if s.len() != 3001 || s.get(s.number(0)).row.N != 103_000 {
		t.Errorf("the filter shows %d rows from #%d", s.len(), s.get(s.number(0)).row.N)
	}
}

func TestTheNewestBodiesAreLookedAtFirst(t *testing.T) {
	s := newStore()
	f, _ := filter.Parse("body:x")
	s.setFilter(f)
	for n := range int64(5) {
		s.apply([]event.Change{{Row: &event.Row{N: n}}})
	}
	if got := fmt.Sprint(s.next(3), s.next(3)); got != "[4 3 2] [1 0]" {
		t.Errorf("the order is %s", got)
	}
}

// A store that is searched, filtered, extended at both ends and trimmed shows
// what a plain scan of its entries would.
func FuzzStore(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 200, 201, 202})
	f.Fuzz(func(t *testing.T, ops []byte) {
		s := newStore()
		l := newList(s, time.UTC)
		n, low := int64(1000), int64(1000)
		kinds := []event.Kind{"repo.create", "discussion.create", ""}
		filters := []string{"", "kind:repo", "is:failed", "nowhere", "jq:.n"}
		for i, op := range ops[:min(len(ops), 200)] {
			switch op % 7 {
			case 0, 1:
				n++
				l.changed(s.apply([]event.Change{{Row: &event.Row{N: n, Rev: int64(i), Kind: kinds[op%3]}}, {State: &event.State{}}}))
			case 2:
				row := &event.Row{N: low + int64(op)%(n-low+1), Rev: int64(i), Kind: kinds[op%3], Failed: op > 100}
				l.changed(s.apply([]event.Change{{Row: row}}))
			case 3:
				low--
				s.prepend([]*event.Row{{N: low, Kind: kinds[op%3]}})
				l.changed(0)
			case 4:
				f, _ := filter.Parse(filters[int(op)%len(filters)])
				s.setFilter(f)
				l.changed(0)
			case 5:
				for _, number := range s.next(3) {
					s.settle(number, op > 100)
				}
				l.changed(0)
			case 6:
				l.move(int(op) - 128)
				if len(s.entries) > 20 {
					s.drop(int(op) % 10)
					l.changed(0)
				}
			}
			if s.shown != nil && (!slices.IsSorted(s.shown) || len(slices.Compact(slices.Clone(s.shown))) != len(s.shown)) {
				t.Fatalf("shown is out of order: %v", s.shown)
			}
			for i := range s.len() {
				if e := s.get(s.number(i)); e == nil {
					t.Fatalf("entry %d of %d is shown and not there", s.number(i), s.base)
				}
			}
			for at, number := range s.byN {
				if e := s.get(number); e == nil || e.row == nil || e.row.N != at {
					t.Fatalf("#%d is said to be entry %d, which is %+v", at, number, e)
				}
			}
			if _, exact := s.index(l.sel); s.len() > 0 && !exact {
				t.Fatalf("the selection %d is not shown", l.sel)
			}
		}
	})
}
