package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hf-tap/hf-tap/internal/history"
)

// stop takes down what start has put up, in this order: nothing tends the
// webhook any more; the webhook is deleted; the queue gets a moment; servers,
// app and tunnel close; the history is closed; the lock goes last, because until
// then no other process may take this session for dead.
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
	errs := []error{r.endLease(ctx, &sum)}
	if r.recv != nil {
		if n := r.recv.Stats().Unsettled; n > 0 {
			r.Tell(fmt.Sprintf("handing over %s, for %s at most; Ctrl+C leaves at once", plural(int(n), "more event", "more events"), r.Times.Drain))
		}
		drain, cancel := context.WithTimeout(ctx, r.Times.Drain)
		r.recv.Drain(drain)
		cancel()
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
	r.endWatch()
	errs = append(errs, r.gradio.Close())
	if r.store != nil {
		errs = append(errs, r.closeHistory(ctx, &sum))
	}
	if r.holding != nil {
		errs = append(errs, r.holding.release(r.rec))
	}
	return sum, errors.Join(errs...)
}

func (r *run) endLease(ctx context.Context, sum *Summary) error {
	if r.lease == nil || !r.rec.leaves() {
		return nil
	}
	left := r.rec.Webhook
	done, err := r.lease.end(ctx)
	sum.Deleted, sum.Enabled = done.deleted, done.enabled
	if r.rec.leaves() {
		sum.Left, sum.Doubt = left, r.rec.Doubt
	}
	return err
}

func (r *run) closeServers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, srv := range r.servers {
		// A delivery in its middle gets a second; then its connection closes, and
		// the Hub delivers it again to whoever asks.
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	}
	return nil
}

// closeHistory marks what was not handed over, counts what is kept, and closes
// the history.
func (r *run) closeHistory(ctx context.Context, sum *Summary) error {
	flush, cancel := context.WithTimeout(ctx, r.Times.Call)
	defer cancel()
	errs := []error{}
	if r.recv != nil {
		errs = append(errs, r.store.Flush(flush))
		_, err := r.store.EndSession(flush, r.id, time.Now())
		errs = append(errs, err)
		for _, c := range []struct {
			n *int
			q history.Query
		}{
			{&sum.Kept, history.Query{Session: r.id}},
			{&sum.Failed, history.Query{Session: r.id, Failed: true}},
			{&sum.Pending, history.Query{Session: r.id, Pending: true}},
		} {
			*c.n, err = r.store.Count(flush, c.q)
			errs = append(errs, err)
		}
	}
	var shown error
	if r.live != nil {
		shown = r.show(flush, r.front.Last)
	}
	if err := errors.Join(append(errs, r.store.Close())...); err != nil {
		return errors.Join(shown, fmt.Errorf("close the history: %w", err))
	}
	return shown
}
