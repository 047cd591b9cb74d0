package receiver_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestHistoryOnDiskHasEveryEvent(t *testing.T) {
	store, err := history.Open(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, "")), Recorder: store, Limits: receiver.Limits{MaxQueued: 100}})
	const n = 200
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { tap.deliver(t, fmt.Sprintf(`{"number":%d}`, i)) })
	}
	wg.Wait()
	want(t, "left", tap.Drain(t.Context()), 0)
	if err := store.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]bool{}
	for i := range n {
		e, err := store.Get(t.Context(), int64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		bodies[string(e.Body)] = true
		want(t, "event", fmt.Sprint(e.Phase, e.Answer.Status, len(e.Attempts), e.Attempts[0].Status), fmt.Sprint(event.PhaseSettled, 200, 1, 200))
	}
	want(t, "different bodies in the history", len(bodies), n)
	handed := map[string]bool{}
	for _, took := range app.requests() {
		handed[string(took.body)] = bodies[string(took.body)]
	}
	want(t, "different bodies at the app", len(handed), n)
}
