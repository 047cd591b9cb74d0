package history

import "github.com/hf-tap/hf-tap/event"

// recentRows is a cache of the rows that were written last: an event is usually updated
// soon after it is stored. The zero value is empty.
type recentRows struct{ young, old map[int64]*event.Row }

// maxRecent is how many rows each generation holds.
const maxRecent = 4096

func (r *recentRows) get(n int64) *event.Row {
	if row, ok := r.young[n]; ok {
		return row
	}
	return r.old[n]
}

func (r *recentRows) add(n int64, row *event.Row) {
	if len(r.young) >= maxRecent {
		r.old, r.young = r.young, nil
	}
	if r.young == nil {
		r.young = make(map[int64]*event.Row, maxRecent)
	}
	r.young[n] = row
}

func (r *recentRows) drop(n int64) {
	delete(r.young, n)
	delete(r.old, n)
}
