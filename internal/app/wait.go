package app

import "time"

// tend owns the app from its start to its end: it alone sends signals.
func (a *App) tend() {
	defer close(a.over)
	select {
	case <-a.stopping:
	case <-a.exited:
		// The child's own processes may be about to end by themselves.
		_ = a.gone(time.After(quiet), a.stopping)
	}
	if !a.empty() {
		a.tree.Terminate()
		if !a.gone(time.After(a.grace), a.killing) {
			a.tree.Kill()
			<-a.exited
			a.left = !a.gone(time.After(afterKill), nil)
		}
	}
	for _, p := range a.pipes {
		p.writersGone()
	}
	a.read.Wait()
	a.closePipes()
}

// gone waits until the child and all that it has started have ended, and reports
// whether they have before the limit or the cut.
func (a *App) gone(limit <-chan time.Time, cut <-chan struct{}) bool {
	select {
	case <-a.exited:
	case <-limit:
		return false
	case <-cut:
		return false
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for a.tree.Alive() {
		select {
		case <-poll.C:
		case <-limit:
			return false
		case <-cut:
			return false
		}
	}
	return true
}

// empty reports whether nothing is left to signal now.
func (a *App) empty() bool {
	select {
	case <-a.exited:
		return !a.tree.Alive()
	default:
		return false
	}
}
