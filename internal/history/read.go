package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// Reader is a history that is only read. Its methods may be called from any
// goroutine.
type Reader struct {
	path string

	mu     sync.RWMutex // held for reading while connections are used
	db     *sql.DB      // nil: it cannot be opened at present
	closed bool
	after  func() error // ends what was made to read, nil if nothing
}

// readerLimit is how many connections read at a time: enough that a screen, an
// export and a command do not wait for each other.
func readerLimit() int { return max(4, runtime.GOMAXPROCS(0)) }

// openPool opens a pool of at most limit connections without using one.
func openPool(path, mode string, limit int, pragmas ...string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", address(path, mode, pragmas...))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(limit)
	db.SetMaxIdleConns(limit)
	return db, nil
}

func closePool(db *sql.DB) error {
	if db == nil {
		return nil
	}
	return db.Close()
}

// openReaders opens a pool of connections that read.
func openReaders(path, mode string) (*sql.DB, error) {
	return openPool(path, mode, readerLimit(), fmt.Sprintf("busy_timeout(%d)", lockPatience.Milliseconds()), "query_only(1)")
}

// warm opens all n connections of a pool, and reads once with each. Later another file
// may be at the path.
func warm(db *sql.DB, connections int) error {
	for range connections {
		conn, err := db.Conn(context.Background())
		if err != nil {
			return err
		}
		defer conn.Close()
		var n int64
		if err := conn.QueryRowContext(context.Background(), "SELECT count(*) FROM meta").Scan(&n); err != nil {
			return err
		}
	}
	return nil
}

// Path is the absolute path of the file.
func (r *Reader) Path() string { return r.path }

// swap replaces the connections, once those that read are done. Without new
// ones nothing can be read for a while.
func (r *Reader) swap(db *sql.DB) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err = closePool(r.db)
	r.db = db
	return err
}

// Close closes the connections, once those that read are done.
func (r *Reader) Close() error {
	err := r.release()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return err
}

func (r *Reader) release() error {
	err := r.swap(nil)
	if r.after != nil {
		err = errors.Join(err, r.after())
		r.after = nil
	}
	return err
}

// rowColumns are those that scanRow reads.
const rowColumns = `e.n, e.rev, e.family, e.replay_of, e.received_at, e.source, e.kind, e.repo, e.summary, e.verdict, e.phase,
	e.answer_status, e.answer_ns, ifnull(e.delivery_n, 1), e.size, e.session, e.webhook_id, e.delivery, e.method, e.path, e.body_cut,
	e.pinned, e.edited, e.dismissed, e.targets`

const (
	sqlChanges = `SELECT ` + rowColumns + ` FROM events e
		WHERE e.n > max(?, ifnull((SELECT first_n - 1 FROM sessions WHERE id = ?), 0)) AND e.session = ? AND e.rev > ? ORDER BY e.n LIMIT ?`
	sqlStates   = `SELECT rev, at, subject, name, state, detail FROM states WHERE session = ? AND rev > ? ORDER BY rev`
	sqlPayload  = `SELECT p.n, p.header, p.body FROM events e LEFT JOIN payloads p ON p.n = e.n WHERE e.n = ?`
	sqlAttempts = `SELECT n, target, started_at, duration_ns, status, err, body_cut, header, body FROM attempts WHERE event = ? ORDER BY seq`
)

// rowsPerPage is how many rows a reader gets that asks for no number.
const rowsPerPage = 1000

// Get returns an event with everything: its body and those of its attempts are
// not nil, even where they are empty. The error is ErrNotFound when there is
// none with that number. Of a damaged history it may return what is readable of
// the event, with ErrDamaged; BodyCut is set when the body is not.
func (r *Reader) Get(ctx context.Context, n int64) (*event.Event, error) {
	var e *event.Event
	err := r.read(ctx, func(v *view) error {
		row, err := scanRow(v.tx.QueryRowContext(ctx, sqlRow, n))
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("event %d: %w", n, ErrNotFound)
		}
		if err != nil {
			return err
		}
		e = wholeEvent(row)
		if e.Header, e.Body, err = v.payload(n); err != nil {
			e.BodyCut = true
		}
		if e.Body == nil {
			e.Body = []byte{}
		}
		return errors.Join(err, v.attempts(e))
	})
	return e, r.fault("read", err)
}

// wholeEvent returns an event with the fields of its row, without payload and attempts.
func wholeEvent(row *event.Row) *event.Event {
	e := &event.Event{
		N: row.N, Rev: row.Rev, Family: row.Family, Session: row.Session, Source: row.Source, ReplayOf: row.ReplayOf, WebhookID: row.WebhookID,
		Delivery: row.Delivery, DeliveryN: row.DeliveryN, Kind: row.Kind, Summary: row.Summary, ReceivedAt: row.At, Verdict: row.Verdict,
		Method: row.Method, Path: row.Path, Size: row.Size, BodyCut: row.BodyCut, Phase: row.Phase, Answer: row.Answer,
		Pinned: row.Pinned, Edited: row.Edited, Dismissed: row.Dismissed,
	}
	repoType, repoName, _ := strings.Cut(row.Repo, ":")
	e.Repo = hub.Repo{Type: hub.RepoType(repoType), Name: repoName}
	for _, t := range row.Targets {
		e.Targets = append(e.Targets, t.Name)
		if t.DeliveredBy != 0 {
			if e.DeliveredBy == nil {
				e.DeliveredBy = map[string]int64{}
			}
			e.DeliveredBy[t.Name] = t.DeliveredBy
		}
	}
	return e
}

// Body returns the body of an event, not nil even when it is empty. The error
// is ErrNotFound when there is no event with that number, or its body is lost.
func (r *Reader) Body(ctx context.Context, n int64) ([]byte, error) {
	var body []byte
	err := r.read(ctx, func(v *view) (err error) {
		_, body, err = v.payload(n)
		if err == nil && body == nil {
			err = fmt.Errorf("the body of event %d: %w", n, ErrNotFound)
		}
		return err
	})
	return body, r.fault("read", err)
}

// read calls look with one snapshot of the history.
func (r *Reader) read(ctx context.Context, look func(*view) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch {
	case r.closed:
		return ErrClosed
	case r.db == nil:
		return errFile
	}
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() {
		// Nothing was written, so that only look's error counts.
		_ = tx.Rollback()
	}()
	err = look(&view{ctx: ctx, tx: tx})
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // what it interrupts fails in many ways: "statement is closed"
	}
	return err
}

// view is a snapshot of the history.
type view struct {
	ctx context.Context
	tx  *sql.Tx
}

// each runs a query and calls scan for each of its rows.
func (v *view) each(scan func(*sql.Rows) error, text string, args ...any) error {
	rows, err := v.tx.QueryContext(v.ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// rows runs a query for rowColumns.
func (v *view) rows(text string, args ...any) ([]*event.Row, error) {
	var found []*event.Row
	err := v.each(func(rows *sql.Rows) error {
		row, err := scanRow(rows)
		found = append(found, row)
		return err
	}, text, args...)
	return found, err
}

// changesSince returns events of a session that changed after a revision, in
// the order of their numbers, from one number on.
func (v *view) changesSince(session string, rev, after int64, limit int) ([]event.Change, error) {
	rows, err := v.rows(sqlChanges, after, session, session, rev, limit)
	changes := make([]event.Change, len(rows))
	for i, row := range rows {
		changes[i] = event.Change{Rev: row.Rev, Row: row}
	}
	return changes, err
}

// statesSince returns the states of a session after a revision.
func (v *view) statesSince(session string, rev int64) (states []event.Change, err error) {
	err = v.each(func(rows *sql.Rows) error {
		s := event.State{Session: session}
		var at *int64
		var rev int64
		err := rows.Scan(&rev, &at, &s.Subject, &s.Name, &s.State, &s.Detail)
		s.At = decodeTime(at)
		states = append(states, event.Change{Rev: rev, State: &s})
		return err
	}, sqlStates, session, rev)
	return states, err
}

// scanRow reads a row of rowColumns.
func scanRow(rows interface{ Scan(...any) error }) (*event.Row, error) {
	var r event.Row
	var received *int64
	var targets *string
	err := rows.Scan(&r.N, &r.Rev, &r.Family, &r.ReplayOf, &received, &r.Source, &r.Kind, &r.Repo, &r.Summary, &r.Verdict, &r.Phase,
		&r.Answer.Status, &r.Answer.Duration, &r.DeliveryN, &r.Size, &r.Session, &r.WebhookID, &r.Delivery, &r.Method, &r.Path, &r.BodyCut,
		&r.Pinned, &r.Edited, &r.Dismissed, &targets)
	if err != nil {
		return nil, err
	}
	r.At = decodeTime(received)
	if r.Targets, err = decodeTargets(targets); err != nil {
		return nil, fmt.Errorf("event %d: %w", r.N, err)
	}
	r.ShareTexts()
	r.FillDerived()
	return &r, nil
}

// payload is a row of payloads.
type payload struct {
	stored *int64 // nil: there is none
	header *string
	body   []byte
}

// decode returns a header and a body, nil when they are lost.
func (p *payload) decode(n int64) (header http.Header, body []byte, err error) {
	body = p.body
	if body == nil && p.stored != nil {
		body = []byte{}
	}
	if header, err = decodeHeader(p.header); err != nil {
		return nil, nil, fmt.Errorf("event %d: %w", n, err)
	}
	return header, body, nil
}

// payload returns the header and the body of an event, nil when they are lost.
func (v *view) payload(n int64) (header http.Header, body []byte, err error) {
	var p payload
	err = v.tx.QueryRowContext(v.ctx, sqlPayload, n).Scan(&p.stored, &p.header, &p.body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, fmt.Errorf("event %d: %w", n, ErrNotFound)
	}
	if err != nil {
		return nil, nil, err
	}
	return p.decode(n)
}

// attempts fills in the attempts of an event.
func (v *view) attempts(e *event.Event) error {
	rows, err := v.tx.QueryContext(v.ctx, sqlAttempts, e.N)
	if err != nil {
		return err
	}
	return scanAttempts(rows, e)
}

// scanAttempts adds the attempts that a query has found to their event.
func scanAttempts(rows *sql.Rows, e *event.Event) error {
	defer rows.Close()
	for rows.Next() {
		var a event.Attempt
		var started *int64
		var header *string
		if err := rows.Scan(&a.N, &a.Target, &started, &a.Duration, &a.Status, &a.Err, &a.BodyCut, &header, &a.Body); err != nil {
			return err
		}
		a.StartedAt = decodeTime(started)
		if a.Body == nil {
			a.Body = []byte{}
		}
		var err error
		if a.Header, err = decodeHeader(header); err != nil {
			return fmt.Errorf("event %d, attempt %d: %w", e.N, a.N, err)
		}
		e.Attempts = append(e.Attempts, a)
	}
	return rows.Err()
}
