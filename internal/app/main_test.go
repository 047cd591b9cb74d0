//go:build unix

package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/internal/app"
	"github.com/hf-tap/hf-tap/internal/process"
)

// patience is how long a test waits for what has to happen before it gives up.
const patience = time.Minute

// TestMain makes the test binary the app, too: APP_TEST_AS says what it does.
func TestMain(m *testing.M) {
	if process.Supervising() {
		os.Exit(process.Supervise())
	}
	if as := os.Getenv("APP_TEST_AS"); as != "" {
		apps[as]()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// apps are what the test binary can be.
var apps = map[string]func(){
	"short parent":   func() { begin("silent", sameGroup) },
	"status 3":       func() { os.Exit(3) },
	"killed":         func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); forever() },
	"silent":         func() { fmt.Println("ready"); forever() },
	"polite":         polite,
	"deaf":           func() { signal.Ignore(syscall.SIGTERM); fmt.Println("ready"); forever() },
	"stopped":        func() { fmt.Println("ready"); _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP); forever() },
	"parent":         func() { begin("deaf", sameGroup); forever() },
	"gone parent":    func() { begin("deaf", sameGroup); os.Exit(7) },
	"daemon's":       func() { begin("connected", ownSession); fmt.Println("parent ends") },
	"groups":         func() { begin("branch", ownGroup); begin("branch", ownSession); forever() },
	"two groups":     func() { begin("deaf connected", ownGroup); begin("deaf connected", ownSession); forever() },
	"listens":        func() { begin("port", ownSession); forever() },
	"port":           listen,
	"branch":         func() { begin("deaf connected", ownGroup); begin("daemon's", ownSession); connect() },
	"deaf connected": func() { signal.Ignore(syscall.SIGTERM, syscall.SIGHUP); connect() },
	"connected":      connect,
	"environment":    environment,
	"flood":          flood,
	"bytes": func() {
		os.Stdout.WriteString("a\xff\x1b[31m\x00\r\n\n\rb\r\rc\n")
		os.Stderr.WriteString("no newline")
	},
	"long":         func() { fmt.Print(strings.Repeat("x", 200_000) + "\n" + strings.Repeat("y", 64<<10) + "\nz\n") },
	"input":        func() { b, err := io.ReadAll(os.Stdin); fmt.Printf("%q %v\n", b, err) },
	"hf-tap":       another,
	"writes later": writesLater,
}

// forever waits for a signal that nobody sends. (The runtime takes an empty
// select for a deadlock and ends the program.)
func forever() {
	never := make(chan os.Signal, 1)
	signal.Notify(never, syscall.SIGUSR1)
	<-never
}

func polite() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	fmt.Println("ready")
	<-asked
	fmt.Println("goodbye")
	os.Exit(5)
}

// What a process that an app starts leaves behind.
var (
	sameGroup  *syscall.SysProcAttr
	ownGroup   = &syscall.SysProcAttr{Setpgid: true}
	ownSession = &syscall.SysProcAttr{Setsid: true}
)

// begin starts the test binary as another app with the same output.
func begin(as string, leaves *syscall.SysProcAttr) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "APP_TEST_AS="+as)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = leaves
	if err := cmd.Start(); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// connect holds a connection to the test, which sees by its end that the
// process has ended. Each line that it gets is answered.
func connect() {
	conn, err := net.Dial("tcp", os.Getenv("APP_TEST_ADDRESS"))
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	io.Copy(conn, conn)
}

// listen takes a port and tells it.
func listen() {
	l, err := net.Listen("tcp", os.Getenv("APP_TEST_ADDRESS"))
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("port", l.Addr().(*net.TCPAddr).Port)
	forever()
}

// longTalk is so many questions and answers that somebody who does not wait has
// done the next thing before they are through.
const longTalk = 200

// writesLater leaves behind a process that has a long talk with the test when it
// has become an orphan, and writes then.
func writesLater() {
	if os.Getenv("APP_TEST_CHILD") == "" {
		os.Setenv("APP_TEST_CHILD", fmt.Sprint(os.Getpid()))
		begin("writes later", sameGroup)
		return
	}
	conn, err := net.Dial("tcp", os.Getenv("APP_TEST_ADDRESS"))
	if err != nil {
		os.Exit(1)
	}
	for fmt.Sprint(os.Getppid()) == os.Getenv("APP_TEST_CHILD") {
		runtime.Gosched()
	}
	for range longTalk {
		if !answers(conn) {
			os.Exit(1)
		}
	}
	fmt.Println("last words")
}

func environment() {
	for _, name := range []string{"WEBHOOK_SECRET", "KEPT", "HOME"} {
		value, set := os.LookupEnv(name)
		fmt.Println(name, set, value)
	}
}

// flood writes 50 MB to both streams.
func flood() {
	line := bytes.Repeat([]byte("x"), 999)
	line = append(line, '\n')
	var wg sync.WaitGroup
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		wg.Go(func() {
			for range 25_000 {
				if _, err := f.Write(line); err != nil {
					os.Exit(1)
				}
			}
		})
	}
	wg.Wait()
}

// another runs an app as hf-tap does.
func another() {
	environ := append(os.Environ(), "APP_TEST_AS=connected")
	if as := os.Getenv("APP_TEST_CHILD_AS"); as != "" {
		environ = append(environ, "APP_TEST_AS="+as)
	}
	if _, err := app.Start(app.Config{Args: []string{os.Args[0]}, Supervisor: os.Args[0], Environ: environ, Line: func(_, line string) { fmt.Println(line) }}); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	forever()
}

// output collects what an app writes.
type output struct {
	mu      sync.Mutex
	lines   map[string][]string
	changed chan struct{}
}

func newOutput() *output {
	return &output{lines: map[string][]string{}, changed: make(chan struct{})}
}

func (o *output) line(stream, line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines[stream] = append(o.lines[stream], line)
	close(o.changed)
	o.changed = make(chan struct{})
}

// of returns the lines of a stream.
func (o *output) of(stream string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.lines[stream]...)
}

// waitFor waits for a line on standard output.
func (o *output) waitFor(t *testing.T, line string) {
	t.Helper()
	o.waitForPrefix(t, line)
}

// waitForPrefix waits for a line that begins so, and gives it.
func (o *output) waitForPrefix(t *testing.T, prefix string) string {
	t.Helper()
	limit := time.After(patience)
	for {
		o.mu.Lock()
		changed := o.changed
		for _, l := range o.lines["stdout"] {
			if strings.HasPrefix(l, prefix) {
				o.mu.Unlock()
				return l
			}
		}
		o.mu.Unlock()
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("no line %q: %q", prefix, o.of("stdout"))
		}
	}
}

// start runs the test binary as an app.
func start(t *testing.T, as string, env ...string) (*app.App, *output) {
	t.Helper()
	o := newOutput()
	return startWith(t, app.Config{Env: append(env, "APP_TEST_AS="+as), Line: o.line}), o
}

func startWith(t *testing.T, cfg app.Config) *app.App {
	t.Helper()
	cfg.Supervisor = os.Args[0]
	return startPlain(t, cfg)
}

// startPlain is startWith without a supervisor.
func startPlain(t *testing.T, cfg app.Config) *app.App {
	t.Helper()
	cfg.Args = []string{os.Args[0]}
	a, err := app.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := a.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return a
}

// ends waits for the app's end and sees that nothing of its group is left.
func ends(t *testing.T, a *app.App) app.Result {
	t.Helper()
	select {
	case <-a.Done():
	case <-time.After(patience):
		t.Fatal("the app does not end")
	}
	if err := syscall.Kill(-a.PID(), 0); err != syscall.ESRCH {
		noneLiving(t, a.PID())
	}
	return a.Result()
}

// noneLiving sees that a group holds only processes that have ended: the
// system's first process may be late in waiting for its orphans.
func noneLiving(t *testing.T, group int) {
	t.Helper()
	list, err := exec.Command("ps", "-A", "-o", "pgid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line)
		if fields[0] == fmt.Sprint(group) && fields[1][0] != 'Z' {
			t.Errorf("left of the group: %s", line)
		}
	}
}

// stops stops the app at leisure.
func stops(t *testing.T, a *app.App) app.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	return ends(t, a)
}
