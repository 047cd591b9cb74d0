package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/hub"
)

// Swept is what a sweep found and did.
type Swept struct {
	Deleted []string // webhooks that dead sessions had left
	Enabled []string // webhooks that dead sessions had muted
	Kept    []Kept   // left where they are
}

// Kept is a record that a sweep left alone, and why.
type Kept struct {
	Record
	Live bool   // its session lives
	Why  string // for people, when it does not
}

// Sweep undoes what dead sessions of this machine, endpoint and user left on
// the account. Without a client it only clears away records of sessions that
// left nothing. A session is dead when its lock can be taken. Records of
// another user, endpoint or machine stay and are named. The error joins what
// went wrong with single records; the others are swept all the same.
func Sweep(ctx context.Context, dir Dir, client *hub.Client, endpoint, user string) (Swept, error) {
	var s Swept
	if err := dir.Make(); err != nil {
		return s, err
	}
	records, err := dir.Records()
	errs := []error{err}
	for _, rec := range records {
		if client == nil && rec.leaves() {
			continue
		}
		errs = append(errs, s.record(ctx, dir, client, rec, endpoint, user))
	}
	return s, errors.Join(append(errs, dir.tidy())...)
}

func (s *Swept) record(ctx context.Context, dir Dir, client *hub.Client, rec *Record, endpoint, user string) error {
	l, err := dir.takeLock(rec.ID)
	if errors.Is(err, errHeld) {
		s.Kept = append(s.Kept, Kept{Record: *rec, Live: true})
		return nil
	}
	if err != nil {
		return err
	}
	// Between the listing and the lock another sweep may have been here.
	if rec, err = readRecord(dir.recordPath(rec.ID)); err != nil {
		return dir.drop(l)
	}
	if !rec.leaves() && rec.Machine == machineHash() {
		return dir.settle(rec, l)
	}
	if !rec.ours(endpoint, user) {
		s.Kept = append(s.Kept, Kept{Record: *rec, Why: rec.whose(endpoint)})
		return l.Close()
	}
	done, err := undo(ctx, client, rec)
	s.Deleted = append(s.Deleted, done.deleted...)
	s.Enabled = append(s.Enabled, done.enabled...)
	switch {
	case err != nil:
		s.Kept = append(s.Kept, Kept{Record: *rec, Why: err.Error()})
	case rec.leaves():
		s.Kept = append(s.Kept, Kept{Record: *rec, Why: "the Hub never said whether it made the webhook; it is looked for until " +
			rec.Started.Add(doubtLasts).Local().Format(time.DateTime)})
	}
	return errors.Join(err, dir.settle(rec, l))
}

// whose says why a record is not swept from here.
func (r *Record) whose(endpoint string) string {
	switch {
	case r.Machine != machineHash():
		return "it was made on another machine"
	case r.Endpoint != endpoint:
		return "it is at " + r.Endpoint
	}
	return fmt.Sprintf("it belongs to the user %q", r.User)
}

// Origins says where each webhook of a list comes from, as far as this
// machine's records tell: empty for those that no hf-tap made.
func Origins(dir Dir, list []hub.Webhook) ([]string, error) {
	records, err := dir.Records()
	if err != nil {
		return nil, err
	}
	origins := make([]string, len(list))
	for i, w := range list {
		token := tokenOf(w.URL)
		if token == "" {
			continue
		}
		origins[i] = "hf-tap, no record here"
		for _, r := range records {
			switch {
			case r.Token != token:
			case dir.alive(r.ID):
				origins[i] = fmt.Sprintf("hf-tap session %s, live", r.ID)
			default:
				origins[i] = fmt.Sprintf("hf-tap session %s, left behind", r.ID)
			}
		}
	}
	return origins, nil
}

// Strays gives those webhooks of a list that lead to an hf-tap and that this
// machine has no record of: another machine's, which may be in use, or one that
// was made by hand for a session without a webhook.
func Strays(dir Dir, list []hub.Webhook) ([]hub.Webhook, error) {
	records, err := dir.Records()
	if err != nil {
		return nil, err
	}
	var strays []hub.Webhook
	for _, w := range list {
		token := tokenOf(w.URL)
		if token != "" && !slices.ContainsFunc(records, func(r *Record) bool { return r.Token == token }) {
			strays = append(strays, w)
		}
	}
	return strays, nil
}

// LiveAt gives the addresses at which callers on this machine reach the
// sessions that live now, by session id. Each is the URL to post deliveries to.
func LiveAt(dir Dir) (map[string]string, error) {
	records, err := dir.Records()
	if err != nil {
		return nil, err
	}
	live := map[string]string{}
	for _, r := range records {
		if r.Local != "" && r.Machine == machineHash() && dir.alive(r.ID) {
			live[r.ID] = "http://" + r.Local + r.Path()
		}
	}
	return live, nil
}
