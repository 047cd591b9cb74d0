package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// TestEventsAreRemovedWhileASessionWrites: its lines say what has gone.
func TestEventsAreRemovedWhileASessionWrites(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	old := recorded(1, "{}")
	old.ReceivedAt = time.Now().Add(-31 * 24 * time.Hour)
	pinned := recorded(2, "{}")
	pinned.ReceivedAt, pinned.Pinned = old.ReceivedAt, true
	w.record(old, pinned)
	p := w.start(listenArgs("--forward", a.port, "--json")...)
	p.ready()
	for range 4 {
		w.happen("repo.update")
	}
	p.wait(p.stdout, `"type":"event","v":1,"n":6,`)

	w.run(2, "events", "rm", "--older", "30d").mentions("events rm needs a terminal to ask, or --yes", "add --yes")
	rm := w.run(0, "events", "rm", "--older", "30d", "--yes")
	if got := rm.stdout.text(); got != "removed 1 event" {
		t.Errorf("it says %q", got)
	}
	rm.has(rm.stderr, "1 pinned event stays: name them by number to remove them")
	if got := w.run(0, "events", "rm", "3", "4", "6", "--yes").stdout.text(); got != "removed 3 events" {
		t.Errorf("it says %q", got)
	}
	p.wait(p.stdout, `"subject":"history","name":"3-4,6","state":"deleted","detail":"3 events"}`)
	w.happen("repo.update") // numbers go on
	p.wait(p.stdout, `"type":"event","v":1,"n":7,`)
	w.run(0, "events", "rm", "2", "--yes") // pinned, and named
	w.run(1, "events", "rm", "2", "--yes").mentions("there is no event 2", "hf-tap events ls")
	none := w.run(0, "events", "rm", "--filter", "source:trigger", "--yes")
	none.has(none.stdout, "removed 0 events")
	w.run(2, "events", "rm", "--session", "5e55", "--yes").mentions(`there is no session "5e55"`, "hf-tap events")
	p.signal(os.Interrupt)
	p.ends(0)
	p.has(p.stderr, "2 events kept")
	w.nothingLeft()
}

func TestAnEventThatIsBeingHandedOverIsNotRemoved(t *testing.T) {
	w := newWorld(t)
	p := w.start(listenArgs("--forward", "9", "--json", "--wait-target", "1h")...)
	p.ready()
	w.happen("repo.update")
	p.wait(p.stdout, `"type":"arrival"`)
	w.run(1, "events", "rm", "1", "--yes").mentions("event 1 is still being delivered", "hf-tap events show 1")
	rm := w.run(0, "events", "rm", "--filter", "kind:repo.*", "--yes")
	rm.has(rm.stderr, "1 event stays: still being delivered")
	p.signal(os.Interrupt)
	p.ends(0)
	if got := w.run(0, "events", "rm", "1", "--yes").stdout.text(); got != "removed 1 event" {
		t.Errorf("when it is pending: %q", got)
	}
}

// An event without a target that was recorded when its session was killed never gets
// its answer.
func TestAnEventThatWasNeverAnsweredCanBeRemoved(t *testing.T) {
	w := newWorld(t)
	e := recorded(1, "{}")
	e.Answer, e.Targets, e.Attempts = event.Answer{}, nil, nil
	w.record(e, recorded(2, "{}"))
	w.run(0, "events", "rm", "1", "--yes")
}

func TestPinnedEventsAreShownAtOnce(t *testing.T) {
	w := newWorld(t)
	w.record(recorded(1, "{}"), recorded(2, "{}"))
	if got := w.run(0, "events", "pin", "1", "2").stdout.text(); got != "pinned 2 events" {
		t.Errorf("it says %q", got)
	}
	if got := w.run(0, "events", "unpin", "2").stdout.text(); got != "unpinned 1 event" {
		t.Errorf("it says %q", got)
	}
	if got := w.run(0, "events", "ls", "is:pinned").stdout.text(); !strings.Contains(got, "#1 ") || strings.Contains(got, "#2 ") {
		t.Errorf("pinned are\n%s", got)
	}
	w.run(1, "events", "pin", "3").mentions("there is no event 3", "hf-tap events ls")
}

func TestTwoEventsAreCompared(t *testing.T) {
	w := newWorld(t)
	second := recorded(2, `{"a": 2.0, "b":"\u001b[31m"}`)
	second.Kind = "repo.update"
	second.Attempts[0].Status = 500
	w.record(recorded(1, `{"a":1,"c":null}`), second)
	want := strings.TrimSpace(`
- #1  discussion.comment.create
+ #2  repo.update

payload
- .c null
~ .a 1 → 2.0
+ .b "\u001b[31m"

response of :1/hook
- 200 OK in 1.0ms
+ FAIL 500 Internal Server Error in 1.0ms
  the same, byte for byte`)
	if got := w.run(0, "events", "diff", "1", "#2").stdout.text(); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	w.run(1, "events", "diff", "1", "3").mentions("there is no event 3", "hf-tap events ls")
}

// TestTheUsersRetentionIsKeptTo: the own configuration says it, and a session does it.
func TestTheUsersRetentionIsKeptTo(t *testing.T) {
	w := newWorld(t)
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "hf-tap"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "hf-tap", "config.toml"), []byte("[history]\nmax_age = \"30d\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w = w.with("XDG_CONFIG_HOME="+folder, "AppData="+folder)
	old, pinned, young := recorded(1, "{}"), recorded(2, "{}"), recorded(3, "{}")
	old.ReceivedAt = time.Now().Add(-31 * 24 * time.Hour)
	pinned.ReceivedAt, pinned.Pinned = old.ReceivedAt, true
	young.ReceivedAt = time.Now()
	w.record(old, pinned, young)
	p := w.start(listenArgs("--plain")...)
	p.wait(p.stderr, "retention: deleted 1 old event; pinned ones stay")
	p.signal(os.Interrupt)
	p.ends(0)
	if got := w.run(0, "events", "ls").stdout.text(); strings.Contains(got, "#1 ") || !strings.Contains(got, "#2 ") || !strings.Contains(got, "#3 ") {
		t.Errorf("left are\n%s", got)
	}
}
