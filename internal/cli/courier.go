package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
)

// courier sends events to a session and waits until each is settled, which it reads
// in the history: the session may be another process.
//
//	feed ──index──► send (several at a time) ──number──► wait ──row──► show
type courier struct {
	total    int
	workers  int                                                   // how many are sent at a time
	interval time.Duration                                         // between the starts of two; 0: none
	send     func(ctx context.Context, i int) (n int64, err error) // hands over the ith event, and returns its number
	reader   *history.Reader
	session  string // the id of the session, which all events belong to
	show     func(*event.Row) error
	// alive reports whether the session lives; nil for one in this process. settle is
	// called when it does not: what it left open can change no more after that.
	alive  func() (bool, error)
	settle func(context.Context) error
}

// errSessionEnded says that a session ended before it had taken or settled all that
// was to be sent through it.
var errSessionEnded = errors.New("the session ended")

// errNotHandedOver says that a session which has not ended did not hand over all that
// was sent through it: it is about to end, or a target's queue is full.
var errNotHandedOver = errors.New("the session did not deliver all events")

// How a courier waits.
const (
	maxOpen     = 4000                  // events that were sent and are not settled; a session's queue holds more
	firstLook   = 2 * time.Millisecond  // at the history, after something has changed
	longestLook = 50 * time.Millisecond // between two looks
	aliveEvery  = time.Second           // between two looks whether the session lives
)

// handed is an event that was sent, or the error of one that was not.
type handed struct {
	n   int64
	err error
}

// run sends all events. It returns when those that were sent are settled, also after
// an error.
func (c *courier) run(parent context.Context) error {
	ctx, giveUp := context.WithCancel(parent)
	feeding, stopFeeding := context.WithCancel(ctx)
	slots := make(chan struct{}, maxOpen)
	sent, quit := make(chan handed), make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		defer close(sent)
		c.sendAll(ctx, feeding, slots, func(h handed) {
			select {
			case sent <- h:
			case <-quit:
			}
		})
	})
	defer func() {
		stopFeeding()
		giveUp()
		close(quit)
		sending.Wait()
	}()

	w := waiter{courier: c, open: map[int64]bool{}, pause: firstLook, slots: slots, asked: time.Now()}
	look := time.NewTimer(firstLook)
	defer look.Stop()
	var failed error
	for more := true; more || len(w.open) > 0; {
		select {
		case h, ok := <-sent:
			switch {
			case !ok:
				more, sent = false, nil
			case h.err != nil:
				if failed == nil {
					failed = h.err
				}
				stopFeeding()
				w.asked = time.Time{} // has the session ended?
			default:
				w.open[h.n] = true
			}
		case <-look.C:
			if err := w.look(ctx); err != nil {
				return err
			}
			look.Reset(w.pause)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if failed != nil || w.pending > 0 {
		if ended, err := c.ended(ctx); err != nil || ended {
			return cmp.Or(err, errSessionEnded)
		}
		if failed == nil && c.alive != nil {
			return errNotHandedOver
		}
	}
	return cmp.Or(failed, parent.Err())
}

// ended reports whether the session, if it is another process, has ended. It records
// its end in the history before it releases its lock.
func (c *courier) ended(ctx context.Context) (bool, error) {
	if c.alive == nil {
		return false, nil
	}
	if alive, err := c.alive(); err != nil || !alive {
		return true, err
	}
	open, err := c.reader.OpenSessions(ctx)
	return !slices.ContainsFunc(open, func(s history.Session) bool { return s.ID == c.session }), err
}

// sendAll sends the events in their order, several at a time, until all are sent or
// feeding ends. What was begun then is finished.
func (c *courier) sendAll(ctx, feeding context.Context, slots chan<- struct{}, sent func(handed)) {
	jobs := make(chan int)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer close(jobs)
	for range c.workers {
		workers.Go(func() {
			for i := range jobs {
				n, err := c.send(ctx, i)
				sent(handed{n, err})
			}
		})
	}
	start := time.Now()
	for i := range c.total {
		if !waitUntil(feeding, start.Add(time.Duration(i)*c.interval)) {
			return
		}
		select {
		case slots <- struct{}{}:
		case <-feeding.Done():
			return
		}
		select {
		case jobs <- i:
		case <-feeding.Done():
			return
		}
	}
}

// waitUntil waits until a time, and reports whether ctx has not ended.
func waitUntil(ctx context.Context, t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// waiter waits for the sent events that are not settled yet.
type waiter struct {
	*courier
	open    map[int64]bool
	pending int           // events that settled without a try at one of their targets
	pause   time.Duration // until the next look at the history
	slots   <-chan struct{}
	asked   time.Time // when it was last asked whether the session lives
}

// look shows the events that have settled since the last look, in the order of their
// numbers. It does not wait for deleted events.
func (w *waiter) look(ctx context.Context) error {
	if len(w.open) == 0 {
		return nil
	}
	ended := false
	if w.alive != nil && time.Since(w.asked) > aliveEvery {
		alive, err := w.alive()
		if err != nil {
			return err
		}
		if w.asked, ended = time.Now(), !alive; ended {
			if err := w.courier.settle(ctx); err != nil {
				return err
			}
		}
	}
	began := time.Now()
	settled, err := w.settled(ctx)
	if err != nil {
		return err
	}
	for _, row := range settled {
		if row.Phase == event.PhasePending {
			w.pending++
		}
		if err := w.show(row); err != nil {
			return err
		}
	}
	// A look at many events takes its time, and most of the time is the session's.
	w.pause = min(2*w.pause, longestLook)
	if len(settled) > 0 {
		w.pause = firstLook
	}
	w.pause = max(w.pause, 5*time.Since(began))
	if ended && len(w.open) > 0 {
		return errSessionEnded
	}
	return nil
}

// settled returns the rows of the open events that are settled now, and forgets them.
func (w *waiter) settled(ctx context.Context) (rows []*event.Row, err error) {
	var first, last int64
	for n := range w.open {
		if first == 0 || n < first {
			first = n
		}
		last = max(last, n)
	}
	missing := len(w.open)
	errDone := errors.New("all were found")
	err = w.reader.Search(ctx, history.Query{Session: w.session, Before: last + 1}, func(row *event.Row) error {
		if row.N < first {
			return errDone
		}
		if w.open[row.N] {
			missing--
			if row.Settled() {
				rows = append(rows, row)
			}
		}
		if missing == 0 {
			return errDone
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDone) {
		return nil, err
	}
	for _, row := range rows {
		w.forget(row.N)
	}
	if missing > 0 {
		for _, n := range w.deleted(ctx) {
			w.forget(n)
		}
	}
	slices.Reverse(rows)
	return rows, nil
}

// deleted returns the open events that the history does not have any more.
func (w *waiter) deleted(ctx context.Context) (gone []int64) {
	for n := range w.open {
		if _, err := w.reader.Get(ctx, n); errors.Is(err, history.ErrNotFound) {
			gone = append(gone, n)
		}
	}
	return gone
}

// forget stops waiting for an event, which makes room for another one.
func (w *waiter) forget(n int64) {
	delete(w.open, n)
	<-w.slots
}
