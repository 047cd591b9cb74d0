package tunnel

import "sync"

// Link is the state of a tunnel's connection to its provider.
type Link struct {
	Up    bool
	Cause error // why it is not up: a *ProviderError or a *ConnectError
	Made  int   // the number of connections so far; each new one may have another address
}

// LinkState holds the [Link] of a tunnel. A provider embeds it in its tunnels,
// which makes them a [ReconnectingTunnel].
type LinkState struct {
	changed chan struct{} // one slot
	mu      sync.Mutex
	link    Link
}

// NewLinkState returns the state of a tunnel that has no connection yet.
func NewLinkState() *LinkState { return &LinkState{changed: make(chan struct{}, 1)} }

// Link returns the present state of the connection.
func (s *LinkState) Link() Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link
}

// LinkChanged receives a value after Link has changed. Several changes before
// the receive are one value.
func (s *LinkState) LinkChanged() <-chan struct{} { return s.changed }

// Connected records a new connection, or another address of the present one. The
// first connection is not a change: a tunnel is open when it has one.
func (s *LinkState) Connected() {
	s.mu.Lock()
	s.link = Link{Up: true, Made: s.link.Made + 1}
	first := s.link.Made == 1
	s.mu.Unlock()
	if !first {
		s.signal()
	}
}

// Disconnected records that there is no connection, and why.
func (s *LinkState) Disconnected(cause error) {
	s.mu.Lock()
	s.link.Up, s.link.Cause = false, cause
	s.mu.Unlock()
	s.signal()
}

func (s *LinkState) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
