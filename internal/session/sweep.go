package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/hub"
)

// Swept is the result of a sweep.
type Swept struct {
	Deleted   []string       // webhooks that dead sessions had left
	Enabled   []string       // webhooks that dead sessions had muted
	Forgotten []Record       // of endpoints on this machine where nobody listens any more
	Kept      []Kept         // left where they are
	Damaged   []*RecordError // files that cannot be read as records
}

// Kept is a record that a sweep did not change, and the reason.
type Kept struct {
	Record
	Live bool   // its session lives
	Why  string // for people, when it does not
}

// Left returns the records of dead sessions that stay.
func (s Swept) Left() []Kept {
	var left []Kept
	for _, k := range s.Kept {
		if !k.Live {
			left = append(left, k)
		}
	}
	return left
}

// lines returns the lines about a sweep, for people: one for each change, and a single
// one for all records that are left.
func (s Swept) lines() (lines []string) {
	for _, id := range s.Deleted {
		lines = append(lines, fmt.Sprintf("deleted the webhook %s that a session left behind when it was killed", id))
	}
	for _, id := range s.Enabled {
		lines = append(lines, fmt.Sprintf("enabled the webhook %s that a session had muted when it was killed", id))
	}
	const more = ": hf-tap webhooks prune"
	exist, muted := 0, 0
	for _, k := range s.Left() {
		if k.Webhook != "" || k.Doubt {
			exist++
		}
		muted += len(k.Muted)
	}
	if exist > 0 {
		lines = append(lines, plural(exist, "webhook", "webhooks")+" may still exist"+more)
	}
	if muted > 0 {
		lines = append(lines, plural(muted, "muted webhook", "muted webhooks")+" may still be disabled"+more)
	}
	switch n := len(s.Damaged); {
	case n == 1:
		lines = append(lines, s.Damaged[0].Error()+more)
	case n > 1:
		names := make([]string, n)
		for i, d := range s.Damaged {
			names[i] = strconv.Quote(filepath.Base(d.Path))
		}
		lines = append(lines, fmt.Sprintf("%d lease records in %q cannot be read (%s)%s", n, filepath.Dir(s.Damaged[0].Path), strings.Join(names, ", "), more))
	}
	return lines
}

// Sweep deletes the webhooks that dead sessions left on the account, and enables those
// that they muted. A session is dead if its lock is free. Sweep handles the records of
// this machine, endpoint and user. It returns those of others in Kept, with one
// exception: if a record is older than a day, and its endpoint is on this machine and
// nobody listens there, it was a sandbox, and the record is removed.
//
// Without a client, Sweep asks no Hub, and only removes the records of sessions that
// left nothing. An error with one record does not stop the others; the error that is
// returned joins them all.
func Sweep(ctx context.Context, dir Dir, client *hub.Client, endpoint, user string) (Swept, error) {
	records, damaged, err := dir.records()
	w := &sweeper{dir: dir, client: client, endpoint: endpoint, user: user, listens: map[string]bool{}}
	w.Damaged = damaged
	w.failed(err)
	if err := writable(dir.leases()); err != nil && len(records) > 0 {
		w.readOnly = true
		w.failed(err)
	}
	for _, rec := range records {
		w.add(ctx, rec)
		if len(w.ours) == sweptAtOnce {
			w.undo(ctx)
		}
	}
	w.undo(ctx)
	if !w.readOnly {
		w.failed(errors.Join(dir.tidy(), dir.tidyPayloads()))
	}
	return w.Swept, errors.Join(w.errs...)
}

// sweptAtOnce bounds how many locks a sweep holds: each is an open file.
const sweptAtOnce = 64

// sweeper is a running Sweep.
type sweeper struct {
	Swept
	dir            Dir
	client         *hub.Client
	endpoint, user string

	ours     []lockedRecord  // to undo
	listens  map[string]bool // whether somebody listens at an endpoint on this machine
	readOnly bool            // no record can be changed or removed
	errs     []error
}

// lockedRecord is the record of a dead session and its lock.
type lockedRecord struct {
	*Record
	*lock
}

// failed records an error, each text once: a Hub that does not answer, for example,
// fails for all records.
func (w *sweeper) failed(err error) {
	if err == nil || slices.ContainsFunc(w.errs, func(e error) bool { return e.Error() == err.Error() }) {
		return
	}
	w.errs = append(w.errs, err)
}

// changed records the result of a change in the folder. In one that is read-only all
// changes fail, which is one error and no more.
func (w *sweeper) changed(err error) {
	if !w.readOnly {
		w.failed(err)
	}
}

func (w *sweeper) reportKept(rec *Record, why string) {
	w.Kept = append(w.Kept, Kept{Record: *rec, Why: why})
}

// add locks a record, and either handles it at once or adds it to w.ours for undo.
func (w *sweeper) add(ctx context.Context, rec *Record) {
	l, err := w.dir.lock(rec.ID)
	if err != nil {
		w.reportNotLocked(rec, err)
		return
	}
	// Read it again: another sweep may have changed it before the lock was taken.
	id := rec.ID
	rec, err = w.dir.record(id)
	var bad *RecordError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.changed(w.dir.removeLock(l))
	case errors.As(err, &bad):
		w.Damaged = append(w.Damaged, bad)
		w.failed(l.Close())
	case rec.Machine == machineHash() && !rec.needsUndo():
		w.changed(w.dir.finishSwept(rec, l))
	case !w.readOnly && w.abandoned(ctx, rec):
		if err := w.dir.remove(rec.ID, l); err != nil {
			w.reportKept(rec, oneLine(err))
			w.failed(err)
			return
		}
		w.Forgotten = append(w.Forgotten, *rec)
	case w.foreign(rec) != "":
		w.reportKept(rec, w.foreign(rec))
		w.failed(l.Close())
	default:
		w.ours = append(w.ours, lockedRecord{rec, l})
	}
}

// foreign returns why this session must not sweep a record, empty if it may.
func (w *sweeper) foreign(rec *Record) string {
	switch {
	case rec.Machine != machineHash():
		return "it was made on another machine"
	case rec.Endpoint != w.endpoint:
		return "it is at another endpoint: set HF_ENDPOINT=" + rec.Endpoint
	case w.client == nil:
		return "the Hub was not asked"
	case rec.User != w.user:
		return fmt.Sprintf("it belongs to the user %q: use a token of that user", rec.User)
	}
	return ""
}

// reportNotLocked reports a record whose lock could not be taken. Either its session lives,
// or the folder is read-only.
func (w *sweeper) reportNotLocked(rec *Record, err error) {
	if live, _ := w.dir.lives(rec.ID); live || errors.Is(err, errHeld) {
		w.Kept = append(w.Kept, Kept{Record: *rec, Live: true})
		return
	}
	w.changed(err)
	w.reportKept(rec, cmp.Or(w.foreign(rec), oneLine(err)))
}

// undo undoes what was left by the sessions whose locks it holds.
func (w *sweeper) undo(ctx context.Context) {
	if len(w.ours) == 0 {
		return
	}
	records := make([]*Record, len(w.ours))
	for i, t := range w.ours {
		records[i] = t.Record
	}
	for i, done := range undo(ctx, w.client, records) {
		rec := records[i]
		w.Deleted = append(w.Deleted, done.deleted...)
		w.Enabled = append(w.Enabled, done.enabled...)
		switch {
		case done.err != nil:
			w.reportKept(rec, oneLine(done.err))
			w.failed(done.err)
		case rec.needsUndo():
			w.reportKept(rec, "the Hub never said whether it made the webhook; it is looked for until "+rec.doubtEnds().Local().Format(time.DateTime))
		}
		w.changed(w.dir.finishSwept(rec, w.ours[i].lock))
	}
	w.ours = nil
}

// finishSwept releases a dead session's lock, and removes its record unless something
// is left to undo.
func (d Dir) finishSwept(rec *Record, l *lock) error {
	if rec.needsUndo() {
		return errors.Join(d.save(rec), l.Close())
	}
	return d.remove(rec.ID, l)
}

// remove removes a record and its lock, which is held.
func (d Dir) remove(id string, l *lock) error {
	return errors.Join(removeFile(d.recordPath(id)), d.removeLock(l))
}

// abandoned reports whether a record is of an ended sandbox, whose webhooks ended with
// it: it is older than a day, and nothing listens at its endpoint on this machine.
func (w *sweeper) abandoned(ctx context.Context, rec *Record) bool {
	if rec.Machine != machineHash() || time.Since(rec.Started) < doubtLasts || !(hub.Env{Endpoint: rec.Endpoint}).Loopback() {
		return false
	}
	listens, known := w.listens[rec.Endpoint]
	if !known {
		listens = listensAt(ctx, rec.Endpoint)
		w.listens[rec.Endpoint] = listens
	}
	return !listens
}

// listensAt reports whether a server listens at an endpoint on this machine. In doubt
// somebody does.
func listensAt(ctx context.Context, endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return true
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // "http", which has a port
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err == nil {
		_ = conn.Close()
		return true
	}
	return ctx.Err() != nil // cut short, which says nothing
}

// oneLine returns an error as one line; errors.Join writes one error per line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
