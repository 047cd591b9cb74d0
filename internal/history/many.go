package history

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// bodiesAtOnce is how many bodies a statement takes: with one statement for each
// that alone is a tenth of what an event costs.
const bodiesAtOnce = 8

// bulk is the statements that store many events, as the driver has them: what
// database/sql does for each call costs as much as a tenth of the insert.
type bulk struct {
	event, body, bodies driver.StmtExecContext
	prepared            []driver.Stmt

	// To be used again.
	arguments          []driver.NamedValue
	values, bodyValues []any
}

// prepareBulk prepares the statements on the writer's connection.
func (w *writer) prepareBulk(ctx context.Context) error {
	return w.conn.Raw(func(driverConn any) error {
		conn, ok := driverConn.(driver.ConnPrepareContext)
		if !ok {
			return fmt.Errorf("the driver's connection %T does not prepare statements", driverConn)
		}
		for _, s := range []struct {
			to   *driver.StmtExecContext
			text string
		}{{&w.bulk.event, sqlInsert}, {&w.bulk.body, sqlInsertBody}, {&w.bulk.bodies, sqlInsertBodies}} {
			statement, err := conn.PrepareContext(ctx, s.text)
			if err != nil {
				return fmt.Errorf("prepare %.30q: %w", s.text, err)
			}
			w.bulk.prepared = append(w.bulk.prepared, statement)
			if *s.to, ok = statement.(driver.StmtExecContext); !ok {
				return fmt.Errorf("the driver's statement %T takes no context", statement)
			}
		}
		return nil
	})
}

// closeBulk closes what prepareBulk prepared.
func (w *writer) closeBulk() error {
	if len(w.bulk.prepared) == 0 {
		return nil
	}
	return w.conn.Raw(func(any) error {
		var errs []error
		for _, statement := range w.bulk.prepared {
			errs = append(errs, statement.Close())
		}
		return errors.Join(errs...)
	})
}

// insertMany stores rows with their bodies and attempts.
func (tx *transaction) insertMany(rows []*eventRow) error {
	if len(rows) == 0 {
		return nil
	}
	// Beforehand: it may ask for numbers, and the driver has the connection then.
	var err error
	values := tx.w.bulk.values[:0]
	for _, row := range rows {
		if values, err = row.arguments(tx, values); err != nil {
			return err
		}
	}
	bodies := tx.w.bulk.bodyValues[:0]
	for _, row := range rows {
		if len(row.e.Body) > 0 {
			bodies = append(bodies, row.n, row.e.Body)
		}
	}
	err = tx.w.conn.Raw(func(any) error {
		b := &tx.w.bulk
		if err := b.each(b.event, values, len(values)/len(rows)); err != nil {
			return err
		}
		together := len(bodies) - len(bodies)%(2*bodiesAtOnce)
		if err := b.each(b.bodies, bodies[:together], 2*bodiesAtOnce); err != nil {
			return err
		}
		return b.each(b.body, bodies[together:], 2)
	})
	clear(values) // they hold bodies and texts
	clear(bodies)
	tx.w.bulk.values, tx.w.bulk.bodyValues = values, bodies
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := row.inserted(tx); err != nil {
			return err
		}
	}
	return tx.tellRows(rows)
}

// each runs a statement for each so many of values.
func (b *bulk) each(statement driver.StmtExecContext, values []any, count int) error {
	for ; len(values) > 0; values = values[count:] {
		b.arguments = b.arguments[:0]
		for i, v := range values[:count] {
			b.arguments = append(b.arguments, driver.NamedValue{Ordinal: i + 1, Value: v})
		}
		if _, err := statement.ExecContext(context.Background(), b.arguments); err != nil {
			return err
		}
	}
	return nil
}
