package tui

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

func TestRunWaitsForItsGoroutines(t *testing.T) {
	w := newFakeSession()
	w.record(delivery(1))
	cfg := w.config()
	in, out := io.Pipe()
	defer out.Close()
	cfg.Input, cfg.Output, cfg.Environ = in, io.Discard, []string{"TERM=xterm"}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	cfg.Feed.Read = func(ctx context.Context, _ int) ([]event.Change, error) {
		cancel() // the session ends while the feed is read
		<-ctx.Done()
		<-time.After(50 * time.Millisecond)
		close(ended)
		return nil, ctx.Err()
	}
	if err := Run(ctx, cfg); err != nil {
		t.Errorf("a session that ends is said to be an error: %v", err)
	}
	select {
	case <-ended:
	default:
		t.Error("it returned while the feed was still being read")
	}
}

func TestSomeTerminalsGetLinesOfText(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"ACCESSIBLE", "1", "ACCESSIBLE is set"}, {"TERM", "dumb", "TERM is dumb"}, {"TERM", "xterm", ""}, {"ACCESSIBLE", "", ""},
	} {
		got := Unusable(func(key string) string { return map[string]string{c.key: c.value}[key] })
		if got != c.want {
			t.Errorf("%s=%s: %q", c.key, c.value, got)
		}
	}
}
