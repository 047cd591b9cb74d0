package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/hf-tap/hf-tap/event"
)

// Append stores e and sets its N, Rev and DeliveryN; an empty Phase becomes
// open. It returns when the event survives the death of the process. When ctx
// ends first, the error is its error, e is as it was, and the event may or may
// not be stored.
//
// DeliveryN counts arrivals: events of the hub or a sandbox whose verdict is
// trusted, with the same Delivery and WebhookID. Of all others it is 1.
//
// e.Body must not be changed afterwards, not even when Append fails.
func (s *Store) Append(ctx context.Context, e *event.Event) error {
	row := encodeEvent(e)
	err := s.store(ctx, &write{apply: row.insert, size: int64(len(e.Body)) + rowSize})
	if err != nil {
		return s.fault("append to", err)
	}
	e.N, e.Rev, e.DeliveryN, e.Phase = row.n, row.rev, max(1, row.deliveryN), row.phase
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
	n, rev    int64
	deliveryN int
	phase     event.Phase

	arrival                      bool // belongs to the count of arrivals
	session, webhookID, delivery string
	replayOf                     int64
	failed                       bool
	columns                      []any // from session on, in the order of sqlInsert
	body                         []byte
	attempts                     []attemptRow
	targets                      []string
}

func encodeEvent(e *event.Event) *eventRow {
	row := &eventRow{
		phase:   e.Phase,
		session: e.Session, webhookID: e.WebhookID, delivery: e.Delivery, replayOf: e.ReplayOf,
		arrival: e.Delivery != "" && e.Verdict.Trusted() && (e.Source == event.SourceHub || e.Source == event.SourceSandbox),
		failed:  e.Failed(),
		body:    e.Body,
		targets: slices.Clone(e.Targets),
	}
	if row.phase == "" {
		row.phase = event.PhaseOpen
	}
	for _, a := range e.Attempts {
		row.attempts = append(row.attempts, encodeAttempt(&a))
	}
	row.columns = []any{
		e.Session, string(e.Source), e.ReplayOf, e.WebhookID, e.Delivery, string(e.Kind), e.Repo.Type, e.Repo.Name,
		encodeTime(e.ReceivedAt), string(e.Verdict), string(row.phase), e.Answer.Status, int64(e.Answer.Duration),
		len(e.Attempts), e.Size, encodeBool(e.BodyCut), e.Method, e.Path, encodeList(e.Targets), encodeHeader(e.Header),
		encodeBool(e.Pinned), encodeBool(e.Edited),
	}
	return row
}

func (r *eventRow) insert(tx *transaction) error {
	r.deliveryN = 0
	if r.arrival {
		var largest sql.NullInt64
		if err := tx.row(sqlArrivals, r.delivery, r.webhookID).Scan(&largest); err != nil {
			return err
		}
		r.deliveryN = int(largest.Int64) + 1
	}
	root, err := tx.root(r.replayOf)
	if err != nil {
		return err
	}
	if r.rev, err = tx.nextRev(r.session); err != nil {
		return err
	}
	r.n = tx.nextN()
	args := append([]any{r.n, r.rev, r.deliveryN, root, encodeBool(r.failed)}, r.columns...)
	if _, err := tx.exec(sqlInsert, args...); err != nil {
		return err
	}
	if len(r.body) > 0 {
		if _, err := tx.exec(sqlInsertBody, r.n, r.body); err != nil {
			return err
		}
	}
	tx.follow(r.n, progress{session: r.session, tries: len(r.attempts), failed: r.failed, targets: r.targets}, r.phase)
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
