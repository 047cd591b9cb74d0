package gradio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	frptest "github.com/hf-tap/hf-tap/internal/testserver/frp"
	"github.com/hf-tap/hf-tap/tunnel"
)

func TestADroppedSessionIsReplacedAtTheSameAddress(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	serve(t, c, http.HandlerFunc(echo))
	first := c.URL()
	s.Drop()
	state := until(t, c, func(s tunnel.Link) bool { return s.Up && s.Made == 2 })
	if state.Cause != nil || c.URL() != first {
		t.Errorf("%+v at %s", state, c.URL())
	}
	if _, got, err := post(public(t), first, []byte("x")); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAServerThatIsKilledAndRestartedIsFoundAgain(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	serve(t, c, http.HandlerFunc(echo))
	s.Stop()
	state := until(t, c, func(s tunnel.Link) bool {
		var e *tunnel.ConnectError
		return errors.As(s.Cause, &e) && e.Step == tunnel.StepReach
	})
	if state.Up || state.Made != 1 {
		t.Errorf("%+v", state)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	until(t, c, func(s tunnel.Link) bool { return s.Up && s.Made == 2 })
	client := public(t)
	for i := range 100 {
		sent := []byte(fmt.Sprint("delivery ", i))
		if _, got, err := post(client, c.URL(), sent); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

func TestWithoutItsLookUpTheServerIsFoundWhereItWas(t *testing.T) {
	for name, fault := range map[string]frptest.Faults{"an error": {LookupStatus: 503}, "silence": {LookupHang: true}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, frptest.Config{})
			cfg := looked(s)
			second := hangs(t, cfg, s, func(c frptest.Counts) bool { return c.Lookups == 2 })
			cfg.Clock.Limit = func(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
				if d < cfg.Timeout && fault.LookupHang { // of the look-up alone
					return second.Clock.Limit(ctx, d, cause)
				}
				return context.WithCancel(ctx)
			}
			c := must(t, cfg)
			s.Set(func(f *frptest.Faults) { *f = fault })
			s.Drop()
			until(t, c, func(s tunnel.Link) bool { return s.Up && s.Made == 2 })
		})
	}
}

func TestASilentServerIsLeft(t *testing.T) {
	s := start(t, frptest.Config{})
	cfg, clock := moved(looked(s))
	c := must(t, cfg)
	for range silentTicks {
		clock.beat(t, s)
	}
	if st := c.Link(); !st.Up || st.Made != 1 {
		t.Fatalf("a server that answers is left: %+v", st)
	}
	s.Set(func(f *frptest.Faults) { f.Deaf, f.RefuseConns = true, true })
	state := clock.until(t, c, func(s tunnel.Link) bool { return !s.Up })
	var e *tunnel.ConnectError
	if !errors.Is(state.Cause, errSilent) || !errors.As(state.Cause, &e) || e.Step != tunnel.StepSession {
		t.Errorf("%+v", state)
	}
	s.Set(func(f *frptest.Faults) { *f = frptest.Faults{} })
	until(t, c, func(s tunnel.Link) bool { return s.Up && s.Made >= 2 })
}

// TestASuspendedProcessIsNotASilentServer lets happen what a process finds when
// it goes on after a long time: two ticks at once, and an answer that lies
// unread.
func TestASuspendedProcessIsNotASilentServer(t *testing.T) {
	s := start(t, frptest.Config{})
	cfg, clock := moved(looked(s))
	c := must(t, cfg)
	for range 3 {
		clock.hold()
		clock.ask(t, s)
		clock.tick(t)
		clock.tick(t)
		clock.forget()
		clock.release()
		clock.read()
	}
	if st := c.Link(); !st.Up || st.Made != 1 {
		t.Errorf("%+v", st)
	}
}

func TestAHalfOpenConnectionIsReplaced(t *testing.T) {
	s := start(t, frptest.Config{})
	cut := newFirewall(t)
	cfg, clock := moved(looked(s))
	cfg.Dial = cut.dial
	c := must(t, cfg)
	first := c.URL()
	cut.swallow() // the server does not hear of it
	clock.until(t, c, func(s tunnel.Link) bool { return !s.Up || s.Made > 1 })
	until(t, c, func(s tunnel.Link) bool { return s.Up && s.Made == 2 })
	if n := s.Counts(); n.Replaced != 1 || c.URL() != first {
		t.Errorf("%+v at %s", n, c.URL())
	}
}

func TestAServerThatDropsEachSessionIsNotAskedInABusyLoop(t *testing.T) {
	s := start(t, frptest.Config{})
	s.Set(func(f *frptest.Faults) { f.OpenStreams = true })
	began := time.Now()
	c := must(t, looked(s))
	if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Logins == 5 }); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < (0+250+500+1000)*time.Millisecond {
		t.Errorf("five logins in %s", took)
	}
	state := until(t, c, func(s tunnel.Link) bool { return !s.Up })
	if !strings.Contains(state.Cause.Error(), "streams of its own") {
		t.Errorf("%v", state.Cause)
	}
}

func TestAfterAPermanentRefusalThereIsNoOtherTry(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	s.Set(func(f *frptest.Faults) { f.LoginError = "client version is too old" })
	s.Drop()
	_, err := c.Accept()
	var refused *tunnel.ProviderError
	if !errors.As(err, &refused) || refused.Code != Unsupported {
		t.Errorf("%v", err)
	}
	if st := c.Link(); st.Up || !errors.Is(st.Cause, err) {
		t.Errorf("%+v", st)
	}
	if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Refused == 1 && c.Live() == 0 }); err != nil {
		t.Error(err)
	}
}

func TestANameThatIsTakenMeanwhileIsTriedAgain(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	s.Set(func(f *frptest.Faults) { f.ProxyError = "new proxy [me] error: router config conflict" })
	s.Drop()
	if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Refused == 2 }); err != nil {
		t.Fatal(err)
	}
	var refused *tunnel.ProviderError
	if st := c.Link(); !errors.As(st.Cause, &refused) || refused.Code != NameTaken {
		t.Errorf("%+v", st)
	}
	s.Set(func(f *frptest.Faults) { f.ProxyError = "" })
	until(t, c, func(s tunnel.Link) bool { return s.Up })
}

func TestAPongWithAnErrorEndsTheSession(t *testing.T) {
	s := start(t, frptest.Config{})
	cfg, clock := moved(looked(s))
	c := must(t, cfg)
	s.Set(func(f *frptest.Faults) { f.PongError = "invalid ping" })
	clock.ask(t, s)
	state := until(t, c, func(s tunnel.Link) bool { return !s.Up })
	var refused *tunnel.ProviderError
	if !errors.As(state.Cause, &refused) {
		t.Errorf("%+v", state)
	}
}

func TestAfterKillANewSessionTakesOverAndConnectionsFinish(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	first := c.URL()
	arrived, finish := make(chan struct{}), make(chan struct{})
	serve(t, c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-finish
		}
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	client := public(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, got, err := post(client, first+"/slow", nil); err != nil || string(got) != "/slow" {
			t.Errorf("what ran when the time was over: %q, %v", got, err)
		}
	})
	<-arrived
	for range 2 { // the second comes while the first session drains
		made := c.Link().Made
		s.Kill()
		until(t, c, func(s tunnel.Link) bool {
			if !s.Up {
				t.Errorf("it was away: %v", s.Cause)
			}
			return s.Made == made+1
		})
		if _, got, err := post(client, c.URL()+"/quick", nil); err != nil || string(got) != "/quick" || c.URL() != first {
			t.Errorf("%q at %s, %v", got, c.URL(), err)
		}
	}
	close(finish)
	wg.Wait()
	if n := s.Counts(); n.Replaced != 2 {
		t.Errorf("%+v", n)
	}
}

func TestAfterKillASessionWorksUntilItIsReplaced(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	serve(t, c, http.HandlerFunc(echo))
	s.Set(func(f *frptest.Faults) { f.RefuseConns = true })
	s.Kill()
	if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Conns >= 3 }); err != nil {
		t.Fatal(err)
	}
	if _, got, err := post(public(t), c.URL(), []byte("x")); err != nil || string(got) != "x" || !c.Link().Up {
		t.Errorf("%q, %v, %+v", got, err, c.Link())
	}
	s.Set(func(f *frptest.Faults) { f.RefuseConns = false })
	until(t, c, func(s tunnel.Link) bool { return s.Up && s.Made == 2 })
}

func TestALoginThatIsKilledBeforeItHasItsAddressIsReplaced(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	s.Set(func(f *frptest.Faults) { f.KillAtLogin = true })
	s.Kill()
	if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Logins == 2 }); err != nil {
		t.Fatal(err)
	}
	s.Set(func(f *frptest.Faults) { f.KillAtLogin = false })
	until(t, c, func(s tunnel.Link) bool {
		if !s.Up {
			t.Errorf("it was away: %v", s.Cause)
		}
		return s.Made >= 3 // more when this test was late
	})
}

func TestTheEndOfALoginIsAnnounced(t *testing.T) {
	for name, own := range map[string]bool{"gradio's": false, "one's own": true} {
		t.Run(name, func(t *testing.T) {
			s := start(t, frptest.Config{Own: own})
			told := make(chan time.Time, 10)
			cfg, clock := moved(looked(s))
			cfg.life, cfg.warn = time.Hour, time.Hour // at once
			cfg.Ending = func(ends time.Time) { told <- ends }
			before := time.Now()
			must(t, cfg)
			after := time.Now()
			if own {
				for range 3 {
					clock.beat(t, s)
				}
				if len(told) > 0 {
					t.Error("an end is announced that does not come")
				}
				return
			}
			if ends := <-told; ends.Before(before.Add(time.Hour)) || ends.After(after.Add(time.Hour)) {
				t.Errorf("it ends in %s", ends.Sub(before))
			}
		})
	}
	if cfg := (Config{}).withDefaults(); cfg.life-cfg.warn != 71*time.Hour || cfg.life != 72*time.Hour {
		t.Errorf("%+v", cfg)
	}
}

func TestCloseEndsEverythingAtOnceWhateverGoesOn(t *testing.T) {
	for name, disturb := range map[string]func(*frptest.Server, *shareTunnel){
		"all is well": func(*frptest.Server, *shareTunnel) {},
		"the server is gone": func(s *frptest.Server, c *shareTunnel) {
			s.Stop()
			until(t, c, func(s tunnel.Link) bool { return !s.Up })
		},
		"it is logging in": func(s *frptest.Server, c *shareTunnel) {
			s.Set(func(f *frptest.Faults) { f.HangLogin = true })
			n := s.Counts().Conns
			s.Drop()
			_ = s.Wait(patience(t), func(c frptest.Counts) bool { return c.Conns > n })
		},
		"nobody accepts what comes": func(s *frptest.Server, c *shareTunnel) {
			for range 20 {
				conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL(), "http://"))
				if err == nil {
					defer conn.Close()
				}
			}
			_ = s.Wait(patience(t), func(c frptest.Counts) bool { return c.Public == 20 })
		},
		"a session drains": func(s *frptest.Server, c *shareTunnel) {
			go func() { _, _ = http.Get(c.URL()) }()
			conn, err := c.Accept()
			if err != nil {
				t.Error(err)
			}
			s.Kill()
			until(t, c, func(s tunnel.Link) bool { return s.Made == 2 })
			_ = conn // it is left open
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, frptest.Config{})
			cfg := looked(s)
			cfg.Timeout = time.Hour
			c := must(t, cfg)
			disturb(s, c)
			accepting := make(chan error, 1)
			go func() {
				for {
					if _, err := c.Accept(); err != nil {
						accepting <- err
						return
					}
				}
			}()
			if err := c.Close(); err != nil { // all that could be waited for would take an hour
				t.Error(err)
			}
			if err := <-accepting; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
			if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Live() == 0 }); err != nil {
				t.Error(err)
			}
		})
	}
}
