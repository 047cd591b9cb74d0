package receiver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// answering runs an app that answers with this status and a body that names it.
func answering(t *testing.T, status int) *app {
	return runApp(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", fmt.Sprintf("text/x-%d", status))
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("X-Other", "not passed on")
		w.WriteHeader(status)
		fmt.Fprintf(w, "body %d", status)
	})
}

func TestRelayPassesOnTheFirstAnswerThatIsNot2xx(t *testing.T) {
	for _, c := range []struct {
		targets []int
		wanted  string // status, content type, location, body
	}{
		{[]int{201, 200}, "201 text/x-201  body 201"},
		{[]int{200, 422, 500}, "422 text/x-422  body 422"},
		{[]int{500, 422}, "500 text/x-500  body 500"},
		{[]int{200, 307}, "307 text/x-307 /elsewhere body 307"},
		{[]int{204}, "204 text/x-204  "},
	} {
		var to []receiver.Route
		for _, status := range c.targets {
			to = append(to, answering(t, status).route(t, ""))
		}
		tap := startTap(t, receiver.Config{Respond: receiver.Relay, Routes: to})
		req, _ := http.NewRequest("POST", tap.url, strings.NewReader("{}"))
		req.Header.Set("X-Webhook-Secret", secret)
		resp, err := client().Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		want(t, fmt.Sprint(c.targets), fmt.Sprintf("%d %s %s %s", resp.StatusCode,
			resp.Header.Get("Content-Type"), resp.Header.Get("Location"), body), c.wanted)
		want(t, "another header", resp.Header.Get("X-Other"), "")
		e := tap.history.waitSettled(t, 1)[0]
		want(t, "recorded answer", e.Answer.Status, resp.StatusCode)
		want(t, "attempts", len(e.Attempts), len(c.targets))
		want(t, "updates: one for each target, the last with everything", len(e.updates), len(c.targets))
	}
}

func TestRelayWithoutATargetAnswers200(t *testing.T) {
	tap := startTap(t, receiver.Config{Respond: receiver.Relay})
	want(t, "status", tap.deliver(t, "{}").StatusCode, 200)
	want(t, "story", story(tap.history.waitSettled(t, 1)[0]), "answer 200")
}

func TestRelayToATargetThatIsDownAnswers502(t *testing.T) {
	app := newApp(t, nil)
	tap := startTap(t, receiver.Config{Respond: receiver.Relay, Routes: routes(app.route(t, "")), WaitTarget: -1})
	want(t, "status", tap.deliver(t, "{}").StatusCode, 502)
	want(t, "story", story(tap.history.waitSettled(t, 1)[0]), "answer 502 + try 1 (connection refused) + settled")
	app.start(t)
	want(t, "status", tap.deliver(t, "{}").StatusCode, 200)
	want(t, "reports", strings.Join(tap.states.words(), ", "), "target down, target up")
}

func TestRelayWaitsForATargetThatStarts(t *testing.T) {
	app := newApp(t, nil)
	tap := startTap(t, receiver.Config{Respond: receiver.Relay, Routes: routes(app.route(t, ""))})
	answer := make(chan int, 1)
	go func() { answer <- tap.deliver(t, "{}").StatusCode }()
	tap.history.waitUntil(t, "the event waits", func(all []record) bool { return len(all) == 1 && all[0].Phase == event.PhaseWaiting })
	app.start(t)
	want(t, "status", <-answer, 200)
	want(t, "attempts", fmt.Sprint(len(tap.history.waitSettled(t, 1)[0].Attempts)), "1")
}

func TestRelayWaitsForATargetAsLongAsItsSender(t *testing.T) {
	for _, c := range []struct {
		wait, answer, after time.Duration
		says                string
	}{
		{10 * time.Second, 0, 10 * time.Second, "connection refused, waited 10s"},
		{0, 0, 30 * time.Second, "connection refused, waited 30s"},
		{0, 5 * time.Second, 5 * time.Second, "connection refused, waited 5s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			good, gone := &scriptedTarget{name: "good", try: ok}, &scriptedTarget{name: "gone", down: true}
			tap := newTap(t, receiver.Config{
				Respond: receiver.Relay, RelayTimeout: c.answer, WaitTarget: c.wait,
				Routes: routes(receiver.Route{Target: good}, receiver.Route{Target: gone}),
			})
			began := time.Now()
			want(t, "answer", <-tap.deliverAsync("1"), 502)
			want(t, "after", time.Since(began), c.after)
			tap.history.waitSettled(t, 1)
			e := tap.history.list()[0]
			want(t, "attempt", e.Last("gone").Err, c.says)
			want(t, "settled after", time.Since(began), c.after)
			want(t, "phase", e.Phase, event.PhaseSettled)
			want(t, "recorded answer", e.Answer.Status, 502)
			gone.setDown(false)
			gone.try = ok
			want(t, "the next", <-tap.deliverAsync("2"), 200)
		})
	}
}

func TestRelayPassesOnAMegabyteOfAnAnswer(t *testing.T) {
	app := runApp(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 40 {
			w.Write(make([]byte, 64<<10))
		}
	})
	tap := startTap(t, receiver.Config{Respond: receiver.Relay, Routes: routes(app.route(t, ""))})
	resp := tap.deliver(t, "{}")
	want(t, "status", resp.StatusCode, 200)
	want(t, "bytes", len(bodyOf(resp)), event.MaxTargetBody)
}

func TestRelayEndsAfterItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := &scriptedTarget{name: "good", try: ok}
		hanging := &scriptedTarget{name: "hanging", tryIn: func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
			<-ctx.Done()
			<-time.After(time.Second) // until the time of the one behind it is over too
			return event.Attempt{Err: context.Cause(ctx).Error()}, receiver.OutcomeFailed
		}}
		tap := newTap(t, receiver.Config{
			Respond: receiver.Relay, Routes: routes(receiver.Route{Target: good}, receiver.Route{Target: hanging}), Concurrency: 1,
		})
		began := time.Now()
		first, second := tap.deliverAsync("1"), tap.deliverAsync("2")
		want(t, "the first sender is answered", <-first, 504)
		want(t, "after", time.Since(began), 30*time.Second)
		tap.history.waitUntil(t, "the first is settled", func(all []record) bool { return all[0].Phase == event.PhaseSettled })
		want(t, "took", time.Since(began), 31*time.Second)
		want(t, "the second sender is answered", <-second, 504)
		tap.history.waitUntil(t, "the second is pending", func(all []record) bool { return all[1].Phase == event.PhasePending })
		all := tap.history.list()
		want(t, "answer", fmt.Sprint(all[0].Answer), fmt.Sprint(event.Answer{Status: 504, Duration: 30 * time.Second}))
		want(t, "attempt", all[0].Last("hanging").Err, "no answer within 30s")
		want(t, "phase", all[0].Phase, event.PhaseSettled)
		want(t, "answer to the one behind it", all[1].Answer.Status, 504)
		want(t, "which was never handed over", all[1].Phase, event.PhasePending)
	})
}

func TestRelayAnswersInTimeEvenIfTheTargetIgnoresItsContext(t *testing.T) {
	release := make(chan struct{})
	tap := startTap(t, receiver.Config{
		Respond: receiver.Relay, RelayTimeout: 50 * time.Millisecond,
		Routes: routes(receiver.Route{Target: receiver.FuncTarget("deaf", func(context.Context, *event.Event) error { <-release; return nil })}),
	})
	want(t, "status", tap.deliver(t, "{}").StatusCode, 504)
	close(release)
	e := tap.history.waitSettled(t, 1)[0]
	want(t, "story", story(e), "answer 504, try 1 200 + settled")
}

func TestRelayRetriesWithinItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scriptedTarget{try: status(500, 503, 200)}
		tap := newTap(t, receiver.Config{Respond: receiver.Relay, Retries: 5, Routes: routes(receiver.Route{Target: target})})
		want(t, "answer", <-tap.deliverAsync("1"), 200)
		want(t, "story", story(tap.history.list()[0]), "try 1 500, try 2 503, answer 200 + try 3 200 + settled")
	})
}

func TestRelayToAFullQueueAnswers503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		target := &scriptedTarget{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
			<-release
			return event.Attempt{Status: 200}, receiver.OutcomeAnswered
		}}
		tap := newTap(t, receiver.Config{Respond: receiver.Relay, Queue: 1, Concurrency: 1, Routes: routes(receiver.Route{Target: target})})
		first := tap.deliverAsync("1")
		synctest.Wait()
		second := tap.deliverAsync("2")
		synctest.Wait()
		want(t, "answer", <-tap.deliverAsync("3"), 503)
		want(t, "story", story(tap.history.list()[2]), "answer 503 + pending")
		close(release)
		<-first
		<-second
	})
}

func TestRelayDoesNotRetryADroppedConnection(t *testing.T) {
	tap := startTap(t, receiver.Config{
		Respond: receiver.Relay, Routes: routes(route(t, rawApp(t, func(net.Conn, *bufio.Reader) {}))),
	})
	want(t, "status", tap.deliver(t, "{}").StatusCode, 502)
	want(t, "story", story(tap.history.waitSettled(t, 1)[0]), "answer 502 + try 1 (connection closed before an answer) + settled")
}

func TestRelayAnswers504AfterTheTimeoutOfATry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging := &scriptedTarget{tryIn: func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
			<-ctx.Done()
			return event.Attempt{}, receiver.OutcomeFailed
		}}
		tap := newTap(t, receiver.Config{Respond: receiver.Relay, Timeout: time.Second, Routes: routes(receiver.Route{Target: hanging})})
		want(t, "answer", <-tap.deliverAsync("1"), 504)
		want(t, "story", story(tap.history.list()[0]), "answer 504 + try 1 (no answer within 1s) + settled")
	})
}

func TestFaultThatDropsTheConnectionEndsARelay(t *testing.T) {
	release := make(chan struct{})
	tap := startTap(t, receiver.Config{
		Respond: receiver.Relay, RelayTimeout: 50 * time.Millisecond,
		Routes: routes(receiver.Route{Target: receiver.FuncTarget("deaf", func(context.Context, *event.Event) error { <-release; return nil })}),
	})
	if err := tap.SetFault(&receiver.Fault{Drop: true}); err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest(http.MethodPost, tap.url, strings.NewReader("{}"))
	req.Header.Set("X-Webhook-Secret", secret)
	if _, err := client().Do(req); err == nil {
		t.Error("the connection was not closed")
	}
	close(release)
	e := tap.history.waitSettled(t, 1)[0]
	want(t, "answer", e.Answer.Status, 0)
}
