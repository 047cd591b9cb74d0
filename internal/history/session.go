package history

import (
	"context"
	"database/sql"
	"slices"
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
	Events    int    // how many it has recorded; set by Sessions, not stored
}

// sessions are those that a store started and has not ended, by id.
type sessions map[string]Session

const (
	sqlStartSession = `INSERT INTO sessions (id, started_at, ended_at, pid, endpoint, user, url, first_n, touched) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, endpoint = excluded.endpoint, user = excluded.user, url = excluded.url`
	sqlTouch      = `UPDATE sessions SET touched = max(touched, ?) WHERE id = ?`
	sqlEndSession = `UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL`
	sqlUnfinished = `SELECT n FROM events
		WHERE n >= ifnull((SELECT first_n FROM sessions WHERE id = ?1), 0) AND session = ?1 AND phase IN ('open', 'waiting') ORDER BY n`
	sqlSessions = `SELECT id, started_at, ended_at, pid, endpoint, user, url,
		(SELECT count(*) FROM events WHERE n >= first_n AND session = id)
		FROM sessions ORDER BY started_at DESC, rowid DESC`
	// The deleted events may have the last numbers.
	sqlKeepNumbers  = `UPDATE meta SET n = max(n, ?)`
	sqlOpenSessions = `SELECT id, started_at, ended_at, pid, endpoint, user, url, 0
		FROM sessions WHERE ended_at IS NULL ORDER BY started_at DESC, rowid DESC`
	sqlSessionIDs   = `SELECT id FROM sessions ORDER BY started_at DESC, rowid DESC`
	sqlLeftOfFamily = `SELECT n FROM events WHERE failed + pending > 0 AND family = ?`
)

// StartSession records a session. Called again with the same ID it renews what
// may change while one runs: PID, Endpoint, User and URL. It returns as Append
// does.
func (s *Store) StartSession(ctx context.Context, session Session) error {
	return s.fault("start a session in", s.write(ctx, newWrite(rowSize, func(tx *transaction) error {
		s.sessions[session.ID] = session // the turn guards it
		return tx.startSession(session, tx.n+1)
	})))
}

func (tx *transaction) startSession(session Session, first int64) error {
	_, err := tx.once(sqlStartSession, session.ID, encodeTime(session.StartedAt), encodeTime(session.EndedAt),
		session.PID, session.Endpoint, session.User, session.URL, first, 0)
	return err
}

// EndSession records that a session ended at a time, marks those of its events
// that are open or waiting as pending, and returns how many it marked. Updates
// from before the call count. A session that has ended keeps its time, so that
// it may be ended again; one that is not known, or whose process died, may be
// ended too. It returns as Append does.
func (s *Store) EndSession(ctx context.Context, id string, at time.Time) (pending int, err error) {
	marked, err := s.count(ctx, func(tx *transaction) (int, error) {
		delete(s.sessions, id)
		if _, err := tx.once(sqlEndSession, encodeTime(at), id); err != nil {
			return 0, err
		}
		unfinished, err := tx.numbers(sqlUnfinished, id)
		if err != nil {
			return 0, err
		}
		for _, n := range unfinished {
			if err := tx.update(event.Update{N: n, Phase: event.PhasePending}); err != nil {
				return 0, err
			}
		}
		return len(unfinished), nil
	})
	return marked, s.fault("end a session in", err)
}

// count stores a change after all Updates so far, and returns how many events the
// change affected.
func (s *Store) count(ctx context.Context, change func(*transaction) (int, error)) (int, error) {
	var changed int
	c := newWrite(rowSize, func(tx *transaction) (err error) {
		changed, err = change(tx)
		return err
	})
	c.needsEarlier = true
	if err := s.write(ctx, c); err != nil {
		return 0, err
	}
	return changed, nil
}

// Pin pins events, or unpins them if on is false, and returns how many it changed. It
// returns as Append does.
func (s *Store) Pin(ctx context.Context, on bool, numbers ...int64) (changed int, err error) {
	changed, err = s.count(ctx, func(tx *transaction) (int, error) {
		return tx.change(numbers, func(row *event.Row) bool {
			changes := row.Pinned != on
			row.Pinned = on
			return changes
		})
	})
	return changed, s.fault("pin in", err)
}

// Dismiss marks events and their families as dismissed, so that they count neither as
// failed nor as pending. It returns how many it changed. It returns as Append does.
func (s *Store) Dismiss(ctx context.Context, numbers ...int64) (changed int, err error) {
	changed, err = s.count(ctx, func(tx *transaction) (int, error) {
		all := slices.Clone(numbers)
		for _, n := range numbers {
			row, err := tx.row(n)
			if err != nil {
				return 0, err
			}
			if row == nil {
				continue
			}
			family, err := tx.numbers(sqlLeftOfFamily, row.Family)
			if err != nil {
				return 0, err
			}
			all = append(all, family...)
		}
		return tx.change(all, func(row *event.Row) bool {
			changes := row.Failed || row.Pending
			row.Dismissed = row.Dismissed || changes
			return changes
		})
	})
	return changed, s.fault("dismiss events of", err)
}

// change applies f to copies of rows, and returns how many it changed.
func (tx *transaction) change(numbers []int64, f func(*event.Row) bool) (changed int, err error) {
	for _, n := range numbers {
		row, err := tx.row(n)
		if err != nil {
			return 0, err
		}
		if row == nil {
			continue
		}
		next := *row
		if f(&next) {
			next.FillDerived()
			tx.put(&next)
			changed++
		}
	}
	return changed, nil
}

// Sessions returns the sessions, the latest first: at most limit, 100 when that
// is 0 or less.
func (r *Reader) Sessions(ctx context.Context, limit int) ([]Session, error) {
	if limit <= 0 {
		limit = 100
	}
	return r.querySessions(ctx, sqlSessions+" LIMIT ?", limit)
}

// SessionIDs returns the ids of all sessions, the latest first.
func (r *Reader) SessionIDs(ctx context.Context) (ids []string, err error) {
	err = r.read(ctx, func(v *view) error {
		return v.each(func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, sqlSessionIDs)
	})
	return ids, r.fault("list the sessions of", err)
}

// OpenSessions returns the sessions without a recorded end: those that run, and those
// that were killed.
func (r *Reader) OpenSessions(ctx context.Context) ([]Session, error) {
	return r.querySessions(ctx, sqlOpenSessions)
}

func (r *Reader) querySessions(ctx context.Context, text string, args ...any) (sessions []Session, err error) {
	err = r.read(ctx, func(v *view) error {
		return v.each(func(rows *sql.Rows) error {
			var s Session
			var started, ended *int64
			err := rows.Scan(&s.ID, &started, &ended, &s.PID, &s.Endpoint, &s.User, &s.URL, &s.Events)
			s.StartedAt, s.EndedAt = decodeTime(started), decodeTime(ended)
			sessions = append(sessions, s)
			return err
		}, text, args...)
	})
	return sessions, r.fault("list the sessions of", err)
}
