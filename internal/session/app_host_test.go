//go:build unix

package session

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/app"
)

// hostOf runs a shell script as the app. Each run writes to the pipe "run".
func hostOf(t *testing.T, script string, end AppEnd) (h *appHost, ended chan error) {
	t.Helper()
	h = newAppHost(app.Config{Args: []string{"sh", "-c", script}, Grace: time.Second})
	if err := h.start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended, watched := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(watched)
		h.watch(ctx, end, time.Millisecond, func(string) {}, func(err error) { ended <- err })
	}()
	t.Cleanup(func() {
		if err := h.close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
		cancel()
		<-watched
	})
	return h, ended
}

func TestTheSessionEndsWithItsApp(t *testing.T) {
	_, ended := hostOf(t, "exit 7", EndsSession)
	if err := <-ended; err == nil || err.Error() != `the app "sh" ended with status 7` {
		t.Errorf("got %v", err)
	}
}

func TestAnAppThatEndedCanBeStartedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "again")
	h, ended := hostOf(t, "[ -e "+file+" ] && exec sleep 60; exit 7", Waits)
	l := &Live{host: h}
	for <-l.AppChanged(); l.App().Runs; <-l.AppChanged() {
	}
	if s := l.App(); s.Ended == nil || s.Ended.Code != 7 || s.At.IsZero() {
		t.Errorf("got %+v", s)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // once when it has ended, once when it runs
		if err := l.RestartApp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := l.App(); !s.Runs || s.Ended != nil {
			t.Errorf("after the start: %+v", s)
		}
	}
	select {
	case err := <-ended:
		t.Errorf("the session ends: %v", err)
	default:
	}
}

func TestNothingIsStartedOnceTheSessionEnds(t *testing.T) {
	h, _ := hostOf(t, "exec sleep 60", Waits)
	if err := h.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := (&Live{host: h}).RestartApp(t.Context()); err == nil {
		t.Error("it was started")
	}
}

// Each app that was started is ended, also if starts overlap.
func TestStartsOfTheAppThatOverlapLeaveNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pids")
	// It takes a moment to end.
	h, _ := hostOf(t, "echo $$ >>"+file+"; trap 'sleep 0.2; exit' TERM INT; while :; do sleep 0.05; done", Waits)
	l := &Live{host: h}
	started := func() []string {
		b, _ := os.ReadFile(file)
		return strings.Fields(string(b))
	}
	for len(started()) == 0 {
		runtime.Gosched()
	}
	var restarts sync.WaitGroup
	for range 3 {
		restarts.Go(func() {
			if err := l.RestartApp(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	restarts.Wait()
	if err := h.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, text := range started() {
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, 0); err == nil {
			t.Errorf("the app with process %d runs", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
