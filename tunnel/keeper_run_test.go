package tunnel

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestATunnelThatIsUpIsCheckedFourTimesAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.want(StateConnecting, StateUp)
		w.wait(time.Hour + time.Minute)
		w.want()
		if n := len(w.checks); n != 5 { // the first, and each quarter of an hour
			t.Errorf("checked %d times", n)
		}
		if s := w.k.Status(); s.State != StateUp || s.URL != "https://1.example" || s.RoundTrip != time.Millisecond || time.Since(s.Since) != time.Hour+time.Minute {
			t.Errorf("status %+v", s)
		}
	})
}

func TestADropIsAwayAndAReturnIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.first().down(errDropped)
		w.want(StateAway)
		if s := w.k.Status(); !errors.Is(s.Cause, error(errDropped)) {
			t.Errorf("cause %v", s.Cause)
		}
		w.first().down(&ConnectError{Provider: "fake", Step: StepSession, Err: errors.New("another EOF")})
		w.want() // the same again
		w.first().down(&ProviderError{Provider: "fake", Code: "ERR_NGROK_108"})
		w.want(StateAway) // another cause
		before := len(w.checks)
		w.first().back()
		w.want(StateUp)
		if len(w.checks) != before+1 || len(w.opened) != 1 {
			t.Errorf("%d checks, %d tunnels", len(w.checks)-before, len(w.opened))
		}
	})
}

func TestAnUnnoticedReconnectIsCheckedWithoutAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		before := len(w.checks)
		w.first().set(func(l *Link) { l.Made++ })
		w.want()
		if len(w.checks) != before+1 {
			t.Errorf("checked %d times", len(w.checks)-before)
		}
	})
}

func TestAReturnAtAnotherAddressOpensANewTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() { w.leads["https://1.example"] = errWrong })
		w.first().down(errDropped)
		w.want(StateAway)
		w.first().back()
		w.wait(5 * time.Second)
		w.want(StateDegraded, StateUp)
		if s := w.k.Status(); s.URL != "https://2.example" {
			t.Errorf("status %+v", s)
		}
		select {
		case <-w.first().closed:
		default:
			t.Error("the first tunnel is open")
		}
	})
}

func TestATunnelThatEndsIsReplacedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.first().broken <- &ProviderError{Provider: "fake", Code: "STOPPED"}
		w.want(StateAway, StateUp)
		if s := w.k.Status(); s.URL != "https://2.example" {
			t.Errorf("status %+v", s)
		}
	})
}

func TestOpeningAgainBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() {
			w.openErr = &ConnectError{Provider: "fake", Step: StepReach, Err: errors.New("refused")}
			w.opens = nil
		})
		w.first().broken <- errDropped
		w.wait(10 * time.Minute)
		w.want(StateAway, StateAway) // dropped, then unreachable
		if n := len(w.opens); n < 10 || n > 32 {
			t.Errorf("%d tries in ten minutes", n)
		}
		for i, at := range w.opens[1:] {
			gap, most := at.Sub(w.opens[i]), min(500*time.Millisecond<<i, time.Minute)
			if gap < most/2 || gap > most {
				t.Errorf("try %d after %s, want between %s and %s", i+1, gap, most/2, most)
			}
		}
		w.do(func() { w.openErr = nil })
		w.wait(time.Minute)
		w.want(StateUp)
	})
}

func TestAfterAPermanentRefusalTriesAreRareButGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		revoked := &ProviderError{Provider: "fake", Code: "ERR_NGROK_107", Permanent: true}
		w.do(func() { w.openErr = revoked; w.opens = nil })
		w.first().down(revoked)
		w.want(StateAway)
		select {
		case <-w.first().closed:
		default:
			t.Error("the provider goes on trying")
		}
		w.wait(time.Hour)
		w.want()
		if n := len(w.opens); n < 10 || n > 13 {
			t.Errorf("%d tries in an hour", n)
		}
		if s := w.k.Status(); s.State != StateAway || !errors.Is(s.Cause, error(revoked)) {
			t.Errorf("status %+v", s)
		}
		w.do(func() { w.openErr = nil })
		w.wait(6 * time.Minute)
		w.want(StateUp)
	})
}

func TestAnotherAnswerReplacesALinkedTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() { w.all = errWrong; w.opens = nil })
		w.wait(15*time.Minute + 10*time.Second)
		if n := len(w.opens); n < 2 || n > 10 {
			t.Errorf("%d tunnels in ten seconds of a page in place of the app", n)
		}
		if got := w.states(); got[0] != StateDegraded || slices.Contains(got, StateUp) {
			t.Errorf("told %q", got)
		}
		w.do(func() { w.all = nil })
		w.wait(time.Minute)
		if got := w.states(); len(got) == 0 || got[len(got)-1] != StateUp {
			t.Errorf("told %q", got)
		}
	})
}

func TestAnUnreachableAddressDoesNotEndTheTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() { w.all = errNoWay })
		w.wait(30 * time.Minute)
		w.want(StateDegraded)
		if len(w.opened) != 1 {
			t.Errorf("%d tunnels", len(w.opened))
		}
		w.do(func() { w.all = nil })
		w.wait(2 * time.Minute)
		w.want(StateUp)
	})
}

func TestAnAddressThatWasNeverReachableStaysUnverified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, errNoWay)
		w.want(StateConnecting, StateUnverified)
		w.do(func() { w.checks = nil })
		w.wait(time.Hour)
		w.want()
		if n := len(w.checks); n > 20 {
			t.Errorf("%d checks in an hour", n)
		}
		// Another connection may have another address, and nobody here can tell:
		// a new tunnel says the truth.
		w.first().set(func(l *Link) { l.Made++ })
		w.wait(10 * time.Second)
		w.want(StateUnverified)
		if s := w.k.Status(); s.URL != "https://2.example" {
			t.Errorf("status %+v", s)
		}
		w.do(func() { w.all = nil })
		w.wait(16 * time.Minute)
		w.want(StateUp)
	})
}

func TestAClockThatJumpedIsCheckedAtOnce(t *testing.T) {
	for name, by := range map[string]time.Duration{"forward": time.Hour, "backward": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := keep(t, nil)
				w.states()
				w.do(func() { w.set, w.checks = by, nil })
				w.wait(6 * time.Second)
				if len(w.checks) != 1 {
					t.Errorf("checked %d times", len(w.checks))
				}
				w.wait(time.Minute)
				w.want()
				if len(w.checks) != 1 {
					t.Errorf("later checked %d times", len(w.checks))
				}
			})
		})
	}
}

func TestAnotherNetworkIsCheckedAtOnceAndADeadConnectionReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.do(func() { w.network, w.all, w.checks = "192.168.1.7", errNoWay, nil })
		w.wait(9 * time.Second)
		w.want(StateDegraded, StateDegraded) // the second has another address
		if len(w.opened) != 2 {
			t.Errorf("%d tunnels", len(w.opened))
		}
		w.do(func() { w.all = nil })
		w.wait(time.Minute)
		w.want(StateUp)
	})
}

func TestAnotherNetworkEndsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.first().down(errDropped) // the provider's library may be asleep now
		w.want(StateConnecting, StateUp, StateAway)
		w.do(func() { w.network = "192.168.1.7" })
		w.wait(6 * time.Second)
		w.want(StateUp)
	})
}

func TestAStuckTunnelIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		w.first().down(errDropped)
		w.wait(80 * time.Second)
		w.want(StateAway)
		w.first().down(errDropped) // it tries
		w.wait(80 * time.Second)
		w.want()
		w.wait(11 * time.Second)
		w.want(StateUp)
		if s := w.k.Status(); s.URL != "https://2.example" {
			t.Errorf("status %+v", s)
		}
	})
}

func TestAConnectionThatFlapsIsGivenAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keep(t, nil)
		w.states()
		for range flapTimes + 2 {
			w.first().down(errDropped)
			synctest.Wait()
			w.first().back()
			synctest.Wait()
		}
		select {
		case <-w.first().closed:
		default:
			t.Error("the connection that flaps is kept")
		}
		w.wait(time.Second)
		if s := w.k.Status(); s.State != StateUp || s.URL != "https://2.example" {
			t.Errorf("status %+v", s)
		}
	})
}
