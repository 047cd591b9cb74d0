package promises

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is the program while it runs, and after.
type process struct {
	cmd    *exec.Cmd
	stdout *lines
	stderr *lines
	exited chan struct{} // closed when the process has ended; code is set then
	code   int           // -1 when a signal ended it
}

// lines is an output of a process, line by line.
type lines struct {
	mu      sync.Mutex
	pipe    io.Closer
	whole   []string
	partial string        // a last line without its end, as a killed process leaves one
	more    chan struct{} // closed and replaced at each line; stays closed at the end
	ended   bool
}

func readLines(r io.ReadCloser) *lines {
	l := &lines{pipe: r, more: make(chan struct{})}
	go func() {
		in := bufio.NewReaderSize(r, 64<<10)
		for {
			line, err := in.ReadString('\n')
			l.mu.Lock()
			if err != nil {
				l.partial, l.ended = line, true
				close(l.more)
				l.mu.Unlock()
				return
			}
			l.whole = append(l.whole, strings.TrimSuffix(line, "\n"))
			close(l.more)
			l.more = make(chan struct{})
			l.mu.Unlock()
		}
	}()
	return l
}

// close closes the reader's end of the pipe, as a reader does that goes away.
func (l *lines) close() { _ = l.pipe.Close() }

// all returns the whole lines so far.
func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.whole[:len(l.whole):len(l.whole)]
}

// text is everything that was written so far.
func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(append(l.whole[:len(l.whole):len(l.whole)], l.partial), "\n")
}

// last is the last line that is not empty.
func (l *lines) last() string {
	text := strings.TrimSpace(l.text())
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// find waits for the first line that fits. ok is false when the output ended
// without one.
func (l *lines) find(fits func(string) bool) (line string, ok bool) {
	for from := 0; ; {
		l.mu.Lock()
		for ; from < len(l.whole); from++ {
			if fits(l.whole[from]) {
				defer l.mu.Unlock()
				return l.whole[from], true
			}
		}
		more, ended := l.more, l.ended
		l.mu.Unlock()
		if ended {
			return "", false
		}
		<-more
	}
}

// waitEnd waits until the output is closed.
func (l *lines) waitEnd() {
	l.find(func(string) bool { return false })
}

// launch starts a program and reads its outputs, unless the caller has set
// them. The process is killed when the test ends.
func launch(t testing.TB, cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	none := func() *lines { return &lines{ended: true, more: make(chan struct{}), pipe: io.NopCloser(nil)} }
	p.stdout, p.stderr = none(), none()
	var out, err2 io.ReadCloser
	var err error
	if cmd.Stdout == nil {
		if out, err = cmd.StdoutPipe(); err != nil {
			return nil, err
		}
	}
	if cmd.Stderr == nil {
		if err2, err = cmd.StderrPipe(); err != nil {
			return nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if out != nil {
		p.stdout = readLines(out)
	}
	if err2 != nil {
		p.stderr = readLines(err2)
	}
	overdue := p.killBefore(t)
	go func() {
		defer close(p.exited)
		p.stdout.waitEnd() // before Wait, which closes the pipes
		p.stderr.waitEnd()
		_ = cmd.Wait()
		p.code = cmd.ProcessState.ExitCode()
		overdue.Stop()
	}()
	t.Cleanup(p.kill)
	return p, nil
}

// killBefore kills the process when the time of all tests (go test -timeout) is
// nearly over, so that the tests that wait for it fail and say what it has said.
func (p *process) killBefore(t testing.TB) *time.Timer {
	const margin = 15 * time.Second
	left := 24 * time.Hour
	if t, ok := t.(*testing.T); ok {
		if deadline, ok := t.Deadline(); ok {
			left = time.Until(deadline) - margin
		}
	}
	return time.AfterFunc(left, func() {
		t.Errorf("hf-tap %q is killed, because the time of the tests is nearly over", p.cmd.Args[1:])
		_ = p.cmd.Process.Kill()
	})
}

// kill ends the process with SIGKILL and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

func (p *process) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("%v\n%s", err, p.said())
	}
}

// said is all that the process has written, for messages of tests.
func (p *process) said() string {
	const most = 8 << 10
	cut := func(s string) string {
		if len(s) > most {
			return s[:most/2] + "\n[…]\n" + s[len(s)-most/2:]
		}
		return s
	}
	return "stdout:\n" + cut(p.stdout.text()) + "\nstderr:\n" + cut(p.stderr.text())
}

// wait waits for a line that holds a text, and fails when the output ends
// without it.
func (p *process) wait(t testing.TB, l *lines, text string) string {
	t.Helper()
	line, ok := l.find(func(s string) bool { return strings.Contains(s, text) })
	if !ok {
		<-p.exited
		t.Fatalf("the program ended with %d and never said %q\n%s", p.code, text, p.said())
	}
	return line
}

// ready waits for the line "ready: URL" and returns the URL.
func (p *process) ready(t testing.TB) string {
	t.Helper()
	const ready = "ready: "
	line, ok := p.stderr.find(func(s string) bool { return strings.HasPrefix(s, ready) })
	if !ok {
		<-p.exited
		t.Fatalf("the program ended with %d before it was ready\n%s", p.code, p.said())
	}
	return strings.TrimPrefix(line, ready)
}

// ends waits for the end of the process and checks its exit code.
func (p *process) ends(t testing.TB, code int) {
	t.Helper()
	<-p.exited
	if p.code != code {
		t.Errorf("hf-tap %q: exit code %d, want %d\n%s", p.cmd.Args[1:], p.code, code, p.said())
	}
}
