package session

import (
	"context"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
)

// Running returns the records of the sessions that live on this machine, the oldest
// first. It changes nothing and asks no Hub.
func (d Dir) Running() (running []*Record, err error) {
	records, _, err := d.records()
	for _, r := range records {
		if r.Machine == machineHash() && d.alive(r.ID) {
			running = append(running, r)
		}
	}
	return running, err
}

// Undelivered counts the failed events and the pending ones. An event of a killed
// session counts as pending before the next session marks it. It changes nothing.
func (d Dir) Undelivered(ctx context.Context, reader *history.Reader) (failed, pending int, err error) {
	if failed, err = reader.Count(ctx, history.Query{Failed: true}); err != nil {
		return 0, 0, err
	}
	if pending, err = reader.Count(ctx, history.Query{Pending: true}); err != nil {
		return 0, 0, err
	}
	sessions, err := reader.OpenSessions(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, s := range sessions {
		if d.alive(s.ID) {
			continue
		}
		for _, phase := range []event.Phase{event.PhaseOpen, event.PhaseWaiting} {
			n, err := reader.Count(ctx, history.Query{Session: s.ID, Phase: phase})
			if err != nil {
				return 0, 0, err
			}
			pending += n
		}
	}
	return failed, pending, nil
}

// EndDead marks killed sessions as ended in the history: their unsettled events become
// pending.
func (d Dir) EndDead(ctx context.Context, store *history.Store) error {
	sessions, err := store.OpenSessions(ctx)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if d.alive(s.ID) {
			continue
		}
		if _, err := store.EndSession(ctx, s.ID, time.Now()); err != nil {
			return err
		}
	}
	return nil
}
