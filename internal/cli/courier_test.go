package cli

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
)

// couriered is a courier with a history of its own, and the numbers that it shows.
// The tests say how it sends.
func couriered(t *testing.T, total int) (*courier, *history.Store, *[]int64) {
	t.Helper()
	store, err := history.Open(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.StartSession(t.Context(), history.Session{ID: "s1", StartedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	var shown []int64
	return &courier{
		total: total, workers: 4, reader: store.Reader, session: "s1",
		show: func(row *event.Row) error { shown = append(shown, row.N); return nil },
	}, store, &shown
}

// appending records an event, and returns its number.
func appending(ctx context.Context, store *history.Store) (int64, error) {
	e := &event.Event{Session: "s1", Source: event.SourceTrigger, Method: http.MethodPost, Path: "/", ReceivedAt: time.Now(), Verdict: event.VerdictOK, Phase: event.PhaseOpen, Targets: []string{"t"}}
	err := store.Append(ctx, e)
	return e.N, err
}

func TestACourierWaitsUntilAllIsSettled(t *testing.T) {
	c, store, shown := couriered(t, 3000)
	c.send = func(ctx context.Context, i int) (int64, error) {
		n, err := appending(ctx, store)
		store.Update(event.Update{N: n, Phase: event.PhaseSettled})
		return n, err
	}
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(*shown)
	if all := slices.Compact(slices.Clone(*shown)); len(all) != 3000 || len(*shown) != 3000 {
		t.Errorf("%d were shown, %d different ones", len(*shown), len(all))
	}
}

func TestACourierDoesNotWaitForWhatWasDeleted(t *testing.T) {
	c, store, shown := couriered(t, 3)
	c.send = func(ctx context.Context, i int) (int64, error) {
		n, err := appending(ctx, store)
		if i == 1 {
			_, errDelete := store.Delete(ctx, n)
			return n, errors.Join(err, errDelete)
		}
		store.Update(event.Update{N: n, Phase: event.PhaseSettled})
		return n, err
	}
	if err := c.run(t.Context()); err != nil || len(*shown) != 2 {
		t.Errorf("%d were shown: %v", len(*shown), err)
	}
}

func TestACourierShowsWhatWasSentBeforeAFailure(t *testing.T) {
	c, store, shown := couriered(t, 1000)
	c.workers = 1
	failure := errors.New("the session answered 503")
	c.send = func(ctx context.Context, i int) (int64, error) {
		if i == 10 {
			return 0, failure
		}
		n, err := appending(ctx, store)
		store.Update(event.Update{N: n, Phase: event.PhaseSettled})
		return n, err
	}
	if err := c.run(t.Context()); !errors.Is(err, failure) || len(*shown) != 10 {
		t.Errorf("%d were shown: %v", len(*shown), err)
	}
}

func TestACourierNoticesThatTheSessionWasKilled(t *testing.T) {
	c, store, shown := couriered(t, 5)
	c.workers = 1
	var dead atomic.Bool
	c.alive = func() (bool, error) { return !dead.Load(), nil }
	c.settle = func(ctx context.Context) error {
		_, err := store.EndSession(ctx, "s1", time.Now())
		return err
	}
	c.send = func(ctx context.Context, i int) (int64, error) {
		if i == 2 {
			dead.Store(true)
			return 0, errors.New("connection refused")
		}
		return appending(ctx, store)
	}
	if err := c.run(t.Context()); !errors.Is(err, errSessionEnded) || len(*shown) != 2 {
		t.Errorf("%d were shown: %v", len(*shown), err)
	}
}

func TestACourierEndsWithItsContext(t *testing.T) {
	c, store, _ := couriered(t, 10_000)
	ctx, cancel := context.WithCancel(t.Context())
	c.send = func(ctx context.Context, i int) (int64, error) {
		if i == 20 {
			cancel()
		}
		return appending(ctx, store)
	}
	if err := c.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

func TestACourierWhoseLinesNobodyReadsGivesUp(t *testing.T) {
	c, store, _ := couriered(t, 100)
	closed := errors.New("the output is closed")
	c.show = func(*event.Row) error { return closed }
	c.send = func(ctx context.Context, i int) (int64, error) {
		if i > 0 { // a session that takes its time
			<-ctx.Done()
			return 0, ctx.Err()
		}
		n, err := appending(ctx, store)
		store.Update(event.Update{N: n, Phase: event.PhaseSettled})
		return n, err
	}
	if err := c.run(t.Context()); !errors.Is(err, closed) {
		t.Errorf("it ends with %v", err)
	}
}

func TestACourierSaysThatASessionWhichRunsHandedNothingOver(t *testing.T) {
	c, store, shown := couriered(t, 3)
	c.alive = func() (bool, error) { return true, nil }
	c.send = func(ctx context.Context, i int) (int64, error) {
		n, err := appending(ctx, store)
		phase := event.PhaseSettled
		if i == 1 {
			phase = event.PhasePending
		}
		store.Update(event.Update{N: n, Phase: phase})
		return n, err
	}
	if err := c.run(t.Context()); !errors.Is(err, errNotHandedOver) || len(*shown) != 3 {
		t.Errorf("%d were shown: %v", len(*shown), err)
	}
}
