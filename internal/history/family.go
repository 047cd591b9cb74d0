package history

import (
	"maps"
	"slices"

	"github.com/hf-tap/hf-tap/event"
)

// A family is an event with its replays and its repeats, which have the same
// Webhook-Id. If a target fails on one event of a family and succeeds on a later one,
// the earlier event no longer counts as failed there. If an event was never handed to
// a target, it no longer counts as pending there after any try of a later one.

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

// joinFamily updates DeliveredBy in a family after a row of it has changed: in the row,
// from later events, and in earlier events, from the row.
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

// markDeliveredLater looks for later events of the family that the row's targets
// accepted.
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

// markDelivered sets DeliveredBy for each target of row that the later event was
// delivered to. It returns the new row, or row itself if nothing has changed.
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

// delivers reports whether a later event replaces an earlier one at a target: it
// succeeded there, or it was tried there and the earlier one never was.
func delivers(later *event.Row, earlier *event.RowTarget) bool {
	return slices.ContainsFunc(later.Targets, func(t event.RowTarget) bool {
		return t.Name == earlier.Name && (t.OK() || t.Tries > 0 && earlier.Tries == 0)
	})
}
