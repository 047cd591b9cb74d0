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

// needsUndo reports whether there is something on the account to undo.
func (r *Record) needsUndo() bool { return r.Webhook != "" || r.Doubt || len(r.Muted) > 0 }

// owns reports whether the record's session created a webhook: it has the record's id,
// or the record's token in its URL. To delete a webhook the id is not enough: see delete.
func (r *Record) owns(w hub.Webhook) bool {
	return r.Webhook != "" && w.ID == r.Webhook || tokenOf(w.URL) == r.Token
}

// doubtLasts is how long a create whose answer never came is looked for.
const doubtLasts = 24 * time.Hour

// doubtEnds is the time until which a webhook is looked for whose create was never
// answered.
func (r *Record) doubtEnds() time.Time {
	if r.Asked.IsZero() { // an older hf-tap wrote it
		return r.Started.Add(doubtLasts)
	}
	return r.Asked.Add(doubtLasts)
}

// undoResult is the result of undo for one record.
type undoResult struct {
	deleted, enabled []string         // the ids of webhooks
	unsure           map[string]error // the errors of deletes that may have succeeded, by the webhook's id
	failed           bool             // a webhook exists that could not be deleted
	err              error            // why not all is undone
}

// undo deletes the webhooks of records and enables those that they muted. It removes
// from the records what it has done.
//
// It lists the account's webhooks once for all records. If the error of a delete leaves
// open whether the webhook still exists, it lists them a second time to find out.
func undo(ctx context.Context, client *hub.Client, records []*Record) []undoResult {
	done := make([]undoResult, len(records))
	list, err := client.ListWebhooks(ctx)
	if err != nil {
		for i := range done {
			done[i].err = fmt.Errorf("look for the webhook: %w", err)
		}
		return done
	}
	unsure := false
	for i, rec := range records {
		u := &done[i]
		u.err = errors.Join(u.delete(ctx, client, rec, list), u.enable(ctx, client, rec, list))
		unsure = unsure || len(u.unsure) > 0
	}
	if !unsure {
		return done
	}
	// Another account's token gets a 404 for a webhook that exists.
	list, err = client.ListWebhooks(ctx)
	for i, rec := range records {
		if u := &done[i]; len(u.unsure) > 0 {
			u.err = errors.Join(u.err, u.resolveUnsure(rec, list, err))
		}
	}
	return done
}

// delete deletes the webhooks in list that have the record's token in their URL. A webhook
// that has only the record's id is left alone: somebody has given it another URL, and
// may need it there.
func (u *undoResult) delete(ctx context.Context, client *hub.Client, rec *Record, list []hub.Webhook) error {
	var errs []error
	exists := false
	for _, w := range list {
		if tokenOf(w.URL) != rec.Token {
			if rec.Webhook != "" && w.ID == rec.Webhook { // the user who changed its address may need it
				errs = append(errs, fmt.Errorf("the webhook %s leads to %q now, which is not a session's address, and is left alone", w.ID, event.MaskURL(w.URL)))
			}
			continue
		}
		exists = true
		err := client.DeleteWebhook(ctx, w.ID)
		switch {
		case err == nil:
			u.deleted = append(u.deleted, w.ID)
		case maybeGone(err):
			if u.unsure == nil {
				u.unsure = map[string]error{}
			}
			u.unsure[w.ID] = err
		default:
			errs = append(errs, fmt.Errorf("delete the webhook %s: %w", w.ID, err))
		}
	}
	u.failed = len(errs) > 0
	if !u.failed && len(u.unsure) == 0 {
		rec.noteGone(exists)
	}
	return errors.Join(errs...)
}

// noteGone records that no webhook of the record exists. found means that one existed
// before. If none did, a create that was never answered may still be carried out, and
// the record keeps its Doubt until doubtEnds.
func (r *Record) noteGone(found bool) {
	r.Webhook = ""
	if found || time.Now().After(r.doubtEnds()) {
		r.Doubt = false
	}
}

// resolveUnsure finds out which of the unsure deletes have succeeded. list is the
// account's webhooks after the deletes, and err is why there is no list.
func (u *undoResult) resolveUnsure(rec *Record, list []hub.Webhook, err error) error {
	if err != nil {
		return fmt.Errorf("look for the webhook: %w", err)
	}
	var errs []error
	for id, err := range u.unsure {
		if slices.ContainsFunc(list, func(w hub.Webhook) bool { return w.ID == id }) {
			errs = append(errs, fmt.Errorf("delete the webhook %s: %w", id, err))
		}
	}
	if len(errs) == 0 && !u.failed {
		rec.noteGone(true)
	}
	return errors.Join(errs...)
}

// maybeGone reports whether an answer to a delete may mean that the webhook
// does not exist: the Hub's docs do not say whether an unknown id is a 404 or a
// 400.
func maybeGone(err error) bool {
	return errors.Is(err, hub.ErrNotFound) || errors.Is(err, hub.ErrInvalid) || hub.OutcomeUnknown(err)
}

func (u *undoResult) enable(ctx context.Context, client *hub.Client, rec *Record, list []hub.Webhook) error {
	var muted []string
	var errs []error
	for _, id := range rec.Muted {
		i := slices.IndexFunc(list, func(w hub.Webhook) bool { return w.ID == id })
		if i < 0 {
			continue // its owner deleted it
		}
		var err error
		if list[i].State != hub.StateEnabled {
			_, err = client.EnableWebhook(ctx, id)
		}
		switch {
		case err == nil:
			u.enabled = append(u.enabled, id)
		case !errors.Is(err, hub.ErrNotFound):
			muted = append(muted, id)
			errs = append(errs, fmt.Errorf("enable the muted webhook %s again: %w", id, err))
		}
	}
	rec.Muted = muted
	return errors.Join(errs...)
}
