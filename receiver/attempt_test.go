package receiver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// drops returns a target that drops its first connections. After the first away of
// them it refuses connections for a second.
func drops(first, away int) *scriptedTarget {
	s := &scriptedTarget{}
	s.try = func(n int, _ *event.Event) (event.Attempt, receiver.Outcome) {
		if n > first {
			return event.Attempt{Status: 200}, receiver.OutcomeAnswered
		}
		if n <= away {
			s.setDown(true)
			time.AfterFunc(time.Second, func() { s.setDown(false) })
		}
		return event.Attempt{Err: "reset"}, receiver.OutcomeDropped
	}
	return s
}

func TestDroppedConnectionIsRetriedOnlyIfTheTargetThenRefusesOthers(t *testing.T) {
	for _, c := range []struct {
		name   string
		target *scriptedTarget
		config receiver.Config
		story  string
		probes int // at the least
	}{
		{"it stays", drops(9, 0), receiver.Config{}, "try 1 (reset) + settled", 2},
		{"it restarts", drops(1, 1), receiver.Config{}, "try 1 (reset), waiting, open, try 2 200 + settled", 2},
		{"it restarts twice", drops(2, 2), receiver.Config{}, "try 1 (reset), waiting, open, try 2 (reset), waiting, open, try 3 200 + settled", 4},
		{"each event crashes it", drops(9, 9), receiver.Config{}, "try 1 (reset), waiting, open, try 2 (reset), waiting, open, try 3 (reset) + settled", 4},
		{"it stays, with a retry", drops(1, 0), receiver.Config{Retries: 1}, "try 1 (reset), try 2 200 + settled", 2},
		{"it restarts, and events do not wait", drops(1, 1), receiver.Config{WaitTarget: -1}, "try 1 (reset) + settled", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.config.Routes = routes(receiver.Route{Target: c.target})
				tap := newTap(t, c.config)
				<-tap.deliverInProcess(t, "1")
				want(t, "story", story(tap.history.list()[0]), c.story)
				if n := len(c.target.probes); n < c.probes || c.probes == 0 && n > 0 {
					t.Errorf("%d probes, want %d", n, c.probes)
				}
				<-time.After(2 * time.Second) // until the target is back
			})
		})
	}
}

func TestServerThatClosesItsPortLastIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scriptedTarget{}
		target.try = func(n int, _ *event.Event) (event.Attempt, receiver.Outcome) {
			if n > 1 {
				return event.Attempt{Status: 200}, receiver.OutcomeAnswered
			}
			time.AfterFunc(50*time.Millisecond, func() { target.setDown(true) })
			time.AfterFunc(time.Second, func() { target.setDown(false) })
			return event.Attempt{Err: "reset"}, receiver.OutcomeDropped
		}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		<-tap.deliverInProcess(t, "1")
		want(t, "story", story(tap.history.list()[0]), "try 1 (reset), waiting, open, try 2 200 + settled")
	})
}

func TestStopEndsTheProbesAfterADroppedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := drops(9, 0)
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Backoff: time.Hour})
		tap.deliverInProcess(t, "1")
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want(t, "left", tap.Drain(ctx), 0)
		want(t, "took", time.Since(began), time.Second)
		want(t, "story", story(tap.history.list()[0]), "try 1 (reset) + settled")
	})
}

func TestTemporaryFailuresAreRetriedWithPauses(t *testing.T) {
	for _, c := range []struct {
		name, story string
		try         func(int, *event.Event) (event.Attempt, receiver.Outcome)
		took        time.Duration
	}{
		{"5xx", "try 1 500, try 2 503, try 3 200 + settled", status(500, 503, 200), 3 * time.Second},
		{"all tries fail", "try 1 500, try 2 500, try 3 500, try 4 500 + settled", status(500), 7 * time.Second},
		{"429, 408 and 425", "try 1 429, try 2 408, try 3 425, try 4 204 + settled", status(429, 408, 425, 204), 7 * time.Second},
		{"404", "try 1 404 + settled", status(404), 0},
		{"302", "try 1 302 + settled", status(302), 0},
		{"2xx", "try 1 201 + settled", status(201), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := &scriptedTarget{try: c.try}
				tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Retries: 3})
				began := time.Now()
				<-tap.deliverInProcess(t, "1")
				want(t, "story", story(tap.history.list()[0]), c.story)
				want(t, "took", time.Since(began), c.took)
			})
		})
	}
}

func TestPauseBetweenRetriesIsLimited(t *testing.T) {
	for _, first := range []time.Duration{0, time.Second, time.Hour, 50 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			target := &scriptedTarget{try: status(500)}
			tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Retries: 100, Backoff: first})
			<-tap.deliverInProcess(t, "1")
			want(t, "tries", len(target.tries), 101)
			want(t, "last pause", target.tries[100].Sub(target.tries[99]), 30*time.Second)
		})
	}
}

func TestTryEndsAfterTheTimeoutIfThereIsOne(t *testing.T) {
	hang := func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
		select {
		case <-ctx.Done():
			return event.Attempt{Err: context.Cause(ctx).Error()}, receiver.OutcomeFailed
		case <-time.After(time.Hour):
			return event.Attempt{Status: 200}, receiver.OutcomeAnswered
		}
	}
	for timeout, wanted := range map[time.Duration]string{
		0:                "try 1 200 + settled",
		90 * time.Second: "try 1 (no answer within 90s), try 2 (no answer within 90s) + settled",
	} {
		synctest.Test(t, func(t *testing.T) {
			target := &scriptedTarget{tryIn: hang}
			tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Timeout: timeout, Retries: 1})
			<-tap.deliverInProcess(t, "1")
			want(t, "story", story(tap.history.list()[0]), wanted)
		})
	}
}
