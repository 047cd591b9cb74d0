package history

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	// burstEvents arrivals within burstWindow make a burst.
	burstEvents = 8
	burstWindow = 50 * time.Millisecond
	// spoolNumbers is how many numbers of events a process takes for itself in
	// a burst, and spoolLow how few are left when it takes more: what comes
	// while a batch is stored.
	spoolNumbers = 1024
	spoolLow     = 512
	// spoolRest is how long nothing was spooled when the numbers that are left
	// are given back.
	spoolRest = 250 * time.Millisecond
	// spoolBatch is how many events share a transaction at least while more
	// come, maxSpooled and maxSpoolBytes how much waits at most. What is larger
	// than maxSpooledEvent goes to the file of the history at once: a pause for
	// the rest, and nothing won.
	spoolBatch      = 256
	maxSpooled      = 2048
	maxSpoolBytes   = 16 << 20
	maxSpooledEvent = 256 << 10
)

// spool takes the arrivals of a burst. A transaction costs as much as 20 writes
// to a file, and an event that is stored as it arrives costs three: one for
// itself, one for each of its updates. In a burst an arrival is therefore
// written to a file beside the history, which is as safe (the operating system
// has it), and stored together with others, and with what became of it until
// then. Who opens a history stores what a killed process left in its spool.
//
// Numbers are taken from the history before, so that an event has its number at
// once. There are two files, to be written to in turns: one is emptied when its
// events are stored.
//
// The queue's mutex guards it. An event is spooled as long as there are numbers:
// that begins with a burst, and ends when it has been over for restAfter.
type spool struct {
	base    string        // the path of the history
	lock    *flock.Flock  // nil until there was a burst
	files   [2]*spoolFile // the first is written to
	off     bool          // they cannot be made, locked or emptied, or are closed
	numbers []span        // to be given
	rows    []*eventRow   // in the file that is written to
	held    []*eventRow   // being stored, or kept for another try
	bytes   int64         // of rows
	failed  bool          // the last try failed: held may be in both files

	restAfter time.Duration // spoolRest

	window time.Time // when the present burstWindow began
	count  int       // arrivals in it
	last   time.Time // when something was last spooled
}

// span is numbers of events, the first and the last included.
type span struct{ from, to int64 }

func (p *spool) left() (n int64) {
	for _, s := range p.numbers {
		n += s.to - s.from + 1
	}
	return n
}

// first is the number of the first event that waits, 0 when none does.
func (p *spool) first() int64 {
	switch {
	case len(p.held) > 0:
		return p.held[0].n
	case len(p.rows) > 0:
		return p.rows[0].n
	}
	return 0
}

// arrived counts an arrival.
func (p *spool) arrived(now time.Time) {
	if now.Sub(p.window) > burstWindow {
		p.window, p.count = now, 0
	}
	p.count++
}

// wanted is how many numbers to take with the next transaction.
func (p *spool) wanted(now time.Time) int64 {
	if p.off || p.count < burstEvents || now.Sub(p.window) > burstWindow || p.left() > spoolLow || p.failed {
		return 0
	}
	return spoolNumbers
}

// resting reports whether the numbers that are left are to be given back.
func (p *spool) resting(now time.Time) bool {
	return len(p.numbers) > 0 && len(p.rows)+len(p.held) == 0 && now.Sub(p.last) >= p.restAfter
}

// put writes a row and its record to the file. It reports false when the row is
// to be stored at once.
func (p *spool) put(row *eventRow, record []byte, now time.Time) bool {
	if len(p.numbers) == 0 || p.off || p.failed || len(p.rows) >= maxSpooled || p.bytes+int64(len(record)) > maxSpoolBytes {
		return false
	}
	if p.files[0].write(record, p.numbers[0].from) != nil {
		return false
	}
	p.give(row)
	p.rows, p.bytes, p.last = append(p.rows, row), p.bytes+int64(len(record)), now
	return true
}

// give numbers a row, if there is a number: those of a burst are in the order in
// which its events came, also of those that are stored at once.
func (p *spool) give(row *eventRow) {
	if len(p.numbers) == 0 {
		return
	}
	s := &p.numbers[0]
	row.n, row.given = s.from, true
	if s.from++; s.from > s.to {
		p.numbers = p.numbers[1:]
	}
}

// take gives the rows that are to be stored. What comes from now on goes to the
// other file; after a try that failed nothing comes.
func (p *spool) take() []*eventRow {
	p.files[0], p.files[1] = p.files[1], p.files[0]
	p.held = append(p.held, p.rows...)
	p.rows, p.bytes = nil, 0
	return p.held
}

// stored ends what take began. kept is what could not be stored.
func (p *spool) stored(kept []*eventRow) {
	if p.held = kept; len(kept) > 0 {
		p.failed = true
		return
	}
	p.held = nil
	err := p.files[1].empty()
	if p.failed {
		err = errors.Join(err, p.files[0].empty())
		p.failed = false
	}
	// What is in a file that cannot be emptied is in the history as well.
	p.off = p.off || err != nil
}

// rest takes away the numbers, which are to be given back, and the room that the
// files hold.
func (p *spool) rest() (numbers []span) {
	numbers, p.numbers = p.numbers, nil
	for _, f := range p.files {
		if f != nil && len(p.rows)+len(p.held) == 0 {
			_ = f.shrink() // it is removed at the end
		}
	}
	return numbers
}

// prepare makes the files, if they are not there.
func (p *spool) prepare() bool {
	if p.lock != nil || p.off {
		return !p.off
	}
	for range 3 { // others who clean up may take away a lock that is just being made
		var err error
		if p.lock, p.files, err = makeSpool(p.base); err == nil {
			return true
		}
	}
	p.lock, p.off = nil, true // all goes on, a little slower
	return false
}

// close removes the files, unless they hold what is not stored: the next who
// opens the history does that.
func (p *spool) close() error {
	if p.off = true; p.lock == nil {
		return nil
	}
	return closeSpool(p.lock, p.files, len(p.rows)+len(p.held) == 0)
}

// reserve takes numbers for the spool.
func (tx *transaction) reserve(count int64) (span, error) {
	taken := span{from: tx.n + 1, to: tx.n + count}
	if _, err := tx.exec(sqlReserve, taken.to); err != nil {
		return span{}, err
	}
	tx.n = taken.to
	return taken, nil
}

// giveBack returns numbers that no event has, unless others have gone on from
// them.
func (tx *transaction) giveBack(s span) error {
	if tx.n != s.to {
		return nil
	}
	if _, err := tx.exec(sqlReserve, s.from-1); err != nil {
		return err
	}
	tx.n = s.from - 1
	return nil
}

// spooled takes a row into the spool, and reports false when it is to be stored
// at once.
func (q *queue) spooled(ctx context.Context, row *eventRow) bool {
	fits := row.spoolable() && ctx.Err() == nil
	record := records.Get().(*[]byte)
	defer records.Put(record)
	if fits {
		*record = row.pack((*record)[:0])
	}
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if fits {
		q.spool.arrived(now)
		if !q.closed && q.pause == 0 && q.spool.put(row, *record, now) {
			q.spooledRows++
			q.accept()
			return true
		}
	}
	q.spool.give(row)
	return false
}

// records spares the memory for a record of each event.
var records = sync.Pool{New: func() any { return new([]byte) }}

// body gives the body of an event in the spool.
func (q *queue) body(n int64) ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, rows := range [][]*eventRow{q.spool.held, q.spool.rows} {
		if i, ok := slices.BinarySearchFunc(rows, n, func(r *eventRow, n int64) int { return cmp.Compare(r.n, n) }); ok {
			return append([]byte{}, rows[i].e.Body...), true
		}
	}
	return nil, false
}

// behind reports whether events up to a number are in the spool, where readers
// do not see them.
func (q *queue) behind(n int64) bool {
	if n == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	first := q.spool.first()
	return !q.closed && first > 0 && first <= n
}

// prepare makes the spool ready to take numbers.
func (q *queue) prepare() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.spool.prepare()
}

// numbered gives numbers to the spool.
func (q *queue) numbered(s span) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.spool.numbers, q.spool.last = append(q.spool.numbers, s), time.Now()
	for _, w := range q.writes { // they came before what is spooled from now on
		if w.row != nil && !w.row.given {
			q.spool.give(w.row)
		}
	}
	if q.backlog() == 0 {
		q.timer.Reset(q.spool.restAfter)
	}
}
