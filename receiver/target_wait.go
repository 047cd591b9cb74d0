package receiver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Pauses between two probes of a target that is down. A server that reloads is
// often back after some tenths of a second.
const (
	firstProbe = 20 * time.Millisecond
	lastProbe  = 500 * time.Millisecond
	probeTime  = 2 * time.Second
)

// requeue returns an entry to its place in the queue, because the target refuses
// connections. The queue then waits until the target can be reached.
func (q *targetQueue) requeue(entry *queueEntry, reason string) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		entry.finish(nil, outcomeNotTried)
		return
	}
	defer q.mu.Unlock()
	i, _ := slices.BinarySearchFunc(q.entries, entry.seq, func(other *queueEntry, seq int64) int { return cmp.Compare(other.seq, seq) })
	q.entries = slices.Insert(q.entries, i, entry)
	q.noteLocked(TargetStats{At: time.Now(), Err: reason, Down: true}, false)
	if q.probing {
		entry.setTargetAwayLocked(true)
		return
	}
	q.probing = true
	for _, waiting := range q.entries {
		waiting.setTargetAwayLocked(true)
	}
	q.r.spawn(q.waitForTarget)
}

// waitForTarget probes the target until it is back, no event waits any more, or the
// receiver stops.
func (q *targetQueue) waitForTarget() {
	q.reportDownOrUp()
	ctx := q.r.attempts
	for pause := firstProbe; ctx.Err() == nil; pause = min(2*pause, lastProbe) {
		next, ok := q.finishExpired()
		if !ok {
			return
		}
		select {
		case <-ctx.Done():
			continue
		case <-time.After(min(pause, next)):
		}
		reason := q.probe(ctx)
		if ctx.Err() != nil {
			break
		}
		q.mu.Lock()
		q.noteLocked(TargetStats{At: time.Now(), Err: reason, Down: reason != ""}, reason == "")
		q.mu.Unlock()
		if reason == "" {
			q.reportDownOrUp() // before the workers start, so that "up" comes before the events
			break
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.probing = false
	for _, entry := range q.entries {
		entry.setTargetAwayLocked(false)
	}
	q.startWorkersLocked()
}

// finishExpired fails the entries that have waited long enough. It returns how long
// the next one has. When none is left, ok is false and probing has ended.
func (q *targetQueue) finishExpired() (next time.Duration, ok bool) {
	now := time.Now()
	next = q.r.config.WaitTarget
	var expired []*queueEntry
	q.mu.Lock()
	q.entries = slices.DeleteFunc(q.entries, func(entry *queueEntry) bool {
		left := entry.expires.Sub(now)
		if left > 0 {
			next = min(next, left)
			return false
		}
		expired = append(expired, entry)
		return true
	})
	reason := q.downReason
	q.probing = len(q.entries) > 0
	ok = q.probing
	q.mu.Unlock()
	for _, entry := range expired {
		entry.tries++
		entry.finish(&event.Attempt{
			N: entry.tries, Target: q.name, StartedAt: entry.refusedAt, Duration: now.Sub(entry.refusedAt),
			Err: fmt.Sprintf("%s, waited %s", reason, seconds(entry.expires.Sub(entry.refusedAt).Round(10*time.Millisecond))),
		}, OutcomeRefused)
	}
	return next, ok
}

// probe returns why the target cannot be reached. When ctx has ended, that is
// unknown, and the reason is empty.
func (q *targetQueue) probe(ctx context.Context) (reason string) {
	probing, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := q.target.Probe(probing)
	if err == nil || ctx.Err() != nil {
		return ""
	}
	return cmp.Or(truncateError(err.Error()), "the target cannot be reached")
}

// refusesAfterDrop returns why a target that has dropped a connection refuses others,
// as one that restarts does: then the event waits for it. A target that takes
// connections may have handled the event, and the reason is empty. There are two
// probes, because a server may close its connections before its port.
func (q *targetQueue) refusesAfterDrop(ctx context.Context) (reason string) {
	if reason = q.probe(ctx); reason != "" {
		return reason
	}
	select {
	case <-ctx.Done():
		return ""
	case <-time.After(q.r.config.Backoff / 10):
	}
	return q.probe(ctx)
}

// seconds writes whole seconds without minutes: "60s" rather than "1m0s".
func seconds(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.Itoa(int(d/time.Second)) + "s"
	}
	return d.String()
}
