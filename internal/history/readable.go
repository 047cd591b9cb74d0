package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/hf-tap/hf-tap/event"
)

// UnreadableError says that some events of a damaged history could not be read;
// the others were. It is ErrDamaged.
type UnreadableError struct {
	Events int   // how many, or may be: damage hides which numbers there were
	Err    error // of the first of them
}

// Error says how many events are missing, and why.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("%d events could not be read: %v", e.Events, e.Err)
}

// Unwrap returns the error of the first event that could not be read.
func (e *UnreadableError) Unwrap() error { return e.Err }

// add counts an event.
func (e *UnreadableError) add(events int, err error) {
	e.Events += events
	if e.Err == nil {
		e.Err = err
	}
}

// orNil returns nil when nothing is missing.
func (e *UnreadableError) orNil() error {
	if e.Events == 0 {
		return nil
	}
	return e
}

// listReadable is List, but goes on past damage, and counts what it could not
// read.
func (r *Reader) listReadable(ctx context.Context, q Query, missing *UnreadableError) ([]*event.Row, error) {
	rows, err := r.List(ctx, q)
	if !errors.Is(err, ErrDamaged) {
		return rows, err
	}
	last := q.Before - 1
	if q.Before <= 0 {
		if last = r.lastNumber(ctx); last == 0 {
			return nil, err
		}
	}
	rows = nil
	err = r.readRange(ctx, q, 1, last, &rows, missing)
	return rows, err
}

// lastNumber is the last number of an event that any table knows, 0 if none does.
func (r *Reader) lastNumber(ctx context.Context) (last int64) {
	for _, text := range []string{"SELECT max(n) FROM events", "SELECT max(n) FROM payloads", "SELECT max(event) FROM attempts", "SELECT n FROM meta"} {
		var n *int64
		err := r.read(ctx, func(v *view) error { return v.tx.QueryRowContext(ctx, text).Scan(&n) })
		if err == nil && n != nil {
			last = max(last, *n)
		}
	}
	return last
}

// readRange reads the events of a range of numbers, the newest first. Where that
// meets damage it reads each half by itself.
func (r *Reader) readRange(ctx context.Context, q Query, low, high int64, rows *[]*event.Row, missing *UnreadableError) error {
	left := q.Limit - len(*rows)
	if left <= 0 || low > high {
		return nil
	}
	var found []*event.Row
	err := r.read(ctx, func(v *view) (err error) {
		where, args := q.byNumber()
		found, err = v.rows("SELECT "+rowColumns+" FROM events e NOT INDEXED WHERE e.n BETWEEN ? AND ?"+where+" ORDER BY e.n DESC LIMIT ?",
			append(append([]any{low, high}, args...), left)...)
		return err
	})
	switch {
	case err == nil:
		*rows = append(*rows, found...)
		return nil
	case classify(err) != ErrDamaged:
		return r.fault("list", err)
	case low == high:
		missing.add(1, r.fault("list", err))
		return nil
	}
	middle := low + (high-low)/2
	if err := r.readRange(ctx, q, middle+1, high, rows, missing); err != nil {
		return err
	}
	return r.readRange(ctx, q, low, middle, rows, missing)
}

// byNumber returns q's conditions without those that need an index, which may be
// what is damaged.
func (q Query) byNumber() (string, []any) {
	failed, pending, session := q.Failed, q.Pending, q.Session
	q.Failed, q.Pending, q.Session, q.Before = false, false, "", 0
	where, args := q.conditions()
	if session != "" {
		where, args = append(where, "e.session = ?"), append(args, session)
	}
	if failed {
		where = append(where, "e.failed = 1")
	}
	if pending {
		where = append(where, "e.pending = 1")
	}
	text := ""
	for _, condition := range where {
		text += " AND " + condition
	}
	return text, args
}
