package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Numbers of events are one argument of these statements, a JSON list.
const (
	sqlDeletable = `SELECT e.n, s.id FROM events e LEFT JOIN sessions s ON s.id = e.session AND s.ended_at IS NULL
		WHERE e.n IN (SELECT value FROM json_each(?)) AND e.pinned <= ? ORDER BY e.n`
	sqlDeleteEvents   = `DELETE FROM events WHERE n IN (SELECT value FROM json_each(?))`
	sqlDeletePayloads = `DELETE FROM payloads WHERE n IN (SELECT value FROM json_each(?))`
	sqlDeleteAttempts = `DELETE FROM attempts WHERE event IN (SELECT value FROM json_each(?))`

	sqlOutOfDate = `SELECT n FROM events WHERE received_at < ? AND pinned = 0 AND phase IN ('settled', 'pending') ORDER BY received_at LIMIT ?`
	sqlOldest    = `SELECT n FROM events WHERE pinned = 0 AND phase IN ('settled', 'pending') ORDER BY n LIMIT ?`
	sqlUsed      = `SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size`
)

// Delete removes events with their bodies and attempts, and returns how many existed.
// Their numbers are not used again. Followers of a running session get a state about
// it: see [event.Change.Deleted]. It removes all of them or, after an error, none. It
// returns as Append does.
func (s *Store) Delete(ctx context.Context, numbers ...int64) (deleted int, err error) {
	return s.delete(ctx, numbers, true)
}

// DeleteUnpinned is Delete without the events that are pinned by then.
func (s *Store) DeleteUnpinned(ctx context.Context, numbers ...int64) (deleted int, err error) {
	return s.delete(ctx, numbers, false)
}

func (s *Store) delete(ctx context.Context, numbers []int64, pinned bool) (deleted int, err error) {
	deleted, err = s.count(ctx, func(tx *transaction) (int, error) { return tx.delete(numbers, pinned) })
	return deleted, s.fault("delete from", err)
}

func (tx *transaction) delete(numbers []int64, pinned bool) (int, error) {
	if _, err := tx.once(sqlKeepNumbers, tx.n); err != nil {
		return 0, err
	}
	found, live, err := tx.deletable(numbers, pinned)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	for _, text := range []string{sqlDeleteEvents, sqlDeletePayloads, sqlDeleteAttempts} {
		if _, err := tx.once(text, numberList(found)); err != nil {
			return 0, err
		}
	}
	for _, n := range found {
		tx.drop(n)
	}
	for session, of := range live {
		state := event.DeletedState(of)
		state.Session, state.At = session, time.Now()
		if err := tx.insertState(event.Change{State: &state}); err != nil {
			return 0, err
		}
	}
	return len(found), nil
}

// deletable returns those of the events that exist, in the order of their numbers, and
// by session those of running sessions.
func (tx *transaction) deletable(numbers []int64, pinned bool) (found []int64, live map[string][]int64, err error) {
	if err := tx.writeRows(); err != nil {
		return nil, nil, err
	}
	rows, err := tx.w.conn.QueryContext(context.Background(), sqlDeletable, numberList(numbers), encodeBool(pinned))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	live = map[string][]int64{}
	for rows.Next() {
		var n int64
		var session sql.NullString
		if err := rows.Scan(&n, &session); err != nil {
			return nil, nil, err
		}
		found = append(found, n)
		if session.Valid {
			live[session.String] = append(live[session.String], n)
		}
	}
	return found, live, rows.Err()
}

// numberList is numbers as a JSON list.
func numberList(numbers []int64) string {
	b, _ := json.Marshal(numbers)
	return string(b)
}

// Retention says how much of a history is kept. Zero fields keep everything.
type Retention struct {
	MaxAge  time.Duration // since an event was received
	MaxSize int64         // bytes that the events take in the file, about
}

// retentionBatch is how many events one transaction of Enforce deletes: those that
// deliver wait for it.
const retentionBatch = 200

// Enforce deletes the oldest events that r does not keep, and returns how many.
// Pinned events stay, and those that are under way. The file does not become
// smaller; what comes next uses the room. It returns as Append does.
func (s *Store) Enforce(ctx context.Context, r Retention) (deleted int, err error) {
	if r.MaxAge > 0 {
		deleted, err = s.deleteWhile(ctx, sqlOutOfDate, []any{encodeTime(time.Now().Add(-r.MaxAge))}, func() (bool, error) { return true, nil })
	}
	if err != nil || r.MaxSize <= 0 {
		return deleted, s.fault("delete from", err)
	}
	large, err := s.deleteWhile(ctx, sqlOldest, nil, func() (bool, error) {
		used, err := s.used(ctx)
		return used > r.MaxSize, err
	})
	return deleted + large, s.fault("delete from", err)
}

// deleteWhile deletes the events whose numbers a query finds, some at a time, until
// more returns false.
func (s *Store) deleteWhile(ctx context.Context, text string, args []any, more func() (bool, error)) (deleted int, err error) {
	for {
		if goOn, err := more(); err != nil || !goOn {
			return deleted, err
		}
		n, err := s.count(ctx, func(tx *transaction) (int, error) {
			numbers, err := tx.numbers(text, append(args[:len(args):len(args)], retentionBatch)...)
			if err != nil || len(numbers) == 0 {
				return 0, err
			}
			return tx.delete(numbers, false)
		})
		deleted += n
		if err != nil || n == 0 {
			return deleted, err
		}
	}
}

// used is how many bytes of the file are in use.
func (s *Store) used(ctx context.Context) (bytes int64, err error) {
	err = s.read(ctx, func(v *view) error { return v.tx.QueryRowContext(ctx, sqlUsed).Scan(&bytes) })
	return bytes, err
}
