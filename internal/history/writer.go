package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// The statements that the writer keeps prepared.
const (
	sqlBegin    = "BEGIN IMMEDIATE"
	sqlCommit   = "COMMIT"
	sqlRollback = "ROLLBACK"
	sqlVersion  = "PRAGMA data_version"
	sqlNumbers  = "SELECT max(n, reserved, (SELECT ifnull(max(n), 0) FROM events)), rev FROM floors"
	sqlReserve  = "UPDATE floors SET reserved = ?"
	sqlRevision = `SELECT max((SELECT ifnull(max(rev), 0) FROM events WHERE session = ?1),
		(SELECT ifnull(max(rev), 0) FROM states WHERE session = ?1))`

	sqlRoot     = `SELECT root FROM events WHERE n = ?`
	sqlArrivals = `SELECT max(delivery_n) FROM events WHERE delivery <> '' AND delivery = ? AND webhook_id = ?`
	// The driver looks up numbered parameters by their names, for each row: those
	// of the arrivals come twice instead, behind whether they are to be counted.
	sqlInsert = `INSERT INTO events (n, rev, delivery, webhook_id, delivery_n, root, failed, session, source, replay_of,
		kind, repo_type, repo_name, received_at, verdict, phase, answer_status, answer_ns,
		tries, size, body_cut, method, path, targets, header, pinned, edited)
		VALUES (?, ?, ?, ?, iif(?, 1 + ifnull((` + sqlArrivals + `), 0), 0),
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlInsertBody    = `INSERT INTO bodies (n, body) VALUES (?, ?)`
	sqlInsertBodies  = sqlInsertBody + `, (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?)` // bodiesAtOnce
	sqlInsertAttempt = `INSERT INTO attempts (event, seq, n, target, started_at, duration_ns, status, err, body_cut, body, answer, header)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlInsertAnswer = `INSERT INTO answers (body) VALUES (?)`
	sqlInsertState  = `INSERT INTO states (session, rev, at, subject, name, state, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`

	sqlOutcomes = `SELECT target, status, err FROM attempts WHERE event = ? ORDER BY seq`
	sqlProgress = `SELECT session, tries, failed, targets FROM events WHERE n = ?`
	sqlRepeats  = `SELECT n, delivery_n FROM events WHERE n BETWEEN ? AND ? AND delivery_n > 1`
	sqlUpdate   = `UPDATE events SET rev = ?, tries = ?, failed = ?,
		phase = ifnull(nullif(?, ''), phase), answer_status = ifnull(nullif(?, 0), answer_status),
		answer_ns = ifnull(nullif(?, 0), answer_ns)
		WHERE n = ?`
)

// writer is the connection that writes. Only who has the queue's turn uses it.
type writer struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	patience   time.Duration // with other processes
	numbers    numbers       // as of the last transaction
	// progress spares a look at each event that is under way in this process;
	// no other process changes those.
	progress map[int64]progress
	bulk     bulk
	tail     tail
	followed bool // somebody wants the tail
}

// openWriter opens a file that create has made, and brings it up to date. It
// waits for other processes itself: SQLite's own waiting sleeps for up to
// 100 ms at a time, which starves it beside a busy writer.
func openWriter(ctx context.Context, path string) (*writer, error) {
	db, err := openPool(path, "rw", 1, "busy_timeout(0)")
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, statements: map[string]*sql.Stmt{}, patience: lockPatience, progress: map[int64]progress{}}
	err = patiently(ctx, w.patience, func() error {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		if err := prepareFile(ctx, conn); err != nil {
			return errors.Join(err, conn.Close())
		}
		w.conn = conn
		return nil
	})
	if err == nil {
		err = w.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *writer) prepare(ctx context.Context) error {
	for _, text := range []string{
		sqlBegin, sqlCommit, sqlRollback, sqlVersion, sqlNumbers, sqlReserve, sqlRevision, sqlRoot, sqlInsert, sqlInsertBody,
		sqlInsertAttempt, sqlInsertAnswer, sqlInsertState, sqlProgress, sqlOutcomes, sqlRepeats, sqlUpdate,
	} {
		statement, err := w.conn.PrepareContext(ctx, text)
		if err != nil {
			return fmt.Errorf("prepare %.30q: %w", text, err)
		}
		w.statements[text] = statement
	}
	return w.prepareBulk(ctx)
}

func (w *writer) close() error {
	var errs []error
	for _, statement := range w.statements {
		errs = append(errs, statement.Close())
	}
	errs = append(errs, w.closeBulk())
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	return errors.Join(append(errs, w.db.Close())...)
}

// begin takes the file's one place for writers. The pauses are short and
// random: other processes hold it for well under a millisecond at a time.
func (w *writer) begin(ctx context.Context, tx *transaction) error {
	var deadline time.Time
	for {
		_, err := tx.exec(sqlBegin)
		if err == nil || !errors.Is(classify(err), ErrBusy) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(w.patience)
		} else if time.Now().After(deadline) {
			return err
		}
		time.Sleep(50*time.Microsecond + rand.N(450*time.Microsecond))
	}
}
