package promises

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: what a terminal's window is to a program.
type terminal struct {
	master *os.File
	drawn  chan []byte // all that was written to it, once it is closed
}

// onTerminal starts the program on a terminal of its own, which is its standard
// input, output and error.
func (w *world) onTerminal(args ...string) (*process, *terminal) {
	w.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		missing(w.t, "a pseudo-terminal ("+err.Error()+"): mount -t devpts devpts /dev/pts")
	}
	var n int
	var setup error
	raw, err := master.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			var unlocked error
			n, setup = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
			unlocked = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
			setup = errors.Join(setup, unlocked, unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}))
		})
	}
	if err = errors.Join(err, setup); err != nil {
		w.t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	defer slave.Close()
	cmd := w.command(args...)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p := w.launch(cmd)
	tty := &terminal{master: master, drawn: make(chan []byte, 1)}
	go func() {
		var all bytes.Buffer
		_, _ = io.Copy(&all, master) // ends with an error when either side closes
		tty.drawn <- all.Bytes()
	}()
	w.t.Cleanup(func() { master.Close() })
	return p, tty
}

// close closes the window: the kernel hangs up.
func (tty *terminal) close() { tty.master.Close() }

func (tty *terminal) press(t testing.TB, keys string) {
	t.Helper()
	if _, err := io.WriteString(tty.master, keys); err != nil {
		t.Fatal(err)
	}
}

func TestASessionOnATerminalLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name  string
		gone  bool // nobody is left to see what it says, or its exit code
		leave func(*process, *terminal)
	}{
		{"the window closes", true, func(_ *process, tty *terminal) { tty.close() }},
		{"the shell hangs up and the window closes", true, func(p *process, tty *terminal) {
			p.signal(t, syscall.SIGHUP)
			tty.close()
		}},
		{"Ctrl+C", false, func(_ *process, tty *terminal) { tty.press(t, "\x03") }},
		{"SIGTERM", false, func(p *process, _ *terminal) { p.signal(t, syscall.SIGTERM) }},
	} {
		for _, args := range [][]string{nil, {"--plain"}, {"--json"}} {
			t.Run(way.name+" "+strings.Join(args, ""), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				file := filepath.Join(w.home, "ready")
				p, tty := w.onTerminal(append([]string{"listen", "model:me/m", "--ready-file", file, "--forward", newTarget(t).addr}, args...)...)
				url := w.readyFile(p, file)
				if url == "" {
					t.Fatalf("it ended with %d before it was ready\n%s", p.code, <-tty.drawn)
				}
				newSender(t).mustPost(t, url, "shown", []byte(`{"a":1}`))
				way.leave(p, tty)
				<-p.exited
				drawn := <-tty.drawn
				if p.code != 0 && !(way.gone && p.code == 1) {
					t.Errorf("exit code %d, want 0\n%s", p.code, drawn)
				}
				w.clean(t)
				if _, err := os.Stat(file); err == nil {
					t.Error("the ready file is left")
				}
				if !way.gone && !bytes.Contains(lastLine(drawn), []byte("deleted")) {
					t.Errorf("the last line is %q", lastLine(drawn))
				}
				if bytes.Contains(drawn, []byte(webhookSecret)) || bytes.Contains(drawn, []byte(w.bearer())) {
					t.Error("a secret was shown on the terminal")
				}
				if list := byDelivery(w.history(0))["shown"]; len(list) != 1 {
					t.Errorf("the history has %d of a delivery that was answered 200", len(list))
				}
			})
		}
	}
}

func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[bytes.LastIndexByte(b, '\n')+1:]
}
