package tunnel

import "time"

// State is how a kept tunnel is.
type State string

// The states of a kept tunnel.
const (
	StateConnecting State = "connecting" // it is being opened, or nobody has asked at its address yet
	StateUp         State = "up"         // what was asked at its address arrived here
	StateDegraded   State = "degraded"   // it is there, but what is asked at its address does not arrive here
	StateAway       State = "away"       // there is no connection to the provider
	StateUnverified State = "unverified" // it is there, but there is no way from here to its address, so that nobody knows
)

// Status is how a kept tunnel is, and why.
type Status struct {
	State     State
	Provider  string
	URL       string        // the latest public address: where a webhook has to point
	Cause     error         // why it is not up; nil for StateConnecting and StateUp
	Since     time.Time     // when the state or the address became what it is
	RoundTrip time.Duration // of the last self-check that was answered
}

// same reports whether two statuses are one for those who watch: the state,
// the address and the sort of cause. Round trips differ each time, and so do
// the texts of causes.
func (s Status) same(t Status) bool {
	return s.State == t.State && s.URL == t.URL && kind(s.Cause) == kind(t.Cause)
}
