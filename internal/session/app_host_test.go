//go:build unix

package session

import (
	"context"
	"os"
	"path/filepath"
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
	ended, tended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(tended)
		h.tend(ctx, end, time.Millisecond, func(string) {}, func(err error) { ended <- err })
	}()
	t.Cleanup(func() {
		if err := h.close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
		cancel()
		<-tended
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
