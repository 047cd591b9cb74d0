package history

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hf-tap/hf-tap/internal/sqlitepages"
)

// Recovered is the result of Recover: what it has saved of a history, and what is
// known to be lost.
type Recovered struct {
	Events, Attempts, States, Sessions int
	WithoutBody                        int // of Events: their bodies are lost, or parts of them
	Lost                               int // events of which other parts were found
	Pages, DamagedPages                int
	// Undeleted: which pages are free is lost, so that events that were deleted
	// may be there again.
	Undeleted bool
}

// Recover makes a history of what can be read of the one at from, with its log,
// and leaves that as it is. It returns fs.ErrExist when there is a file at to.
// The new history succeeds the old one: processes that have that open go on in
// the new one when it is moved into its place.
func Recover(ctx context.Context, from, to string) (Recovered, error) {
	r := &recovery{revisions: map[int64]int64{}, inserts: map[string]*sql.Stmt{}}
	err := r.run(ctx, from, to)
	if err != nil {
		err = fault(from, "recover", err)
	}
	return r.Recovered, err
}

// recovery is a Recover under way.
type recovery struct {
	Recovered
	tx        *sql.Tx
	inserts   map[string]*sql.Stmt
	revisions map[int64]int64 // of events that were saved, by number
	cut       []int64         // events whose bodies are lost
	id        identity
	last      int64 // the largest number
}

func (r *recovery) run(ctx context.Context, from, to string) (err error) {
	if _, err := os.Stat(from); err != nil {
		return err
	}
	if to, err = filepath.Abs(to); err != nil {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%w: %q", fs.ErrExist, to)
	}
	if err := createFile(ctx, to, identity{}); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	db, err := openPool(to, "rw", 1, "synchronous(OFF)")
	if err != nil {
		return err
	}
	defer db.Close()
	if r.tx, err = db.BeginTx(ctx, nil); err != nil {
		return err
	}
	defer r.tx.Rollback() // after a Commit it does nothing
	pages, err := sqlitepages.Read(from, func(row sqlitepages.Row) error { return r.save(ctx, row) })
	r.Pages, r.DamagedPages, r.Undeleted = pages.Pages, pages.Damaged, pages.FreeLost
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := r.complete(ctx); err != nil {
		return err
	}
	if r.Events+r.Attempts+r.States+r.Sessions+r.Lost == 0 && r.DamagedPages > 0 {
		return fmt.Errorf("%w: it holds nothing of a history", ErrDamaged)
	}
	return errors.Join(r.tx.Commit(), quickCheck(ctx, db), db.Close(), syncFile(to))
}

// The number of values in a row shows which table it belongs to.
const (
	valuesOfMeta     = 4
	valuesOfSessions = 9
	valuesOfEvents   = 27
	valuesOfPayloads = 3
	valuesOfAttempts = 11
	valuesOfStates   = 7
)

// save stores a row that was found. One that is not plausible is left out.
func (r *recovery) save(ctx context.Context, row sqlitepages.Row) error {
	values := row.Values
	if !row.Index && len(values) > 0 && values[0] == nil {
		values[0] = row.Key // the number is the key
	}
	switch {
	case row.Index && !row.Cut && len(values) == valuesOfAttempts:
		return r.insert(ctx, "attempts", values)
	case row.Index && row.Cut && len(values) >= 8: // all but what the target answered
		return r.insert(ctx, "attempts", append(values[:8:8], int64(1), nil, nil))
	case row.Index:
	case row.Cut && (len(values) == 1 || len(values) == 2): // a payload without its body
		r.cut = append(r.cut, row.Key)
		return r.insert(ctx, "payloads", append(values, nil, nil)[:valuesOfPayloads])
	case row.Cut:
	case len(values) == valuesOfEvents:
		return r.saveEvent(ctx, values)
	case len(values) == valuesOfPayloads:
		return r.insert(ctx, "payloads", values)
	case len(values) == valuesOfStates:
		return r.insert(ctx, "states", values)
	case len(values) == valuesOfSessions:
		return r.insert(ctx, "sessions", values)
	case len(values) == valuesOfMeta:
		lineage, _ := values[1].(string)
		generation, _ := values[2].(int64)
		n, _ := values[3].(int64)
		r.id, r.last = identity{lineage, int(generation)}, max(r.last, n)
	}
	return nil
}

// saveEvent stores the latest row of an event: where free pages are not known,
// older ones are found, too.
func (r *recovery) saveEvent(ctx context.Context, values []any) error {
	n, _ := values[0].(int64)
	rev, _ := values[1].(int64)
	if n < 1 || rev <= r.revisions[n] {
		return nil
	}
	if targets, ok := values[valuesOfEvents-1].(string); ok {
		if _, err := decodeTargets(&targets); err != nil {
			return nil
		}
	}
	if r.revisions[n] > 0 {
		if _, err := r.tx.ExecContext(ctx, "DELETE FROM events WHERE n = ?", n); err != nil {
			return err
		}
	}
	r.revisions[n], r.last = rev, max(r.last, n)
	return r.insert(ctx, "events", values)
}

// insert stores a row, unless it is stored already or has values of the wrong types.
func (r *recovery) insert(ctx context.Context, table string, values []any) error {
	insert := r.inserts[table]
	if insert == nil {
		var err error
		insert, err = r.tx.PrepareContext(ctx, "INSERT OR IGNORE INTO "+table+" VALUES (?"+strings.Repeat(", ?", len(values)-1)+")")
		if err != nil {
			return err
		}
		r.inserts[table] = insert
	}
	if _, err := insert.ExecContext(ctx, values...); err != nil && !isPermanent(err) {
		return err
	}
	return nil
}

// complete marks what is not whole, and counts.
func (r *recovery) complete(ctx context.Context) error {
	for _, n := range r.cut {
		result, err := r.tx.ExecContext(ctx, "UPDATE events SET body_cut = 1 WHERE n = ?", n)
		if err != nil {
			return err
		}
		rows, _ := result.RowsAffected()
		r.WithoutBody += int(rows)
	}
	var gone int
	count := func(to *int, text string) error { return r.tx.QueryRowContext(ctx, text).Scan(to) }
	exec := func(text string, args ...any) error { _, err := r.tx.ExecContext(ctx, text, args...); return err }
	if r.id.lineage == "" {
		r.id.lineage = rand.Text()
	}
	err := errors.Join(
		count(&r.Lost, `SELECT count(*) FROM (SELECT n FROM payloads UNION SELECT event FROM attempts EXCEPT SELECT n FROM events)`),
		count(&gone, `SELECT count(*) FROM events WHERE n NOT IN (SELECT n FROM payloads)`),
		exec(`UPDATE events SET body_cut = 1 WHERE n NOT IN (SELECT n FROM payloads)`),
		exec(`DELETE FROM payloads WHERE n NOT IN (SELECT n FROM events)`),
		exec(`DELETE FROM attempts WHERE event NOT IN (SELECT n FROM events)`),
		count(&r.Events, `SELECT count(*) FROM events`),
		count(&r.Attempts, `SELECT count(*) FROM attempts`),
		count(&r.States, `SELECT count(*) FROM states`),
		count(&r.Sessions, `SELECT count(*) FROM sessions`),
		exec(`UPDATE meta SET lineage = ?, generation = ?, n = ?`, r.id.lineage, r.id.generation+1, r.last),
	)
	r.WithoutBody += gone
	return err
}
