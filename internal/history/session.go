package history

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Session is one run of hf-tap that receives or sends events.
type Session struct {
	ID        string
	StartedAt time.Time
	EndedAt   time.Time // zero while it runs, or when it was killed and nobody has ended it yet
	PID       int
	Endpoint  string // the Hub's, "https://huggingface.co"
	User      string // the Hub's name for them, empty without a token
	URL       string // the public one, empty until it is known
	Events    int    // how many it has kept; set by Sessions, not stored
}

const (
	sqlStartSession = `INSERT INTO sessions (id, started_at, ended_at, pid, endpoint, user, url) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, endpoint = excluded.endpoint, user = excluded.user, url = excluded.url`
	sqlEndSession = `UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL`
	sqlUnfinished = `SELECT n FROM events INDEXED BY events_by_rev
		WHERE session = ? AND phase IN ('open', 'waiting') ORDER BY n`
	sqlSessions = `SELECT id, started_at, ended_at, pid, endpoint, user, url,
		(SELECT count(*) FROM events WHERE session = id)
		FROM sessions ORDER BY started_at DESC, rowid DESC`
	// What is deleted may hold the last numbers.
	sqlKeepNumbers = `UPDATE floors SET n = max(floors.n, e.n), rev = max(floors.rev, e.rev)
		FROM (SELECT n, rev FROM events WHERE n = ?) AS e RETURNING floors.rev`
	sqlOpenSessions = `SELECT id, started_at, ended_at, pid, endpoint, user, url, 0
		FROM sessions WHERE ended_at IS NULL ORDER BY started_at DESC, rowid DESC`
)

// StartSession records a session. Called again with the same ID it renews what
// may change while one runs: PID, Endpoint, User and URL. It returns as Append
// does.
func (s *Store) StartSession(ctx context.Context, session Session) error {
	start := func(tx *transaction) error {
		_, err := tx.once(sqlStartSession, session.ID, encodeTime(session.StartedAt), encodeTime(session.EndedAt),
			session.PID, session.Endpoint, session.User, session.URL)
		return err
	}
	return s.fault("start a session in", s.store(ctx, &write{apply: start, size: rowSize}))
}

// EndSession records that a session ended at a time, marks those of its events
// that are open or waiting as pending, and returns how many it marked. Updates
// from before the call count. A session that has ended keeps its time, so that
// it may be ended again; one that is not known, or whose process died, may be
// ended too. It returns as Append does.
func (s *Store) EndSession(ctx context.Context, id string, at time.Time) (pending int, err error) {
	var marked int
	end := func(tx *transaction) error {
		if _, err := tx.once(sqlEndSession, encodeTime(at), id); err != nil {
			return err
		}
		unfinished, err := tx.numbers(sqlUnfinished, id)
		if err != nil {
			return err
		}
		updates := make([]update, len(unfinished))
		for i, n := range unfinished {
			updates[i] = update{n: n, phase: string(event.PhasePending)}
		}
		marked = len(updates)
		return tx.applyUpdates(updates)
	}
	if err := s.store(ctx, &write{apply: end, after: true, size: rowSize}); err != nil {
		return 0, s.fault("end a session in", err)
	}
	return marked, nil
}

// Delete removes events with their bodies and attempts, and returns how many
// were there. Their numbers are not used again. Readers of Since are not told.
// It returns as Append does.
func (s *Store) Delete(ctx context.Context, numbers ...int64) (deleted int, err error) {
	var count int
	remove := func(tx *transaction) error {
		count, tx.untold = 0, true
		for _, n := range numbers {
			err := tx.w.conn.QueryRowContext(context.Background(), sqlKeepNumbers, n).Scan(&tx.w.numbers.floor)
			if errors.Is(err, sql.ErrNoRows) {
				continue // it is not there
			}
			if err != nil {
				return err
			}
			count++
			for _, text := range []string{
				`DELETE FROM events WHERE n = ?`,
				`DELETE FROM bodies WHERE n = ?`,
				`DELETE FROM answers WHERE id IN (SELECT answer FROM attempts WHERE event = ?)`,
				`DELETE FROM attempts WHERE event = ?`,
			} {
				if _, err := tx.once(text, n); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := s.store(ctx, &write{apply: remove, after: true, size: rowSize}); err != nil {
		return 0, s.fault("delete from", err)
	}
	return count, nil
}

// Pin keeps events at hand, or with on unset lets go of them, and returns how
// many it changed. It returns as Append does.
func (s *Store) Pin(ctx context.Context, on bool, numbers ...int64) (changed int, err error) {
	var count int
	pin := func(tx *transaction) error {
		count, tx.untold = 0, true
		for _, n := range numbers {
			p, known, err := tx.progress(n)
			if err != nil {
				return err
			}
			if !known {
				continue
			}
			rev, err := tx.nextRev(p.session)
			if err != nil {
				return err
			}
			result, err := tx.once(`UPDATE events SET pinned = ?, rev = ? WHERE n = ? AND pinned <> ?`, encodeBool(on), rev, n, encodeBool(on))
			if err != nil {
				return err
			}
			done, err := result.RowsAffected()
			if err != nil {
				return err
			}
			count += int(done)
		}
		return nil
	}
	if err := s.store(ctx, &write{apply: pin, after: true, size: rowSize}); err != nil {
		return 0, s.fault("pin in", err)
	}
	return count, nil
}

// Sessions gives the sessions, the latest first: at most limit, 100 when that
// is 0 or less.
func (s *Store) Sessions(ctx context.Context, limit int) ([]Session, error) {
	if limit <= 0 {
		limit = 100
	}
	return s.sessions(ctx, sqlSessions+" LIMIT ?", limit)
}

// OpenSessions gives the sessions that nobody has ended: those that run, and
// those that were killed.
func (s *Store) OpenSessions(ctx context.Context) ([]Session, error) {
	return s.sessions(ctx, sqlOpenSessions)
}

func (s *Store) sessions(ctx context.Context, text string, args ...any) ([]Session, error) {
	var sessions []Session
	err := s.read(ctx, all, func(v *view) error {
		rows, err := v.rows(text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var session Session
			var started, ended *int64
			if err := rows.Scan(&session.ID, &started, &ended, &session.PID, &session.Endpoint, &session.User,
				&session.URL, &session.Events); err != nil {
				return err
			}
			session.StartedAt, session.EndedAt = decodeTime(started), decodeTime(ended)
			sessions = append(sessions, session)
		}
		return rows.Err()
	})
	return sessions, s.fault("list the sessions of", err)
}

// numbers runs a query for event numbers.
func (tx *transaction) numbers(text string, args ...any) ([]int64, error) {
	rows, err := tx.w.conn.QueryContext(context.Background(), text, args...)
	if err != nil {
		return nil, err
	}
	var numbers []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		numbers = append(numbers, n)
	}
	return numbers, rows.Err()
}
