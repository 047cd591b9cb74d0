package app_test

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hf-tap/hf-tap/internal/app"
)

func TestAnAppEndsWhenWeAreKilled(t *testing.T) {
	accept, address := peer(t)
	we := exec.Command(os.Args[0])
	we.Env = append(os.Environ(), "APP_TEST_AS=hf-tap", "APP_TEST_ADDRESS="+address)
	if err := we.Start(); err != nil {
		t.Fatal(err)
	}
	conn := accept()
	if !answers(conn) {
		t.Fatal("the app does not run")
	}
	if err := we.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = we.Wait()
	ended(t, conn)
}

// branches are the processes that an app starts as "groups": two
// that are in a group and a session of their own, and from each of them one that
// hears no SIGTERM, in a group of its own, and a daemon.
const branches = 6

func TestDaemonsAndOtherGroupsEndWithTheApp(t *testing.T) {
	for name, end := range map[string]func(a *app.App){
		"it is stopped":     func(a *app.App) { stops(t, a) },
		"it ends by itself": func(a *app.App) { _ = syscall.Kill(a.PID(), syscall.SIGUSR1); ends(t, a) },
	} {
		accept, address := peer(t)
		a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=groups", "APP_TEST_ADDRESS=" + address}, Grace: 100 * time.Millisecond})
		var conns []net.Conn
		for range branches {
			conns = append(conns, accept())
		}
		for _, conn := range conns {
			if !answers(conn) {
				t.Errorf("%s: a process has ended before the app", name)
			}
		}
		end(a)
		for _, conn := range conns {
			ended(t, conn)
		}
	}
}

func TestAnAppWhoseSupervisorIsKilledIsEndedAllTheSame(t *testing.T) {
	accept, address := peer(t)
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=two groups", "APP_TEST_ADDRESS=" + address}, Grace: 50 * time.Millisecond})
	conns := []net.Conn{accept(), accept()}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(a.PID()) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	supervisor, err := strconv.Atoi(strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')'):]))[2])
	if err != nil || supervisor == os.Getpid() {
		t.Fatalf("the app's parent is %d, %v", supervisor, err)
	}
	a.Ports() // as a session does that looks: the processes have been seen
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-a.Done():
	case <-time.After(patience):
		t.Fatal("the app does not end")
	}
	if a.Result().Err == nil {
		t.Error("its status is known")
	}
	for _, conn := range conns {
		ended(t, conn)
	}
}

func TestAllThatAnAppStartedEndsWhenWeAreKilled(t *testing.T) {
	accept, address := peer(t)
	we := exec.Command(os.Args[0])
	we.Env = append(os.Environ(), "APP_TEST_AS=hf-tap", "APP_TEST_CHILD_AS=groups", "APP_TEST_ADDRESS="+address)
	if err := we.Start(); err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	for range branches {
		conns = append(conns, accept())
	}
	if err := we.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = we.Wait()
	for _, conn := range conns {
		ended(t, conn)
	}
}

func TestThePortsOfAnAppAreThoseOfAllThatItStarted(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		a, out := start(t, "listens", "APP_TEST_ADDRESS="+address)
		port, err := strconv.Atoi(strings.TrimPrefix(out.waitForPrefix(t, "port "), "port "))
		if err != nil {
			t.Fatal(err)
		}
		if ports, known := a.Ports(); !known || !slices.Equal(ports, []int{port}) {
			t.Errorf("%s: %d, %v, want %d", address, ports, known, port)
		}
		stops(t, a)
	}
	a, out := start(t, "silent")
	out.waitFor(t, "ready")
	if ports, known := a.Ports(); !known || len(ports) != 0 {
		t.Errorf("an app that listens nowhere: %d, %v", ports, known)
	}
}

func TestAnAppOutlivesTheThreadThatAskedForIt(t *testing.T) {
	accept, address := peer(t)
	started, thread := make(chan *app.App), 0
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		thread = syscall.Gettid()
		a, err := app.Start(app.Config{Args: []string{os.Args[0]}, Env: []string{"APP_TEST_AS=connected", "APP_TEST_ADDRESS=" + address}})
		if err != nil {
			t.Error(err)
		}
		started <- a
	}()
	a := <-started
	if a == nil {
		return
	}
	conn := accept()
	for range 1_000_000 {
		if syscall.Kill(thread, 0) != nil {
			break
		}
		if _, err := os.Stat("/proc/self/task/" + strconv.Itoa(thread)); err != nil {
			break
		}
		runtime.Gosched()
	}
	if !answers(conn) {
		t.Error("the app has ended with a thread")
	}
	stops(t, a)
}

func TestAnOrphanThatNobodyWaitsForCountsAsEnded(t *testing.T) {
	// Orphans become ours, as they do of the first process in a container.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				return
			}
		}
	})
	out := newOutput()
	a := startPlain(t, app.Config{Env: []string{"APP_TEST_AS=short parent"}, Line: out.line, Grace: time.Hour})
	if got := ends(t, a); got != (app.Result{}) {
		t.Errorf("got %+v", got)
	}
	if err := syscall.Kill(-a.PID(), 0); err != nil {
		t.Errorf("the orphan was waited for, so that this tests nothing: %v", err)
	}
}
