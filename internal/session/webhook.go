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

// lease is the temporary webhook, from its creation to its deletion. Each change is
// saved in the record before the Hub is asked for it. So there is never a webhook
// without a record, wherever the process is killed.
type lease struct {
	holding  *holding
	hub      *hub.Client
	rec      *Record
	spec     hub.WebhookSpec
	deadline time.Duration // of each call that must not be lost to a signal
	say      func(event.State)
}

// certain returns a context for calls that a signal must not interrupt. For example,
// an interrupted create would lose the webhook's id.
func (l *lease) certain(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), l.deadline)
}

// create creates the webhook. If the Hub's answer gets lost, create looks for the
// webhook in the account's list. If that fails, too, the record keeps Doubt, and the
// next sweep looks again.
func (l *lease) create(ctx context.Context) error {
	l.spec.URL = l.rec.URL()
	l.rec.Webhook, l.rec.Doubt, l.rec.Asked = "", true, time.Now()
	if err := l.holding.save(l.rec); err != nil {
		return err
	}
	sure, cancel := l.certain(ctx)
	defer cancel()
	w, err := l.hub.CreateWebhook(sure, l.spec)
	if err != nil {
		if !hub.OutcomeUnknown(err) {
			l.rec.Doubt = false
			return errors.Join(err, l.holding.save(l.rec))
		}
		found, lookErr := l.find(ctx)
		if lookErr != nil || found == nil {
			return fmt.Errorf("%w; whether it was made anyway is not known yet, and the next start looks for it", err)
		}
		w = *found
	}
	l.rec.Webhook, l.rec.Doubt = w.ID, false
	return l.holding.save(l.rec)
}

// find looks for the webhook by its token, and returns nil if there is none.
func (l *lease) find(ctx context.Context) (*hub.Webhook, error) {
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

// check repairs the webhook if somebody else has changed it. It creates it again if it
// was deleted, enables it if it was disabled or suspended, and corrects its URL. It
// reports each repair as a state.
func (l *lease) check(ctx context.Context) error {
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
	if w.State != hub.StateEnabled {
		if _, err := l.hub.EnableWebhook(ctx, w.ID); err != nil {
			return fmt.Errorf("enable the webhook again: %w", err)
		}
	}
	// Reported when both are done: a program that waits for it expects deliveries.
	if moved {
		l.reportState("re-pointed", "it pointed to "+w.URL)
	}
	switch w.State {
	case hub.StateEnabled:
	case hub.StateSuspended:
		l.reportState("enabled", "the Hub had suspended it after failed deliveries")
	default:
		l.reportState("enabled", "it was disabled")
	}
	return nil
}

// restore creates the webhook again if the account's list does not have it either. A
// webhook with this session's token in its URL is ours even under another id: then the
// answer to an earlier create was lost.
func (l *lease) restore(ctx context.Context) error {
	list, err := l.hub.ListWebhooks(ctx)
	if err != nil {
		return fmt.Errorf("look for the webhook: %w", err)
	}
	for _, w := range list {
		if w.ID == l.rec.Webhook {
			return nil // it exists: the 404 was wrong
		}
		if tokenOf(w.URL) == l.rec.Token {
			l.rec.Webhook, l.rec.Doubt = w.ID, false
			return l.holding.save(l.rec)
		}
	}
	if err := l.create(ctx); err != nil {
		return fmt.Errorf("make the webhook again: %w", err)
	}
	l.reportState("made again", "somebody had deleted it")
	return nil
}

// point updates the webhook to the address of this session. The Hub never returns a
// secret, and may forget one that is left out: it is sent every time.
func (l *lease) point(ctx context.Context) error {
	l.spec.URL = l.rec.URL()
	sure, cancel := l.certain(ctx)
	defer cancel()
	if _, err := l.hub.UpdateWebhook(sure, l.rec.Webhook, l.spec); err != nil {
		return fmt.Errorf("point the webhook here: %w", err)
	}
	return nil
}

func (l *lease) reportState(state, detail string) {
	l.say(event.State{Subject: event.SubjectWebhook, Name: l.rec.Webhook, State: state, Detail: detail})
}

// mute disables webhooks of the user while the session runs. It skips those that are
// not enabled. It saves each id in the record before it disables the webhook, because
// the end of the session, or a sweep, enables exactly the ids in the record.
func (l *lease) mute(ctx context.Context, ids []string) error {
	for _, id := range ids {
		w, err := l.hub.GetWebhook(ctx, id)
		if err != nil {
			return fmt.Errorf("mute %s: %w", id, err)
		}
		if w.State != hub.StateEnabled {
			continue
		}
		l.rec.Muted = append(l.rec.Muted, id)
		if err := l.holding.save(l.rec); err != nil {
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

// release deletes the webhook and enables the muted ones. What fails stays in the
// record, which is written when the session's lock is released. It returns what was
// done also when it fails.
func (l *lease) release(ctx context.Context) (undoResult, error) {
	sure, cancel := l.certain(ctx)
	defer cancel()
	var done undoResult
	if l.rec.Webhook != "" && !l.rec.Doubt { // one call, where it succeeds
		if l.hub.DeleteWebhook(sure, l.rec.Webhook) == nil {
			done.deleted = []string{l.rec.Webhook}
			l.rec.Webhook = ""
		}
	}
	if l.rec.needsUndo() {
		rest := undo(sure, l.hub, []*Record{l.rec})[0]
		rest.deleted = append(done.deleted, rest.deleted...)
		done = rest
	}
	for _, id := range done.deleted {
		l.say(event.State{Subject: event.SubjectWebhook, Name: id, State: "deleted"})
	}
	for _, id := range done.enabled {
		l.say(event.State{Subject: event.SubjectWebhook, Name: id, State: "enabled", Detail: "it was muted"})
	}
	return done, done.err
}
