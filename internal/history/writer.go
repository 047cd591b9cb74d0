package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The statements that the writer keeps prepared.
const (
	sqlBegin    = "BEGIN IMMEDIATE"
	sqlCommit   = "COMMIT"
	sqlRollback = "ROLLBACK"
	sqlCounters = "SELECT n, rev FROM counters"
	sqlCount    = "UPDATE counters SET n = ?, rev = ? WHERE n = ? AND rev = ?"

	sqlArrivals = `SELECT max(delivery_n) FROM events WHERE delivery <> '' AND delivery = ? AND webhook_id = ?`
	sqlRoot     = `SELECT root FROM events WHERE n = ?`
	sqlInsert   = `INSERT INTO events (n, rev, delivery_n, root, failed, session, source, replay_of,
		webhook_id, delivery, kind, repo_type, repo_name, received_at, verdict, phase, answer_status, answer_ns,
		tries, size, body_cut, method, path, targets, header)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlInsertBody    = `INSERT INTO bodies (n, body) VALUES (?, ?)`
	sqlInsertAttempt = `INSERT INTO attempts (event, seq, n, target, started_at, duration_ns, status, err, body_cut, body, answer, header)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlInsertAnswer = `INSERT INTO answers (body) VALUES (?)`
	sqlInsertState  = `INSERT INTO states (session, rev, at, subject, name, state, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`

	sqlOutcomes = `SELECT target, status, err FROM attempts WHERE event = ? ORDER BY seq`
	sqlProgress = `SELECT tries, failed, targets FROM events WHERE n = ?`
	sqlUpdate   = `UPDATE events SET rev = ?1, tries = ?2, failed = ?3,
		phase = CASE ?4 WHEN '' THEN phase ELSE ?4 END,
		answer_status = CASE ?5 WHEN 0 THEN answer_status ELSE ?5 END,
		answer_ns = CASE ?6 WHEN 0 THEN answer_ns ELSE ?6 END
		WHERE n = ?7`
)

// writer is the connection that writes. Only who has the queue's turn uses it.
type writer struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	patience   time.Duration // with other processes
	n, rev     int64         // the counters as this process left them
	// progress spares a look at each event that is under way in this process;
	// no other process changes those.
	progress map[int64]progress
}

// progress is what an event's next update has to know of it.
type progress struct {
	tries   int
	failed  bool
	targets []string
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
		sqlBegin, sqlCommit, sqlRollback, sqlCounters, sqlCount, sqlArrivals, sqlRoot, sqlInsert, sqlInsertBody,
		sqlInsertAttempt, sqlInsertAnswer, sqlInsertState, sqlProgress, sqlOutcomes, sqlUpdate,
	} {
		statement, err := w.conn.PrepareContext(ctx, text)
		if err != nil {
			return fmt.Errorf("prepare %.30q: %w", text, err)
		}
		w.statements[text] = statement
	}
	return nil
}

func (w *writer) close() error {
	var errs []error
	for _, statement := range w.statements {
		errs = append(errs, statement.Close())
	}
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	return errors.Join(append(errs, w.db.Close())...)
}

// transaction is one turn at the file. Its statements run without a context:
// interrupting SQLite would cost a goroutine for each of them, and what waits
// for the writer has its own way to leave.
type transaction struct {
	w      *writer
	n, rev int64 // the last ones given
	// made and gone are what to change in progress once it is committed.
	made map[int64]progress
	gone []int64
}

// progress gives how far an event has come; known is false when there is no
// such event.
func (tx *transaction) progress(n int64) (p progress, known bool, err error) {
	if p, ok := tx.made[n]; ok {
		return p, true, nil
	}
	if p, ok := tx.w.progress[n]; ok {
		return p, true, nil
	}
	var targets *string
	err = tx.row(sqlProgress, n).Scan(&p.tries, &p.failed, &targets)
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	if err == nil {
		p.targets, err = decodeList(targets)
	}
	return p, err == nil, err
}

// follow keeps how far an event has come, as long as more is to come.
func (tx *transaction) follow(n int64, p progress, phase event.Phase) {
	if phase == event.PhaseSettled || phase == event.PhasePending {
		delete(tx.made, n)
		tx.gone = append(tx.gone, n)
		return
	}
	if tx.made == nil {
		tx.made = map[int64]progress{}
	}
	tx.made[n] = p
}

func (tx *transaction) exec(text string, args ...any) (sql.Result, error) {
	return tx.w.statements[text].ExecContext(context.Background(), args...)
}

func (tx *transaction) row(text string, args ...any) *sql.Row {
	return tx.w.statements[text].QueryRowContext(context.Background(), args...)
}

func (tx *transaction) rows(text string, args ...any) (*sql.Rows, error) {
	return tx.w.statements[text].QueryContext(context.Background(), args...)
}

// once runs a statement that is too rare to be kept prepared.
func (tx *transaction) once(text string, args ...any) (sql.Result, error) {
	return tx.w.conn.ExecContext(context.Background(), text, args...)
}

func (tx *transaction) nextN() int64 {
	tx.n++
	return tx.n
}

func (tx *transaction) nextRev() int64 {
	tx.rev++
	return tx.rev
}

// errNotBegun marks a failure that has nothing to do with what was to be
// written.
var errNotBegun = errors.New("begin a transaction")

// errOvertaken says that another process gave numbers since this one did.
var errOvertaken = errors.New("another process has written")

// transact runs apply in a transaction: when it fails nothing of it is stored.
// It reports whether a revision was given. ctx ends the wait for other
// processes, and nothing else.
//
// The counters are taken to be as this process left them, which spares a
// statement in each transaction. If another process has moved them, that shows
// when they are written, and apply runs again after a look at them.
func (w *writer) transact(ctx context.Context, apply func(*transaction) error) (changed bool, err error) {
	changed, err = w.try(ctx, apply, false)
	if errors.Is(err, errOvertaken) {
		changed, err = w.try(ctx, apply, true)
	}
	return changed, err
}

func (w *writer) try(ctx context.Context, apply func(*transaction) error, look bool) (changed bool, err error) {
	tx := &transaction{w: w}
	if err := w.begin(ctx, tx); err != nil {
		return false, fmt.Errorf("%w: %w", errNotBegun, err)
	}
	defer func() {
		if err != nil {
			// SQLite may have rolled back by itself; then this is an error
			// without a meaning.
			_, _ = tx.exec(sqlRollback)
		}
	}()
	if look {
		if err := tx.row(sqlCounters).Scan(&w.n, &w.rev); err != nil {
			return false, err
		}
	}
	tx.n, tx.rev = w.n, w.rev
	if err := guarded(apply, tx); err != nil {
		var n, rev int64
		if tx.row(sqlCounters).Scan(&n, &rev) == nil && (n != w.n || rev != w.rev) {
			return false, fmt.Errorf("%w: %w", errOvertaken, err) // its numbers were taken
		}
		if taken(err) {
			return false, fmt.Errorf("%w: its numbers contradict each other: %w", ErrDamaged, err)
		}
		return false, err
	}
	if tx.n != w.n || tx.rev != w.rev {
		result, err := tx.exec(sqlCount, tx.n, tx.rev, w.n, w.rev)
		if err != nil {
			return false, err
		}
		if rows, err := result.RowsAffected(); err != nil || rows == 0 {
			return false, errors.Join(errOvertaken, err)
		}
	}
	if _, err := tx.exec(sqlCommit); err != nil {
		return false, err
	}
	changed = tx.rev != w.rev
	w.n, w.rev = tx.n, tx.rev
	maps.Copy(w.progress, tx.made)
	for _, n := range tx.gone {
		delete(w.progress, n)
	}
	return changed, nil
}

// taken reports whether an error says that there is a row with that key.
func taken(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

// guarded turns a panic into an error of its own transaction: who waits for the
// others goes on, and the program can end in order.
func guarded(apply func(*transaction) error, tx *transaction) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("hf-tap has a bug: %v", value)
		}
	}()
	return apply(tx)
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

// moreTurns is how many batches of others a caller stores after its own.
const moreTurns = 3

// store has a write stored and waits for its end. A caller that finds nobody
// writing does it itself, and some of what comes meanwhile, too: to wake
// another goroutine and be woken by it takes a third as long as the transaction.
func (s *Store) store(ctx context.Context, w *write) error {
	b, mine, err := s.queue.put(ctx, w)
	if err != nil {
		return err
	}
	if mine {
		s.commit(ctx, b)
		for range moreTurns {
			next, ok := s.queue.again()
			if !ok {
				break
			}
			s.commit(context.Background(), next)
		}
		s.queue.pass(true)
		return <-w.done
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is the goroutine that stores what nobody waits for, and what came
// while somebody else was writing.
func (s *Store) write() {
	defer close(s.queue.drained)
	for {
		b := s.queue.next()
		s.commit(context.Background(), b)
		s.queue.pass(false)
		if b.last {
			return
		}
	}
}

// commit stores a batch: all of it at once, or, when that fails, each part by
// itself. Updates go first: an EndSession must find those from before its call.
func (s *Store) commit(ctx context.Context, b batch) {
	if len(b.writes)+len(b.updates) == 0 {
		return
	}
	err := s.transact(ctx, func(tx *transaction) error {
		if err := tx.applyUpdates(b.updates); err != nil {
			return err
		}
		for _, w := range b.writes {
			if err := w.apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	alone := len(b.updates) == 0 && len(b.writes) == 1
	if err != nil && !alone && !errors.Is(err, errNotBegun) {
		s.commitParts(ctx, b)
		return
	}
	var kept []update
	if err != nil {
		kept = b.updates
	}
	s.release(ctx, b.updates, kept, nil, err)
	for _, w := range b.writes {
		w.done <- err
	}
}

// transact is the writer's, and wakes the subscribers.
func (s *Store) transact(ctx context.Context, apply func(*transaction) error) error {
	changed, err := s.writer.transact(ctx, apply)
	if changed {
		s.feed.signal()
	}
	return err
}

// release gives updates back to the queue: kept is those to be tried again,
// because of err, and lost why others never can be stored.
func (s *Store) release(ctx context.Context, updates, kept []update, lost, err error) {
	if len(updates) == 0 {
		return
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		// The caller who would have stored them along with its own left.
		s.queue.release(updates, kept, lost, nil)
		return
	}
	err = s.fault("update", err)
	s.trouble.set(errors.Join(lost, err))
	s.queue.release(updates, kept, lost, err)
}

// commitParts gives each write, and the updates of each event, a transaction
// of their own.
func (s *Store) commitParts(ctx context.Context, b batch) {
	kept, lost, err := s.commitUpdates(ctx, b.updates)
	s.release(ctx, b.updates, kept, lost, err)
	for _, w := range b.writes {
		w.done <- s.transact(ctx, w.apply)
	}
}

// commitUpdates stores updates in their order, up to the first that has to
// wait for better times because of err. lost is about those that never can be
// stored.
func (s *Store) commitUpdates(ctx context.Context, updates []update) (kept []update, lost, err error) {
	if len(updates) == 0 {
		return nil, nil, nil
	}
	// Most often they are innocent of what made the batch fail.
	apply := func(updates []update) error {
		return s.transact(ctx, func(tx *transaction) error { return tx.applyUpdates(updates) })
	}
	if apply(updates) == nil {
		return nil, nil, nil
	}
	for i, u := range updates {
		err := apply([]update{u})
		switch {
		case hopeless(err):
			lost = errors.Join(lost, s.fault("update", fmt.Errorf("event %d: %w", u.n, err)))
		case err != nil:
			return updates[i:], lost, err
		}
	}
	return nil, lost, nil
}
