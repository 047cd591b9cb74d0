package session

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/internal/app"
)

// AppEnd says what happens when the app under development ends.
type AppEnd int

// The ends of an app.
const (
	EndsSession AppEnd = iota // the session ends with it
	Waits                     // the session goes on, and the front end can start it again
	Restarts                  // it is started again
)

// AppState is how the app under development is.
type AppState struct {
	Runs  bool
	Ended *AppError // how it ended; nil while it runs
	At    time.Time // when it ended
}

// appHost runs the app under development, and starts it again.
type appHost struct {
	cfg app.Config

	replacing sync.Mutex // held while an app is ended for good or for another one; before mu

	mu     sync.Mutex
	app    *app.App // the one that runs, or the last one
	state  AppState
	closed bool // the session ends: nothing is started any more

	started chan struct{} // has one slot: the app was started again
	changed chan struct{} // has one slot: state has changed
}

// newAppHost returns a host of an app that is not started yet.
func newAppHost(cfg app.Config) *appHost {
	return &appHost{cfg: cfg, started: make(chan struct{}, 1), changed: make(chan struct{}, 1)}
}

// signalChange wakes those that wait for a change of the state.
func (h *appHost) signalChange() {
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// start starts the app, unless the session ends.
func (h *appHost) start() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return fmt.Errorf("start the app %q: the session ends", h.cfg.Args[0])
	}
	a, err := app.Start(h.cfg)
	if err != nil {
		return err
	}
	h.app, h.state = a, AppState{Runs: true}
	h.signalChange()
	return nil
}

// current is the app that runs, or the last one.
func (h *appHost) current() *app.App {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.app
}

// recordEnd records that an app has ended, and reports whether that was not known. An app
// that was replaced, or is ended with the session, is not news.
func (h *appHost) recordEnd(a *app.App) (*AppError, bool) {
	result := a.Result()
	ended := &AppError{Name: h.cfg.Args[0], Code: result.Code, Signal: result.Signal, Err: result.Err}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.app != a || h.closed {
		return ended, false
	}
	h.state = AppState{Ended: ended, At: time.Now()}
	h.signalChange()
	return ended, true
}

// restart ends the app, if it runs, and starts it again.
func (h *appHost) restart(ctx context.Context) error {
	h.replacing.Lock()
	defer h.replacing.Unlock()
	h.mu.Lock()
	old := h.app
	h.app = nil // its end is expected
	h.mu.Unlock()
	var err error
	if old != nil {
		err = old.Stop(ctx)
	}
	if err == nil {
		err = h.start()
	}
	if err != nil {
		h.mu.Lock()
		h.app, h.state = old, AppState{Ended: &AppError{Name: h.cfg.Args[0], Err: err}, At: time.Now()}
		h.mu.Unlock()
		h.signalChange()
		return err
	}
	select {
	case h.started <- struct{}{}:
	default:
	}
	return nil
}

// close ends the app. Nothing is started after it.
func (h *appHost) close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.replacing.Lock() // a restart that has begun puts its app back, or ends it
	defer h.replacing.Unlock()
	a := h.current()
	if a == nil {
		return nil
	}
	return a.Stop(ctx)
}

// An app that ended is started again after a delay, which doubles up to maxRestartDelay. An
// app that ran for stable begins with the first one.
const (
	stable          = 10 * time.Second
	maxRestartDelay = 30 * time.Second
)

// watch waits for the end of the app. Then it restarts the app, ends the session or waits
// for a start by the user, depending on end. first is the delay before the first restart.
func (h *appHost) watch(ctx context.Context, end AppEnd, first time.Duration, tell func(string), cancel func(error)) {
	tries, began := 0, time.Now()
	for a := h.current(); ; {
		var done <-chan struct{}
		if a != nil {
			done = a.Done()
		}
		select {
		case <-ctx.Done():
			return
		case <-h.started:
			a, began = h.current(), time.Now()
			continue
		case <-done:
		}
		ended, news := h.recordEnd(a)
		if a = nil; !news {
			continue
		}
		switch end {
		case EndsSession:
			cancel(ended)
			return
		case Waits:
			continue
		}
		if time.Since(began) >= stable {
			tries = 0
		}
		wait := min(first<<tries, maxRestartDelay)
		tries = min(tries+1, 10)
		tell(fmt.Sprintf("%s: it is started again in %s", ended, wait))
		select {
		case <-ctx.Done():
			return
		case <-h.started: // by the user, who did not wait
			a, began = h.current(), time.Now()
			continue
		case <-time.After(wait):
		}
		if err := h.restart(ctx); err != nil {
			cancel(err)
			return
		}
	}
}

// App is how the app under development is; the zero value if there is none.
func (l *Live) App() AppState {
	l.host.mu.Lock()
	defer l.host.mu.Unlock()
	return l.host.state
}

// AppChanged has a value when App has changed.
func (l *Live) AppChanged() <-chan struct{} { return l.host.changed }

// HasApp reports whether the session runs an app.
func (l *Live) HasApp() bool { return len(l.host.cfg.Args) > 0 }

// RestartApp ends the app under development, if it runs, and starts it again.
func (l *Live) RestartApp(ctx context.Context) error {
	if len(l.host.cfg.Args) == 0 {
		return fmt.Errorf("there is no app to start")
	}
	return l.host.restart(ctx)
}
