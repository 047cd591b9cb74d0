package advice

import (
	"net/http"
	"sync"

	"github.com/hf-tap/hf-tap/event"
)

// refusals is how many answers in a row that may mean something else are taken for
// a wrong secret.
const refusals = 3

// Watch notices troubles of targets in their answers, each once until the target
// takes an event. The zero value is ready; its methods may be called at once.
type Watch struct {
	mu      sync.Mutex
	targets map[string]*seen
}

// seen is what a target answered so far.
type seen struct {
	taken   bool // it took an event
	refused int  // answers in a row that refused the right secret, or may have
	said    map[Trouble]bool
}

// Note takes an attempt, and returns the advice about it that was not given
// before.
func (w *Watch) Note(e *event.Event, a *event.Attempt) (advice Advice, ok bool) {
	if a.Status == 0 {
		return Advice{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.targets[a.Target]
	if t == nil {
		t = &seen{said: map[Trouble]bool{}}
		if w.targets == nil {
			w.targets = map[string]*seen{}
		}
		w.targets[a.Target] = t
	}
	advice, ok = For(e, a)
	switch {
	case a.OK():
		t.taken, t.refused = true, 0
		delete(t.said, WrongPath)
		delete(t.said, WrongSecret)
	case e.Verdict == event.VerdictOK && (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden || a.Status == http.StatusBadRequest):
		t.refused++
		// A handler that took events may refuse one for a reason of its own.
		plain := ok && !t.taken
		if advice, ok = secret(a), true; !plain && t.refused < refusals {
			return Advice{}, false
		}
	default:
		t.refused = 0
	}
	if !ok || t.said[advice.Trouble] {
		return Advice{}, false
	}
	t.said[advice.Trouble] = true
	return advice, true
}

// Forget allows a trouble to be reported again, after it turned out to be none.
func (w *Watch) Forget(target string, trouble Trouble) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.targets[target]; t != nil {
		delete(t.said, trouble)
	}
}
