package tui

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunWaitsForWhatRanOnItsBehalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.put(delivery(1))
		cfg := w.config()
		in, out := io.Pipe()
		defer out.Close()
		cfg.Input, cfg.Output, cfg.Environ = in, io.Discard, []string{"TERM=xterm"}
		ctx, cancel := context.WithCancel(t.Context())
		read := make(chan struct{})
		cfg.Feed.Since = func(ctx context.Context, _ int64, _ int) ([]Change, error) {
			cancel() // the session ends while the feed is read
			<-read
			return nil, ctx.Err()
		}
		ended := make(chan error, 1)
		go func() { ended <- Run(ctx, cfg) }()
		select {
		case err := <-ended:
			close(read)
			t.Fatalf("it returned while the feed was still being read: %v", err)
		case <-time.After(time.Minute): // of the bubble
		}
		close(read)
		if err := <-ended; err != nil {
			t.Errorf("a session that ends is said to be an error: %v", err)
		}
	})
}

func TestWhatIsPrintedIsSafe(t *testing.T) {
	var out strings.Builder
	p := &printed{ctx: t.Context(), text: "one\n\x1b[2J\u009bx"}
	p.SetStdin(strings.NewReader("\n"))
	p.SetStdout(&out)
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	if want := "\none\r\n␛[2J\\u009bx\n\n(enter goes back)\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestTheInterfaceIsNotForEveryTerminal(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"ACCESSIBLE", "1", "ACCESSIBLE is set"}, {"TERM", "dumb", "TERM is dumb"}, {"TERM", "xterm", ""}, {"ACCESSIBLE", "", ""},
	} {
		got := Unusable(func(key string) string { return map[string]string{c.key: c.value}[key] })
		if got != c.want {
			t.Errorf("%s=%s: %q", c.key, c.value, got)
		}
	}
}
