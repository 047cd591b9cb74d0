package receiver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestPausedEventsAreAnsweredAndWaitInOrder(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, "")), Concurrency: 1})
	tap.Pause()
	for _, body := range []string{"1", "2", "3"} {
		want(t, "answer", tap.deliver(t, body).StatusCode, 200)
	}
	want(t, "queued", tap.Stats().Queued, 3)
	want(t, "handed over while paused", len(app.requests()), 0)
	tap.Resume()
	tap.history.waitSettled(t, 3)
	for i, got := range app.requests() {
		want(t, "body", string(got.body), []string{"1", "2", "3"}[i])
	}
}

func TestPausedReceiverStopsAtOnceAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: &scriptedTarget{try: status(200)}})})
		tap.Pause()
		tap.deliverInProcess(t, "x")
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		want(t, "left", tap.Drain(ctx), 1)
		want(t, "took", time.Since(began), 0)
		want(t, "phase", tap.history.list()[0].Phase, event.PhasePending)
	})
}
