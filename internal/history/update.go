package history

import (
	"context"
	"errors"

	"github.com/hf-tap/hf-tap/event"
)

// Update adds u to what is known of its event, in the order of the calls. It
// does not wait for the file: u goes there some milliseconds later, together
// with others. When it cannot be stored it is kept and tried
// again (see Err), and when very many are waiting, Update waits for room.
//
// An update of an event that is not there, because it was deleted, changes
// nothing. After Close an update is lost, and Err returns ErrClosed.
//
// The body of u.Attempt must not be changed afterwards.
func (s *Store) Update(u event.Update) {
	if !s.queue.putUpdate(encodeUpdate(u)) {
		s.trouble.set(s.fault("update", ErrClosed))
	}
}

// Flush waits until all Updates so far are stored. When they cannot be stored
// now the error says why; they are kept.
func (s *Store) Flush(ctx context.Context) error {
	return s.queue.flush(ctx)
}

// update is an event.Update as it is stored.
type update struct {
	n        int64
	phase    string
	answer   event.Answer
	attempts []attemptRow
	size     int64 // bytes that it holds
}

func encodeUpdate(u event.Update) update {
	row := update{n: u.N, phase: string(u.Phase), answer: u.Answer, size: 256}
	if u.Attempt != nil {
		row.attempts = []attemptRow{encodeAttempt(u.Attempt)}
		row.size += row.attempts[0].size
	}
	return row
}

// attemptRow is an attempt as it is stored.
type attemptRow struct {
	target, err string
	status      int
	columns     []any         // n, target … body_cut, in the order of sqlInsertAttempt
	bare        event.Attempt // as lists have it
	header      any
	body        []byte
	size        int64
}

func encodeAttempt(a *event.Attempt) attemptRow {
	row := attemptRow{
		target: a.Target, err: a.Err, status: a.Status,
		columns: []any{a.N, a.Target, encodeTime(a.StartedAt), int64(a.Duration), a.Status, a.Err, encodeBool(a.BodyCut)},
		bare: event.Attempt{
			N: a.N, Target: a.Target, StartedAt: asStored(a.StartedAt), Duration: a.Duration, Status: a.Status, Err: a.Err, BodyCut: a.BodyCut,
		},
		header: encodeHeader(a.Header), body: a.Body,
		size: int64(len(a.Target)+len(a.Err)+len(a.Body)) + rowSize,
	}
	if text, ok := row.header.(string); ok {
		row.size += int64(len(text))
	}
	return row
}

// merge puts the updates of each event together, in the order in which the
// events first appear.
func merge(updates []update) []update {
	if len(updates) < 2 {
		return updates
	}
	merged := make([]update, 0, len(updates))
	at := make(map[int64]int, len(updates))
	for _, u := range updates {
		i, seen := at[u.n]
		if !seen {
			at[u.n] = len(merged)
			merged = append(merged, u)
			continue
		}
		m := &merged[i]
		if u.phase != "" {
			m.phase = u.phase
		}
		if u.answer.Status != 0 {
			m.answer.Status = u.answer.Status
		}
		if u.answer.Duration != 0 {
			m.answer.Duration = u.answer.Duration
		}
		// The first append copies, as encodeUpdate leaves no spare room: updates
		// that fail are merged again.
		m.attempts = append(m.attempts, u.attempts...)
	}
	return merged
}

func (tx *transaction) applyUpdates(updates []update) error {
	for _, u := range merge(updates) {
		if err := tx.applyUpdate(u); err != nil {
			return err
		}
	}
	return nil
}

// applyBacklog stores rows as they are after updates, which may be of other
// events, too.
func (tx *transaction) applyBacklog(rows []*eventRow, updates []update) error {
	if len(rows) == 0 {
		return tx.applyUpdates(updates)
	}
	merged := merge(updates)
	of := make(map[int64]*update, len(merged))
	for i := range merged {
		of[merged[i].n] = &merged[i]
	}
	final := make([]*eventRow, len(rows))
	for i, row := range rows {
		if u, ok := of[row.n]; ok {
			row = row.with(u)
			delete(of, row.n)
		}
		final[i] = row
	}
	if err := tx.insertMany(final); err != nil {
		return err
	}
	for _, u := range merged {
		if of[u.n] == nil {
			continue
		}
		if err := tx.applyUpdate(u); err != nil {
			return err
		}
	}
	return nil
}

func (tx *transaction) applyUpdate(u update) error {
	p, known, err := tx.progress(u.n)
	if err != nil || !known {
		return err // one that is not known was deleted
	}
	before := p.tries
	if len(u.attempts) > 0 {
		if p.failed, err = tx.failed(u, p); err != nil {
			return err
		}
		p.tries += len(u.attempts)
	}
	rev, err := tx.nextRev(p.session)
	if err != nil {
		return err
	}
	result, err := tx.exec(sqlUpdate, rev, p.tries, encodeBool(p.failed), u.phase, u.answer.Status, int64(u.answer.Duration), u.n)
	if err != nil {
		return err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		tx.gone = append(tx.gone, u.n)
		return err
	}
	tx.follow(u.n, p, event.Phase(u.phase))
	tx.tellUpdate(&u, rev)
	for i := range u.attempts {
		if err := tx.insertAttempt(u.n, before+1+i, &u.attempts[i]); err != nil {
			return err
		}
	}
	return nil
}

// failed works out event.Event.Failed for an event with the attempts that are
// stored and those of u. With one target the last attempt decides alone.
func (tx *transaction) failed(u update, p progress) (bool, error) {
	var attempts []attemptRow
	if p.tries > 0 && len(p.targets) > 1 {
		rows, err := tx.rows(sqlOutcomes, u.n)
		if err != nil {
			return false, err
		}
		for rows.Next() {
			var a attemptRow
			if err := rows.Scan(&a.target, &a.status, &a.err); err != nil {
				return false, errors.Join(err, rows.Close())
			}
			attempts = append(attempts, a)
		}
		if err := rows.Err(); err != nil {
			return false, err
		}
	}
	return failedAfter(p.targets, append(attempts, u.attempts...)), nil
}

// failedAfter is event.Event.Failed of an event with these attempts.
func failedAfter(targets []string, attempts []attemptRow) bool {
	e := event.Event{Targets: targets}
	for _, a := range attempts {
		e.Attempts = append(e.Attempts, event.Attempt{Target: a.target, Status: a.status, Err: a.err})
	}
	return e.Failed()
}

// inlineAnswer is how long an answer may be, in bytes, to be kept in the row of
// its attempt: most are a few words, and a table of their own costs a page in
// every transaction. Lists read past them.
const inlineAnswer = 512

func (tx *transaction) insertAttempt(n int64, seq int, a *attemptRow) error {
	var body, answer any
	switch {
	case len(a.body) > inlineAnswer:
		result, err := tx.exec(sqlInsertAnswer, a.body)
		if err != nil {
			return err
		}
		if answer, err = result.LastInsertId(); err != nil {
			return err
		}
	case len(a.body) > 0:
		body = a.body
	}
	args := append([]any{n, seq}, a.columns...)
	_, err := tx.exec(sqlInsertAttempt, append(args, body, answer, a.header)...)
	return err
}
