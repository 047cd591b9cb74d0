package history

import (
	"maps"
	"slices"

	"github.com/hf-tap/hf-tap/event"
)

// Events that repeat each other, as replays or as deliveries with the same
// Webhook-Id, are a family. A target that did not take one of them but takes a
// later one has got what it was sent: the earlier event has not failed there any
// more. One that was never handed to a target is not pending there any more once a
// later one was.

const (
	sqlEarlierLeft   = `SELECT n FROM events WHERE failed + pending > 0 AND family = ? AND n < ?`
	sqlLaterOfFamily = `SELECT n FROM events WHERE family <> n AND family = ? AND n > ?`
)

// joinFamilies looks at the families of all events that the transaction has
// stored or updated.
func (tx *transaction) joinFamilies() error {
	for _, n := range slices.Sorted(maps.Keys(tx.relatives)) {
		if row := tx.rows[n]; row != nil { // else it was deleted since
			if err := tx.joinFamily(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// joinFamily applies to a row what later events of its family did, and to
// earlier ones what it did itself.
func (tx *transaction) joinFamily(row *event.Row) error {
	if row.Failed || row.Pending {
		if err := tx.markDeliveredLater(row); err != nil {
			return err
		}
	}
	if row.Family == row.N || row.Tries() == 0 {
		return nil
	}
	earlier, err := tx.numbers(sqlEarlierLeft, row.Family, row.N)
	if err != nil {
		return err
	}
	for _, n := range earlier {
		old, err := tx.row(n)
		if err != nil {
			return err
		}
		tx.markDelivered(old, row)
	}
	return nil
}

// markDeliveredLater looks for later events that the row's targets took.
func (tx *transaction) markDeliveredLater(row *event.Row) error {
	later, err := tx.numbers(sqlLaterOfFamily, row.Family, row.N)
	if err != nil {
		return err
	}
	for _, n := range later {
		other, err := tx.row(n)
		if err != nil {
			return err
		}
		row = tx.markDelivered(row, other)
	}
	return nil
}

// markDelivered notes on an event which of its targets took a later one. It
// returns the event's row as it is then.
func (tx *transaction) markDelivered(row, later *event.Row) *event.Row {
	var next *event.Row
	for i := range row.Targets {
		if t := &row.Targets[i]; t.OK() || t.DeliveredBy != 0 || !delivers(later, t) {
			continue
		}
		if next == nil {
			copied := *row
			next = &copied
			next.Targets = slices.Clone(row.Targets)
		}
		next.Targets[i].DeliveredBy = later.N
	}
	if next == nil {
		return row
	}
	next.FillDerived()
	tx.put(next)
	return next
}

// delivers reports whether a later event makes good for what became of an earlier
// one at a target.
func delivers(later *event.Row, earlier *event.RowTarget) bool {
	return slices.ContainsFunc(later.Targets, func(t event.RowTarget) bool {
		return t.Name == earlier.Name && (t.OK() || t.Tries > 0 && earlier.Tries == 0)
	})
}
