package receiver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// newQueues makes a queue for each target, in the order of the routes.
func newQueues(r *Receiver, routes []Route) []*targetQueue {
	var queues []*targetQueue
	for _, route := range routes {
		i := slices.IndexFunc(queues, func(q *targetQueue) bool { return q.identity == identityOf(route.Target) })
		if i < 0 {
			i = len(queues)
			queues = append(queues, newQueue(r, queues, route.Target))
		}
		switch q := queues[i]; {
		case route.Path != "":
			q.paths = append(q.paths, route.Path)
		case route.Default:
			q.isDefault = true
		default:
			q.matches = append(q.matches, route.Match)
		}
	}
	return queues
}

// newQueue makes the queue of a target. If the queue of another target has the same
// name, the name gets a number.
func newQueue(r *Receiver, others []*targetQueue, target Target) *targetQueue {
	q := &targetQueue{r: r, target: target, identity: identityOf(target), name: target.Name()}
	for n := 2; slices.ContainsFunc(others, func(other *targetQueue) bool { return other.name == q.name }); n++ {
		q.name = fmt.Sprintf("%s#%d", target.Name(), n)
	}
	return q
}

// identityOf returns a key of the target's whole configuration, which has also the
// parts that its name leaves out.
func identityOf(t Target) string {
	switch t := t.(type) {
	case *HTTPTarget:
		return t.url.String()
	case interface{ Identity() string }:
		return t.Identity()
	}
	return t.Name()
}

// HasTarget reports whether the Receiver has a target with this recorded name.
func (r *Receiver) HasTarget(name string) bool {
	return slices.ContainsFunc(*r.queues.Load(), func(q *targetQueue) bool { return q.name == name })
}

// AddTarget adds a target without a route. It gets only the events that name it
// in their Targets: see Deliver. AddTarget returns the recorded name of the
// target. A target that the Receiver has already is left as it is.
func (r *Receiver) AddTarget(target Target) (name string) {
	r.adding.Lock()
	defer r.adding.Unlock()
	queues := *r.queues.Load()
	if i := slices.IndexFunc(queues, func(q *targetQueue) bool { return q.identity == identityOf(target) }); i >= 0 {
		return queues[i].name
	}
	q := newQueue(r, queues, target)
	q.added = true
	queues = append(slices.Clone(queues), q)
	r.queues.Store(&queues)
	if r.stopping.Load() {
		q.close()
	}
	return q.name
}

// hasPath reports whether a route has this Path.
func (r *Receiver) hasPath(path string) bool {
	return slices.ContainsFunc(*r.queues.Load(), func(q *targetQueue) bool { return slices.Contains(q.paths, path) })
}

// queuesFor returns the queues that an event goes to: those of every route that
// matches, each target once, in the order of the routes; or else the defaults. An event
// that names its targets goes to those of them that exist. An event whose path ends
// with a Route.Path goes to the targets of the longest one. The text before it is not
// compared: a replay has the path of the session that received the event.
func (r *Receiver) queuesFor(e *event.Event) []*targetQueue {
	all := *r.queues.Load()
	where := func(wanted func(*targetQueue) bool) (found []*targetQueue) {
		for _, q := range all {
			if wanted(q) {
				found = append(found, q)
			}
		}
		return found
	}
	if len(e.Targets) > 0 {
		return where(func(q *targetQueue) bool { return slices.Contains(e.Targets, q.name) })
	}
	path, _, _ := strings.Cut(e.Path, "?")
	longest := ""
	for _, q := range all {
		for _, p := range q.paths {
			if strings.HasSuffix(path, p) && len(p) > len(longest) {
				longest = p
			}
		}
	}
	if longest != "" {
		return where(func(q *targetQueue) bool { return slices.Contains(q.paths, longest) })
	}
	matches := func(m event.Match) bool { return m.Matches(e) }
	if found := where(func(q *targetQueue) bool { return slices.ContainsFunc(q.matches, matches) }); len(found) > 0 {
		return found
	}
	return where(func(q *targetQueue) bool { return q.isDefault })
}
