package tunnel

import (
	"net"
	"slices"
	"time"
)

// watch notices that the machine slept, that its clock was set, or that it is
// in another network.
type watch struct {
	clock   func() (time.Time, time.Duration)
	addrs   func() ([]net.Addr, error)
	every   time.Duration // between two looks
	wall    time.Time
	running time.Duration
	network []string
}

// How far clocks may part, and a look may be late, before it means something.
// Clocks that are kept right move by far less; a busy machine is late by less.
const (
	clockSlack = 5 * time.Second
	lateSlack  = 15 * time.Second
)

func newWatch(clock func() (time.Time, time.Duration), addrs func() ([]net.Addr, error), every time.Duration) *watch {
	if clock == nil {
		start := time.Now()
		clock = func() (time.Time, time.Duration) {
			now := time.Now()
			return now.Round(0), now.Sub(start) // rounding takes the monotonic reading away
		}
	}
	if addrs == nil {
		addrs = net.InterfaceAddrs
	}
	w := &watch{clock: clock, addrs: addrs, every: every}
	w.wall, w.running = clock()
	w.network = w.here()
	return w
}

// moved reports whether something has changed since the last look.
func (w *watch) moved() bool {
	wall, running := w.clock()
	passed, ran := wall.Sub(w.wall), running-w.running
	w.wall, w.running = wall, running
	network := w.here()
	another := network != nil && !slices.Equal(network, w.network)
	if network != nil {
		w.network = network
	}
	return (passed-ran).Abs() > clockSlack || ran > w.every+lateSlack || another
}

// here gives the addresses by which this machine is in a network, nil when
// they cannot be had. Those that every machine has, on loopback and by itself
// on each link, say nothing: they come and go with containers.
func (w *watch) here() []string {
	addrs, err := w.addrs()
	if err != nil {
		return nil
	}
	network := []string{}
	for _, a := range addrs {
		ipnet, ok := a.(*net.IPNet)
		if ok && (ipnet.IP.IsLoopback() || ipnet.IP.IsLinkLocalUnicast()) {
			continue
		}
		network = append(network, a.String())
	}
	slices.Sort(network)
	return network
}
