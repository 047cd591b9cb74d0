package tunnel

import "time"

// State is the state of a [Keeper]'s tunnel.
type State string

// The states of a Keeper's tunnel.
const (
	StateConnecting State = "connecting" // it is being opened, or was not checked yet
	StateUp         State = "up"         // the last self-check arrived here
	StateDegraded   State = "degraded"   // the tunnel is open, but a self-check got another answer
	StateAway       State = "away"       // no connection to the provider
	StateUnverified State = "unverified" // the tunnel is open, but this machine cannot reach its public address, so the self-check decides nothing
)

// Status is the state of a [Keeper]'s tunnel, and why it is in it.
type Status struct {
	State     State
	Provider  string
	URL       string        // the latest public address, which a webhook should have
	Cause     error         // why it is not up; nil for StateConnecting and StateUp
	Since     time.Time     // when the state or the address became what it is
	RoundTrip time.Duration // of the last self-check that was answered
}

// same reports whether two statuses have the same state, address and sort of cause, so
// that observers need no second report. Round trips differ each time, and so do the
// texts of causes.
func (s Status) same(t Status) bool {
	return s.State == t.State && s.URL == t.URL && kind(s.Cause) == kind(t.Cause)
}
