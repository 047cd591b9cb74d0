package tui

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

func TestTheTabsShowAllOfAnEvent(t *testing.T) {
	onScreen(t, 100, 40, func(w *fakeSession) {
		e := delivery(10)
		e.DeliveryN = 2
		e.Attempts = append([]event.Attempt{{N: 1, Target: e.Targets[0], StartedAt: e.ReceivedAt.Add(4 * time.Millisecond), Duration: time.Second, Status: 500,
			Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Set-Cookie": {"s3cret"}},
			Body:   []byte("<html><head><title>Oops</title><style>p{}</style></head><body><h1>KeyError</h1><p>it&#39;s gone</p><script>x()</script></body></html>")}}, e.Attempts...)
		e.Attempts[1].N, e.Attempts[1].StartedAt = 2, e.ReceivedAt.Add(3*time.Second)
		w.record(e)
	}, func(s *screen) {
		s.press("tab")
		s.shows("▾ comment:", `action: "update"`, ".event")
		s.press("tab")
		s.shows("POST /hf-tap/4f1c", "X-Webhook-Secret: ***", "Webhook-Id: d-10", "received  2026-11-24 12:01:10.000", "arrived   for the 2nd time")
		s.hides("s3cret")
		s.press("tab")
		s.shows(":3000/hook  200 OK  in 12ms  at 12:01:13  try 2", `"ok": true`, "FAIL 500 Internal Server Error  in 1.0s", "Oops", "it's gone", "Set-Cookie: ***")
		s.hides("p{}", "x()", "s3cret")
		s.press("tab")
		s.shows("0  arrived      at 12:01:10.000", "recorded     #10", "+3.0ms  answered     200", "+4.0ms  handed over  to :3000/hook, try 1", "+1.004s  responded    FAIL 500 Internal Server Error by :3000/hook after 1.0s", "+3.012s  responded    200 OK")
		s.press("tab")
		s.shows("no earlier event of this kind")
		s.press("tab", "tab")
		s.shows("enter open")
	})
}

func TestTheTabsShowWhatARefusedEventLacks(t *testing.T) {
	onScreen(t, 120, 40, func(w *fakeSession) {
		e := delivery(1)
		e.Answer.Status, e.BodyCut, e.Targets, e.Attempts, e.Size, e.Body = 413, true, nil, nil, 40<<20, []byte(`{"event":{"scope":`)
		w.record(e)
	}, func(s *screen) {
		const why = ", only the beginning was kept: the body is too large"
		s.shows("413  refused")
		s.press("tab")
		s.shows(`{"event":{"scope":`, "line 1 of 1"+why)
		s.press("tab")
		s.shows("40 MiB" + why)
		s.press("tab")
		s.shows("not handed over: the body is too large")
		s.press("tab")
		s.shows("recorded     #1, before the answer", "answered     413")
	})
}

func TestTheTimelineOfAReplayHasNoAnswer(t *testing.T) {
	onScreen(t, 120, 40, func(w *fakeSession) {
		e := delivery(1)
		e.Source, e.ReplayOf, e.Answer = event.SourceReplay, 7, event.Answer{}
		w.record(e)
	}, func(s *screen) {
		s.press("4")
		s.shows("recorded     #1", "handed over")
		s.hides("before the answer", "  answered  ")
	})
}

func TestDiffComparesWithThePinnedTheOriginalOrThePreviousEvent(t *testing.T) {
	onScreen(t, 100, 40, func(w *fakeSession) {
		for i := 1; i <= 3; i++ {
			e := delivery(9)
			e.N = int64(i)
			e.Body = []byte(fmt.Sprintf(`{"event":{"action":"create","scope":"discussion.comment"},"same":1,"num":%d,"list":[1,2,%d],"only%d":true}`, i, i, i))
			e.Attempts[0].Body = []byte(fmt.Sprintf(`{"took":%d}`, i))
			if i == 3 {
				e.ReplayOf, e.Source = 1, event.SourceReplay
				e.Attempts[0].Status = 500
			}
			w.record(e)
		}
	}, func(s *screen) {
		s.press("up", "5")
		s.shows("- #1", "the one before of its kind", "+ #2", "~ .num 1 → 2", "~ .list[2] 1 → 2", "- .only1 true", "+ .only2 true", "200 OK in 12ms, then in 12ms", "~ .took 1 → 2")
		s.hides(".same")
		s.press("esc", "down", "5")
		s.shows("- #1", "which this one repeats", "- 200 OK in 12ms", "+ FAIL 500")
		s.press("esc", "up", "p", "down", "5")
		s.shows("- #2", "pinned", "~ .num 2 → 3")
		s.press("esc", "g", "space", "#", "3", "enter", "5") // one is marked
		s.shows("- #1", "marked", "+ #3")
		s.press("esc", "space", "#", "3", "enter", "5") // both are
		s.shows("- #1", "marked", "+ #3")
		s.press("esc", "*", "5") // too many to choose from
		s.shows("- #2", "pinned")
	})
}

func TestBodiesThatAreNotJSONAreShownAsTextOrBytes(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"", "the body is empty"},
		{"just text\nof two lines", "of two lines"},
		{"\x00\x01\x02\xff\xfe binary \x00\x03", "00000000  00 01 02 ff fe 20 62 69 6e 61 72 79 20 00 03"},
		{`{"cut":`, `{"cut":`},
	} {
		onScreen(t, 90, 24, func(w *fakeSession) {
			e := delivery(1)
			e.Body, e.Size = []byte(c.body), int64(len(c.body))
			w.record(e)
		}, func(s *screen) {
			s.press("enter")
			s.shows(c.want)
			s.sound()
		})
	}
}

func TestFoldsAreKeptWhenAnAttemptIsAdded(t *testing.T) {
	onScreen(t, 100, 24, many(1), func(s *screen) {
		s.press("enter", "left")
		s.shows("▸ event")
		e := delivery(1)
		e.Attempts = append(e.Attempts, event.Attempt{N: 2, Target: e.Targets[0], Status: 418, StartedAt: noon})
		s.session.record(e)
		s.settle()
		s.shows("▸ event")
		s.press("3")
		s.shows("418")
	})
}

func TestALongPayloadIsReadInTheBackgroundAndSearchedThere(t *testing.T) {
	var body bytes.Buffer
	body.WriteString(`{"rows":[`)
	for i := 0; body.Len() < 2<<20; i++ {
		fmt.Fprintf(&body, `{"i":%d,"text":"some words of a row"},`, i)
	}
	body.WriteString(`{"i":-1,"text":"the needle"}]}`)
	onScreen(t, 100, 24, func(w *fakeSession) {
		e := delivery(1)
		e.Body = body.Bytes()
		w.record(e)
	}, func(s *screen) {
		s.press("enter", "/", "the needle")
		s.send(keyPresses("enter")[0])
		s.shows("working …") // and moving goes on
		s.send(keyPresses("j")[0])
		s.settle()
		s.shows(`text: "the needle"`, "].text")
		s.hides("working")
		s.press("Z", "Z")
		s.sound()
	})
}

func TestAnEventThatCannotBeReadSaysWhy(t *testing.T) {
	onScreen(t, 100, 24, many(2), func(s *screen) {
		delete(s.session.events, 2)
		s.press("enter")
		s.send(tea.WindowSizeMsg{Width: 101, Height: 24})
		s.settle()
		s.shows("cannot be read: there is no event 2")
		s.press("c", "c")
		s.shows("read #2: there is no event 2")
	})
}

func TestNoTabShowsWhatTheRequestCarriesAsSecret(t *testing.T) {
	onScreen(t, 120, 40, func(w *fakeSession) {
		for i := 1; i <= 2; i++ {
			e := delivery(7 * i)
			e.Kind = "repo.update"
			e.Header.Set("X-Webhook-Secret", "v4lue-of-it")
			e.Header.Set("X-Original-Url", "/hook?secret=v4lue-of-it")
			e.Header.Set("X-Repeats", "it is v4lue-of-it")
			e.Body = []byte(`{"echo":"v4lue-of-it is it"}`)
			e.Attempts[0].Header, e.Attempts[0].Body = http.Header{"X-Echo": {"v4lue-of-it"}}, []byte("you sent v4lue-of-it")
			e.Attempts[0].Err = "no v4lue-of-it"
			if i == 2 {
				e.Header.Del("X-Webhook-Secret") // the session knows its secret all the same
			}
			w.record(e)
		}
	}, func(s *screen) {
		for _, c := range []struct{ tab, shows string }{
			{"1", `"*** is it"`}, {"2", "X-Original-Url: /hook?secret=***"}, {"3", "you sent ***"}, {"4", "arrived"}, {"5", "payload"},
		} {
			s.press(c.tab)
			s.shows(c.shows)
			s.hides("v4lue")
		}
	})
}

func TestAnAttemptAtAWrongPathHasTheHintThatTheTargetGave(t *testing.T) {
	onScreen(t, 120, 40, func(session *fakeSession) {
		e := delivery(1)
		e.Attempts[0].Status = http.StatusNotFound
		session.record(e)
	}, func(s *screen) {
		s.press("3")
		s.shows("FAIL 404", "hint: --forward 3000/webhook or --forward 3000/webhooks/huggingface")
		s.session.state(event.State{Subject: event.SubjectTarget, Name: "http://127.0.0.1:3000/hook", State: "wrong path", At: noon, Detail: "--forward 3000/its/own, where the handler takes POST"})
		s.settle()
		s.shows("hint: --forward 3000/its/own, where the handler takes POST")
		s.sound()
	})
}
