package receiver

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Pauses between two looks at a target that is away. A server that reloads is
// often back after some tenths of a second.
const (
	firstProbe = 20 * time.Millisecond
	lastProbe  = 500 * time.Millisecond
	probeTime  = 2 * time.Second
)

// giveBack returns a refused job to its place and stops the lane until the
// target can be reached. Everything behind it waits from now on too.
func (l *lane) giveBack(j *job, why string) {
	now := time.Now()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		j.leave()
		return
	}
	i, _ := slices.BinarySearchFunc(l.back, j.seq, func(other *job, seq int64) int { return int(other.seq - seq) })
	l.back = slices.Insert(l.back, i, j)
	l.seen = sighting{at: now, err: why, refused: true}
	if !l.refusing {
		l.refusing, l.since, l.why = true, now, why
	}
	for _, waiting := range l.back {
		l.makeWait(waiting, now)
	}
	if !l.probing {
		l.probing = true
		for _, waiting := range l.queue.all() {
			l.makeWait(waiting, now)
		}
		l.r.spawn(l.probe)
	}
	l.mu.Unlock()
}

// refusal looks whether a target that has dropped a connection refuses others, as
// one that restarts does: then the event waits for it. One that takes them may
// have handled the event. A server may close its connections before its port, so
// there is a second look.
func (l *lane) refusal(ctx context.Context) (why string) {
	if err := l.look(ctx); err != nil {
		return cutError(err.Error())
	}
	select {
	case <-ctx.Done():
		return ""
	case <-time.After(time.Duration(dropPause * float64(l.r.config.Backoff))):
	}
	if err := l.look(ctx); err != nil {
		return cutError(err.Error())
	}
	return ""
}

// look asks the target whether it takes connections. When ctx has ended, that
// is not known, and nil is returned.
func (l *lane) look(ctx context.Context) error {
	probing, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := l.target.Probe(probing)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// makeWait counts a job as waiting for its target. The clock starts only once,
// however often the target comes and goes. It needs l.mu.
func (l *lane) makeWait(j *job, now time.Time) {
	if j.refusedAt.IsZero() {
		j.refusedAt = now
	}
	if !j.waits {
		j.waits = true
		j.wait(+1)
	}
}

// probe looks for the target until it is back, nothing waits any more, or the
// receiver stops. There is at most one prober for a lane.
func (l *lane) probe() {
	l.sayWhetherDown()
	for pause := firstProbe; ; pause = min(2*pause, lastProbe) {
		next, ok := l.expire()
		if !ok {
			return
		}
		select {
		case <-l.r.attempts.Done():
			l.stopProbing()
			return
		case <-time.After(min(pause, next)):
		}
		ctx, cancel := context.WithTimeout(l.r.attempts, probeTime)
		err := l.target.Probe(ctx)
		cancel()
		if err == nil {
			l.resume()
			return
		}
		if l.r.attempts.Err() == nil {
			l.mu.Lock()
			l.why = cutError(err.Error())
			l.seen = sighting{at: time.Now(), err: l.why, refused: true}
			l.mu.Unlock()
		}
	}
}

// expire fails the jobs that have waited long enough. It returns how long the
// next one has, or false when none is left and probing has ended.
func (l *lane) expire() (next time.Duration, ok bool) {
	limit := l.r.config.WaitTarget
	now := time.Now()
	next = limit
	var over []*job
	isOver := func(j *job) bool {
		rest := j.waitEnds(limit).Sub(now)
		if rest <= 0 {
			over = append(over, j)
			return true
		}
		next = min(next, rest)
		return false
	}
	l.mu.Lock()
	l.back = slices.DeleteFunc(l.back, isOver)
	l.queue.deleteFunc(isOver)
	why := l.why
	if l.queue.len()+len(l.back) == 0 {
		l.probing = false
	} else {
		ok = true
	}
	l.mu.Unlock()
	for _, j := range over {
		j.tries++
		j.done(event.Attempt{
			N: j.tries, Target: l.name, StartedAt: j.refusedAt, Duration: now.Sub(j.refusedAt),
			Err: fmt.Sprintf("%s, waited %s", why, seconds(j.waitEnds(limit).Sub(j.refusedAt).Round(10*time.Millisecond))),
		}, http.StatusBadGateway)
	}
	return next, ok
}

// waitEnds is when a job has waited long enough: not longer than a sender does.
func (j *job) waitEnds(limit time.Duration) time.Time {
	ends := j.refusedAt.Add(limit)
	if answer, ok := j.ctx.Deadline(); ok && answer.Before(ends) {
		return answer
	}
	return ends
}

// resume opens the lane again.
func (l *lane) resume() {
	l.mu.Lock()
	now := time.Now()
	l.refusing, l.downFor = false, now.Sub(l.since)
	l.seen = sighting{at: now}
	l.mu.Unlock()
	// Workers start only after it is said, so that "up" comes before the events.
	l.sayWhetherDown()
	l.stopProbing()
}

// stopProbing lets the workers go on with all that waited.
func (l *lane) stopProbing() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probing = false
	for _, jobs := range [][]*job{l.back, l.queue.all()} {
		for _, j := range jobs {
			if j.waits {
				j.waits = false
				j.wait(-1)
			}
		}
	}
	l.startWorkers()
}

// sayWhetherDown reports whether the target can be reached, if that is news.
func (l *lane) sayWhetherDown() {
	l.reporting.Lock()
	defer l.reporting.Unlock()
	l.mu.Lock()
	down, downFor, why := l.refusing, l.downFor, l.why
	news := down != l.saidDown
	l.saidDown = down
	l.mu.Unlock()
	switch {
	case !news:
	case down:
		l.r.report(event.State{Subject: event.SubjectTarget, Name: l.name, State: "down", Detail: why})
	default:
		l.r.report(event.State{
			Subject: event.SubjectTarget, Name: l.name, State: "up",
			Detail: fmt.Sprintf("was down for %s: %s", downFor.Round(time.Millisecond), why),
		})
	}
}

// seconds writes whole seconds as such, "60s" rather than "1m0s".
func seconds(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return d.String()
}
