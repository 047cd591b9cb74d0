package session

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// maxLost is how many looks in a row may find that the session is not on record
// and cannot be: then it ends in order, as long as it can delete its webhook.
const maxLost = 3

// States of the session's record.
const (
	stateRestored   = "restored"       // lock or record were missing or changed, and are made again
	stateUnrecorded = "unrecorded"     // and cannot be made again
	stateUnwritable = "unwritable"     // nothing can be changed in the folder; lock and record exist
	stateWritable   = "writable again" // it can
)

// watchFolder checks the state folder at intervals until the session's lock is
// released.
func (r *run) watchFolder(ctx context.Context) error {
	ctx, r.endWatching = context.WithCancel(context.WithoutCancel(ctx))
	r.looks = append(r.looks, (&leaseWatch{run: r}).look, func(context.Context) { r.gradio.relock(r.Dir) },
		func(ctx context.Context) { _ = r.store.Check(ctx) }) // what the history finds it shows as a state
	r.spawn(&r.watching, func() {
		every := time.NewTicker(r.Times.Look)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
				for _, look := range r.looks {
					look(ctx)
				}
			}
		}
	})
	return nil
}

// stopWatchingFolder ends the goroutine that watchFolder started, and waits for it.
func (r *run) stopWatchingFolder() {
	if r.endWatching != nil {
		r.endWatching()
		r.watching.Wait()
	}
}

// leaseWatch checks that the session's lock and record are in the state folder, and
// restores them. The user may move, remove or damage the folder while the session runs.
// If the session were killed then, no later start would know of its webhook.
type leaseWatch struct {
	*run
	lost int   // consecutive checks that could not restore lock and record
	bad  error // nothing can be changed in the folder
}

func (w *leaseWatch) look(context.Context) {
	made, err := w.holding.restore()
	if err != nil {
		w.notRestored(err)
		return
	}
	switch {
	case made != "":
		w.report(event.State{Subject: event.SubjectSession, State: stateRestored, Detail: made + "; made again"})
		w.wakeTend()
	case w.lost > 0:
		w.report(event.State{Subject: event.SubjectSession, State: stateRestored, Detail: "its lock and record are as before"})
	}
	w.lost = 0
	err = w.holding.writable()
	switch {
	case err != nil && w.bad == nil:
		w.report(event.State{Subject: event.SubjectSession, State: stateUnwritable, Detail: err.Error()})
	case err == nil && w.bad != nil:
		w.report(event.State{Subject: event.SubjectSession, State: stateWritable})
	}
	w.bad = err
}

// notRestored reports that the session has no lock or record. After maxLost checks in a
// row it ends the session, while it can still delete the webhook.
func (w *leaseWatch) notRestored(err error) {
	w.lost++
	if w.lost == 1 {
		w.report(event.State{Subject: event.SubjectSession, State: stateUnrecorded, Detail: err.Error()})
	}
	if w.lost >= maxLost && !isTransient(err) {
		w.cancel(fmt.Errorf("the session cannot be kept on record, and would leave its webhook behind if it were killed: %w", err))
	}
}

// isTransient reports whether an error will go away by itself. errHeld means that a sweep
// of another process took this session for dead: it deletes the webhook and releases the
// lock. Too many files are open only during a burst of deliveries.
func isTransient(err error) bool {
	return errors.Is(err, errHeld) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// wakeTend makes tend check the webhook now. While the session had no lock, another start
// may have deleted its webhook.
func (r *run) wakeTend() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
