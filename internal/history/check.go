package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

const (
	// smallFile is how many bytes a start checks whole: that takes 20 ms.
	smallFile = 8 << 20
	// newest is how many events it looks at in a larger file.
	newest = 20
)

// checkStart looks for damage that would lose new events: in the newest events, and in
// the pages that the next ones go to. CheckAll finds the rest.
func (r *Reader) checkStart(ctx context.Context) error {
	if info, err := os.Stat(r.path); err == nil && info.Size() <= smallFile {
		return r.CheckAll(ctx)
	}
	return r.read(ctx, func(v *view) error {
		rows, err := v.rows("SELECT "+rowColumns+" FROM events e ORDER BY n DESC LIMIT ?", newest)
		for _, row := range rows {
			_, _, payload := v.payload(row.N)
			err = errors.Join(err, payload, v.attempts(wholeEvent(row)))
		}
		for _, text := range []string{
			`SELECT max(rev) FROM states`, `SELECT max(n) FROM payloads`, `SELECT max(event) FROM attempts`, `SELECT n FROM meta`,
			`SELECT max(received_at) FROM events`, `SELECT max(started_at) FROM sessions`, `SELECT max(touched) FROM sessions`,
			`SELECT max(rowid) FROM sessions`, `SELECT max(family) FROM events WHERE family <> n`,
			`SELECT count(*) FROM events INDEXED BY events_left WHERE failed + pending > 0`,
			`SELECT count(*) FROM events INDEXED BY events_pinned WHERE pinned = 1`,
		} {
			var ignored any
			if found := v.tx.QueryRowContext(ctx, text).Scan(&ignored); found != nil {
				err = errors.Join(err, fmt.Errorf("%.40q: %w", text, found))
			}
		}
		return err
	})
}

// Check looks for damage in every page of the history at path, as CheckAll does. It
// changes nothing. The error is fs.ErrNotExist if there is none.
func Check(ctx context.Context, path string) error {
	r, err := OpenReader(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(r.CheckAll(ctx), r.Close())
}

// CheckAll looks for damage in every page of the file. It takes seconds for
// each gigabyte. The error is ErrDamaged.
func (r *Reader) CheckAll(ctx context.Context) error {
	return r.fault("check", r.read(ctx, func(v *view) error { return quickCheck(ctx, v.tx) }))
}

// quickCheck looks for damage in every page.
func quickCheck(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}) error {
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, found)
	}
	return nil
}
