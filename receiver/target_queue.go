package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// lane is one target's queue: first come, first served, a few at a time. While
// the target refuses connections nothing leaves the lane; one prober looks
// whether it is back (see probe.go).
type lane struct {
	r         *Receiver
	target    Target
	identity  string
	name      string        // as it is recorded
	routes    []event.Match // one has to match
	paths     []string      // Route.Path of routes that have one
	isDefault bool          // also takes what no other lane took
	added     bool          // by AddTarget

	reporting sync.Mutex // held while a change is reported, so that reports keep their order; taken before mu

	mu      sync.Mutex
	seq     int64
	queue   fifo
	back    []*job // refused ones, in their old order; they go before the queue
	workers int
	closed  bool
	full    bool // reported, until half of the queue is free

	probing  bool      // a prober is running, so no worker takes anything
	refusing bool      // a try or probe was refused, and the target was not reached since
	since    time.Time // when the first of them was refused
	why      string
	downFor  time.Duration // how long it refused, the last time
	saidDown bool
	seen     sighting

	saidError bool // that the body of an answer of 2xx is an error
}

// sighting is what a target did when it was last tried or probed.
type sighting struct {
	at      time.Time // zero: it was neither
	status  int
	err     string
	refused bool
}

// job is one event on its way to one target.
type job struct {
	*handover
	index     int // of the target among the handover's
	seq       int64
	tries     int
	refusedAt time.Time // when it first had to wait for the target; zero: never
	waits     bool      // counted in handover.waiting
}

// lanes are those of all targets. The list is never changed in its place.
type lanes struct {
	all    atomic.Pointer[[]*lane]
	adding sync.Mutex
}

func (l *lanes) list() []*lane { return *l.all.Load() }

// HasTarget reports whether the Receiver has a target with this recorded name.
func (r *Receiver) HasTarget(name string) bool {
	return slices.ContainsFunc(r.lanes.list(), func(l *lane) bool { return l.name == name })
}

// AddTarget adds a target without a route. It gets only the events that name it
// in their Targets: see Deliver. AddTarget returns the recorded name of the
// target. A target that the Receiver has already is left as it is.
func (r *Receiver) AddTarget(target Target) (name string) {
	r.lanes.adding.Lock()
	defer r.lanes.adding.Unlock()
	all := r.lanes.list()
	if i := slices.IndexFunc(all, func(l *lane) bool { return l.identity == identity(target) }); i >= 0 {
		return all[i].name
	}
	added := &lane{r: r, target: target, identity: identity(target), name: nameAmong(all, target), added: true}
	all = append(slices.Clone(all), added)
	r.lanes.all.Store(&all)
	if r.stopping.Load() {
		added.close()
	}
	return added.name
}

// makeLanes makes a lane for each target, in the order of the routes.
func makeLanes(r *Receiver, routes []Route) []*lane {
	var lanes []*lane
	for _, route := range routes {
		i := slices.IndexFunc(lanes, func(l *lane) bool { return l.identity == identity(route.Target) })
		if i < 0 {
			i = len(lanes)
			lanes = append(lanes, &lane{r: r, target: route.Target, identity: identity(route.Target), name: nameAmong(lanes, route.Target)})
		}
		switch {
		case route.Path != "":
			lanes[i].paths = append(lanes[i].paths, route.Path)
		case route.Default:
			lanes[i].isDefault = true
		default:
			lanes[i].routes = append(lanes[i].routes, route.Match)
		}
	}
	return lanes
}

func (l *lane) matches(e *event.Event) bool {
	return slices.ContainsFunc(l.routes, func(m event.Match) bool { return m.Matches(e) })
}

// admission is what push says.
type admission int

const (
	admitted admission = iota
	laneFull
	laneClosed
)

// push puts a job at the end of the lane.
func (l *lane) push(j *job) admission {
	l.mu.Lock()
	switch {
	case l.closed:
		l.mu.Unlock()
		return laneClosed
	case l.queue.len()+len(l.back) >= l.r.config.Queue:
		said := l.full
		l.full = true
		l.mu.Unlock()
		if !said {
			l.r.report(event.State{
				Subject: event.SubjectTarget, Name: l.name, State: "full",
				Detail: fmt.Sprintf("%d events are queued, further ones are kept as pending", l.r.config.Queue),
			})
		}
		return laneFull
	}
	l.seq++
	j.seq = l.seq
	l.queue.push(j)
	if l.probing && l.refusing {
		l.makeWait(j, time.Now())
	}
	l.startWorkers()
	l.mu.Unlock()
	return admitted
}

// startWorkers starts as many workers as there is work for. It needs l.mu.
func (l *lane) startWorkers() {
	for range min(l.queue.len()+len(l.back), l.r.config.Concurrency-l.workers) {
		if l.probing || l.closed || l.r.Paused() {
			return
		}
		l.workers++
		l.r.spawn(l.work)
	}
}

// work runs jobs until there is none to run.
func (l *lane) work() {
	for {
		j := l.next()
		if j == nil {
			return
		}
		l.run(j)
	}
}

// next takes the first job, or ends the worker.
func (l *lane) next() *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	var j *job
	switch {
	case l.probing || l.closed || l.r.Paused():
	case len(l.back) > 0:
		j = l.back[0]
		l.back = slices.Delete(l.back, 0, 1)
	default:
		j = l.queue.pop()
	}
	if j == nil {
		l.workers--
		return nil
	}
	if l.full && l.queue.len() <= l.r.config.Queue/2 {
		l.full = false
	}
	return j
}

// run tries a job until it is done, given back or given up. Pauses are made
// here, in the worker, so that a concurrency of 1 keeps the order of events.
func (l *lane) run(j *job) {
	for {
		if j.ctx.Err() != nil {
			j.leave()
			return
		}
		a, outcome := j.try(l.target)
		mayWait := l.r.config.WaitTarget > 0 && j.ctx.Err() == nil
		if outcome == OutcomeRefused && mayWait {
			l.giveBack(j, a.Err)
			return
		}
		j.tries++
		a.N, a.Target = j.tries, l.name
		l.notice(j, a, outcome)
		if outcome == OutcomeDropped && mayWait && j.tries < dropTries {
			if why := l.refusal(j.ctx); why != "" {
				j.tried(a)
				l.giveBack(j, why)
				return
			}
		}
		pause, again := l.r.again(j.tries, a, outcome)
		if !again || j.ctx.Err() != nil {
			j.done(a, statusOf(j.ctx, a, outcome))
			l.passOn(j, a, outcome)
			return
		}
		j.tried(a)
		l.passOn(j, a, outcome)
		select {
		case <-j.ctx.Done():
		case <-time.After(pause):
		}
	}
}

// notice keeps what a try says about the target.
func (l *lane) notice(j *job, a event.Attempt, outcome Outcome) {
	if outcome == untried || errors.Is(context.Cause(j.ctx), errStopped) {
		return
	}
	now := time.Now()
	l.mu.Lock()
	if !l.probing { // what a prober finds is newer than what was sent before it ran
		l.seen = sighting{at: now, status: a.Status, err: a.Err, refused: outcome == OutcomeRefused}
		switch {
		case outcome == OutcomeRefused && !l.refusing:
			l.refusing, l.since, l.why = true, now, a.Err
		case (outcome == OutcomeAnswered || outcome == OutcomeDropped) && l.refusing:
			l.refusing, l.downFor = false, now.Sub(l.since)
		}
	}
	l.mu.Unlock()
	l.sayWhetherDown()
	if outcome == OutcomeAnswered {
		l.sayBodyError(&a)
	}
}

// sayBodyError says once that the target answers 2xx with an error in the body,
// which its sender takes for success.
func (l *lane) sayBodyError(a *event.Attempt) {
	says := a.BodyError()
	if says == "" {
		return
	}
	l.mu.Lock()
	said := l.saidError
	l.saidError = true
	l.mu.Unlock()
	if said {
		return
	}
	detail := fmt.Sprintf("it answered %d, and the body is an error: %s. The Hub counts the status: answer errors with 4xx or 5xx", a.Status, says)
	if bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("[")) {
		detail += ". FastAPI sends a returned pair (body, 400) as a list with 200: raise HTTPException instead"
	}
	l.r.report(event.State{Subject: event.SubjectTarget, Name: l.name, State: "error in 2xx", Detail: detail})
}

// passOn calls OnAnswer.
func (l *lane) passOn(j *job, a event.Attempt, outcome Outcome) {
	if outcome == OutcomeAnswered && l.r.config.OnAnswer != nil {
		l.r.config.OnAnswer(l.target, j.e, a)
	}
}

// close gives up all jobs that no worker has.
func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	left := l.back
	l.back = nil
	for j := l.queue.pop(); j != nil; j = l.queue.pop() {
		left = append(left, j)
	}
	l.mu.Unlock()
	for _, j := range left {
		j.leave()
	}
}
