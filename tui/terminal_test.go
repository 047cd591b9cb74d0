//go:build !windows

package tui

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

// terminal is a shell in tmux, which is a real terminal to what runs in it.
type terminal struct {
	t       *testing.T
	socket  string
	changed chan struct{} // one slot: the screen has changed
	ended   string        // a pipe, to which the story reports how it ended
}

// openTerminal opens a shell of a size. It knows the program of the tests as
// "story".
func openTerminal(t *testing.T, w, h int, environ ...string) *terminal {
	t.Helper()
	peertest.Need(t, "tmux", "tmux")
	dir := t.TempDir()
	term := &terminal{t: t, socket: filepath.Join(dir, "tmux"), changed: make(chan struct{}, 1), ended: filepath.Join(dir, "ended")}
	for _, pipe := range []string{"screen", "ended"} {
		if err := syscall.Mkfifo(filepath.Join(dir, pipe), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("story() { HF_TAP_TEST_STORY=1 HF_TAP_TEST_ENDED=%s %s; }\nPS1='$ '\n", term.ended, program)
	for _, e := range environ {
		script += "export " + e + "\n"
	}
	rc := filepath.Join(dir, "rc")
	if err := os.WriteFile(rc, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	term.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(w), "-y", fmt.Sprint(h), "bash --noprofile --rcfile "+rc+" -i")
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		f, err := os.Open(filepath.Join(dir, "screen"))
		if err != nil {
			return
		}
		defer f.Close()
		b := make([]byte, 1<<16)
		for {
			if _, err := f.Read(b); err != nil {
				return
			}
			select {
			case term.changed <- struct{}{}:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = exec.Command("tmux", "-S", term.socket, "kill-server").Run()
		<-drained
	})
	term.tmux("pipe-pane", "cat >"+filepath.Join(dir, "screen"))
	term.keys("echo ready", "Enter")
	term.shows("ready\n$")
	return term
}

func (term *terminal) tmux(args ...string) string {
	term.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", term.socket}, args...)...).CombinedOutput()
	if err != nil {
		term.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (term *terminal) keys(keys ...string) {
	term.t.Helper()
	term.tmux(append([]string{"send-keys"}, keys...)...)
}

// shows waits until all texts are on the screen.
func (term *terminal) shows(texts ...string) string {
	term.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(200 * time.Millisecond) // tmux draws a little after it has written to the pipe
	defer again.Stop()
	for {
		screen := term.tmux("capture-pane", "-p")
		missing := ""
		for _, want := range texts {
			if !strings.Contains(screen, want) {
				missing = want
			}
		}
		if missing == "" {
			return screen
		}
		select {
		case <-term.changed:
		case <-again.C:
		case <-deadline.C:
			term.t.Fatalf("the terminal does not show %q:\n%s", missing, screen)
		}
	}
}

// redrawn waits until a text is off the screen.
func (term *terminal) redrawn(gone string) {
	term.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for strings.Contains(term.tmux("capture-pane", "-p"), gone) {
		select {
		case <-term.changed:
		case <-again.C:
		case <-deadline.C:
			term.t.Fatalf("the terminal still shows %q", gone)
		}
	}
}

// ending waits for the story to say how it ended.
func (term *terminal) ending() <-chan string {
	said := make(chan string, 1)
	go func() {
		f, err := os.Open(term.ended)
		if err != nil {
			said <- err.Error()
			return
		}
		defer f.Close()
		b, _ := io.ReadAll(f)
		said <- string(b)
	}()
	return said
}

func TestASessionInATerminal(t *testing.T) {
	dir := t.TempDir()
	editor := filepath.Join(dir, "editor")
	// The first time it changes the body, the second time it fails.
	script := "#!/bin/sh\nif [ -e " + dir + "/used ]; then echo no such display >&2; exit 3; fi\ntouch " + dir + "/used\nsed -i 's/\"action\": \"[a-z]*\"/\"action\": \"EDITED\"/' \"$1\"\n"
	if err := os.WriteFile(editor, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	term := openTerminal(t, 100, 30, "EDITOR="+editor)
	term.keys("stty -g >"+dir+"/before; story; stty -g >"+dir+"/after", "Enter")
	term.shows("hf-tap ● up", "› 12:00:35     #5", "▾ event:", "5/5")
	term.keys("t", "1") // an event arrives
	term.shows("triggered #6", "› 12:00:42     #6")
	term.keys("/", "kind:repo.content")
	term.shows("filter kind:repo.content  1 of 6")
	term.keys("Enter")
	term.shows("1/1", "enter open")
	term.keys("Enter", "Left") // open it and fold
	term.shows("▸ event")
	term.keys("Escape")
	term.shows("enter open")
	term.keys("Escape")
	term.shows("/6")
	term.keys("G", "e")
	term.shows("sent as edited", "edited", "#7")
	term.keys("G", "Enter")
	term.shows(`action: "EDITED"`)
	term.keys("e")
	term.shows("exit status 3")
	term.keys("Escape")
	term.shows("enter open")
	term.keys("c", "s") // the way to copy where nothing else works
	term.shows("}'\n\n(enter goes back)")
	term.keys("Enter")
	term.shows("enter open", "/7")
	term.keys("g", "Space", "Space")
	term.shows("2 marked")
	term.keys("r")
	term.shows("replayed 2", "#9")
	term.keys("F", "1")
	term.shows("FAULT: ")
	term.keys("P")
	term.shows("PAUSED")
	term.tmux("resize-window", "-x", "40", "-y", "12")
	term.shows("2 marked", "PAUSED")
	term.tmux("resize-window", "-x", "100", "-y", "30")
	term.shows("PAUSED: ", "▾ event:")
	term.keys("C-z")
	term.shows("hf-tap is stopped and receives nothing", "Stopped", "\n$")
	term.keys("fg", "Enter")
	term.shows("PAUSED: ", "▾ event:", "nothing was received during that time")
	term.tmux("run-shell", "pkill -STOP -P #{pane_pid}") // by somebody else: the screen cannot give the terminal back
	term.shows("Stopped")
	term.keys("fg", "Enter")
	term.redrawn("Stopped")
	term.shows("continued: nothing was received while hf-tap was stopped")
	term.keys("?") // without enter: the terminal is not in line mode
	term.shows("esc closes the help")
	term.keys("Escape")
	term.shows("PAUSED: ", "▾ event:")
	term.quits(dir)
}

// quits quits the story and looks whether the terminal is as it was.
func (term *terminal) quits(dir string) {
	t := term.t
	t.Helper()
	ended := term.ending()
	term.keys("q")
	if got := <-ended; got != "ended: <nil>\n" {
		t.Errorf("it %s", got)
	}
	screen := term.shows("ended: <nil>\n$")
	if strings.Contains(screen, "▾ event:") {
		t.Errorf("the screen was not given back:\n%s", screen)
	}
	term.keys("echo again", "Enter")
	term.shows("\nagain\n")
	before, _ := os.ReadFile(dir + "/before")
	after, _ := os.ReadFile(dir + "/after")
	if len(before) == 0 || string(before) != string(after) {
		t.Errorf("the terminal's settings were %s and are %s", before, after)
	}
}

func TestASignalOrALostTerminalEndsInOrder(t *testing.T) {
	for name, end := range map[string]func(*terminal){
		"SIGTERM":              func(term *terminal) { term.tmux("run-shell", "pkill -TERM -P #{pane_pid}") },
		"the terminal is gone": func(term *terminal) { term.tmux("kill-server") },
		"SIGTERM while a text is shown": func(term *terminal) {
			term.keys("c", "s")
			term.shows("(enter goes back)")
			term.tmux("run-shell", "pkill -TERM -P #{pane_pid}")
		},
		"an editor that does not end": func(term *terminal) {
			term.keys("e")
			term.shows("in the editor")
			term.tmux("run-shell", "pkill -TERM -P #{pane_pid}")
		},
		"SIGTERM while editing": func(term *terminal) {
			term.keys("e")
			term.shows("in the editor")
			term.tmux("run-shell", "pkill -TERM -P #{pane_pid}")
		},
	} {
		t.Run(name, func(t *testing.T) {
			editor := filepath.Join(t.TempDir(), "editor")
			script := "#!/bin/sh\necho in the editor\nread line\n"
			if name == "an editor that does not end" {
				script = "#!/bin/sh\ntrap '' TERM\nprintf '\\033[?1000h'\necho in the editor\nread line\n"
			}
			if err := os.WriteFile(editor, []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			term := openTerminal(t, 80, 24, "EDITOR="+editor)
			term.keys("story", "Enter")
			term.shows("5/5")
			ended := term.ending()
			end(term)
			select {
			case got := <-ended:
				if got != "ended: <nil>\n" {
					t.Errorf("it %s", got)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it did not end")
			}
			if name == "the terminal is gone" {
				return
			}
			term.shows("ended: <nil>\n$") // the shell has the terminal again
			if mouse := strings.TrimSpace(term.tmux("display", "-p", "#{mouse_any_flag}")); mouse != "0" {
				t.Error("the mouse mode of the editor is left")
			}
			term.keys("stty -a; echo 'as it' was", "Enter")
			screen := term.shows("\nas it was\n")
			if !strings.Contains(screen, " echo ") || !strings.Contains(screen, " icanon ") || strings.Contains(screen, "● up") {
				t.Errorf("the terminal was not given back:\n%s", screen)
			}
		})
	}
}

func TestWithoutColoursThereAreNone(t *testing.T) {
	term := openTerminal(t, 100, 30, "NO_COLOR=yes")
	term.keys("story", "Enter")
	term.shows("5/5")
	screen := term.tmux("capture-pane", "-pe")
	if colour := regexp.MustCompile(`\x1b\[([0-9;]*;)?(3[0-7]|9[0-7]|4[0-7])[;m]`).FindString(screen); colour != "" {
		t.Errorf("with NO_COLOR the screen holds %q: %q", colour, screen)
	}
	ended := term.ending()
	term.keys("q")
	<-ended
}
