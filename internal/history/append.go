package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/hf-tap/hf-tap/event"
)

// Append stores e and sets its N; an empty Phase becomes open. It returns when
// the event survives the death of the process. When ctx ends first, the error is
// its error, e is as it was, and the event may or may not be stored.
//
// The event's Rev and DeliveryN are told by those who read it. DeliveryN counts
// arrivals: events of the hub or a sandbox whose verdict is trusted, with the
// same Delivery and WebhookID. Of all others it is 1.
//
// e.Body must not be changed afterwards, not even when Append fails.
func (s *Store) Append(ctx context.Context, e *event.Event) error {
	row := encodeEvent(e)
	if !s.queue.spooled(ctx, row) {
		err := s.store(ctx, &write{apply: row.insert, row: row, size: int64(len(e.Body)) + rowSize})
		if err != nil {
			return s.fault("append to", err)
		}
	}
	e.N, e.Phase = row.n, row.e.Phase
	return nil
}

// AppendState stores a state with the next revision. It returns as Append does.
func (s *Store) AppendState(ctx context.Context, state event.State) error {
	insert := func(tx *transaction) error {
		rev, err := tx.nextRev(state.Session)
		if err != nil {
			return err
		}
		_, err = tx.exec(sqlInsertState, state.Session, rev, encodeTime(state.At),
			string(state.Subject), state.Name, state.State, state.Detail)
		return err
	}
	return s.fault("append a state to", s.store(ctx, &write{apply: insert, size: rowSize}))
}

// rowSize stands for what a row holds besides its body.
const rowSize = 1 << 10

// eventRow is an event as it is stored. It shares nothing with the event but
// the bodies, so that the caller may go on with the event at any time.
type eventRow struct {
	n               int64 // given by the spool, or else by insert
	given           bool
	rev             int64       // given by insert
	e               event.Event // what is not kept beside it
	targets, header any
	attempts        []attemptRow
	failed          bool
}

func encodeEvent(e *event.Event) *eventRow {
	row := &eventRow{e: *e, targets: encodeList(e.Targets), header: encodeHeader(e.Header), failed: e.Failed()}
	row.e.Header, row.e.Attempts, row.e.Targets = nil, nil, slices.Clone(e.Targets)
	if row.e.Phase == "" {
		row.e.Phase = event.PhaseOpen
	}
	for _, a := range e.Attempts {
		row.attempts = append(row.attempts, encodeAttempt(&a))
	}
	return row
}

// arrival reports whether the event belongs to the count of arrivals.
func (r *eventRow) arrival() bool {
	return r.e.Delivery != "" && r.e.Verdict.Trusted() && fromHub(r.e.Source)
}

func fromHub(s event.Source) bool { return s == event.SourceHub || s == event.SourceSandbox }

// spoolable reports whether an event may wait for others: one that arrived.
// Whoever sends one themselves reads it by its number next, perhaps in another
// process.
func (r *eventRow) spoolable() bool {
	return fromHub(r.e.Source) && r.e.ReplayOf == 0 && len(r.attempts) == 0 && len(r.e.Body) <= maxSpooledEvent
}

// with gives the row as it is after an update.
func (r *eventRow) with(u *update) *eventRow {
	after := *r
	if u.phase != "" {
		after.e.Phase = event.Phase(u.phase)
	}
	if u.answer.Status != 0 {
		after.e.Answer.Status = u.answer.Status
	}
	if u.answer.Duration != 0 {
		after.e.Answer.Duration = u.answer.Duration
	}
	if len(u.attempts) > 0 {
		after.attempts = slices.Concat(r.attempts, u.attempts)
		after.failed = failedAfter(r.e.Targets, after.attempts)
	}
	return &after
}

func (r *eventRow) insert(tx *transaction) error {
	args, err := r.arguments(tx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.exec(sqlInsert, args...); err != nil {
		return err
	}
	if len(r.e.Body) > 0 {
		if _, err := tx.exec(sqlInsertBody, r.n, r.e.Body); err != nil {
			return err
		}
	}
	return r.inserted(tx)
}

// arguments appends those of sqlInsert to args.
func (r *eventRow) arguments(tx *transaction, args []any) ([]any, error) {
	root, err := tx.root(r.e.ReplayOf)
	if err != nil {
		return nil, err
	}
	if r.rev, err = tx.nextRev(r.e.Session); err != nil {
		return nil, err
	}
	if !r.given {
		r.n = tx.nextN()
	}
	e := &r.e
	return append(args, r.n, r.rev, e.Delivery, e.WebhookID, encodeBool(r.arrival()), e.Delivery, e.WebhookID,
		root, encodeBool(r.failed), e.Session, string(e.Source), e.ReplayOf, string(e.Kind), e.Repo.Type, e.Repo.Name,
		encodeTime(e.ReceivedAt), string(e.Verdict), string(e.Phase), int64(e.Answer.Status), int64(e.Answer.Duration),
		int64(len(r.attempts)), e.Size, encodeBool(e.BodyCut), e.Method, e.Path, r.targets, r.header,
		encodeBool(e.Pinned), encodeBool(e.Edited)), nil
}

// inserted does what follows when the row and its body are stored.
func (r *eventRow) inserted(tx *transaction) error {
	tx.follow(r.n, progress{session: r.e.Session, tries: len(r.attempts), failed: r.failed, targets: r.e.Targets}, r.e.Phase)
	for i := range r.attempts {
		if err := tx.insertAttempt(r.n, i+1, &r.attempts[i]); err != nil {
			return err
		}
	}
	return nil
}

// root gives the first event of the chain of replays that a replay of n
// belongs to. An event that was deleted stands for itself.
func (tx *transaction) root(n int64) (int64, error) {
	if n == 0 {
		return 0, nil
	}
	var root int64
	err := tx.row(sqlRoot, n).Scan(&root)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return 0, err
	case root == 0:
		return n, nil
	}
	return root, nil
}
