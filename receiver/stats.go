package receiver

import (
	"sync"
	"time"
)

// lastDay counts deliveries in the last 24 hours, by the hour.
type lastDay struct {
	mu    sync.Mutex
	hours [24]struct {
		hour int64 // since 1970; older ones are over
		n    int
	}
}

func (d *lastDay) add(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	hour := now.Unix() / 3600
	slot := &d.hours[hour%24]
	if slot.hour != hour {
		slot.hour, slot.n = hour, 0
	}
	slot.n++
}

func (d *lastDay) sum(now time.Time) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	hour := now.Unix() / 3600
	for _, slot := range d.hours {
		if slot.hour > hour-24 {
			n += slot.n
		}
	}
	return n
}

// Stats are the numbers of a Receiver at one moment. Those with "now" in their
// comment go up and down; the others are counted since New.
type Stats struct {
	Deliveries        int64 // trusted events recorded
	Strangers         int64 // deliveries with a wrong secret or none
	StrangersRecorded int64 // how many of them were recorded
	NotFound          int64 // requests to other paths, answered 404
	Checks            int64 // requests that Config.Check answered
	Refused           int64 // bodies that were too big, too slow, incomplete, or beyond Limits.MaxInFlight
	Unavailable       int64 // answers of 503
	Pending           int64 // events that ended as pending

	Unsettled int64         // events now that are not settled
	InFlight  int64         // tries running now
	Queued    int64         // events in the queues of targets now, each counted once for each target
	Waiting   int64         // how many of Queued wait for a target that is down
	Targets   []TargetStats // in the order of the routes, then added ones that are busy

	Today       int       // deliveries by the sender in the last 24 hours, to the hour, as the Hub counts them
	PausedSince time.Time // zero when handing over is not paused
}

// TargetStats are the numbers of one target now, and the result of its last try
// or probe. A target is neither tried nor probed while no event waits for it: its
// state may have changed since.
type TargetStats struct {
	Name   string
	Queued int       // events in its queue
	Active int       // events that are being tried, or in the pause between two tries
	At     time.Time // of the last try or probe; zero: none yet
	Down   bool      // it could not be reached
	Status int       // of its answer; 0 when it did not answer, or was only probed
	Err    string    // why it could not be reached or did not answer, or what was wrong with the answer
}

// Stats returns the present numbers.
func (r *Receiver) Stats() Stats {
	s := Stats{
		Deliveries:        r.counts.deliveries.Load(),
		Strangers:         r.counts.strangers.Load(),
		StrangersRecorded: int64(r.config.Limits.MaxStrangers) - max(r.strangers.left.Load(), 0),
		NotFound:          r.counts.notFound.Load(),
		Checks:            r.counts.checks.Load(),
		Refused:           r.counts.refused.Load(),
		Unavailable:       r.counts.unavailable.Load(),
		Pending:           r.counts.pending.Load(),
		InFlight:          r.counts.trying.Load(),
		Today:             r.counts.today.sum(time.Now()),
	}
	r.mu.Lock()
	s.Unsettled = int64(r.unsettled)
	r.mu.Unlock()
	if at := r.paused.Load(); at != 0 {
		s.PausedSince = time.Unix(0, at)
	}
	for _, q := range *r.queues.Load() {
		q.mu.Lock()
		t := q.seen
		t.Name, t.Queued, t.Active = q.name, len(q.entries), q.workers
		q.mu.Unlock()
		if q.added && t.Queued+t.Active == 0 {
			continue // it was for a few events only, and is done with them
		}
		s.Queued += int64(t.Queued)
		if t.Down {
			s.Waiting += int64(t.Queued)
		}
		s.Targets = append(s.Targets, t)
	}
	return s
}
