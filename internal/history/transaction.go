package history

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hf-tap/hf-tap/event"
)

// transaction is a transaction of the writer, with the rows that it changed. Rows of
// events are changed in memory and written once, at its end. Its statements run without
// a context: interrupting SQLite would cost a goroutine for each of them, and callers
// that wait for the writer have their own way to leave.
type transaction struct {
	w       *writer
	n, rev  int64 // the last that were given
	rows    map[int64]*event.Row
	dirty   map[int64]struct{} // events whose rows differ from what is stored
	changes []event.Change     // what followers learn once it is committed
	stored  []event.Change     // states that they have seen already

	relatives map[int64]struct{} // events whose families may have to learn of them
}

func (tx *transaction) exec(text string, args ...any) (sql.Result, error) {
	return tx.w.statements[text].ExecContext(context.Background(), args...)
}

func (tx *transaction) queryRow(text string, args ...any) *sql.Row {
	return tx.w.statements[text].QueryRowContext(context.Background(), args...)
}

// once runs a statement that is too rare to be kept prepared.
func (tx *transaction) once(text string, args ...any) (sql.Result, error) {
	return tx.w.conn.ExecContext(context.Background(), text, args...)
}

// numbers runs a query for event numbers, with all that was changed so far in
// sight.
func (tx *transaction) numbers(text string, args ...any) ([]int64, error) {
	if err := tx.writeRows(); err != nil {
		return nil, err
	}
	var rows *sql.Rows
	var err error
	if statement, ok := tx.w.statements[text]; ok {
		rows, err = statement.QueryContext(context.Background(), args...)
	} else {
		rows, err = tx.w.conn.QueryContext(context.Background(), text, args...)
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var numbers []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, rows.Err()
}

// row returns an event's row, or nil if the event does not exist.
func (tx *transaction) row(n int64) (*event.Row, error) {
	if row, ok := tx.rows[n]; ok {
		return row, nil
	}
	row := tx.w.recent.get(n)
	if row == nil {
		found, err := scanRow(tx.queryRow(sqlRow, n))
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		row = found
	}
	tx.rows[n] = row
	return row, nil
}

// put replaces an event's row in the cache, to be written by writeRows.
func (tx *transaction) put(row *event.Row) {
	tx.rows[row.N] = row
	tx.dirty[row.N] = struct{}{}
}

// drop removes a deleted row from the cache.
func (tx *transaction) drop(n int64) {
	delete(tx.rows, n)
	delete(tx.dirty, n)
	delete(tx.w.underWay, n)
	tx.w.recent.drop(n)
}

// writeRows stores the rows that were changed, in the order of their numbers,
// each with the next revision.
func (tx *transaction) writeRows() error {
	for _, n := range slices.Sorted(maps.Keys(tx.dirty)) {
		row := tx.rows[n]
		row.Rev = tx.nextRev()
		if _, err := tx.exec(sqlUpdate, updateArgs(row)...); err != nil {
			return err
		}
		if err := tx.changed(row); err != nil {
			return err
		}
	}
	clear(tx.dirty)
	return nil
}

// changed notes a row that was stored.
func (tx *transaction) changed(row *event.Row) error {
	tx.changes = append(tx.changes, event.Change{Rev: row.Rev, Row: row})
	return tx.touch(row.Session)
}

// nextRev returns the next revision.
func (tx *transaction) nextRev() int64 {
	tx.rev = max(tx.rev+1, time.Now().UnixNano())
	return tx.rev
}

// insert stores an event and gives it the next number and revision. A family that it
// has is kept.
func (tx *transaction) insert(e *event.Event, header any) (*event.Row, error) {
	tx.n++
	e.N, e.Family, e.DeliveryN, e.Rev = tx.n, cmp.Or(e.Family, tx.n), 1, tx.nextRev()
	if e.Phase == "" {
		e.Phase = event.PhaseOpen
	}
	if e.ReplayOf != 0 {
		old, err := tx.row(e.ReplayOf)
		if err != nil {
			return nil, err
		}
		e.Family = e.ReplayOf // of one that was deleted
		if old != nil {
			e.Family = old.Family
		}
	}
	row := event.NewRow(e)
	if err := tx.insertRow(row); err != nil {
		return nil, err
	}
	tx.rows[row.N] = row
	var body any
	if len(e.Body) > 0 {
		body = e.Body
	}
	if _, err := tx.exec(sqlInsertPayload, row.N, header, body); err != nil {
		return nil, err
	}
	for i := range e.Attempts {
		if err := tx.insertAttempt(row, &e.Attempts[i]); err != nil {
			return nil, err
		}
	}
	if err := tx.changed(row); err != nil {
		return nil, err
	}
	tx.relatives[row.N] = struct{}{}
	return row, nil
}

func isFromHub(s event.Source) bool { return s == event.SourceHub || s == event.SourceSandbox }

// insertRow stores a new row. One that turns out to be a later arrival of a
// delivery is counted, and joins the family of the first.
func (tx *transaction) insertRow(row *event.Row) error {
	_, err := tx.exec(sqlInsert, insertArgs(row)...)
	if !isTaken(err) {
		return err
	}
	if err := tx.queryRow(sqlArrival, row.Delivery, row.WebhookID).Scan(&row.DeliveryN, &row.Family); err != nil {
		return err
	}
	row.DeliveryN++
	_, err = tx.exec(sqlInsert, insertArgs(row)...)
	return err
}

// isTaken reports whether an error says that a unique index has the key already.
func isTaken(err error) bool {
	failure, ok := errors.AsType[*sqlite.Error](err)
	return ok && failure.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}

// update stores a change of an event. A deleted event stays deleted.
func (tx *transaction) update(u event.Update) error {
	row, err := tx.row(u.N)
	if err != nil || row == nil {
		return err
	}
	next := row.Apply(u)
	tx.put(next)
	tx.relatives[u.N] = struct{}{}
	if u.Attempt == nil {
		return nil
	}
	return tx.insertAttempt(next, u.Attempt)
}

func (tx *transaction) insertAttempt(row *event.Row, a *event.Attempt) error {
	var body any
	if len(a.Body) > 0 {
		body = a.Body
	}
	_, err := tx.exec(sqlInsertAttempt, row.N, a.N, event.MaskURL(a.Target), encodeTime(a.StartedAt), int64(a.Duration),
		a.Status, a.Err, encodeBool(a.BodyCut), encodeHeader(a.Header), body)
	return err
}

// insertState stores a state. One that has a revision was shown before, and is
// not shown again.
func (tx *transaction) insertState(c event.Change) error {
	shown := c.Rev != 0
	if !shown {
		c.Rev = tx.nextRev()
	}
	s := c.State
	_, err := tx.exec(sqlInsertState, c.Rev, s.Session, encodeTime(s.At), string(s.Subject), s.Name, s.State, s.Detail)
	if err != nil {
		return err
	}
	if shown {
		tx.stored = append(tx.stored, c)
	} else {
		tx.changes = append(tx.changes, c)
	}
	return tx.touch(s.Session)
}

// touch records that this process has changed a session that it did not start.
func (tx *transaction) touch(session string) error {
	if _, own := tx.w.own[session]; own {
		return nil
	}
	_, err := tx.once(sqlTouch, tx.rev, session)
	return err
}
