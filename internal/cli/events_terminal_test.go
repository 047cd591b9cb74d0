//go:build !windows

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
)

func TestAPersonIsAskedBeforeEventsAreRemoved(t *testing.T) {
	w := newWorld(t)
	w.record(recorded(1, "{}"), recorded(2, "{}"))
	pane := w.inTerminal(80, 10, "events", "rm", "1")
	pane.shows("remove 1 event for good? [y/N]")
	pane.keys("n", "Enter")
	pane.shows("error: nothing was removed")
	pane = w.inTerminal(80, 10, "events", "rm", "1")
	pane.shows("remove 1 event for good? [y/N]")
	pane.keys("y", "Enter")
	pane.shows("removed 1 event")
	w.inHistory(func(s *history.Store) {
		if n, err := s.Count(t.Context(), history.Query{}); n != 1 || err != nil {
			t.Errorf("%d events are left, %v", n, err)
		}
	})
}

func TestEventsThatAreRemovedLeaveTheScreen(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	pane := w.inTerminal(120, 30, listenArgs("--forward", a.port)...)
	pane.shows("up")
	w.happen("repo.create")
	w.happen("discussion.create")
	pane.shows("repo.create", "discussion.create")
	w.run(0, "events", "rm", "--filter", "kind:repo.*", "--yes")
	screen := pane.shows("history 1 deleted: 1 event")
	if strings.Contains(screen, "repo.create") || !strings.Contains(screen, "discussion.create") {
		t.Errorf("the screen shows\n%s", screen)
	}
	pane.keys("q")
	pane.leaves(w, 0)
}

// TestAnImportShowsHowFarItIs reads from a pipe that does not end.
func TestAnImportShowsHowFarItIs(t *testing.T) {
	w := newWorld(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	pane := w.inTerminal(80, 10, "events", "import", pipe)
	f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := recorded(1, "{}")
	e.N = 1
	line, err := e.JSONLine(event.LineEvent)
	if err != nil {
		t.Fatal(err)
	}
	for range 1200 {
		fmt.Fprintf(f, "%s\n", line)
	}
	pane.shows("imported: 1,000")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if screen := pane.shows("code 0."); strings.Contains(screen, "imported: ") || !strings.Contains(screen, "imported 1,200 events, #1 to #1200") {
		t.Errorf("at the end the screen shows\n%s", screen)
	}
	// Ctrl+C ends a read that nothing else would.
	pane = w.inTerminal(80, 10, "events", "import", pipe)
	if f, err = os.OpenFile(pipe, os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pane.shows("imported: 0")
	pane.keys("C-c")
	pane.shows("code 130.")
}
