package tui

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/hf-tap/hf-tap/event"
)

// story is the program that tests run in a terminal: the interface of a fake session,
// in which actions have effects. It reports how it ended on standard error, and to the
// file HF_TAP_TEST_ENDED.
func story() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	w := newFakeSession()
	for i := 1; i <= 5; i++ {
		w.record(delivery(i))
	}
	cfg := w.config()
	next := func(change func(*event.Event)) int64 {
		n := len(w.events) + 1
		e := delivery(n)
		change(e)
		w.record(e)
		return int64(n)
	}
	cfg.Actions.Trigger = func(_ context.Context, k event.Kind, _ string) (string, error) {
		return fmt.Sprintf("triggered #%d", next(func(e *event.Event) { e.Source = event.SourceTrigger })), nil
	}
	cfg.Actions.Replay = func(_ context.Context, r Replay) (string, error) {
		for _, n := range r.Numbers {
			next(func(e *event.Event) { e.Source, e.ReplayOf, e.Answer = event.SourceReplay, n, event.Answer{} })
		}
		return fmt.Sprintf("replayed %d", len(r.Numbers)), nil
	}
	cfg.Actions.Deliver = func(_ context.Context, d Draft) (string, error) {
		next(func(e *event.Event) {
			e.Body, e.Edited, e.ReplayOf, e.Source, e.Answer = d.Body, true, d.Of, event.SourceReplay, event.Answer{}
		})
		return "sent as edited", nil
	}
	cfg.Editor = strings.Fields(os.Getenv("EDITOR"))
	cfg.NoColor = os.Getenv("NO_COLOR") != ""
	err := Run(ctx, cfg)
	words := fmt.Sprintf("ended: %v\n", err)
	fmt.Fprint(os.Stderr, words)
	if file := os.Getenv("HF_TAP_TEST_ENDED"); file != "" {
		_ = os.WriteFile(file, []byte(words), 0o600)
	}
	return 0
}
