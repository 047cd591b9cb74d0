package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/hf-tap/hf-tap/event"
)

// Bounds of what Each reads on one snapshot: a long one would keep the log from
// being emptied, and whole events are held in memory.
const (
	eventsPerPage = 500
	bytesPerPage  = 4 << 20
)

// Each calls found with the events that q selects and its filter fits, whole and the
// oldest first; q.Limit does not count. Of a damaged history it gives those that
// are readable; the error is an *UnreadableError then.
func (r *Reader) Each(ctx context.Context, q Query, found func(*event.Event) error) error {
	for {
		var page []*event.Event
		full := false
		err := r.read(ctx, func(v *view) (err error) {
			page, full, err = v.wholeEvents(q)
			return err
		})
		if classify(err) == ErrDamaged {
			return r.eachReadable(ctx, q, found)
		}
		if err != nil {
			return r.fault("read", err)
		}
		for _, e := range page {
			q.After = e.N
			if q.Filter.Empty() || q.Filter.Match(e) {
				if err := found(e); err != nil {
					return err
				}
			}
		}
		if !full {
			return nil
		}
	}
}

// wholeEvents reads a page of events, the oldest first. full reports that there
// may be more.
func (v *view) wholeEvents(q Query) (page []*event.Event, full bool, err error) {
	tried, err := v.tx.PrepareContext(v.ctx, sqlAttempts)
	if err != nil {
		return nil, false, err
	}
	defer tried.Close()
	from, args := q.from()
	// The inner query has the conditions, and perhaps the index, of a list.
	rows, err := v.tx.QueryContext(v.ctx, "SELECT "+rowColumns+", p.n, p.header, p.body FROM (SELECT e.* FROM "+from+
		") e LEFT JOIN payloads p ON p.n = e.n ORDER BY e.n LIMIT ?", append(args, eventsPerPage)...)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	size := 0
	for size < bytesPerPage && rows.Next() {
		var p payload
		row, err := scanRow(withPayload{rows, &p})
		if err != nil {
			return nil, false, err
		}
		e := wholeEvent(row)
		if e.Header, e.Body, err = p.decode(e.N); err != nil {
			return nil, false, err
		}
		e.BodyCut = e.BodyCut || e.Body == nil
		if e.Body == nil {
			e.Body = []byte{}
		}
		if row.Tries() > 0 {
			if err := addAttempts(v.ctx, tried, e); err != nil {
				return nil, false, err
			}
		}
		size += wholeSize(e)
		page = append(page, e)
	}
	return page, len(page) == eventsPerPage || size >= bytesPerPage, rows.Err()
}

// addAttempts reads the attempts of an event by a prepared statement.
func addAttempts(ctx context.Context, tried *sql.Stmt, e *event.Event) error {
	rows, err := tried.QueryContext(ctx, e.N)
	if err != nil {
		return err
	}
	return scanAttempts(rows, e)
}

// wholeSize is how many bytes an event takes, about.
func wholeSize(e *event.Event) int {
	size := rowSize + len(e.Body)
	for i := range e.Attempts {
		size += len(e.Attempts[i].Body)
	}
	return size
}

// withPayload scans a payload behind the columns of a row.
type withPayload struct {
	rows *sql.Rows
	p    *payload
}

// Scan reads a row and its payload.
func (w withPayload) Scan(to ...any) error {
	return w.rows.Scan(append(slices.Clip(to), &w.p.stored, &w.p.header, &w.p.body)...)
}

// eachReadable is Each in a damaged history, one event after the other.
func (r *Reader) eachReadable(ctx context.Context, q Query, found func(*event.Event) error) error {
	var numbers []int64
	err := r.Search(ctx, q, func(row *event.Row) error { numbers = append(numbers, row.N); return nil })
	missing, damaged := errors.AsType[*UnreadableError](err)
	if err != nil && !damaged {
		return err
	}
	for _, n := range slices.Backward(numbers) {
		e, err := r.Get(ctx, n)
		switch {
		case errors.Is(err, ErrNotFound): // deleted since
		case errors.Is(err, ErrDamaged):
			missing = missing.add(1, err)
		case err != nil:
			return err
		default:
			if err := found(e); err != nil {
				return err
			}
		}
	}
	return missing.result()
}
