package app_test

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
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
	if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the app lives on: %v", err)
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
	a := startWith(t, app.Config{Env: []string{"APP_TEST_AS=short parent"}, Line: out.line, Grace: time.Hour})
	if got := ends(t, a); got != (app.Result{}) {
		t.Errorf("got %+v", got)
	}
	if err := syscall.Kill(-a.PID(), 0); err != nil {
		t.Errorf("the orphan was waited for, so that this tests nothing: %v", err)
	}
}
