package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

// Query selects the events that List returns. The zero value means the newest of all.
// Its fields narrow it down together.
type Query struct {
	Session  string       // only those of this session
	Before   int64        // only those with a smaller number: where the last page ended
	After    int64        // only those with a larger number
	Since    time.Time    // only those received then or later
	Until    time.Time    // only those received before
	Limit    int          // at most so many, 1,000 when 0 or less
	Phase    event.Phase  // only those that have come so far
	Source   event.Source // only those from there
	Delivery string       // only those with this Webhook-Id, replays among them
	Trusted  *bool        // only those whose verdict is trusted, or is not
	// Filter leaves out events that do not fit it, as far as SQL can decide that: Search
	// and Matches decide.
	Filter *filter.Filter

	// Failed returns events that failed at some target, as event.Row.Failed has it,
	// but of each family only the first: to replay them all would deliver twice.
	Failed bool
	// Pending returns events that were never handed over to some target, as
	// event.Row.Pending has it, and of each family only the first.
	Pending bool

	n int64 // only this event
}

// from returns what follows FROM in a statement that selects the events of q as
// e, and its arguments.
func (q Query) from() (from string, args []any) {
	from = "events e"
	var where []string
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if q.n > 0 {
		add("e.n = ?", q.n)
	}
	if q.Session != "" {
		add("e.session = ? AND e.n >= ifnull((SELECT first_n FROM sessions WHERE id = ?), 0)", q.Session, q.Session)
	}
	if q.Before > 0 {
		add("e.n < ?", q.Before)
	}
	if q.After > 0 {
		add("e.n > ?", q.After)
	}
	if !q.Since.IsZero() {
		// The plus keeps SQLite from sorting by time what it wants by number, for each page.
		add("+e.received_at >= ?", encodeTime(q.Since))
	}
	if !q.Until.IsZero() {
		add("+e.received_at < ?", encodeTime(q.Until))
	}
	if q.Phase != "" {
		add("e.phase = ?", string(q.Phase))
	}
	if q.Source != "" {
		add("e.source = ?", string(q.Source))
	}
	if q.Delivery != "" {
		add("e.delivery <> '' AND e.delivery = ?", q.Delivery)
	}
	if q.Trusted != nil {
		add("(e.verdict IN ('ok', 'unchecked')) = ?", encodeBool(*q.Trusted))
	}
	for _, c := range q.Filter.Conditions() {
		if condition, values := narrow(c); condition != "" {
			add("("+condition+")", values...)
		}
	}
	for _, left := range []struct {
		wanted bool
		column string
	}{{q.Failed, "failed"}, {q.Pending, "pending"}} {
		if left.wanted {
			if q.n == 0 {
				from = "events e INDEXED BY events_left"
			}
			add(strings.ReplaceAll(`e.failed + e.pending > 0 AND e.$ = 1 AND NOT EXISTS (
				SELECT 1 FROM events f WHERE f.failed + f.pending > 0 AND f.$ = 1 AND f.family = e.family AND f.n < e.n)`, "$", left.column))
		}
	}
	if len(where) == 0 {
		return from, nil
	}
	return from + " WHERE " + strings.Join(where, " AND "), args
}

// UnreadableError means that a damaged history may hold more events, or parts of
// events, than could be read. It is ErrDamaged.
type UnreadableError struct {
	Events int // at most so many
	Err    error
}

// Error returns the number of unreadable events, and the cause.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("%d events cannot be read: %v", e.Events, e.Err)
}

// Unwrap returns why.
func (e *UnreadableError) Unwrap() error { return e.Err }

// add counts events that cannot be read.
func (e *UnreadableError) add(events int, err error) *UnreadableError {
	if e == nil {
		e = &UnreadableError{Err: err}
	}
	e.Events += events
	return e
}

// result is nil when all could be read.
func (e *UnreadableError) result() error {
	if e == nil {
		return nil
	}
	return e
}

// Count returns how many events List would return without q.Limit. Of a damaged
// history it counts what is readable; the error is an *UnreadableError then.
func (r *Reader) Count(ctx context.Context, q Query) (int, error) {
	from, args := q.from()
	var n int
	err := r.read(ctx, func(v *view) error {
		err := v.tx.QueryRowContext(ctx, "SELECT count(*) FROM "+from, args...).Scan(&n)
		if classify(err) == ErrDamaged {
			n = 0
			return v.eachReadable(q, err, func(*event.Row) bool { n++; return true })
		}
		return err
	})
	return n, r.fault("count in", err)
}

// List returns events, the newest first. Of a damaged history it returns what is
// readable; the error is an *UnreadableError then.
func (r *Reader) List(ctx context.Context, q Query) (rows []*event.Row, err error) {
	from, args := q.from()
	if q.Limit <= 0 {
		q.Limit = rowsPerPage
	}
	err = r.read(ctx, func(v *view) error {
		rows, err = v.rows("SELECT "+rowColumns+" FROM "+from+" ORDER BY e.n DESC LIMIT ?", append(args, q.Limit)...)
		if classify(err) == ErrDamaged {
			rows = nil
			return v.eachReadable(q, err, func(row *event.Row) bool {
				rows = append(rows, row)
				return len(rows) < q.Limit
			})
		}
		return err
	})
	return rows, r.fault("list", err)
}

// eachReadable looks for events one by one, the newest first, while found returns
// true: a query for all of them ends at the first page that is damaged.
func (v *view) eachReadable(q Query, damage error, found func(*event.Row) bool) error {
	last := q.Before - 1
	if q.Before <= 0 {
		for _, text := range []string{"SELECT max(n) FROM events", "SELECT max(n) FROM payloads", "SELECT n FROM meta"} {
			var n sql.NullInt64
			if v.tx.QueryRowContext(v.ctx, text).Scan(&n) == nil {
				last = max(last, n.Int64)
			}
		}
	}
	q.n = 1
	from, args := q.from()
	one, err := v.tx.PrepareContext(v.ctx, "SELECT "+rowColumns+" FROM "+from)
	if err != nil {
		return err
	}
	defer one.Close()
	unreadable := (*UnreadableError)(nil).add(0, damage)
	for q.n = last; q.n > 0; q.n-- {
		args[0] = q.n
		row, err := scanRow(one.QueryRowContext(v.ctx, args...))
		switch {
		case err == nil:
			if !found(row) {
				return unreadable
			}
		case classify(err) == ErrDamaged:
			unreadable.add(1, err)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
	}
	return unreadable
}
