package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"

	"github.com/hf-tap/hf-tap/event"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// transaction is one turn at the file. Its statements run without a context:
// interrupting SQLite would cost a goroutine for each of them, and what waits
// for the writer has its own way to leave.
type transaction struct {
	w     *writer
	n     int64            // the last one given
	revs  map[string]int64 // the last ones given here, by session
	given int64            // how many of them
	// made and gone are what to change in progress once it is committed.
	made map[int64]progress
	gone []int64
	// told is what to add to the tail then; with untold, it has to begin anew.
	told   []Change
	untold bool
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
	err = tx.row(sqlProgress, n).Scan(&p.session, &p.tries, &p.failed, &targets)
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

// nextRev gives the next revision of a session.
func (tx *transaction) nextRev(session string) (int64, error) {
	rev, given := tx.revs[session]
	if !given {
		if rev, given = tx.w.numbers.revs[session]; !given {
			if err := tx.row(sqlRevision, session).Scan(&rev); err != nil {
				return 0, err
			}
			rev = max(rev, tx.w.numbers.floor)
		}
		if tx.revs == nil {
			tx.revs = map[string]int64{}
		}
	}
	tx.revs[session] = rev + 1
	tx.given++
	return rev + 1, nil
}

// errNotBegun marks a failure that has nothing to do with what was to be
// written.
var errNotBegun = errors.New("begin a transaction")

// transact runs apply in a transaction: when it fails nothing of it is stored.
// It reports whether a revision was given. ctx ends the wait for other
// processes, and nothing else.
func (w *writer) transact(ctx context.Context, apply func(*transaction) error) (changed bool, err error) {
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
	if err := tx.count(); err != nil {
		return false, err
	}
	if err := guarded(apply, tx); err != nil {
		if taken(err) {
			return false, fmt.Errorf("%w: its numbers contradict each other: %w", ErrDamaged, err)
		}
		return false, err
	}
	if _, err := tx.exec(sqlCommit); err != nil {
		return false, err
	}
	w.numbers.n = tx.n
	maps.Copy(w.numbers.revs, tx.revs)
	maps.Copy(w.progress, tx.made)
	for _, n := range tx.gone {
		delete(w.progress, n)
	}
	if tx.untold || len(tx.revs) > 1 {
		w.tail.reset()
	} else {
		for session, last := range tx.revs {
			w.tail.add(session, tx.told, last-tx.given+1, last)
		}
	}
	return len(tx.revs) > 0, nil
}

// count makes the numbers true: nobody else can change them until the
// transaction ends.
func (tx *transaction) count() error {
	known := &tx.w.numbers
	var version int64
	if err := tx.row(sqlVersion).Scan(&version); err != nil {
		return err
	}
	if version != known.version {
		var n, floor int64
		if err := tx.row(sqlNumbers).Scan(&n, &floor); err != nil {
			return err
		}
		*known = numbers{version: version, n: n, floor: floor, revs: map[string]int64{}}
	}
	tx.n = known.n
	return nil
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

// numbers are the last ones that were given. They are read from the tables, and
// stay true until another process has written.
type numbers struct {
	version int64            // SQLite's count of what others have written
	n       int64            // the last event's
	floor   int64            // revisions up to this one are not given any more
	revs    map[string]int64 // the last revision of each session that was written to
}

// progress is what an event's next update has to know of it.
type progress struct {
	session string
	tries   int
	failed  bool
	targets []string
}
