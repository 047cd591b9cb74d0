package tui

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

func TestTheTabsTellAllOfAnEvent(t *testing.T) {
	onScreen(t, 100, 40, func(w *world) {
		e := delivery(10)
		e.DeliveryN = 2
		e.Attempts = append([]event.Attempt{{N: 1, Target: e.Targets[0], StartedAt: e.ReceivedAt.Add(4 * time.Millisecond), Duration: time.Second, Status: 500,
			Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Set-Cookie": {"s3cret"}},
			Body:   []byte("<html><head><title>Oops</title><style>p{}</style></head><body><h1>KeyError</h1><p>it&#39;s gone</p><script>x()</script></body></html>")}}, e.Attempts...)
		e.Attempts[1].N, e.Attempts[1].StartedAt = 2, e.ReceivedAt.Add(3*time.Second)
		w.put(e)
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

func TestTheTabsTellWhatARefusedEventLacks(t *testing.T) {
	onScreen(t, 120, 40, func(w *world) {
		e := delivery(1)
		e.Answer.Status, e.BodyCut, e.Targets, e.Attempts, e.Size, e.Body = 413, true, nil, nil, 40<<20, []byte(`{"event":{"scope":`)
		w.put(e)
	}, func(s *screen) {
		const why = ", only the beginning was kept: the body is too large"
		s.shows("413  refused")
		s.press("tab")
		s.shows(`{"event":{"scope":`, "line 1 of 1"+why)
		s.press("tab")
		s.shows("40.0 MB" + why)
		s.press("tab")
		s.shows("not handed over: the body is too large")
		s.press("tab")
		s.shows("recorded     #1, before the answer", "answered     413")
	})
}

func TestTheTimelineOfAReplayHasNoAnswer(t *testing.T) {
	onScreen(t, 120, 40, func(w *world) {
		e := delivery(1)
		e.Source, e.ReplayOf, e.Answer = event.SourceReplay, 7, event.Answer{}
		w.put(e)
	}, func(s *screen) {
		s.press("4")
		s.shows("recorded     #1", "handed over")
		s.hides("before the answer", "  answered  ")
	})
}

func TestDiffComparesWithWhatItShould(t *testing.T) {
	onScreen(t, 100, 40, func(w *world) {
		for i := 1; i <= 3; i++ {
			e := delivery(9)
			e.N = int64(i)
			e.Body = []byte(fmt.Sprintf(`{"event":{"action":"create","scope":"discussion.comment"},"same":1,"num":%d,"list":[1,2,%d],"only%d":true}`, i, i, i))
			e.Attempts[0].Body = []byte(fmt.Sprintf(`{"took":%d}`, i))
			if i == 3 {
				e.ReplayOf, e.Source = 1, event.SourceReplay
				e.Attempts[0].Status = 500
			}
			w.put(e)
		}
	}, func(s *screen) {
		s.press("up", "5")
		s.shows("- #1", "the one before of its kind", "+ #2", "~ .num 1 → 2", "~ .list[2] 1 → 2", "- .only1 true", "+ .only2 true", "200 OK in 12ms, then in 12ms", "~ .took 1 → 2")
		s.hides(".same")
		s.press("esc", "down", "5")
		s.shows("- #1", "which this one repeats", "- 200 OK in 12ms", "+ FAIL 500")
		s.press("esc", "up", "p", "down", "5")
		s.shows("- #2", "pinned", "~ .num 2 → 3")
	})
}

func TestTextsAreComparedByLines(t *testing.T) {
	var got []string
	for _, l := range bodyDiff([]byte("a\nb\nc\nd"), []byte("a\nX\nY\nd"), [2]string{}) {
		got = append(got, l.plainText())
	}
	if strings.Join(got, "|") != "- b|- c|+ X|+ Y" {
		t.Errorf("got %q", got)
	}
	for _, c := range [][3]string{{"", "", "empty both times"}, {"x", "x", "the same, byte"}, {`{"a": 1}`, `{"a":1}`, `~ .`}, {"\x00\x01", "\x02\x03", "other bytes"}} {
		l := bodyDiff([]byte(c[0]), []byte(c[1]), [2]string{})
		if c[2] == "~ ." {
			if !strings.Contains(l[0].plainText(), "the same but for spaces") {
				t.Errorf("%q: %q", c, l[0].plainText())
			}
		} else if !strings.Contains(l[0].plainText(), c[2]) {
			t.Errorf("%q: %q", c, l[0].plainText())
		}
	}
}

func TestASmallBodyIsComparedWithALargeOne(t *testing.T) {
	small, names := []byte(`{"a":1}`), [2]string{"#4", "#5"}
	large := fmt.Appendf(nil, `{"a":2,"text":%q}`, strings.Repeat("x", 5<<20))
	said := func(before, now []byte) string {
		var b strings.Builder
		for _, l := range bodyDiff(before, now, names) {
			b.WriteString(l.plainText() + "\n")
		}
		return b.String()
	}
	if got := said(small, large); !strings.Contains(got, "~ .a 1 → 2\n+ .text") {
		t.Errorf("got %s", got)
	}
	larger := append(large, make([]byte, 4<<20)...)
	for _, c := range []struct {
		before, now []byte
		want        string
	}{
		{small, larger, "that of #5 is too large to compare: 9.0 MB; both may have 8.0 MB together"},
		{larger, small, "that of #4 is too large to compare: 9.0 MB"},
		{large, larger, "both are too large to compare: 5.0 MB, 9.0 MB"},
	} {
		if got := said(c.before, c.now); !strings.Contains(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestBodiesThatAreNoJSONAreShownForWhatTheyAre(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"", "the body is empty"},
		{"just text\nof two lines", "of two lines"},
		{"\x00\x01\x02\xff\xfe binary \x00\x03", "00000000  00 01 02 ff fe 20 62 69 6e 61 72 79 20 00 03"},
		{`{"cut":`, `{"cut":`},
	} {
		onScreen(t, 90, 24, func(w *world) {
			e := delivery(1)
			e.Body, e.Size = []byte(c.body), int64(len(c.body))
			w.put(e)
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
		s.world.put(e)
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
	onScreen(t, 100, 24, func(w *world) {
		e := delivery(1)
		e.Body = body.Bytes()
		w.put(e)
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

func TestStaleResultsAreDropped(t *testing.T) {
	onScreen(t, 100, 40, many(3), func(s *screen) {
		old := prepared{view: view{n: 1, rev: 1, width: 100}, event: delivery(1)}
		s.send(old)
		s.shows("#3  Payload")
		mine, other := s.m.detail.tree, newTree([]byte(`{"other":1}`))
		s.send(treeReady{of: other, tree: other})
		if s.m.detail.tree != mine {
			t.Error("the detail took the tree of another event")
		}
		if s.m.detail.event.N != 3 {
			t.Errorf("the detail took #%d, and #3 is selected", s.m.detail.event.N)
		}
	})
}

func TestAnEventThatCannotBeReadSaysWhy(t *testing.T) {
	onScreen(t, 100, 24, many(2), func(s *screen) {
		delete(s.world.events, 2)
		s.press("enter")
		s.send(tea.WindowSizeMsg{Width: 101, Height: 24})
		s.settle()
		s.shows("cannot be read: there is no event 2")
		s.press("c", "c")
		s.shows("read #2: there is no event 2")
	})
}

// Hostile bytes in every place that comes from outside reach the screen as
// pictures of themselves.
func TestNothingFromOutsideReachesTheTerminalAsACommand(t *testing.T) {
	evil := "\x1b]0;x\x07\x1b[2J\x1bP+q\x1b\\\x9b31m\u009b2J\u202e\xff\xfe\t\r\n\x00é한👩‍👩‍👧\u2028"
	onScreen(t, 120, 40, func(w *world) {
		for i := 1; i <= 3; i++ {
			e := delivery(i)
			e.Kind, e.Repo.Type, e.Repo.Name, e.Path, e.Method, e.Delivery, e.Session, e.WebhookID = event.Kind(evil), hub.RepoType(evil), evil, "/"+evil, evil, evil, evil, evil
			e.Header = http.Header{evil: {evil}, "Content-Type": {evil}}
			e.Targets = []string{"http://" + evil}
			e.Attempts[0].Target, e.Attempts[0].Err, e.Attempts[0].Header, e.Attempts[0].Body = e.Targets[0], evil, http.Header{evil: {evil}}, []byte(evil)
			e.Body = [][]byte{[]byte(evil), []byte(`{"` + "\u009b\u202e\x7f" + `":"` + "\u009b\u202e" + `","x":"\u001b[31m\u0000\n\u202e"}`), []byte("<p>" + evil)}[i-1]
			w.put(e)
		}
		w.state(event.State{At: noon, Subject: event.Subject(evil), Name: evil, State: evil, Detail: evil})
		w.app = []AppLine{{Rev: 1, At: noon, Text: evil}}
		w.status = Status{Provider: evil, URL: evil, Tunnel: Health{State: evil, Since: noon, Cause: evil}, Check: Check{At: noon, Err: evil}, WebhookID: evil,
			Webhook: Health{State: evil, Cause: evil}, Watches: []string{evil}, Domains: []string{evil}, Targets: []TargetStatus{{Name: evil, At: noon, Down: true, Err: evil}}}
	}, func(s *screen) {
		s.world.fail = fmt.Errorf("%s", evil)
		for range 4 {
			for _, k := range []string{"enter", "Z", "Z", "j", "right", "j", "enter", "tab", "tab", "j", "tab", "tab", "tab", "r", "R", "esc", "esc", "t", "esc", "c", "esc", "shift+tab", "tab", "up"} {
				s.press(k)
				s.sound()
			}
		}
		s.press("/")
		s.send(tea.PasteMsg{Content: evil})
		s.sound()
		s.press("tab", "enter")
		s.sound()
	})
}

func FuzzScreen(f *testing.F) {
	f.Add(80, 24, []byte("jjkk\rzZ/abc\r?tF"), "kind:disc", []byte(`{"a":[1,2]}`))
	f.Add(40, 12, []byte("/\tx\x1bRn5\r"), "\"@bot\"", []byte("\x1b[31m\xff"))
	f.Add(0, 0, []byte("q"), "", []byte{})
	f.Add(200, 60, []byte("12345hlhl GgPpseo"), "jq:.a", []byte(`"x"`))
	f.Fuzz(func(t *testing.T, w, h int, keys []byte, typed string, body []byte) {
		w, h = (w%201+201)%201, (h%61+61)%61
		onScreen(t, w, h, func(w *world) {
			aDay(w)
			e := delivery(15)
			e.Body = body
			w.put(e)
		}, func(s *screen) {
			for i, k := range keys[:min(len(keys), 40)] {
				name := map[byte]string{'\r': "enter", 0x1b: "esc", '\t': "tab", 1: "up", 2: "down", 3: "left", 4: "right", 5: "pgup", 6: "pgdown", 7: "shift+tab", ' ': "space"}[k]
				switch {
				case name != "":
				case k >= 0x20 && k < 0x7f && k != 'e':
					name = string(rune(k))
				case k == 0x80:
					s.send(tea.PasteMsg{Content: typed})
					continue
				case k == 0x81:
					s.send(tea.WindowSizeMsg{Width: int(keys[(i+1)%len(keys)]), Height: int(keys[(i+2)%len(keys)]) % 70})
					continue
				case k > 0x81:
					s.send(tea.MouseClickMsg{X: int(k) % 100, Y: i, Button: tea.MouseLeft})
					continue
				default:
					continue
				}
				s.send(keyPresses(name)[0])
				s.sound()
			}
			s.settle()
			s.sound()
		})
	})
}

func TestNoTabShowsWhatTheRequestCarriesAsSecret(t *testing.T) {
	onScreen(t, 120, 40, func(w *world) {
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
			w.put(e)
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
