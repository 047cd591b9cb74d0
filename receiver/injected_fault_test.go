package receiver_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestFaultChangesOnlyTheAnswer(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
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
		t.Error("the fault is still set after its last delivery")
	}
	for i, e := range tap.history.waitSettled(t, 4) {
		want(t, "recorded answer", e.Answer.Status, []int{503, 200, 503, 200}[i])
	}
	want(t, "handed over", len(app.requests()), 4)
}

func TestFaultThatDropsTheConnectionKeepsTheEvent(t *testing.T) {
	for _, respond := range []receiver.Respond{receiver.Ack, receiver.Relay} {
		app := runApp(t, nil)
		tap := startTap(t, receiver.Config{Routes: routes(app.route(t, "")), Respond: respond})
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
		want(t, "recorded answer", tap.history.waitSettled(t, 1)[0].Answer.Status, 0)
		want(t, "handed over", len(app.requests()), 1)
		if err := tap.SetFault(nil); err != nil {
			t.Fatal(err)
		}
		want(t, "answer afterwards", tap.deliver(t, "y").StatusCode, 200)
	}
}

func TestFaultDelaysTheAnswerUntilAStop(t *testing.T) {
	for _, respond := range []receiver.Respond{receiver.Ack, receiver.Relay} {
		for fault, status := range map[receiver.Fault]int{
			{Delay: time.Minute}:              200,
			{Delay: time.Minute, Status: 418}: 418,
		} {
			synctest.Test(t, func(t *testing.T) {
				target := &scriptedTarget{try: ok}
				tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Respond: respond})
				if err := tap.SetFault(&fault); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				want(t, "answer", <-tap.deliverAsync("x"), status)
				want(t, "after", time.Since(began), time.Minute)
				got := tap.history.waitSettled(t, 1)[0]
				want(t, "recorded answer", got.Answer.Status, status)
				want(t, "recorded duration, to the millisecond", got.Answer.Duration.Round(time.Millisecond), time.Minute)

				answer := tap.deliverAsync("y")
				synctest.Wait()
				select {
				case status := <-answer:
					t.Errorf("the second came at once: %d", status)
				default:
				}
				tap.Close()
				want(t, "answer after a stop", <-answer, status)
			})
		}
	}
}

func TestInvalidFaultIsAnError(t *testing.T) {
	tap := newTap(t, receiver.Config{})
	for _, f := range []receiver.Fault{{}, {Status: 99}, {Status: 600}, {Delay: -1}, {Delay: time.Hour}, {Drop: true, Times: -1}} {
		if tap.SetFault(&f) == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
	if f, _ := tap.Fault(); f != nil {
		t.Errorf("%+v is set", f)
	}
}
