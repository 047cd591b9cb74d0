package receiver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestADroppedConnectionIsTriedAgain(t *testing.T) {
	drop := func(until int) func(int, *event.Event) (event.Attempt, receiver.Outcome) {
		return func(n int, _ *event.Event) (event.Attempt, receiver.Outcome) {
			if n <= until {
				return event.Attempt{Err: "reset"}, receiver.Dropped
			}
			return event.Attempt{Status: 200}, receiver.Answered
		}
	}
	for _, c := range []struct {
		drops, retries int
		story          string
		took           time.Duration
	}{
		{1, 0, "try 1 (reset), try 2 200 + settled", 100 * time.Millisecond},
		{2, 0, "try 1 (reset), try 2 (reset), try 3 200 + settled", 2100 * time.Millisecond},
		{9, 0, "try 1 (reset), try 2 (reset), try 3 (reset) + settled", 2100 * time.Millisecond},
		{9, 3, "try 1 (reset), try 2 (reset), try 3 (reset), try 4 (reset) + settled", 6100 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			target := &scripted{try: drop(c.drops)}
			tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Retries: c.retries})
			began := time.Now()
			<-tap.give(t, "1")
			want(t, "story", story(tap.history.all()[0]), c.story)
			want(t, "took", time.Since(began), c.took)
		})
	}
}

func TestFailuresThatMayMendAreRetriedWithPauses(t *testing.T) {
	for _, c := range []struct {
		name, story string
		try         func(int, *event.Event) (event.Attempt, receiver.Outcome)
		took        time.Duration
	}{
		{"5xx", "try 1 500, try 2 503, try 3 200 + settled", status(500, 503, 200), 3 * time.Second},
		{"to the end", "try 1 500, try 2 500, try 3 500, try 4 500 + settled", status(500), 7 * time.Second},
		{"429 and its like", "try 1 429, try 2 408, try 3 425, try 4 204 + settled", status(429, 408, 425, 204), 7 * time.Second},
		{"404", "try 1 404 + settled", status(404), 0},
		{"302", "try 1 302 + settled", status(302), 0},
		{"2xx", "try 1 201 + settled", status(201), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := &scripted{try: c.try}
				tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Retries: 3})
				began := time.Now()
				<-tap.give(t, "1")
				want(t, "story", story(tap.history.all()[0]), c.story)
				want(t, "took", time.Since(began), c.took)
			})
		})
	}
}

func TestThePauseBetweenRetriesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scripted{try: status(500)}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Retries: 100})
		<-tap.give(t, "1")
		want(t, "tries", len(target.tries), 101)
		want(t, "last pause", target.tries[100].Sub(target.tries[99]), 30*time.Second)
	})
}

func TestATryEndsAtItsTimeoutAndOnlyIfThereIsOne(t *testing.T) {
	hang := func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
		select {
		case <-ctx.Done():
			return event.Attempt{Err: context.Cause(ctx).Error()}, receiver.Failed
		case <-time.After(time.Hour):
			return event.Attempt{Status: 200}, receiver.Answered
		}
	}
	for timeout, wanted := range map[time.Duration]string{
		0:                "try 1 200 + settled",
		90 * time.Second: "try 1 (no answer within 90s), try 2 (no answer within 90s) + settled",
	} {
		synctest.Test(t, func(t *testing.T) {
			target := &scripted{tryIn: hang}
			tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Timeout: timeout, Retries: 1})
			<-tap.give(t, "1")
			want(t, "story", story(tap.history.all()[0]), wanted)
		})
	}
}
