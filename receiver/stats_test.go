package receiver_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestTargetStatsAreOfTheLastTryOrProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		answer, outcome := event.Attempt{Status: 200}, receiver.OutcomeAnswered
		target := &scriptedTarget{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) { return answer, outcome }}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		seen := func() string {
			s := tap.Stats().Targets[0]
			if s.At.IsZero() {
				return fmt.Sprint("never ", s.Down, s.Status, s.Err)
			}
			return fmt.Sprint(s.At.Sub(began), " ", s.Down, " ", s.Status, " ", s.Err)
		}
		want(t, "at first", seen(), "never false 0")
		<-time.After(time.Minute)
		<-tap.deliverInProcess(t, "1")
		want(t, "when it answered", seen(), "1m0s false 200 ")

		// It is killed. The receiver does not notice, because no event waits for it.
		target.setDown(true)
		<-time.After(time.Hour)
		want(t, "an hour later", seen(), "1m0s false 200 ")
		want(t, "probes at rest", len(target.probes), 0)

		settled := tap.deliverInProcess(t, "2")
		synctest.Wait()
		want(t, "when it refused", seen(), "1h1m0s true 0 connection refused")
		<-time.After(30 * time.Second)
		if s := tap.Stats().Targets[0]; !s.Down || time.Since(s.At) > 500*time.Millisecond {
			t.Errorf("while it is waited for, it was last seen at %s: %+v", s.At.Sub(began), s)
		}
		<-settled
		refused := tap.Stats().Targets[0].At
		<-time.After(time.Hour)
		want(t, "when nothing waits for it any more", tap.Stats().Targets[0].At, refused)

		target.setDown(false)
		answer.Status = 500
		<-tap.deliverInProcess(t, "3")
		if s := tap.Stats().Targets[0]; s.Down || s.Status != 500 || !s.At.Equal(time.Now()) {
			t.Errorf("after a 500: %+v", s)
		}
		answer, outcome = event.Attempt{Err: "reset"}, receiver.OutcomeFailed
		<-tap.deliverInProcess(t, "4")
		if s := tap.Stats().Targets[0]; s.Down || s.Status != 0 || s.Err != "reset" {
			t.Errorf("after a failure: %+v", s)
		}

		// A probe reaches it before an event is handed over.
		answer, outcome = event.Attempt{Status: 200}, receiver.OutcomeAnswered
		target.setDown(true)
		fifth := tap.deliverInProcess(t, "5")
		<-time.After(time.Second)
		target.setDown(false)
		tap.Pause() // what the probe finds is seen alone
		<-time.After(time.Second)
		if s := tap.Stats().Targets[0]; s.Down || s.Status != 0 || s.Err != "" || time.Since(s.At) > time.Second {
			t.Errorf("when a probe reached it: %+v", s)
		}
		tap.Resume()
		<-fifth
	})
}

func TestStopDoesNotChangeTargetStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scriptedTarget{tryIn: func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
			<-ctx.Done()
			return event.Attempt{Err: "cut"}, receiver.OutcomeFailed
		}}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		tap.deliverInProcess(t, "1")
		synctest.Wait()
		go tap.Close()
		tap.history.waitSettled(t, 1)
		want(t, "seen", tap.Stats().Targets[0].At, time.Time{})
	})
}
