package tunnel

import (
	"net"
	"slices"
	"time"
)

// machineWatch notices that the machine slept, that its clock was set, or that it
// is in another network.
type machineWatch struct {
	clock   func() (time.Time, time.Duration)
	addrs   func() ([]net.Addr, error)
	every   time.Duration // between two looks
	wall    time.Time
	running time.Duration
	network []string
}

// How far the clocks may differ, and how late a look may be, without a meaning.
// Clocks that are synchronized differ by far less; a busy machine is late by less.
const (
	clockSlack = 5 * time.Second
	lateSlack  = 15 * time.Second
)

func newMachineWatch(clock func() (time.Time, time.Duration), addrs func() ([]net.Addr, error), every time.Duration) *machineWatch {
	if clock == nil {
		start := time.Now()
		clock = func() (time.Time, time.Duration) {
			now := time.Now()
			return now.Round(0), now.Sub(start) // Round removes the monotonic reading
		}
	}
	if addrs == nil {
		addrs = net.InterfaceAddrs
	}
	w := &machineWatch{clock: clock, addrs: addrs, every: every}
	w.wall, w.running = clock()
	w.network = w.here()
	return w
}

// changed reports whether something has changed since the last look.
func (w *machineWatch) changed() bool {
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

// here returns the addresses that this machine has in networks, or nil if they
// cannot be read. Loopback and link-local addresses do not count: containers come
// and go with them.
func (w *machineWatch) here() []string {
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
