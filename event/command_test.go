package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

func TestACommandSucceedsByItsExitStatus(t *testing.T) {
	for _, c := range []struct {
		name   string
		a      event.Attempt
		exit   int
		exited bool
		ok     bool
	}{
		{"exit 0", event.Attempt{Target: "exec:a"}, 0, true, true},
		{"exit 3", event.Attempt{Target: "exec:a", Err: event.ExitError(3)}, 3, true, false},
		{"a signal", event.Attempt{Target: "exec:a", Err: "ended by SIGKILL"}, 0, false, false},
		{"no number", event.Attempt{Target: "exec:a", Err: "exit status many"}, 0, false, false},
		{"a server that says so", event.Attempt{Target: "http://exec:1", Err: event.ExitError(3)}, 0, false, false},
		{"a server without an answer", event.Attempt{Target: "http://127.0.0.1:1"}, 0, false, false},
		{"a server's 200", event.Attempt{Target: "http://127.0.0.1:1", Status: 200}, 0, false, true},
	} {
		c.a.N = 1
		exit, exited := c.a.Exit()
		row := event.NewRow(&event.Event{Phase: event.PhaseSettled, Targets: []string{c.a.Target}, Attempts: []event.Attempt{c.a}})
		if exit != c.exit || exited != c.exited || c.a.OK() != c.ok || row.Targets[0].OK() != c.ok || row.Failed == c.ok {
			t.Errorf("%s: exit %d %v, ok %v, the row is %+v", c.name, exit, exited, c.a.OK(), row)
		}
		b, err := (&event.Event{Attempts: []event.Attempt{c.a}}).JSONLine(event.LineEvent)
		if err != nil || !json.Valid(b) || strings.Contains(string(b), `"exit":`) != c.exited {
			t.Errorf("%s: the line is %s, %v", c.name, b, err)
		}
	}
}

func TestACommandThatWasNotTriedHasNotSucceeded(t *testing.T) {
	row := event.NewRow(&event.Event{Phase: event.PhasePending, Targets: []string{"exec:a"}})
	if _, exited := row.Targets[0].Exit(); exited || row.Targets[0].OK() || !row.Pending {
		t.Errorf("got %+v", row)
	}
}

func TestOutputOfACommandThatLooksLikeAnErrorIsNone(t *testing.T) {
	a := event.Attempt{Target: "exec:a", Body: []byte(`{"error":"x"}`)}
	if says := a.BodyError(); says != "" || !a.OK() {
		t.Errorf("got %q", says)
	}
}
