package history

import "sync"

// feed wakes subscribers. Its zero value is ready.
type feed struct {
	mu     sync.Mutex
	subs   map[chan struct{}]struct{}
	closed bool
}

func (f *feed) subscribe() (<-chan struct{}, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wake := make(chan struct{}, 1)
	if f.closed {
		close(wake)
		return wake, func() {}
	}
	if f.subs == nil {
		f.subs = map[chan struct{}]struct{}{}
	}
	f.subs[wake] = struct{}{}
	return wake, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.subs, wake)
	}
}

// followed reports whether there are subscribers.
func (f *feed) followed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subs) > 0
}

func (f *feed) signal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for wake := range f.subs {
		select {
		case wake <- struct{}{}:
		default: // it has not looked since the last time: one signal is enough
		}
	}
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for wake := range f.subs {
		close(wake)
	}
	f.subs = nil
}

// trouble holds why updates cannot be stored, and tells of its changes.
type trouble struct {
	mu      sync.Mutex
	err     error
	changed chan error // one slot: the latest is what counts
	closed  bool
}

func (t *trouble) init() { t.changed = make(chan error, 1) }

func (t *trouble) get() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// set remembers err and announces it when the trouble begins, ends, or becomes
// another.
func (t *trouble) set(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.err
	t.err = err
	if t.closed || before == nil && err == nil || before != nil && err != nil && before.Error() == err.Error() {
		return
	}
	select {
	case <-t.changed:
	default:
	}
	t.changed <- err
}

func (t *trouble) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	close(t.changed)
}

func (t *trouble) announce(to func(error)) {
	for err := range t.changed {
		if to != nil {
			to(err)
		}
	}
}
