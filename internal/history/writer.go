package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"modernc.org/sqlite"
)

// The statements that the writer keeps prepared.
const (
	sqlBegin    = "BEGIN IMMEDIATE"
	sqlCommit   = "COMMIT"
	sqlRollback = "ROLLBACK"
	sqlLastN    = `SELECT max((SELECT n FROM meta WHERE id = 1), (SELECT ifnull(max(n), 0) FROM events))`
	sqlTouched  = `SELECT ifnull(max(touched), 0) FROM sessions`
	sqlArrival  = `SELECT delivery_n, family FROM events
		WHERE delivery <> '' AND delivery = ? AND webhook_id = ? AND delivery_n IS NOT NULL ORDER BY delivery_n DESC LIMIT 1`
	sqlInsert = `INSERT INTO events (n, rev, family, session, source, replay_of, webhook_id, delivery, delivery_n, kind,
		repo, received_at, verdict, phase, answer_status, answer_ns, failed, pending, dismissed, pinned, edited,
		size, body_cut, method, path, summary, targets)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUpdate = `UPDATE events SET rev = ?, phase = ?, answer_status = ?, answer_ns = ?, failed = ?, pending = ?, dismissed = ?,
		pinned = ?, targets = ? WHERE n = ?`
	sqlInsertPayload = `INSERT INTO payloads (n, header, body) VALUES (?, ?, ?)`
	sqlInsertAttempt = `INSERT INTO attempts (event, seq, n, target, started_at, duration_ns, status, err, body_cut, header, body)
		VALUES (?1, (SELECT ifnull(max(seq), 0) + 1 FROM attempts WHERE event = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`
	sqlInsertState = `INSERT INTO states (rev, session, at, subject, name, state, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`
	sqlRow         = `SELECT ` + rowColumns + ` FROM events e WHERE n = ?`
)

// lockPatience is how long the store waits for another process to unlock the file
// before it gives up with ErrBusy.
const lockPatience = 10 * time.Second

// writer is the connection that writes, with its prepared statements, the last numbers
// and a cache of rows. Only the caller that has the queue's turn uses it.
type writer struct {
	db           *sql.DB
	conn         *sql.Conn
	control      sqlite.FileControl // of the connection
	statements   map[string]*sql.Stmt
	checkpointer *checkpointer
	guard        *guard
	own          sessions // started by this store: other processes change their events only on request
	id           identity
	closed       bool

	begun      bool // begin was called for the next transaction, with the result beginErr
	beginErr   error
	lastFailed bool   // the last transaction failed: the next one also checks the files at its start
	version    uint32 // SQLite's data version after the last transaction; 0: not known
	schema     int64  // SQLite's schema version
	n, rev     int64  // the last event number and the last revision that were assigned
	touched    int64  // the last revision made by a process other than the session's
	recent     recentRows
	underWay   map[int64]*event.Row // unsettled events of own sessions, to be stored again if the file is lost
}

// openWriter opens a file that create has made. It creates the tables, with the
// identity id, if there are none. It waits for other processes itself: SQLite's own
// waiting sleeps for up to 100 ms at a time, which starves it beside a busy writer.
func openWriter(ctx context.Context, path string, info fs.FileInfo, id identity, own sessions) (*writer, error) {
	db, err := openPool(path, "rw", 1, "busy_timeout(0)")
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, statements: map[string]*sql.Stmt{}, own: own, underWay: map[int64]*event.Row{}}
	err = patiently(ctx, lockPatience, func() error {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		if err := prepareFile(ctx, conn, id); err != nil {
			return errors.Join(err, conn.Close())
		}
		w.conn = conn
		return nil
	})
	if err == nil {
		err = w.prepare(ctx)
	}
	if err == nil {
		w.guard, err = newGuard(path, info)
	}
	if err == nil {
		w.checkpointer, err = openCheckpointer(path)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *writer) prepare(ctx context.Context) (err error) {
	for _, text := range []string{
		sqlBegin, sqlCommit, sqlRollback, sqlLastN, sqlTouched, sqlArrival, sqlInsert, sqlUpdate, sqlInsertPayload,
		sqlInsertAttempt, sqlInsertState, sqlRow, sqlEarlierLeft, sqlLaterOfFamily,
	} {
		if w.statements[text], err = w.conn.PrepareContext(ctx, text); err != nil {
			return fmt.Errorf("prepare %.30q: %w", text, err)
		}
	}
	err = w.conn.Raw(func(driverConn any) error {
		control, ok := driverConn.(sqlite.FileControl)
		if !ok {
			return fmt.Errorf("the driver's connection %T has no file control", driverConn)
		}
		w.control = control
		return nil
	})
	if err != nil {
		return err
	}
	if w.schema, err = w.schemaVersion(); err != nil {
		return err
	}
	return w.conn.QueryRowContext(ctx, "SELECT lineage, generation FROM meta").Scan(&w.id.lineage, &w.id.generation)
}

// close closes the connection. The last one to close in any process empties the
// log into the file and removes it, by its name.
func (w *writer) close() error {
	w.closed = true
	errs := []error{w.guard.close()}
	for _, statement := range w.statements {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	return errors.Join(append(errs, w.db.Close())...)
}

// keepLog keeps SQLite from removing the log when the connection closes, because the
// log at the path is another one.
func keepLog(conn *sql.Conn) {
	_ = conn.Raw(func(driverConn any) error {
		if control, ok := driverConn.(sqlite.FileControl); ok {
			_, err := control.FileControlPersistWAL("main", 1)
			return err
		}
		return nil
	})
}

func (w *writer) schemaVersion() (version int64, err error) {
	err = w.conn.QueryRowContext(context.Background(), "PRAGMA schema_version").Scan(&version)
	return version, err
}

// checkpoint copies from the log into the file what no reader holds up, and
// returns how many pages the log has and how many of them were copied.
func (w *writer) checkpoint() (pages, copied int64, err error) {
	var busy int
	err = w.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &copied)
	return pages, copied, err
}

// checkpointAll copies the whole log into the file, because the file is about to lose
// its log. It gives up after a second.
func (w *writer) checkpointAll() {
	for deadline := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		pages, copied, err := w.checkpoint()
		if err != nil && classify(err) != ErrBusy || err == nil && pages == copied && pages >= 0 || time.Now().After(deadline) {
			return
		}
	}
}

// copyTo copies everything that the connection reads into a new file, whose
// generation is one higher.
func (w *writer) copyTo(path string) error {
	ctx := context.Background()
	if _, err := w.conn.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return err
	}
	copied, err := openPool(path, "rw", 1)
	if err != nil {
		return err
	}
	defer copied.Close()
	if err := quickCheck(ctx, copied); err != nil {
		return err
	}
	_, err = copied.ExecContext(ctx, "UPDATE meta SET generation = generation + 1")
	return err
}

// holds reports whether the changes of a transaction are in the file.
func (w *writer) holds(done outcome) bool {
	if len(done.changes) == 0 {
		return false // to run it again changes nothing
	}
	last, found := done.changes[len(done.changes)-1], 0
	var n int64
	if last.Row != nil {
		n = last.Row.N
	}
	query := w.conn.QueryRowContext(context.Background(),
		`SELECT (SELECT count(*) FROM events WHERE n = ?1 AND rev = ?2) + (SELECT count(*) FROM states WHERE rev = ?2)`, n, last.Rev)
	return query.Scan(&found) == nil && found > 0
}

// begin begins the next transaction. Its error is in w.beginErr, where transact
// finds it. The end of ctx ends the wait for other processes.
func (w *writer) begin(ctx context.Context) {
	w.begun, w.beginErr = true, takeLock(ctx, func() error {
		_, err := w.statements[sqlBegin].ExecContext(context.Background())
		return err
	})
	if w.beginErr != nil {
		w.beginErr = fmt.Errorf("%w: %w", errFile, w.beginErr)
	}
}

// takeLock calls begin until SQLite gives it the file's write lock. The pauses are
// short and random, because other processes hold the lock for well under a
// millisecond.
func takeLock(ctx context.Context, begin func() error) error {
	var deadline time.Time
	for {
		err := begin()
		if err == nil || !errors.Is(classify(err), ErrBusy) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(lockPatience)
		} else if time.Now().After(deadline) {
			return err
		}
		time.Sleep(50*time.Microsecond + rand.N(450*time.Microsecond))
	}
}

// stopOthers takes the file's write lock until release is called, so that no other
// process writes. It uses a second connection, because the work that follows cannot
// run inside a transaction.
func (w *writer) stopOthers() (release func(), err error) {
	ctx := context.Background()
	conn, err := w.checkpointer.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	err = takeLock(ctx, func() error { _, err := conn.ExecContext(ctx, sqlBegin); return err })
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		_, _ = conn.ExecContext(ctx, sqlRollback) // nothing was written
		_ = conn.Close()
	}, nil
}

// outcome is the result of a transaction.
type outcome struct {
	committed bool
	changes   []event.Change
	stored    []event.Change // states that followers have seen already
	others    bool           // another process has changed events of running sessions
}

// transact runs apply in a transaction: in the one that begin has begun, or else in a
// new one. If it fails, nothing is stored. There is one exception: if
// outcome.committed is set, the commit succeeded, and then the guard found that the
// file is no longer at its path.
func (w *writer) transact(apply func(*transaction) error) (done outcome, err error) {
	if !w.begun {
		w.begin(context.Background())
	}
	w.begun = false
	if w.beginErr != nil {
		return done, w.beginErr
	}
	tx := &transaction{w: w, rows: map[int64]*event.Row{}, dirty: map[int64]struct{}{}, relatives: map[int64]struct{}{}}
	done.others, err = w.refresh()
	if err == nil && w.lastFailed {
		err = w.guard.check()
	}
	if err == nil {
		tx.n, tx.rev = w.n, w.rev
		err = applySafely(apply, tx)
	}
	if err == nil {
		err = tx.joinFamilies()
	}
	if err == nil {
		err = tx.writeRows()
	}
	if err == nil {
		err = w.guard.check()
	}
	if err == nil {
		_, err = tx.exec(sqlCommit)
	}
	if err != nil {
		_, _ = tx.exec(sqlRollback) // after some errors SQLite has done it already
		w.version, w.recent, w.lastFailed = 0, recentRows{}, true
		return done, err
	}
	done.committed, done.changes, done.stored = true, tx.changes, tx.stored
	w.n, w.rev, w.version = tx.n, tx.rev, w.dataVersion()
	for n, row := range tx.rows {
		w.recent.add(n, row)
	}
	err = w.guard.check()
	w.lastFailed = err != nil
	return done, err
}

// noteUnderWay caches the rows of unsettled events of this store's sessions. resume
// stores them again if the file is lost. Call it only when the changes are known to be
// in the file: otherwise resume would store an event, and the second run of the same
// transaction would find it there.
func (w *writer) noteUnderWay(changes []event.Change) {
	for _, c := range changes {
		if c.Row == nil {
			continue
		}
		_, own := w.own[c.Row.Session]
		if own && (c.Row.Phase == event.PhaseOpen || c.Row.Phase == event.PhaseWaiting) {
			w.underWay[c.Row.N] = c.Row
		} else {
			delete(w.underWay, c.Row.N)
		}
	}
}

// dataVersion returns SQLite's data version, which every commit to the file changes,
// also one of this connection.
func (w *writer) dataVersion() (version uint32) {
	_ = w.conn.Raw(func(any) (err error) {
		version, err = w.control.FileControlDataVersion("main")
		return err
	})
	return version
}

// refresh brings w.n, w.rev and the row cache up to date if another process has
// written since the last transaction. It runs inside the transaction, when no other
// process can write. It reports whether one has changed events of running sessions.
func (w *writer) refresh() (changed bool, err error) {
	version := w.dataVersion()
	if version == w.version && version != 0 {
		return false, nil
	}
	w.recent = recentRows{}
	if err := w.statements[sqlLastN].QueryRowContext(context.Background()).Scan(&w.n); err != nil {
		return false, err
	}
	before := w.touched
	err = w.statements[sqlTouched].QueryRowContext(context.Background()).Scan(&w.touched)
	w.rev = max(w.rev, w.touched)
	return w.touched > before, err
}

// maxUnseen is more than the event numbers that other processes can have assigned
// since this one last read the file.
const maxUnseen = 10_000

// recoverLastNumber finds the last event number of a file that is lost, so that no
// number is used twice. If it cannot be read, it skips maxUnseen numbers.
func (w *writer) recoverLastNumber() {
	err := w.statements[sqlLastN].QueryRowContext(context.Background()).Scan(&w.n)
	if err != nil || w.guard.damage != nil {
		w.n += maxUnseen
	}
}

// applySafely runs apply and turns a panic into an error. So only this transaction
// fails: other callers get their results, and the program can end in order.
func applySafely(apply func(*transaction) error, tx *transaction) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("hf-tap has a bug: %v", value)
		}
	}()
	return apply(tx)
}
