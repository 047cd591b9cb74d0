package history

import (
	"context"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

// Query says which events List gives. The zero value means the newest of all.
// Its fields narrow it down together.
type Query struct {
	Session  string       // only those of this session
	Before   int64        // only those with a smaller number: where the last page ended
	Limit    int          // at most so many, 1,000 when 0 or less
	Phase    event.Phase  // only those that have come so far
	Source   event.Source // only those from there
	Delivery string       // only those with this Webhook-Id, replays among them
	Trusted  *bool        // only those whose verdict is trusted, or is not
	// Filter leaves out some of what it does not fit, as far as SQL can tell:
	// Search and Matches decide.
	Filter *filter.Filter

	// Failed gives events that failed at some target, as event.Row.Failed has it,
	// but of each family only the first: to replay them all would deliver twice.
	Failed bool
	// Pending gives events that were never handed over to some target, as
	// event.Row.Pending has it, and of each family only the first.
	Pending bool
}

// from returns what follows FROM in a statement that selects the events of q as
// e, and its arguments.
func (q Query) from() (from string, args []any) {
	from = "events e"
	where, args := q.conditions()
	for _, left := range []struct {
		wanted bool
		column string
	}{{q.Failed, "failed"}, {q.Pending, "pending"}} {
		if left.wanted {
			from = "events e INDEXED BY events_left"
			where = append(where, strings.ReplaceAll(`e.failed + e.pending > 0 AND e.$ = 1 AND NOT EXISTS (
				SELECT 1 FROM events f WHERE f.failed + f.pending > 0 AND f.$ = 1 AND f.family = e.family AND f.n < e.n)`, "$", left.column))
		}
	}
	if len(where) == 0 {
		return from, nil
	}
	return from + " WHERE " + strings.Join(where, " AND "), args
}

// conditions returns q's conditions on events as e, but for Failed and Pending.
func (q Query) conditions() (where []string, args []any) {
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if q.Session != "" {
		add("e.session = ? AND e.n >= ifnull((SELECT first_n FROM sessions WHERE id = ?), 0)", q.Session, q.Session)
	}
	if q.Before > 0 {
		add("e.n < ?", q.Before)
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
	return where, args
}

// Count returns how many events List would return without q.Limit.
func (r *Reader) Count(ctx context.Context, q Query) (int, error) {
	from, args := q.from()
	var n int
	err := r.read(ctx, func(v *view) error {
		return v.tx.QueryRowContext(ctx, "SELECT count(*) FROM "+from, args...).Scan(&n)
	})
	return n, r.fault("count in", err)
}

// Numbers returns the numbers of all events that q selects, the oldest first.
func (r *Reader) Numbers(ctx context.Context, q Query) ([]int64, error) {
	var numbers []int64
	q.Limit = 0
	err := r.Search(ctx, q, func(row *event.Row) error { numbers = append(numbers, row.N); return nil })
	slices.Reverse(numbers)
	return numbers, err
}

// List returns events, the newest first.
func (r *Reader) List(ctx context.Context, q Query) (rows []*event.Row, err error) {
	from, args := q.from()
	limit := q.Limit
	if limit <= 0 {
		limit = rowsPerPage
	}
	err = r.read(ctx, func(v *view) error {
		rows, err = v.rows("SELECT "+rowColumns+" FROM "+from+" ORDER BY e.n DESC LIMIT ?", append(args, limit)...)
		return err
	})
	return rows, r.fault("list", err)
}
