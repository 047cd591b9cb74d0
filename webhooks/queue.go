package webhooks

import (
	"maps"
	"slices"
	"sync"
)

// The bounds of an endpoint's queue. The Hub delivers a webhook at most 1,000
// times in 24 hours.
const (
	maxQueued      = 1000
	maxQueuedBytes = 64 << 20
)

// queue is the deliveries of an endpoint that were answered and wait for their
// handler, oldest first. A goroutine exists for each delivery that is being
// handled, and none when nothing is.
type queue struct {
	workers int
	run     func(*Delivery) // handles one delivery

	mu      sync.Mutex
	waiting []*Delivery
	bytes   int // bodies of waiting
	running map[*Delivery]struct{}
	empty   chan struct{} // closed when nothing waits or runs; nil if nobody is interested
}

// add enqueues a delivery. It reports false if the queue is full.
func (q *queue) add(d *Delivery) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxQueued || len(q.waiting) > 0 && q.bytes+len(d.Raw) > maxQueuedBytes {
		return false
	}
	q.waiting = append(q.waiting, d)
	q.bytes += len(d.Raw)
	q.startLocked()
	return true
}

// startLocked starts handling as many deliveries as workers allow.
func (q *queue) startLocked() {
	if q.running == nil {
		q.running = map[*Delivery]struct{}{}
	}
	for len(q.waiting) > 0 && len(q.running) < q.workers {
		d := q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		q.bytes -= len(d.Raw)
		q.running[d] = struct{}{}
		go func() {
			defer q.finish(d) // also when the handler ends its goroutine
			q.run(d)
		}()
	}
}

func (q *queue) finish(d *Delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.running, d)
	q.startLocked()
	if q.empty != nil && len(q.running) == 0 {
		close(q.empty)
		q.empty = nil
	}
}

// drained returns a channel that is closed when no delivery waits or runs.
func (q *queue) drained() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.empty != nil {
		return q.empty
	}
	empty := make(chan struct{})
	if len(q.running) == 0 {
		close(empty)
	} else {
		q.empty = empty
	}
	return empty
}

// abandon empties the queue and returns what was in it.
func (q *queue) abandon() []*Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.waiting
	q.waiting, q.bytes = nil, 0
	return waiting
}

// unfinished returns the deliveries that are being handled.
func (q *queue) unfinished() []*Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Collect(maps.Keys(q.running))
}
