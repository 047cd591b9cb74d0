package sandbox

import (
	"context"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// When is the moment of a fault: before or after the work of a call.
type When int

// The two sides.
const (
	Before When = iota // the call was received, and nothing was done
	After              // it was carried out, and not answered
)

// Fault is a way in which calls fail. Its parts happen in the order of the fields.
type Fault struct {
	When   When
	Times  int           // for so many calls; 0 is all of them, until it is removed
	Delay  time.Duration // ends early when the client goes
	Drop   bool          // cut the connection, without an answer
	Status int           // answer with this and do nothing; 0 lets the call go on
	Header http.Header   // of that answer, or added to the real one
	Body   string
}

type fault struct {
	Fault
	method, glob string
	left         int
}

// Fault makes calls go wrong whose method and path fit a pattern like
// "POST /api/settings/webhooks/*"; "*" is any method, and in a path any run of
// characters without a slash. Of several that fit, the oldest counts. A
// malformed pattern panics. What it returns takes the fault away.
func (h *Hub) Fault(pattern string, f Fault) (remove func()) {
	method, glob := splitPattern(pattern)
	added := &fault{Fault: f, method: method, glob: glob, left: f.Times}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, added)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.faults = slices.DeleteFunc(h.faults, func(f *fault) bool { return f == added })
	}
}

// splitPattern reads "METHOD /path-glob". It panics, as the pattern stands in
// a test's source, where http.ServeMux and regexp do the same.
func splitPattern(pattern string) (method, glob string) {
	method, glob, ok := strings.Cut(pattern, " ")
	if _, err := path.Match(glob, ""); err != nil || !ok || !strings.HasPrefix(glob, "/") {
		panic("sandbox: malformed pattern " + pattern + `: want "METHOD /path"`)
	}
	return method, glob
}

func fits(r *http.Request, method, glob string) bool {
	matched, _ := path.Match(glob, r.URL.Path) // the glob was checked before
	return matched && (method == "*" || method == r.Method)
}

// nextFault returns the fault that a call meets, and counts it down; nil if there is none.
func (h *Hub) nextFault(r *http.Request, when When) *fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, f := range h.faults {
		if f.When != when || !fits(r, f.method, f.glob) {
			continue
		}
		if f.left--; f.left == 0 {
			h.faults = slices.Delete(h.faults, i, i+1)
		}
		return f
	}
	return nil
}

// apply carries out a fault. over says that the call ends here, answered or not; else
// extra has the headers to add.
func (f *fault) apply(ctx context.Context, r *http.Request, a *answer, extra http.Header) (over, answered bool) {
	if f == nil {
		return false, false
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		case <-ctx.Done():
		}
	}
	switch {
	case f.Drop:
		return true, false
	case f.Status == 0:
		maps.Copy(extra, f.Header)
		return false, false
	}
	a.body.Reset()
	a.header.Del("Content-Type")
	maps.Copy(a.header, f.Header)
	a.status = f.Status
	a.body.WriteString(f.Body)
	return true, true
}

// Hold stops calls before or after their work until it is released. A call that is held
// Before is carried out on release, even if its client is gone. A call that is held
// After was carried out; if its client goes away before the release, the answer never
// comes.
type Hold struct {
	when             When
	method, glob     string
	reached, release chan struct{}
	hub              *Hub
}

// Hold holds the calls that fit a pattern, which is Fault's.
func (h *Hub) Hold(pattern string, when When) *Hold {
	method, glob := splitPattern(pattern)
	hold := &Hold{when: when, method: method, glob: glob, reached: make(chan struct{}), release: make(chan struct{}), hub: h}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holds = append(h.holds, hold)
	return hold
}

// Reached is closed when the first call is held.
func (hold *Hold) Reached() <-chan struct{} { return hold.reached }

// Release continues the held calls, and later calls are not held. Releasing twice is
// the same as once.
func (hold *Hold) Release() {
	h := hold.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.holds, hold); i >= 0 {
		h.holds = slices.Delete(h.holds, i, i+1)
		close(hold.release)
	}
}

// hold stops a call while a Hold wants that.
func (h *Hub) hold(r *http.Request, when When) {
	h.mu.Lock()
	i := slices.IndexFunc(h.holds, func(o *Hold) bool { return o.when == when && fits(r, o.method, o.glob) })
	if i < 0 {
		h.mu.Unlock()
		return
	}
	hold := h.holds[i]
	select {
	case <-hold.reached:
	default:
		close(hold.reached)
	}
	h.mu.Unlock()
	select {
	case <-hold.release:
	case <-h.ctx.Done():
	}
}
