package history

import (
	"context"
	"database/sql"
	"fmt"
)

// newest is how many events a start looks at.
const newest = 20

// checkNewest reads the newest events and states whole, and the pages that the
// next ones go to: damage there would lose what comes. It is cheap enough for
// every start; CheckAll finds the rest.
func (r *Reader) checkNewest(ctx context.Context) error {
	rows, err := r.List(ctx, Query{Limit: newest})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if _, err := r.Get(ctx, row.N); err != nil {
			return err
		}
	}
	return r.read(ctx, func(v *view) error {
		for _, text := range []string{
			`SELECT max(rev) FROM states`, `SELECT max(n) FROM payloads`, `SELECT max(event) FROM attempts`,
			`SELECT max(received_at) FROM events`, `SELECT count(*) FROM meta`,
			`SELECT count(*) FROM (SELECT 1 FROM sessions ORDER BY started_at DESC LIMIT 10)`,
			`SELECT count(*) FROM events WHERE failed + pending > 0`,
		} {
			var ignored any
			if err := v.tx.QueryRowContext(ctx, text).Scan(&ignored); err != nil {
				return fmt.Errorf("%.40q: %w", text, err)
			}
		}
		return nil
	})
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
