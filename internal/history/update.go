package history

import (
	"context"
	"database/sql"
	"errors"

	"github.com/hf-tap/hf-tap/event"
)

// Update adds u to what is known of its event, in the order of the calls. It
// does not wait for the file: u rides with the next Append, or goes by itself
// a few milliseconds later. When it cannot be stored it is kept and tried
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
	columns     []any // n, target … body_cut, in the order of sqlInsertAttempt
	header      any
	body        []byte
	size        int64
}

func encodeAttempt(a *event.Attempt) attemptRow {
	row := attemptRow{
		target: a.Target, err: a.Err, status: a.Status,
		columns: []any{a.N, a.Target, encodeTime(a.StartedAt), int64(a.Duration), a.Status, a.Err, encodeBool(a.BodyCut)},
		header:  encodeHeader(a.Header), body: a.Body,
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

func (tx *transaction) applyUpdate(u update) error {
	var tries int
	var failed bool
	var targets *string
	err := tx.row(sqlProgress, u.n).Scan(&tries, &failed, &targets)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it was deleted
	}
	if err != nil {
		return err
	}
	if len(u.attempts) > 0 {
		if failed, err = tx.failed(u, tries, targets); err != nil {
			return err
		}
	}
	for i := range u.attempts {
		tries++
		if err := tx.insertAttempt(u.n, tries, &u.attempts[i]); err != nil {
			return err
		}
	}
	_, err = tx.exec(sqlUpdate, tx.nextRev(), tries, encodeBool(failed), u.phase, u.answer.Status, int64(u.answer.Duration), u.n)
	return err
}

// failed works out event.Event.Failed for an event with the attempts that are
// stored and those of u.
func (tx *transaction) failed(u update, tries int, targets *string) (_ bool, err error) {
	var e event.Event
	if e.Targets, err = decodeList(targets); err != nil {
		return false, err
	}
	if tries > 0 {
		rows, err := tx.rows(sqlOutcomes, u.n)
		if err != nil {
			return false, err
		}
		for rows.Next() {
			var a event.Attempt
			if err := rows.Scan(&a.Target, &a.Status, &a.Err); err != nil {
				return false, errors.Join(err, rows.Close())
			}
			e.Attempts = append(e.Attempts, a)
		}
		if err := rows.Err(); err != nil {
			return false, err
		}
	}
	for _, a := range u.attempts {
		e.Attempts = append(e.Attempts, event.Attempt{Target: a.target, Status: a.status, Err: a.err})
	}
	return e.Failed(), nil
}

func (tx *transaction) insertAttempt(n int64, seq int, a *attemptRow) error {
	var answer any
	if len(a.body) > 0 {
		result, err := tx.exec(sqlInsertAnswer, a.body)
		if err != nil {
			return err
		}
		if answer, err = result.LastInsertId(); err != nil {
			return err
		}
	}
	args := append([]any{n, seq}, a.columns...)
	_, err := tx.exec(sqlInsertAttempt, append(args, answer, a.header)...)
	return err
}
