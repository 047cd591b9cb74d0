package app_test

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"

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
	if !answers(conn) || !answers(conn) {
		t.Error("the app has ended with a thread")
	}
	stops(t, a)
}
