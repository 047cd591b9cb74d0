//go:build !windows

package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

// pane is a program in tmux, which is a real terminal to it.
type pane struct {
	t      *testing.T
	socket string
}

// inTerminal runs the program in a terminal of a size. When it has ended, its
// exit code stands on the screen, as "code N.".
func (w *world) inTerminal(width, height int, args ...string) *pane {
	w.t.Helper()
	line := quote(binary)
	for _, arg := range args {
		line += " " + quote(arg)
	}
	return w.inShell(width, height, line)
}

// inShell is inTerminal with a line for the shell.
func (w *world) inShell(width, height int, line string) *pane {
	w.t.Helper()
	peertest.Need(w.t, "tmux", "tmux")
	dir := w.t.TempDir()
	script := "trap : INT\necho before\n"
	for _, e := range append(w.env, "TERM=tmux-256color") {
		script = fmt.Sprintf("export %s\n", quote(e)) + script
	}
	if w.dir != "" {
		script += "cd " + quote(w.dir) + "\n"
	}
	script += line + "\necho \"code $?.\"\nread wait\n"
	file := filepath.Join(dir, "run")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		w.t.Fatal(err)
	}
	p := &pane{w.t, filepath.Join(dir, "tmux")}
	w.t.Cleanup(func() { _ = exec.Command("tmux", "-S", p.socket, "kill-server").Run() })
	p.tmux("-f", "/dev/null", "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height), "sh "+file)
	return p
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (p *pane) tmux(args ...string) string {
	p.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", p.socket}, args...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (p *pane) keys(keys ...string) { p.tmux(append([]string{"send-keys"}, keys...)...) }

// shows waits until all texts are on the screen, and gives it.
func (p *pane) shows(texts ...string) string {
	p.t.Helper()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		screen, lacks := p.tmux("capture-pane", "-p"), ""
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				lacks = text
			}
		}
		if lacks == "" {
			return screen
		}
		select {
		case <-again.C:
		case <-late.C:
			p.t.Fatalf("the screen does not show %q:\n%s", lacks, screen)
		}
	}
}

// pid is the program's, a child of the shell in the pane.
func (p *pane) pid() int {
	p.t.Helper()
	shell := strings.TrimSpace(p.tmux("display-message", "-p", "#{pane_pid}"))
	out, err := exec.Command("pgrep", "-P", shell, "-x", "hf-tap").Output()
	if err != nil {
		peertest.Missing(p.t, "pgrep: apt-get install procps")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		p.t.Fatal(err)
	}
	return pid
}

var deletedLine = regexp.MustCompile(`webhook [0-9a-f]{24} deleted · \d+ events? kept`)

// leaves waits for the end, and checks that the terminal is as it was before
// and that nothing is left.
func (p *pane) leaves(w *world, code int) {
	p.t.Helper()
	screen := p.shows(fmt.Sprintf("code %d.", code))
	if !strings.Contains(screen, "before") || !deletedLine.MatchString(screen) {
		p.t.Errorf("afterwards the terminal shows\n%s", screen)
	}
	w.nothingLeft()
}

func TestASessionInTheBackgroundOfATerminalPrintsLines(t *testing.T) {
	w := newWorld(t)
	p := w.inShell(100, 30, "set -m\n"+quote(binary)+" listen model:me/m --tunnel loopback --count 1 & wait $!")
	p.shows("ready: ")
	w.happen("repo.update")
	if screen := p.shows("code 0."); !strings.Contains(screen, "#1     repo.update") {
		t.Errorf("the terminal shows\n%s", screen)
	}
	w.nothingLeft()

	// Nobody can be asked there.
	p = w.inShell(100, 30, "set -m\n"+quote(binary)+" webhooks delete "+strings.Repeat("a", 24)+" & wait $!")
	p.shows("--yes", "code 2.")
}

func TestTheInterfaceShowsASessionAndLeavesNothing(t *testing.T) {
	for name, end := range map[string]func(*pane){
		"q":       func(p *pane) { p.keys("q") },
		"ctrl+c":  func(p *pane) { p.keys("C-c") },
		"SIGTERM": func(p *pane) { _ = syscall.Kill(p.pid(), syscall.SIGTERM) },
		"SIGHUP":  func(p *pane) { _ = syscall.Kill(p.pid(), syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := newApp(t, "127.0.0.1:0")
			p := w.inTerminal(110, 30, listenArgs("--forward", a.port)...)
			p.shows("hf-tap ● up", ":"+a.port)
			w.happen("discussion.comment.create")
			p.shows("discussion.comment.create", "200")
			end(p)
			p.leaves(w, 0)
		})
	}
}

func TestWhatIsDoneOnTheScreenHappens(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.inTerminal(120, 40, listenArgs("--forward", a.port)...)
	p.shows("hf-tap ● up")
	w.happen("repo.update")
	p.shows("#1 ")
	p.keys("r")
	p.shows("#2 ", "replay of 1")
	p.keys("P")
	p.shows("PAUSED since")
	w.happen("repo.config.update")
	p.shows("1 event queued")
	p.keys("P")
	p.shows("resumed", "#3 ")
	p.keys("R")
	p.keys("u")
	p.shows("to which target?")
	p.keys("nowhere at all", "Enter") // an error at the foot
	p.shows(`"nowhere at all"`)       // as the error quotes it
	p.keys("q")
	p.leaves(w, 0)
	if b, err := os.ReadFile(filepath.Join(w.state, "hf-tap.log")); err != nil || !strings.Contains(string(b), "nowhere at all") {
		t.Errorf("the error is not in the log: %q, %v", b, err)
	}
	if got := len(a.ids()); got != 3 {
		t.Errorf("the app got %d events, want 3", got)
	}
}

func TestTheScreenEndsWhenWhatWasWantedHasCome(t *testing.T) {
	w := newWorld(t)
	p := w.inTerminal(80, 24, listenArgs("--count", "1")...)
	p.shows("hf-tap ● up")
	w.happen("repo.update")
	p.leaves(w, 0)
	w = newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	a.status = func(int) int { return 500 }
	p = w.inTerminal(80, 24, listenArgs("--count", "1", "--fail-on-error", "--forward", a.port)...)
	p.shows("hf-tap ● up")
	w.happen("repo.update")
	p.leaves(w, 4)
}

func TestTheAppsOutputIsOnTheScreenAndItsEndBelow(t *testing.T) {
	w := newWorld(t)
	p := w.inTerminal(100, 30, append(listenArgs(), "--", "sh", "-c", "echo it is up; sleep 1000")...)
	p.shows("hf-tap ● up")
	p.keys("Tab")
	p.shows("it is up")
	p.keys("q", "q") // to the list first
	p.shows("quit? the app is running")
	p.keys("y")
	p.leaves(w, 0)
	p.shows("sh | it is up")
}

func TestATinyTerminalAndAnOddOneStillWork(t *testing.T) {
	w := newWorld(t)
	p := w.inTerminal(20, 4, listenArgs()...)
	p.shows("up 0 events")
	w.happen("repo.update")
	p.shows("up 1 event") // while it is under way, q asks
	p.keys("q")
	p.shows("code 0.")
	w.nothingLeft()
	w = newWorld(t)
	w.env = append(w.env, "ACCESSIBLE=1")
	p = w.inTerminal(100, 30, listenArgs()...)
	p.shows("ready: ") // lines
	w.happen("repo.update")
	p.shows("answered 200")
	p.keys("C-c")
	p.leaves(w, 0)
}

func TestDoctorAsksBeforeItCallsEverybody(t *testing.T) {
	w := newWorld(t)
	w.run(2, "doctor", "--all").says(`--all needs a terminal to ask`, `name them: hf-tap doctor --tunnel .*`)
	w.run(2, "doctor", "--all", "--tunnel", "ngrok").says(`--all and --tunnel exclude each other`, `hf-tap doctor --all`)
	p := w.inTerminal(100, 30, "doctor", "--all")
	p.shows("go on? [y/N]")
	p.keys("n", "Enter")
	p.shows("error: no tunnel was checked", "code 1.")
	p = w.inTerminal(100, 30, "doctor", "--all")
	p.shows("go on? [y/N]")
	p.keys("C-c")
	p.shows("code 130.")
}
