package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hf-tap/hf-tap/internal/history"
)

// stop ends everything that start has started, in this order:
//
//  1. the goroutines that watch the tunnel and the webhook
//  2. the webhook
//  3. the queues of targets, which get Times.Drain for what they hold
//  4. the servers, the app and the tunnel
//  5. the history
//  6. the lock, because without it another process may sweep this session as dead
func (r *run) stop(ctx context.Context) (sum Summary, err error) {
	ctx = context.WithoutCancel(ctx)
	if r.endTending != nil {
		r.endTending()
		r.tending.Wait()
	}
	sum.ID = r.id
	if r.NoWebhook && !r.Local && r.live != nil {
		sum.ByHand = r.Endpoint + "/settings/webhooks"
	}
	errs := []error{r.releaseLease(ctx, &sum)}
	if r.recv != nil {
		if n := r.recv.Stats().Unsettled; n > 0 {
			r.Tell(fmt.Sprintf("handing over %s, for %s at most; Ctrl+C leaves at once", plural(int(n), "more event", "more events"), r.Times.Drain))
		}
		drain, cancel := context.WithTimeout(ctx, r.Times.Drain)
		r.recv.Drain(drain)
		cancel()
		r.asking.wait() // while the app still answers
	}
	errs = append(errs, r.closeServers(ctx), r.stopApp(ctx))
	if r.keeper != nil {
		errs = append(errs, r.keeper.Close())
	}
	r.cancel(nil)
	r.background.Wait()
	if r.recv != nil {
		r.recv.Close()
	}
	r.stopWatchingFolder()
	errs = append(errs, r.gradio.Close())
	if r.store != nil {
		errs = append(errs, r.closeHistory(ctx, &sum))
	}
	if r.holding != nil {
		errs = append(errs, r.holding.release(r.rec))
	}
	return sum, errors.Join(errs...)
}

func (r *run) releaseLease(ctx context.Context, sum *Summary) error {
	if r.lease == nil || !r.rec.needsUndo() {
		return nil
	}
	left := r.rec.Webhook
	done, err := r.lease.release(ctx)
	sum.Deleted, sum.Enabled = done.deleted, done.enabled
	if r.rec.needsUndo() {
		sum.Left, sum.Doubt = left, r.rec.Doubt
	}
	return err
}

func (r *run) closeServers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, srv := range r.servers {
		// A delivery in its middle gets a second; then its connection closes, and the Hub
		// delivers it again on request.
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	}
	return nil
}

// closeHistory marks the events that were not handed over as pending, counts the kept
// ones, and closes the history.
func (r *run) closeHistory(ctx context.Context, sum *Summary) error {
	ctx, cancel := context.WithTimeout(ctx, r.Times.Call)
	defer cancel()
	var ended, shown error
	if r.recv != nil {
		ended = r.recordEnd(ctx, sum)
	}
	if r.live != nil {
		shown = r.show(ctx, r.front.Last)
	}
	// The error that kept the session from ending keeps the history from closing, too.
	if closed := r.store.Close(); ended == nil {
		ended = closed
	}
	if ended != nil {
		ended = fmt.Errorf("close the history: %w", ended)
	}
	return errors.Join(shown, ended)
}

// recordEnd records in the history that the session has ended, and counts its events.
// If that fails, the file at the history's path may be another one: nothing is counted.
func (r *run) recordEnd(ctx context.Context, sum *Summary) error {
	if _, err := r.store.EndSession(ctx, r.id, time.Now()); err != nil {
		return err
	}
	for _, c := range []struct {
		n *int
		q history.Query
	}{
		{&sum.Kept, history.Query{Session: r.id}},
		{&sum.Failed, history.Query{Session: r.id, Failed: true}},
		{&sum.Pending, history.Query{Session: r.id, Pending: true}},
	} {
		var err error
		if *c.n, err = r.store.Count(ctx, c.q); err != nil {
			return err
		}
	}
	return nil
}
