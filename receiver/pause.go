package receiver

import "time"

// Pause stops handing events to targets. Deliveries are recorded and answered as
// before, and wait in their order. Tries that are running go on. In Relay the
// sender waits until RelayTimeout, and is answered 504.
func (r *Receiver) Pause() { r.paused.Store(time.Now().UnixNano()) }

// Resume ends a Pause: targets get the events that have waited.
func (r *Receiver) Resume() {
	r.paused.Store(0)
	for _, lane := range r.lanes.list() {
		lane.mu.Lock()
		lane.startWorkers()
		lane.mu.Unlock()
	}
}

// Paused reports whether the Receiver is paused.
func (r *Receiver) Paused() bool { return r.paused.Load() != 0 }
