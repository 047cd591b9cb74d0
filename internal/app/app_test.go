//go:build unix

package app_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/app"
)

func TestAProgramThatIsMissingIsNamed(t *testing.T) {
	for _, name := range []string{"no-such-program", filepath.Join(t.TempDir(), "app"), "./no-such-program"} {
		_, err := app.Start(app.Config{Args: []string{name}})
		if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWhatCannotBeRunSaysWhy(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, c := range map[string]struct {
		cfg  app.Config
		want string
	}{
		"nothing":                {app.Config{}, "the command is empty"},
		"a missing folder":       {app.Config{Args: []string{"sh"}, Dir: filepath.Join(dir, "no")}, "start the app in"},
		"a file as the folder":   {app.Config{Args: []string{"sh"}, Dir: file("file", "", 0o600)}, "not a folder"},
		"a file without x":       {app.Config{Args: []string{file("plain", "#!/bin/sh\n", 0o600)}}, "permission denied"},
		"a missing interpreter":  {app.Config{Args: []string{file("script", "#!/no/such/sh\n", 0o700)}}, "first line (#!) is missing"},
		"a zero in the argument": {app.Config{Args: []string{"sh", "a\x00b"}}, "invalid argument"},
	} {
		_, err := app.Start(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, exec.ErrNotFound) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAnAppThatEndsGivesItsStatus(t *testing.T) {
	a, _ := start(t, "status 3")
	if got := ends(t, a); got != (app.Result{Code: 3}) {
		t.Errorf("got %+v", got)
	}
	stops(t, a)
}

func TestAnAppThatIsKilledGivesTheSignal(t *testing.T) {
	a, _ := start(t, "killed")
	if got := ends(t, a); got != (app.Result{Code: 137, Signal: "SIGKILL"}) {
		t.Errorf("got %+v", got)
	}
}

func TestAnAppIsAskedToEndAndItsLastWordsAreHeard(t *testing.T) {
	a, out := start(t, "polite")
	out.waitFor(t, "ready")
	if got := stops(t, a); got != (app.Result{Code: 5}) {
		t.Errorf("got %+v", got)
	}
	if got := out.of("stdout"); !slices.Equal(got, []string{"ready", "goodbye"}) {
		t.Errorf("got %q", got)
	}
}

func TestAnAppThatDoesNotHearIsKilledAfterTheGrace(t *testing.T) {
	out := newOutput()
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=deaf"}, Line: out.line, Grace: 100 * time.Millisecond})
	out.waitFor(t, "ready")
	begun := time.Now()
	if got := stops(t, a); got.Signal != "SIGKILL" {
		t.Errorf("got %+v", got)
	}
	if took := time.Since(begun); took < 100*time.Millisecond {
		t.Errorf("it had %s only", took)
	}
}

func TestTheEndOfTheContextEndsTheGrace(t *testing.T) {
	out := newOutput()
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=deaf"}, Line: out.line, Grace: time.Hour})
	out.waitFor(t, "ready")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if got := ends(t, a); got.Signal != "SIGKILL" {
		t.Errorf("got %+v", got)
	}
}

func TestAnAppThatIsSuspendedHearsIt(t *testing.T) {
	out := newOutput()
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=stopped"}, Line: out.line, Grace: time.Hour})
	out.waitFor(t, "ready")
	for range 1000 { // until it is: nothing tells us
		state, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(a.PID())).Output()
		if err != nil {
			t.Fatal(err)
		}
		if state[0] == 'T' {
			break
		}
	}
	if got := stops(t, a); got.Signal != "SIGTERM" {
		t.Errorf("got %+v", got)
	}
}

func TestWhatAnAppStartedEndsWithIt(t *testing.T) {
	for _, as := range []string{"parent", "gone parent"} {
		out := newOutput()
		a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=" + as}, Line: out.line, Grace: 50 * time.Millisecond})
		out.waitFor(t, "ready") // the child of the app, which hears no SIGTERM and holds the pipe
		if as == "gone parent" {
			if got := ends(t, a); got.Code != 7 {
				t.Errorf("%s: got %+v", as, got)
			}
			continue
		}
		if got := stops(t, a); got.Signal != "SIGTERM" {
			t.Errorf("%s: got %+v", as, got)
		}
	}
}

func TestWhatHasAGroupOfItsOwnEndsWithTheApp(t *testing.T) {
	accept, address := peer(t)
	a := startPlain(t, app.Config{Env: []string{"APP_TEST_AS=two groups", "APP_TEST_ADDRESS=" + address}, Grace: 50 * time.Millisecond})
	conns := []net.Conn{accept(), accept()}
	stops(t, a)
	for _, conn := range conns {
		ended(t, conn)
	}
}

// ended sees that the process at the other end has ended.
func ended(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("%s: a process lives on: %v", conn.RemoteAddr(), err)
	}
}

func TestWhatOutlivesTheAppForAMomentIsHeard(t *testing.T) {
	accept, address := peer(t)
	a, out := start(t, "writes later", "APP_TEST_ADDRESS="+address)
	orphan := accept()
	for i := range longTalk {
		if _, err := orphan.Read(make([]byte, 1)); err != nil {
			t.Fatalf("it was ended in the middle of its words: %v after %d", err, i)
		}
		if _, err := orphan.Write([]byte("!")); err != nil {
			t.Fatal(err)
		}
	}
	ends(t, a)
	if got := out.of("stdout"); !slices.Equal(got, []string{"last words"}) {
		t.Errorf("got %q", got)
	}
}

// peer is where apps connect to that hold a connection.
func peer(t *testing.T) (accept func() net.Conn, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return func() net.Conn {
		t.Helper()
		if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		return conn
	}, l.Addr().String()
}

// answers reports whether the process at the other end lives.
func answers(conn net.Conn) bool {
	if _, err := conn.Write([]byte("?")); err != nil {
		return false
	}
	_, err := conn.Read(make([]byte, 1))
	return err == nil
}

func TestADaemonThatKeepsThePipeIsNotWaitedForForEver(t *testing.T) {
	accept, address := peer(t)
	out := newOutput()
	a := startPlain(t, app.Config{Env: []string{"APP_TEST_AS=daemon's", "APP_TEST_ADDRESS=" + address}, Line: out.line})
	daemon := accept()
	if got := ends(t, a); got != (app.Result{}) {
		t.Errorf("got %+v", got)
	}
	if !answers(daemon) {
		t.Error("the daemon was ended: nobody could know whose it is")
	}
	out.waitFor(t, "parent ends")
}

func TestAFloodComesThroughWhole(t *testing.T) {
	var count, bytes atomic.Int64
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=flood"}, Line: func(_, line string) {
		count.Add(1)
		bytes.Add(int64(len(line)))
	}})
	if got := ends(t, a); got != (app.Result{}) {
		t.Errorf("got %+v", got)
	}
	if count.Load() != 50_000 || bytes.Load() != 999*50_000 {
		t.Errorf("%d lines and %d bytes came", count.Load(), bytes.Load())
	}
}

func TestAFloodThatNobodyTakesWaitsAndCanBeStopped(t *testing.T) {
	full, open := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=flood"}, Line: func(string, string) {
		once.Do(func() { close(full) })
		<-open
	}})
	<-full
	stopped := make(chan error, 1)
	go func() { stopped <- a.Stop(t.Context()) }()
	// What was written before the end is passed on although it is taken late.
	close(open)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got := ends(t, a); got.Signal != "SIGTERM" {
		t.Errorf("got %+v", got)
	}
}

func TestLinesAndStatesOfLinesComeAsTheyWereWritten(t *testing.T) {
	a, out := start(t, "bytes")
	ends(t, a)
	if got := out.of("stdout"); !slices.Equal(got, []string{"a\xff\x1b[31m\x00", "", "b\r", "c"}) {
		t.Errorf("got %q", got)
	}
	if got := out.of("stderr"); !slices.Equal(got, []string{"no newline"}) {
		t.Errorf("got %q", got)
	}
}

func TestALongLineComesInPieces(t *testing.T) {
	a, out := start(t, "long")
	ends(t, a)
	var lengths []int
	for _, line := range out.of("stdout") {
		lengths = append(lengths, len(line))
	}
	if want := []int{65536, 65536, 65536, 200_000 - 3*65536, 65536, 1}; !slices.Equal(lengths, want) {
		t.Errorf("got %d, want %d", lengths, want)
	}
}

func TestTheEnvironmentIsAddedToAndReplaced(t *testing.T) {
	out := newOutput()
	environ := make([]string, 0, 10) // with room for others' values
	environ = append(environ, "WEBHOOK_SECRET=old", "KEPT=yes", "APP_TEST_AS=status 3")
	a := startWith(t, app.Config{Environ: environ, Env: []string{"WEBHOOK_SECRET=new", "APP_TEST_AS=environment"}, Line: out.line})
	ends(t, a)
	if got := out.of("stdout"); !slices.Equal(got, []string{"WEBHOOK_SECRET true new", "KEPT true yes", "HOME false "}) {
		t.Errorf("got %q", got)
	}
	if got := environ[:4][3]; got != "" {
		t.Errorf("the caller's slice was written to: %q", got)
	}
}

func TestAnAppHasNoInput(t *testing.T) {
	a, out := start(t, "input")
	ends(t, a)
	if got := out.of("stdout"); !slices.Equal(got, []string{`"" <nil>`}) {
		t.Errorf("got %q", got)
	}
}

func TestAnAppReadsWhatItIsGiven(t *testing.T) {
	name := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(name, []byte("a\x00b"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := newOutput()
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=input"}, Stdin: f, Line: out.line})
	ends(t, a)
	if got := out.of("stdout"); !slices.Equal(got, []string{`"a\x00b" <nil>`}) {
		t.Errorf("got %q", got)
	}
}

func TestOutputComesAsItIsFromBothStreams(t *testing.T) {
	var got []byte
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=bytes"}, Output: func(b []byte) { got = append(got, b...) }})
	ends(t, a)
	if string(got) != "a\xff\x1b[31m\x00\r\n\n\rb\r\rc\nno newline" {
		t.Errorf("got %q", got)
	}
}

func TestAnAppWithoutALineRuns(t *testing.T) {
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=flood"}})
	if got := ends(t, a); got != (app.Result{}) {
		t.Errorf("got %+v", got)
	}
}

func TestStopCanBeCalledByManyAtOnce(t *testing.T) {
	a, out := start(t, "silent")
	out.waitFor(t, "ready")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := a.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := ends(t, a); got.Signal != "SIGTERM" || got.Code != 143 {
		t.Errorf("got %+v", got)
	}
	stops(t, a)
}

func TestStopWhileTheAppEnds(t *testing.T) {
	for range 20 {
		a, _ := start(t, "status 3")
		if got := stops(t, a); got.Code != 3 && got.Signal != "SIGTERM" {
			t.Errorf("got %+v", got)
		}
	}
}
