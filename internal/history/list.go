package history

import (
	"context"
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

	// Failed gives events whose last attempt at some target failed, as
	// event.Event.Failed has it, and that no later replay has made good: one
	// of the event, of another replay of it, or of what it repeats itself,
	// that is settled after an attempt and did not fail. While it is listed its
	// own failed replays are not: handing over both would deliver twice.
	Failed bool
	// Pending gives events that were never handed over, nor was a later
	// replay of them: settled after an attempt. While an event is listed its
	// own pending replays are not.
	Pending bool
}

// family finds the events of e's chain of replays, e among them: its root, and
// all that have the same root. The indexes on n and root serve it.
const family = `(SELECT iif(e.root = 0, e.n, e.root) UNION ALL
	SELECT n FROM events WHERE root <> 0 AND root = iif(e.root = 0, e.n, e.root))`

// outstanding gives events that are bad, as long as none of their family made
// good for them later, and only the first of each family since then.
func outstanding(bad, good string) string {
	alias := func(condition, name string) string { return strings.ReplaceAll(condition, "$", name) }
	return alias(bad, "e") + `
		AND NOT EXISTS (SELECT 1 FROM events g WHERE g.n IN ` + family + ` AND ` + later("g", "e") + ` AND ` + alias(good, "g") + `)
		AND NOT EXISTS (SELECT 1 FROM events f WHERE f.n IN ` + family + ` AND ` + later("e", "f") + ` AND ` + alias(bad, "f") + `
			AND NOT EXISTS (SELECT 1 FROM events g WHERE g.n IN ` + family + ` AND ` + later("g", "f") + ` AND ` + alias(good, "g") + `))`
}

// later says that a came after b. A session's numbers are in order; those of two
// that run at once need not be, as they take many at a time in a burst.
func later(a, b string) string {
	return strings.NewReplacer("$a", a, "$b", b).Replace(
		`iif($a.session = $b.session, $a.n > $b.n, (ifnull($a.received_at, 0), $a.n) > (ifnull($b.received_at, 0), $b.n))`)
}

// where gives the condition of q on events as e, and its arguments.
func (q Query) where() (string, []any) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if q.Session != "" {
		add("e.session = ?", q.Session)
	}
	if q.Before > 0 {
		add("e.n < ?", q.Before)
	}
	switch q.Phase {
	case "":
	case event.PhaseWaiting, event.PhasePending:
		add("e.phase = ? AND e.phase IN ('waiting', 'pending')", string(q.Phase)) // as events_left has it
	default:
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
	if q.Failed {
		add(outstanding("$.failed = 1", "$.phase = 'settled' AND $.tries > 0 AND $.failed = 0"))
	}
	if q.Pending {
		add(outstanding("$.phase = 'pending' AND $.phase IN ('waiting', 'pending')", "$.phase = 'settled' AND $.tries > 0"))
	}
	if len(where) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(where, " AND "), args
}

// statement gives what List asks, and its arguments.
func (q Query) statement() (string, []any) {
	where, args := q.where()
	limit := q.Limit
	if limit <= 0 {
		limit = pageSize
	}
	return "SELECT " + columns + " FROM events e" + where + " ORDER BY e.n DESC LIMIT ?", append(args, limit)
}

// Count gives how many events List would give without q.Limit.
func (s *Store) Count(ctx context.Context, q Query) (int, error) {
	where, args := q.where()
	var n int
	err := s.read(ctx, all, func(v *view) error {
		rows, err := v.rows("SELECT count(*) FROM events e"+where, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return n, s.fault("count in", err)
}

// List gives events, the newest first, with attempts; headers and bodies, their
// own and those of the attempts, are nil.
func (s *Store) List(ctx context.Context, q Query) ([]*event.Event, error) {
	text, args := q.statement()
	var events []*event.Event
	err := s.read(ctx, all, func(v *view) (err error) {
		if events, err = v.events(text, args...); err != nil {
			return err
		}
		return v.addAttempts(events)
	})
	if err != nil {
		return nil, s.fault("list", err)
	}
	return events, nil
}
