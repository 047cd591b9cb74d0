package tui

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
)

// work owns the goroutines of commands, which Bubble Tea starts and does not wait for.
type work struct {
	ctx    context.Context
	mu     sync.Mutex
	closed bool
	group  sync.WaitGroup

	stops atomic.Int32 // of the process, by a key, whose SIGCONT was not seen yet
}

// command returns a command that runs f. f returns when its context ends.
func (w *work) command(f func(ctx context.Context) tea.Msg) tea.Cmd {
	return func() tea.Msg {
		w.mu.Lock()
		if w.closed {
			w.mu.Unlock()
			return nil
		}
		w.group.Add(1)
		w.mu.Unlock()
		defer w.group.Done()
		return f(w.ctx)
	}
}

// wait waits for all commands. Later ones do nothing.
func (w *work) wait() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.group.Wait()
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
