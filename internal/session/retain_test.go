package session

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestOldEventsAreDeletedWhileASessionRunsAndThatIsSaidOnce(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	if err := w.dir.Make(); err != nil {
		t.Fatal(err)
	}
	store, err := history.Open(t.Context(), w.dir.History())
	if err != nil {
		t.Fatal(err)
	}
	old := func(pinned bool) *event.Event {
		return &event.Event{Session: "before", Phase: event.PhaseSettled, ReceivedAt: time.Now().Add(-48 * time.Hour), Pinned: pinned}
	}
	for _, pinned := range []bool{false, true, false} {
		err = errors.Join(err, store.Append(t.Context(), old(pinned)))
	}
	if err = errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	cfg := w.config()
	cfg.Tell = func(line string) { told <- line }
	cfg.Retention, cfg.Times.Retain = history.Retention{MaxAge: 24 * time.Hour}, time.Millisecond
	r := w.start(cfg)
	live := r.live()
	if line := <-told; line != "retention: deleted 2 old events; pinned ones stay" {
		t.Errorf("told %q", line)
	}
	// While it runs more become old, and what comes stays.
	if err := live.store.Append(t.Context(), old(false)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Happen("repo.update", hub.Repo{Type: "model", Name: "me/m"}, nil); err != nil {
		t.Fatal(err)
	}
	feed := live.Follow()
	defer feed.Close()
	for came := false; !came; {
		<-feed.Wake()
		changes, err := feed.Read(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			came = came || c.Row != nil && c.Row.Done()
		}
	}
	left := func() (numbers []int64) {
		err := live.store.Search(t.Context(), history.Query{}, func(row *event.Row) error { numbers = append(numbers, row.N); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return numbers
	}
	for slices.Contains(left(), 4) {
		if err := live.store.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := left(); !slices.Equal(got, []int64{5, 2}) {
		t.Errorf("left are %v, want the pinned one and the new one", got)
	}
	if sum := r.stop(); sum.Kept != 1 {
		t.Errorf("%d events are kept", sum.Kept)
	}
	select {
	case line := <-told:
		t.Errorf("told again: %q", line)
	default:
	}
}
