package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestDrainWaitsForTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scriptedTarget{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
			<-time.After(time.Second)
			return event.Attempt{Status: 200}, receiver.OutcomeAnswered
		}}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Concurrency: 1})
		for range 3 {
			tap.deliverInProcess(t, "x")
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		want(t, "left", tap.Drain(ctx), 0)
		want(t, "took", time.Since(began), 3*time.Second)
		tap.history.waitSettled(t, 3)
		if _, err := tap.Deliver(context.Background(), &event.Event{}); !errors.Is(err, receiver.ErrStopping) {
			t.Errorf("a delivery after that: %v", err)
		}
	})
}

func TestDrainMarksTheRestAsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging := &scriptedTarget{name: "hanging", tryIn: func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
			<-ctx.Done()
			return event.Attempt{Err: context.Cause(ctx).Error()}, receiver.OutcomeFailed
		}}
		down := &scriptedTarget{name: "down", down: true}
		failing := &scriptedTarget{name: "failing", try: status(500)}
		tap := newTap(t, receiver.Config{
			Routes: routes(
				receiver.Route{Target: hanging, Match: event.Match{Kinds: []string{"repo.create"}}},
				receiver.Route{Target: down, Match: event.Match{Kinds: []string{"repo.update"}}},
				receiver.Route{Target: failing, Match: event.Match{Kinds: []string{"repo.move"}}}),
			Concurrency: 1, Retries: 9, Backoff: time.Minute,
		})
		for _, action := range []string{"create", "create", "update", "move"} {
			tap.deliverInProcess(t, fmt.Sprintf(`{"event":{"scope":"repo","action":%q}}`, action))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		began := time.Now()
		want(t, "left", tap.Drain(ctx), 3)
		want(t, "took", time.Since(began), 5*time.Second)
		all := tap.history.list()
		want(t, "being tried", story(all[0]), "try 1 (interrupted, the receiver stopped) + settled")
		want(t, "queued", story(all[1]), "pending")
		want(t, "waiting", story(all[2])[:len("waiting, ")], "waiting, ")
		want(t, "waiting", all[2].Phase, event.PhasePending)
		want(t, "between two tries", story(all[3]), "try 1 500, pending")
		want(t, "stats", tap.Stats().Pending, 3)
	})
}

func TestSendersGet503WhileItDrains(t *testing.T) {
	tap := startTap(t, receiver.Config{})
	want(t, "left", tap.Drain(context.Background()), 0)
	resp := tap.deliver(t, "{}")
	want(t, "answer", fmt.Sprint(resp.StatusCode, resp.Header.Get("Retry-After")), "5035")
	want(t, "a stranger", post(t, tap.url, nil).StatusCode, 401)
	want(t, "recorded", len(tap.history.list()), 0)
}

func TestCloseWithoutDrainMarksEverythingAsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scriptedTarget{down: true}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		settled := tap.deliverInProcess(t, "x")
		tap.Close()
		<-settled
		want(t, "phase", tap.history.list()[0].Phase, event.PhasePending)
		tap.Close() // once more does no harm
	})
}
