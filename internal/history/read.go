package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// columns are those that scanEvent reads, in wholeColumns with the header. Lists
// show none, and to decode it takes as long as all the rest.
const (
	columns      = rowColumns + `NULL, pinned, edited`
	wholeColumns = rowColumns + `header, pinned, edited`
	rowColumns   = `n, rev, session, source, replay_of, webhook_id, delivery, delivery_n, kind, repo_type, repo_name,
		received_at, verdict, phase, answer_status, answer_ns, size, body_cut, method, path, targets, `
)

const (
	sqlSinceEvents = `SELECT ` + columns + ` FROM events WHERE session = ? AND rev > ? ORDER BY rev LIMIT ?`
	sqlSinceStates = `SELECT rev, session, at, subject, name, state, detail FROM states
		WHERE session = ? AND rev > ? ORDER BY rev LIMIT ?`
	sqlEvent = `SELECT ` + wholeColumns + ` FROM events WHERE n = ?`
	sqlBody  = `SELECT e.n, b.body FROM events e LEFT JOIN bodies b ON b.n = e.n WHERE e.n = ?`
	// Ascending numbers keep the look-ups in the order of the table.
	sqlAttempts = `SELECT a.event, a.n, a.target, a.started_at, a.duration_ns, a.status, a.err, a.body_cut, NULL, NULL
		FROM json_each(?) AS wanted JOIN attempts a ON a.event = wanted.value ORDER BY a.event, a.seq`
	sqlAnswers = `SELECT a.event, a.n, a.target, a.started_at, a.duration_ns, a.status, a.err, a.body_cut, a.header,
		coalesce(a.body, b.body) FROM attempts a LEFT JOIN answers b ON b.id = a.answer WHERE a.event = ? ORDER BY a.seq`
)

// pageSize is how many rows a reader gets that asks for no number.
const pageSize = 1000

// Change is what became of an event, or a state that was recorded. One of the
// two is set.
type Change struct {
	Rev   int64
	Event *event.Event
	State *event.State
}

// Since gives what changed in a session after a revision, in the order of
// their revisions: at most limit changes, 1,000 when that is 0 or less. Each
// event is there once, as it is now, with attempts; headers and bodies, its own and
// those of its attempts, are nil. The last Rev is where to go on. In a burst an
// event comes some milliseconds after it was appended, with a wake-up of its own.
func (s *Store) Since(ctx context.Context, session string, rev int64, limit int) ([]Change, error) {
	if limit <= 0 {
		limit = pageSize
	}
	if changes, ok := s.writer.tail.since(session, rev, limit); ok && !s.readers.closed.Load() {
		return changes, nil
	}
	changes, err := s.sinceStored(ctx, session, rev, limit)
	if err != nil {
		return nil, s.fault("read", err)
	}
	return changes, nil
}

// sinceStored is Since from the file.
func (s *Store) sinceStored(ctx context.Context, session string, rev int64, limit int) ([]Change, error) {
	var changes []Change
	err := s.read(ctx, 0, func(v *view) error {
		events, err := v.events(sqlSinceEvents, session, rev, limit)
		if err != nil {
			return err
		}
		states, err := v.states(session, rev, limit)
		if err != nil {
			return err
		}
		changes = mergeChanges(events, states, limit)
		events = events[:0]
		for _, c := range changes {
			if c.Event != nil {
				events = append(events, c.Event)
			}
		}
		return v.addAttempts(events)
	})
	return changes, err
}

func mergeChanges(events []*event.Event, states []event.State, limit int) []Change {
	changes := make([]Change, 0, min(limit, len(events)+len(states)))
	for len(changes) < limit && len(events)+len(states) > 0 {
		if len(states) == 0 || len(events) > 0 && events[0].Rev < states[0].Rev {
			changes = append(changes, Change{Rev: events[0].Rev, Event: events[0]})
			events = events[1:]
		} else {
			changes = append(changes, Change{Rev: states[0].Rev, State: &states[0]})
			states = states[1:]
		}
	}
	return changes
}

// Get gives an event with everything: its body and those of its attempts are
// not nil, even where they are empty. The error is ErrNotFound when there is
// none with that number.
func (s *Store) Get(ctx context.Context, n int64) (*event.Event, error) {
	var e *event.Event
	err := s.read(ctx, n, func(v *view) (err error) {
		events, err := v.events(sqlEvent, n)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return fmt.Errorf("event %d: %w", n, ErrNotFound)
		}
		e = events[0]
		if e.Body, err = v.body(n); err != nil {
			return err
		}
		return v.attempts(events, sqlAnswers, n)
	})
	if err != nil {
		return nil, s.fault("read", err)
	}
	for i := range e.Attempts {
		if a := &e.Attempts[i]; a.Body == nil {
			a.Body = []byte{}
		}
	}
	return e, nil
}

// Body gives the body of an event, not nil even when it is empty. The error is
// ErrNotFound when there is no event with that number.
func (s *Store) Body(ctx context.Context, n int64) ([]byte, error) {
	if body, ok := s.queue.body(n); ok {
		return body, nil
	}
	var body []byte
	err := s.read(ctx, n, func(v *view) (err error) {
		body, err = v.body(n)
		return err
	})
	return body, s.fault("read", err)
}

// read runs look on one snapshot. The event of that number is in it, if it was
// appended before, and so is what came before it.
func (s *Store) read(ctx context.Context, n int64, look func(*view) error) error {
	if !s.queue.behind(n) {
		return s.readers.read(ctx, look)
	}
	stored := s.storedSoon(ctx, n)
	err := s.readers.read(ctx, look)
	if errors.Is(err, ErrNotFound) && stored != nil {
		return stored // it is there, and cannot be read now
	}
	return err
}

// storedSoon waits until what is in the spool is stored. A list does without it
// after a while: what was stored before can be read.
func (s *Store) storedSoon(ctx context.Context, n int64) error {
	if n == all {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, listPatience)
		defer cancel()
	}
	return s.queue.flush(ctx)
}

// listPatience is how long a list waits for what is in the spool.
const listPatience = time.Second

// all is a number that no event reaches.
const all = math.MaxInt64

// reader is the connections that read.
type reader struct {
	db         *sql.DB
	statements map[string]*sql.Stmt
	closed     atomic.Bool
}

func openReader(ctx context.Context, path string) (*reader, error) {
	db, err := openPool(path, "ro", readerLimit(), fmt.Sprintf("busy_timeout(%d)", lockPatience.Milliseconds()), "query_only(1)")
	if err != nil {
		return nil, err
	}
	r := &reader{db: db, statements: map[string]*sql.Stmt{}}
	for _, text := range []string{sqlSinceEvents, sqlSinceStates, sqlEvent, sqlBody, sqlAttempts, sqlAnswers} {
		statement, err := db.PrepareContext(ctx, text)
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		r.statements[text] = statement
	}
	return r, nil
}

func (r *reader) close() error {
	r.closed.Store(true)
	var errs []error
	for _, statement := range r.statements {
		errs = append(errs, statement.Close())
	}
	return errors.Join(append(errs, r.db.Close())...)
}

// view is a snapshot of the history.
type view struct {
	ctx        context.Context
	tx         *sql.Tx
	statements map[string]*sql.Stmt
}

// read runs look on one snapshot.
func (r *reader) read(ctx context.Context, look func(*view) error) (err error) {
	defer func() {
		if err != nil && r.closed.Load() {
			err = ErrClosed
		}
	}()
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() {
		// Nothing was written, so that only look's error counts.
		_ = tx.Rollback()
	}()
	return look(&view{ctx: ctx, tx: tx, statements: r.statements})
}

func (v *view) rows(text string, args ...any) (*sql.Rows, error) {
	if statement, ok := v.statements[text]; ok {
		return v.tx.StmtContext(v.ctx, statement).QueryContext(v.ctx, args...)
	}
	return v.tx.QueryContext(v.ctx, text, args...)
}

// events runs a query for columns.
func (v *view) events(text string, args ...any) ([]*event.Event, error) {
	rows, err := v.rows(text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var events []*event.Event
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, rows.Err()
}

func scanEvent(rows *sql.Rows) (*event.Event, error) {
	var e event.Event
	var received *int64
	var targets, header *string
	err := rows.Scan(&e.N, &e.Rev, &e.Session, &e.Source, &e.ReplayOf, &e.WebhookID, &e.Delivery, &e.DeliveryN,
		&e.Kind, &e.Repo.Type, &e.Repo.Name, &received, &e.Verdict, &e.Phase, &e.Answer.Status, &e.Answer.Duration,
		&e.Size, &e.BodyCut, &e.Method, &e.Path, &targets, &header, &e.Pinned, &e.Edited)
	if err != nil {
		return nil, err
	}
	e.DeliveryN = max(1, e.DeliveryN)
	e.ReceivedAt = decodeTime(received)
	if e.Targets, err = decodeList(targets); err != nil {
		return nil, fmt.Errorf("event %d: %w", e.N, err)
	}
	if e.Header, err = decodeHeader(header); err != nil {
		return nil, fmt.Errorf("event %d: %w", e.N, err)
	}
	return &e, nil
}

func (v *view) states(session string, rev int64, limit int) ([]event.State, error) {
	rows, err := v.rows(sqlSinceStates, session, rev, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var states []event.State
	for rows.Next() {
		var state event.State
		var at *int64
		if err := rows.Scan(&state.Rev, &state.Session, &at, &state.Subject, &state.Name, &state.State, &state.Detail); err != nil {
			return nil, err
		}
		state.At = decodeTime(at)
		states = append(states, state)
	}
	return states, rows.Err()
}

func (v *view) body(n int64) ([]byte, error) {
	rows, err := v.rows(sqlBody, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("event %d: %w", n, ErrNotFound)
	}
	var body []byte
	if err := rows.Scan(&n, &body); err != nil {
		return nil, err
	}
	if body == nil {
		body = []byte{}
	}
	return body, rows.Err()
}

// addAttempts fills in the attempts of events, without bodies.
func (v *view) addAttempts(events []*event.Event) error {
	if len(events) == 0 {
		return nil
	}
	numbers := []byte{'['}
	for i, e := range events {
		if i > 0 {
			numbers = append(numbers, ',')
		}
		numbers = fmt.Append(numbers, e.N)
	}
	return v.attempts(events, sqlAttempts, string(append(numbers, ']')))
}

// attempts runs a query for attempts of events.
func (v *view) attempts(events []*event.Event, text string, args ...any) error {
	rows, err := v.rows(text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	byNumber := make(map[int64]*event.Event, len(events))
	for _, e := range events {
		byNumber[e.N] = e
	}
	for rows.Next() {
		var n int64
		var a event.Attempt
		var started *int64
		var header *string
		if err := rows.Scan(&n, &a.N, &a.Target, &started, &a.Duration, &a.Status, &a.Err, &a.BodyCut, &header, &a.Body); err != nil {
			return err
		}
		a.StartedAt = decodeTime(started)
		if a.Header, err = decodeHeader(header); err != nil {
			return fmt.Errorf("event %d, attempt %d: %w", n, a.N, err)
		}
		e := byNumber[n]
		e.Attempts = append(e.Attempts, a)
	}
	return rows.Err()
}
