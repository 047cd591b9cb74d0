package history

import (
	"slices"
	"sync"

	"github.com/hf-tap/hf-tap/event"
)

// maxTail is how many changes a tail holds at most.
const maxTail = 16384

// tail is the latest changes of a session as Since gives them, in memory: to read
// from the file again what was just written there is most of what it costs to
// follow a burst. It is kept as long as somebody follows the store, and holds all
// that became of the session after a revision, up to its last. When something
// happens to its events that it is not told, as by another process, it begins
// anew.
type tail struct {
	mu      sync.Mutex
	session string
	after   int64 // what came later is in changes, up to last
	last    int64
	changes []Change      // in the order of their revisions; those that are outdated have no event
	at      map[int64]int // the place of an event's change
}

// since gives what is after a revision; false when that is to be read from the
// file.
func (t *tail) since(session string, rev int64, limit int) ([]Change, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if session != t.session || rev < t.after || rev >= t.last {
		return nil, false
	}
	from, _ := slices.BinarySearchFunc(t.changes, rev+1, func(c Change, rev int64) int { return int(c.Rev - rev) })
	out := make([]Change, 0, min(limit, len(t.changes)-from))
	for _, c := range t.changes[from:] {
		if len(out) == limit {
			break
		}
		if c.Event == nil {
			continue
		}
		out = append(out, Change{Rev: c.Rev, Event: clone(c.Event)})
	}
	return out, len(out) > 0
}

// clone gives a reader an event of its own.
func clone(e *event.Event) *event.Event {
	own := *e
	own.Targets, own.Attempts = slices.Clone(e.Targets), slices.Clone(e.Attempts)
	return &own
}

// event gives an event that is in the tail, which must not be changed.
func (t *tail) event(n int64) *event.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := t.at[n]; ok {
		return t.changes[i].Event
	}
	return nil
}

// add takes what a transaction told of what it did to a session, between a
// first and a last revision. Of new events and states it need not tell, nor of
// updates of events that are not here. Those make a gap: who is behind it reads
// the file.
func (t *tail) add(session string, told []Change, first, last int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session != session || t.last != first-1 { // others have done something, perhaps to what is here
		t.session, t.after, t.last, t.changes, t.at = session, first-1, first-1, nil, map[int64]int{}
	}
	for _, c := range told {
		if c.Rev != t.last+1 {
			t.after = c.Rev - 1
		}
		if i, ok := t.at[c.Event.N]; ok {
			t.changes[i].Event = nil
		}
		t.at[c.Event.N] = len(t.changes)
		t.changes = append(t.changes, c)
		t.last = c.Rev
	}
	if t.last != last {
		t.after, t.last = last, last
	}
	if len(t.changes) > maxTail {
		t.drop(len(t.changes) - maxTail/2)
	}
}

// reset begins anew, without anything.
func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.session, t.after, t.last, t.changes, t.at = "", 0, 0, nil, nil
}

// drop forgets the oldest changes.
func (t *tail) drop(count int) {
	t.after = max(t.after, t.changes[count-1].Rev)
	t.changes = slices.Clone(t.changes[count:])
	clear(t.at)
	for i, c := range t.changes {
		if c.Event != nil {
			t.at[c.Event.N] = i
		}
	}
}

// tell notes an event as it is after this transaction.
func (tx *transaction) tell(e *event.Event) {
	tx.told = append(tx.told, Change{Rev: e.Rev, Event: e})
}

// tellRows notes rows that were stored.
func (tx *transaction) tellRows(rows []*eventRow) error {
	if !tx.w.followed {
		return nil
	}
	repeats, err := tx.repeats(rows[0].n, rows[len(rows)-1].n)
	if err != nil {
		return err
	}
	for _, row := range rows {
		e := row.e
		e.N, e.Rev, e.DeliveryN = row.n, row.rev, max(1, repeats[row.n])
		e.Body, e.ReceivedAt = nil, asStored(e.ReceivedAt)
		for i := range row.attempts {
			e.Attempts = append(e.Attempts, row.attempts[i].bare)
		}
		tx.tell(&e)
	}
	return nil
}

// repeats gives the count of arrivals of those events between two numbers that
// are not the first.
func (tx *transaction) repeats(from, to int64) (map[int64]int, error) {
	rows, err := tx.rows(sqlRepeats, from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	repeats := map[int64]int{}
	for rows.Next() {
		var n int64
		var times int
		if err := rows.Scan(&n, &times); err != nil {
			return nil, err
		}
		repeats[n] = times
	}
	return repeats, rows.Err()
}

// tellUpdate notes an event after an update, if it is known as it was before.
func (tx *transaction) tellUpdate(u *update, rev int64) {
	if !tx.w.followed {
		return
	}
	before := tx.known(u.n)
	if before == nil {
		return
	}
	e := *before
	e.Rev = rev
	if u.phase != "" {
		e.Phase = event.Phase(u.phase)
	}
	if u.answer.Status != 0 {
		e.Answer.Status = u.answer.Status
	}
	if u.answer.Duration != 0 {
		e.Answer.Duration = u.answer.Duration
	}
	if len(u.attempts) > 0 {
		e.Attempts = slices.Clone(e.Attempts)
		for i := range u.attempts {
			e.Attempts = append(e.Attempts, u.attempts[i].bare)
		}
	}
	tx.tell(&e)
}

// known gives an event as it is by now in this transaction, or in the tail.
func (tx *transaction) known(n int64) *event.Event {
	for _, c := range slices.Backward(tx.told) {
		if c.Event.N == n {
			return c.Event
		}
	}
	return tx.w.tail.event(n)
}
