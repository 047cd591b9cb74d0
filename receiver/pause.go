package receiver

import "time"

// Pause stops handing over. Deliveries are recorded and answered as before, and
// wait for their targets' turn in their order; tries that are running go on. A
// sender in Relay waits, and is answered 504 when its time is over.
func (r *Receiver) Pause() { r.paused.Store(time.Now().UnixNano()) }

// Resume hands over what waited, and everything from now on.
func (r *Receiver) Resume() {
	r.paused.Store(0)
	for _, lane := range r.lanes.list() {
		lane.mu.Lock()
		lane.startWorkers()
		lane.mu.Unlock()
	}
}

// Paused reports whether handing over is paused.
func (r *Receiver) Paused() bool { return r.paused.Load() != 0 }
