package session

import (
	"context"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/history"
)

// Follow starts to follow what happens in the session, from its first event. The
// follower has to be closed.
func (l *Live) Follow() *history.Follower { return l.store.Follow(l.ID) }

// Event returns one event whole, of any session: see [history.Reader.Get].
func (l *Live) Event(ctx context.Context, n int64) (*event.Event, error) { return l.store.Get(ctx, n) }

// Older returns the events with numbers below before that f matches, of any
// session, the newest first: at most limit, and fewer if there are no more.
func (l *Live) Older(ctx context.Context, f *filter.Filter, before int64, limit int) (found []*event.Row, err error) {
	err = l.store.Search(ctx, history.Query{Filter: f, Before: before, Limit: limit}, func(row *event.Row) error {
		found = append(found, row)
		return nil
	})
	return found, err
}

// Matches reports whether a filter matches an event: see [history.Reader.Matches].
func (l *Live) Matches(ctx context.Context, f *filter.Filter, row *event.Row) (bool, error) {
	return l.store.Matches(ctx, f, row)
}

// Pin marks events to be kept, or unmarks them, and returns how many it changed.
func (l *Live) Pin(ctx context.Context, on bool, numbers ...int64) (changed int, err error) {
	return l.store.Pin(ctx, on, numbers...)
}

// Flush waits until all changes of events so far are stored.
func (l *Live) Flush(ctx context.Context) error { return l.store.Flush(ctx) }

// ReplayFailed sends the failed events of the session again, and returns how many they
// are.
func (l *Live) ReplayFailed(ctx context.Context) (sent int, err error) {
	numbers, err := ToReplay(ctx, l.store.Reader, history.Query{Session: l.ID, Failed: true})
	if err != nil {
		return 0, err
	}
	for _, n := range numbers {
		if _, err := l.Replay(ctx, n, Again{}); err != nil {
			return 0, err
		}
	}
	return len(numbers), nil
}
