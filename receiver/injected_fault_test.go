package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestPausedEventsAreAnsweredAndWaitInTheirOrder(t *testing.T) {
	app := runApp(t, nil)
	tap := open(t, receiver.Config{Routes: routes(app.route(t, "")), Concurrency: 1})
	tap.Pause()
	for _, body := range []string{"1", "2", "3"} {
		want(t, "answer", tap.deliver(t, body).StatusCode, 200)
	}
	want(t, "queued", tap.Stats().Queued, 3)
	want(t, "handed over while paused", len(app.all()), 0)
	tap.Resume()
	tap.history.settled(t, 3)
	for i, got := range app.all() {
		want(t, "body", string(got.body), []string{"1", "2", "3"}[i])
	}
}

func TestAPausedReceiverStopsAtOnceAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: &scripted{try: status(200)}})})
		tap.Pause()
		tap.give(t, "x")
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		want(t, "left", tap.Drain(ctx), 1)
		want(t, "took", time.Since(began), 0)
		want(t, "phase", tap.history.all()[0].Phase, event.PhasePending)
	})
}

func TestAFaultChangesTheAnswerAndNothingElse(t *testing.T) {
	app := runApp(t, nil)
	tap := open(t, receiver.Config{Routes: routes(app.route(t, ""))})
	notOther, err := filter.Parse("-body:other")
	if err != nil {
		t.Fatal(err)
	}
	if err := tap.SetFault(&receiver.Fault{Status: 503, Times: 2, Filter: notOther}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body   string
		status int
	}{{"a", 503}, {"other", 200}, {"b", 503}, {"c", 200}} {
		want(t, "answer to "+c.body, tap.deliver(t, c.body).StatusCode, c.status)
	}
	if f, _ := tap.Fault(); f != nil {
		t.Error("a fault that is used up is still set")
	}
	for i, e := range tap.history.settled(t, 4) {
		want(t, "recorded answer", e.Answer.Status, []int{503, 200, 503, 200}[i])
	}
	want(t, "handed over", len(app.all()), 4)
}

func TestADroppedAnswerIsNoneAndTheEventIsKept(t *testing.T) {
	for _, respond := range []receiver.Respond{receiver.Ack, receiver.Relay} {
		app := runApp(t, nil)
		tap := open(t, receiver.Config{Routes: routes(app.route(t, "")), Respond: respond})
		if err := tap.SetFault(&receiver.Fault{Drop: true}); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(http.MethodPost, tap.url, bytes.NewReader([]byte("x")))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Webhook-Secret", secret)
		if resp, err := client().Do(req); !errors.Is(err, io.EOF) {
			t.Errorf("the connection was to be closed: %v, %v", resp, err)
		}
		want(t, "recorded answer", tap.history.settled(t, 1)[0].Answer.Status, 0)
		want(t, "handed over", len(app.all()), 1)
		if err := tap.SetFault(nil); err != nil {
			t.Fatal(err)
		}
		want(t, "answer afterwards", tap.deliver(t, "y").StatusCode, 200)
	}
}

func TestADelayedAnswerComesLateAndAStopCutsItShort(t *testing.T) {
	app := runApp(t, nil)
	tap := open(t, receiver.Config{Routes: routes(app.route(t, "")), Respond: receiver.Relay})
	if err := tap.SetFault(&receiver.Fault{Delay: time.Minute, Status: 418}); err != nil {
		t.Fatal(err)
	}
	answer := make(chan int)
	go func() { answer <- tap.deliver(t, "x").StatusCode }()
	got := tap.history.settled(t, 1)[0]
	want(t, "recorded answer", got.Answer.Status, 418)
	if got.Answer.Duration < time.Minute {
		t.Errorf("the answer is said to have come after %s", got.Answer.Duration)
	}
	select {
	case status := <-answer:
		t.Errorf("it came at once: %d", status)
	default:
	}
	tap.Drain(t.Context())
	want(t, "answer", <-answer, 418)
}

func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	tap := makeTap(t, receiver.Config{})
	for _, f := range []receiver.Fault{{}, {Status: 99}, {Status: 600}, {Delay: -1}, {Delay: time.Hour}, {Drop: true, Times: -1}} {
		if tap.SetFault(&f) == nil {
			t.Errorf("%+v was taken", f)
		}
	}
	if f, _ := tap.Fault(); f != nil {
		t.Errorf("%+v is set", f)
	}
}

func TestAnAddedTargetGetsWhatNamesItAndNothingElse(t *testing.T) {
	usual, added := runApp(t, nil), runApp(t, nil)
	tap := open(t, receiver.Config{Routes: routes(usual.route(t, ""))})
	target := added.route(t, "").Target
	tap.AddTarget(target)
	tap.AddTarget(target)
	tap.deliver(t, "live")
	settled, err := tap.Deliver(t.Context(), &event.Event{Method: "POST", Path: path, Header: http.Header{"X-Webhook-Secret": {secret}}, Body: []byte("again"), Targets: []string{target.Name()}})
	if err != nil {
		t.Fatal(err)
	}
	<-settled
	tap.history.settled(t, 2)
	want(t, "the usual target got", len(usual.all()), 1)
	want(t, "the added target got", len(added.all()), 1)
	want(t, "body", string(added.all()[0].body), "again")
	stats := tap.Stats()
	want(t, "targets that are shown when nothing is on its way", len(stats.Targets), 1)
	want(t, "deliveries of the sender's", stats.Today, 1)
	for _, s := range stats.Targets {
		if s.Status != 200 || s.Down || s.At.IsZero() {
			t.Errorf("%+v", s)
		}
	}
}
