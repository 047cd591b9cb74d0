package tui

import (
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

func TestTheExitStatusOfACommandIsNotShownAsAnHTTPStatus(t *testing.T) {
	const long = "exec:python train.py --with-a-long-list-of-flags"
	onScreen(t, 160, 40, func(w *fakeSession) {
		good, bad := delivery(1), delivery(2)
		good.Targets = []string{long}
		good.Attempts = []event.Attempt{{N: 1, Target: long, StartedAt: good.ReceivedAt, Duration: time.Second, Body: []byte("trained")}}
		bad.Targets = []string{long}
		bad.Attempts = []event.Attempt{
			{N: 1, Target: long, StartedAt: bad.ReceivedAt, Duration: time.Second, Err: event.ExitError(3)},
			{N: 2, Target: long, StartedAt: bad.ReceivedAt.Add(2 * time.Second), Duration: time.Second, Err: "ended by SIGKILL"},
		}
		w.record(bad)
		w.record(good)
		w.status.Targets = []TargetStatus{{Name: long, At: noon}, {Name: "exec:other", At: noon, Err: event.ExitError(3)}}
	}, func(s *screen) {
		s.shows("exec:python train.py --with-a… exit 0 at", "exec:other failed at", "exit 0 1.0s", "FAIL ended by SIGKILL 1.0s")
		s.hides("200 1.0s", "reached")
		s.press("tab", "tab", "tab")
		s.shows("exit 0  in 1.0s", "trained")
		s.press("tab")
		s.shows("ended        exit 0 by exec:python")
	})
}
