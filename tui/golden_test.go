package tui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hf-tap/hf-tap/event"
)

var rewrite = flag.Bool("update", false, "write the golden files anew")

// aDay is a session with some of everything.
func aDay(w *fakeSession) {
	w.state(event.State{At: noon, Subject: event.SubjectTunnel, Name: "https://tap.ngrok.app", State: "up"})
	for i := 1; i <= 14; i++ {
		e := delivery(i)
		switch i {
		case 4:
			e.Attempts[0].Status, e.Attempts[0].Body = 500, []byte("<html><title>Internal Server Error</title><body><h1>KeyError</h1><p>&#39;discussion&#39;</p></body></html>")
			e.Attempts[0].Header.Set("Content-Type", "text/html")
		case 6:
			e.Verdict, e.Targets, e.Attempts, e.Answer.Status = event.VerdictWrong, nil, nil, 403
		case 7:
			e.Verdict, e.Targets, e.Attempts, e.Answer.Status = event.VerdictMissing, nil, nil, 401
		case 9:
			e.Source, e.ReplayOf, e.Edited, e.Answer = event.SourceReplay, 4, true, event.Answer{}
		case 10:
			e.DeliveryN, e.Pinned = 2, true
		case 11:
			e.Targets = append(e.Targets, "http://127.0.0.1:4000")
			e.Attempts = append(e.Attempts, event.Attempt{N: 1, Target: "http://127.0.0.1:4000", StartedAt: e.ReceivedAt, Duration: time.Millisecond, Err: "dial tcp 127.0.0.1:4000: connection refused"})
		case 13:
			e.Attempts, e.Phase = nil, event.PhaseWaiting
		case 14:
			e.Attempts, e.Phase = nil, event.PhaseOpen
		}
		w.record(e)
		if i == 12 {
			w.state(event.State{At: e.ReceivedAt, Subject: event.SubjectTarget, Name: "http://127.0.0.1:3000/hook", State: "down", Detail: "connection refused"})
		}
	}
	w.status.Deliveries = 812
	w.status.Targets[0] = TargetStatus{Name: "http://127.0.0.1:3000/hook", At: noon.Add(84 * time.Second), Down: true, Err: "dial tcp 127.0.0.1:3000: connection refused", Queued: 1}
}

func (s *screen) golden(name string) {
	s.t.Helper()
	s.sound()
	file := filepath.Join("testdata", name+".txt")
	got := s.text() + "\n"
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatalf("%v: run go test ./tui -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		s.t.Errorf("%s has changed: look at it, and run go test ./tui -update if it is right\n%s", file, diff)
	}
}

func TestTheScreenLooksAsItWasDesigned(t *testing.T) {
	for _, size := range [][2]int{{40, 12}, {40, 20}, {80, 24}, {120, 40}, {200, 60}, {200, 50}, {20, 5}, {19, 4}} {
		name := fmt.Sprintf("%dx%d", size[0], size[1])
		t.Run(name, func(t *testing.T) {
			onScreen(t, size[0], size[1], aDay, func(s *screen) {
				s.golden("list-" + name)
				if size[0] < 40 {
					return
				}
				s.press("up", "up", "up", "up", "enter")
				s.golden("payload-" + name)
				s.press("esc", "up", "up", "up", "up", "up", "up", "up", "3")
				s.golden("attempts-" + name)
				s.press("?")
				s.golden("help-" + name)
			})
		})
	}
}
