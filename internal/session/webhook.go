package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// lease is the life of the temporary webhook: made, looked after, deleted. Its
// record is on disk before the Hub is asked for anything, so that no road
// leaves a webhook behind without a record of it.
type lease struct {
	dir      Dir
	hub      *hub.Client
	rec      *Record
	spec     hub.WebhookSpec
	deadline time.Duration // of each call that must not be lost to a signal
	say      func(event.State)
}

// certain gives a context for calls that must be brought to their end: a
// signal in the middle of a create would lose the webhook's id.
func (l *lease) certain(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), l.deadline)
}

// create makes the webhook. When the Hub's answer does not come, the list says
// whether it was made.
func (l *lease) create(ctx context.Context) error {
	l.spec.URL = l.rec.URL()
	l.rec.Webhook, l.rec.Doubt = "", true
	if err := l.dir.save(l.rec); err != nil {
		return err
	}
	sure, cancel := l.certain(ctx)
	defer cancel()
	w, err := l.hub.CreateWebhook(sure, l.spec)
	if err != nil {
		if !hub.MaybeDone(err) {
			l.rec.Doubt = false
			return errors.Join(err, l.dir.save(l.rec))
		}
		found, lookErr := l.look(ctx)
		if lookErr != nil || found == nil {
			return fmt.Errorf("%w; whether it was made anyway is not known yet, and the next start looks for it", err)
		}
		w = *found
	}
	l.rec.Webhook, l.rec.Doubt = w.ID, false
	return l.dir.save(l.rec)
}

// look finds the webhook by its token, nil if there is none.
func (l *lease) look(ctx context.Context) (*hub.Webhook, error) {
	sure, cancel := l.certain(ctx)
	defer cancel()
	list, err := l.hub.ListWebhooks(sure)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(w hub.Webhook) bool { return tokenOf(w.URL) == l.rec.Token })
	if i < 0 {
		return nil, nil
	}
	return &list[i], nil
}

// tend puts right what happened to the webhook behind our back: it makes it
// again when somebody deleted it, enables it when it was disabled or
// suspended, and points it here when its address is another. It says what it
// did.
func (l *lease) tend(ctx context.Context) error {
	if l.rec.Webhook == "" { // making it again failed last time
		return l.restore(ctx)
	}
	w, err := l.hub.GetWebhook(ctx, l.rec.Webhook)
	if errors.Is(err, hub.ErrNotFound) {
		return l.restore(ctx)
	}
	if err != nil {
		return fmt.Errorf("look after the webhook: %w", err)
	}
	moved := w.URL != l.rec.URL()
	if moved {
		if err := l.point(ctx); err != nil {
			return err
		}
	}
	if w.Disabled != hub.Enabled {
		if _, err := l.hub.EnableWebhook(ctx, w.ID); err != nil {
			return fmt.Errorf("enable the webhook again: %w", err)
		}
	}
	// Told when both is done: whoever waits for it counts on deliveries.
	if moved {
		l.tell("re-pointed", "it pointed to "+w.URL)
	}
	switch w.Disabled {
	case hub.Enabled:
	case hub.SuspendedAfterFailure:
		l.tell("enabled", "the Hub had suspended it after failed deliveries")
	default:
		l.tell("enabled", "it was disabled")
	}
	return nil
}

// restore makes the webhook again if the list, too, says that it is gone. One
// that holds this session's token is ours, whatever its id: a create whose
// answer was lost made it.
func (l *lease) restore(ctx context.Context) error {
	list, err := l.hub.ListWebhooks(ctx)
	if err != nil {
		return fmt.Errorf("look for the webhook: %w", err)
	}
	for _, w := range list {
		if w.ID == l.rec.Webhook {
			return nil // a 404 that was no truth
		}
		if tokenOf(w.URL) == l.rec.Token {
			l.rec.Webhook, l.rec.Doubt = w.ID, false
			return l.dir.save(l.rec)
		}
	}
	if err := l.create(ctx); err != nil {
		return fmt.Errorf("make the webhook again: %w", err)
	}
	l.tell("made again", "somebody had deleted it")
	return nil
}

// point sends the whole webhook with the address of this session. The Hub
// never tells a secret and may forget one that is left out, so that it is sent
// every time.
func (l *lease) point(ctx context.Context) error {
	l.spec.URL = l.rec.URL()
	sure, cancel := l.certain(ctx)
	defer cancel()
	if _, err := l.hub.UpdateWebhook(sure, l.rec.Webhook, l.spec); err != nil {
		return fmt.Errorf("point the webhook here: %w", err)
	}
	return nil
}

func (l *lease) tell(state, detail string) {
	l.say(event.State{Subject: event.SubjectWebhook, Name: l.rec.Webhook, State: state, Detail: detail})
}

// mute disables webhooks of the user's for as long as the session lives. Each
// is written down before it is disabled, and only if it was enabled: it is
// enabled again by that list alone.
func (l *lease) mute(ctx context.Context, ids []string) error {
	for _, id := range ids {
		w, err := l.hub.GetWebhook(ctx, id)
		if err != nil {
			return fmt.Errorf("mute %s: %w", id, err)
		}
		if w.Disabled != hub.Enabled {
			continue
		}
		l.rec.Muted = append(l.rec.Muted, id)
		if err := l.dir.save(l.rec); err != nil {
			return err
		}
		sure, cancel := l.certain(ctx)
		_, err = l.hub.DisableWebhook(sure, id)
		cancel()
		if err != nil {
			return fmt.Errorf("mute %s: %w", id, err)
		}
		l.say(event.State{Subject: event.SubjectWebhook, Name: id, State: "muted", Detail: "until this session ends"})
	}
	return nil
}

// end undoes the lease: the webhook deleted, muted ones enabled. What could not
// be undone stays in the record, which is written when the session's lock goes.
// It returns what was done even when it fails.
func (l *lease) end(ctx context.Context) (undone, error) {
	sure, cancel := l.certain(ctx)
	defer cancel()
	done, err := undo(sure, l.hub, l.rec)
	for _, id := range done.deleted {
		l.say(event.State{Subject: event.SubjectWebhook, Name: id, State: "deleted"})
	}
	for _, id := range done.enabled {
		l.say(event.State{Subject: event.SubjectWebhook, Name: id, State: "enabled", Detail: "it was muted"})
	}
	return done, err
}

// settle lets go of a lease: of its lock, and of its record unless something is
// left to undo.
func (d Dir) settle(rec *Record, l *lock) error {
	if rec.leaves() {
		return errors.Join(d.save(rec), l.Close())
	}
	return errors.Join(removeFile(d.recordPath(rec.ID)), d.drop(l))
}

// leaves reports whether there is something on the account to undo.
func (r *Record) leaves() bool { return r.Webhook != "" || r.Doubt || len(r.Muted) > 0 }

// undone is what undo did, by webhook ids.
type undone struct{ deleted, enabled []string }

// undo deletes the webhook of a record and enables what it muted. What is done
// it takes out of the record.
func undo(ctx context.Context, client *hub.Client, rec *Record) (done undone, err error) {
	done.deleted, err = deleteWebhook(ctx, client, rec)
	errs := []error{err}
	var muted []string
	for _, id := range rec.Muted {
		w, err := client.GetWebhook(ctx, id)
		if err == nil && w.Disabled != hub.Enabled {
			_, err = client.EnableWebhook(ctx, id)
		}
		switch {
		case err == nil:
			done.enabled = append(done.enabled, id)
		case !errors.Is(err, hub.ErrNotFound):
			muted = append(muted, id)
			errs = append(errs, fmt.Errorf("enable the muted webhook %s again: %w", id, err))
		}
	}
	rec.Muted = muted
	return done, errors.Join(errs...)
}

// doubtLasts is how long a create whose answer never came is looked for.
const doubtLasts = 24 * time.Hour

// deleteWebhook deletes the webhook with the record's id, and any whose path
// holds the record's token: never one by a likeness.
func deleteWebhook(ctx context.Context, client *hub.Client, rec *Record) (deleted []string, err error) {
	if rec.Webhook == "" && !rec.Doubt {
		return nil, nil
	}
	if !rec.Doubt {
		err := client.DeleteWebhook(ctx, rec.Webhook)
		if err == nil {
			deleted, rec.Webhook = []string{rec.Webhook}, ""
			return deleted, nil
		}
		if !maybeGone(err) {
			return nil, fmt.Errorf("delete the webhook %s: %w", rec.Webhook, err)
		}
	}
	// The list decides: another account's token gets a 404 for a webhook that
	// is there, and an unanswered create is found by its token alone.
	list, err := client.ListWebhooks(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for the webhook: %w", err)
	}
	for _, w := range list {
		if w.ID != rec.Webhook && tokenOf(w.URL) != rec.Token {
			continue
		}
		if err := client.DeleteWebhook(ctx, w.ID); err != nil {
			return deleted, fmt.Errorf("delete the webhook %s: %w", w.ID, err)
		}
		deleted = append(deleted, w.ID)
		rec.Doubt = false
	}
	rec.Webhook = ""
	if time.Since(rec.Started) > doubtLasts {
		rec.Doubt = false
	}
	return deleted, nil
}

// maybeGone reports whether an answer to a delete may mean that the webhook is
// not there: the Hub's docs do not say whether an unknown id is a 404 or a 400.
func maybeGone(err error) bool {
	return errors.Is(err, hub.ErrNotFound) || errors.Is(err, hub.ErrInvalid) || hub.MaybeDone(err)
}
