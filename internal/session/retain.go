package session

import (
	"context"
	"time"
)

// retain deletes events that the user does not want to keep any longer, at the start
// and from time to time, until ctx ends. It says so the first time. It runs beside
// what is delivered: a start does not wait for it.
func (r *run) retain(ctx context.Context) {
	tick := time.NewTicker(r.Times.Retain)
	defer tick.Stop()
	for said := false; ; {
		deleted, err := r.store.Enforce(ctx, r.Retention)
		if err != nil && ctx.Err() == nil {
			r.Log.Warn("enforce the retention", "error", err)
		}
		if deleted > 0 && !said {
			r.Tell("retention: deleted " + plural(deleted, "old event", "old events") + "; pinned ones stay")
			said = true
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
