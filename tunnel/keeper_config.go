package tunnel

import (
	"context"
	"net"
	"time"
)

// KeeperConfig configures a [Keeper]. Open and Check are required.
type KeeperConfig struct {
	// Open opens a tunnel; [Opener] makes such a function. The Keeper closes the
	// tunnel before it opens the next one.
	Open func(ctx context.Context) (Tunnel, error)
	// Check makes one request to a public address and reports whether it arrived
	// here; [VerifyOnce] does that.
	Check func(ctx context.Context, publicURL string) (roundTrip time.Duration, err error)
	// Changed is called after each change of the status, from the goroutine that
	// runs OpenKeeper, Verify or Run. It must return soon. It may be nil.
	Changed func(Status)

	Times KeeperTimes
	// Clock returns the time of day, and how long the process has been running.
	// If one advances without the other, the clock was set or the machine slept.
	// Nil: the machine's clocks.
	Clock func() (wall time.Time, running time.Duration)
	// Addrs returns the machine's addresses. Nil: net.InterfaceAddrs.
	Addrs func() ([]net.Addr, error)
}

// KeeperTimes are the intervals of a [Keeper]. A zero field has its default.
type KeeperTimes struct {
	FirstCheck    time.Duration // how long the first self-check tries; 10 s
	LaterCheck    time.Duration // how long each later one tries; 2 s
	CheckTry      time.Duration // how long one try waits for its answer; 5 s
	CheckPause    time.Duration // between two tries, doubled after each; 250 ms
	CheckEvery    time.Duration // between self-checks of a tunnel that is up; 15 min, because a free ngrok plan has 20,000 requests a month
	NetworkLook   time.Duration // between looks at the clock and the network; 5 s
	RetryMin      time.Duration // before the second try to open or to check, doubled after each; 500 ms
	RetryMax      time.Duration // the longest such pause; 1 min
	ProviderRetry time.Duration // how long to wait for a provider that reconnects by itself; 90 s, because ngrok's SDK pauses for 30 s
	RetryRefused  time.Duration // between tries after a permanent refusal of the provider; 5 min
}

func (t KeeperTimes) withDefaults() KeeperTimes {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.FirstCheck, 10 * time.Second}, {&t.LaterCheck, 2 * time.Second}, {&t.CheckTry, 5 * time.Second}, {&t.CheckPause, 250 * time.Millisecond},
		{&t.CheckEvery, 15 * time.Minute}, {&t.NetworkLook, 5 * time.Second}, {&t.RetryMin, 500 * time.Millisecond}, {&t.RetryMax, time.Minute}, {&t.ProviderRetry, 90 * time.Second}, {&t.RetryRefused, 5 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return t
}
