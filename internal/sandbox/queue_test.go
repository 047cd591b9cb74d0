package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// TestEventsOfOneWebhookComeInOrderUnlessUnordered lets nothing be answered until
// all has happened, so that there is a queue to take from in some order.
func TestEventsOfOneWebhookComeInOrderUnlessUnordered(t *testing.T) {
	const events = 200
	for _, unordered := range []bool{false, true} {
		happened := make(chan struct{})
		p := open(t, sandbox.Config{Unordered: unordered, Timeout: time.Minute})
		a := startApp(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
			select {
			case <-happened:
			case <-r.Context().Done():
			}
		})
		p.listen(a.URL, model)
		p.must(p.CreateBranch(model, "side"))
		for i := range events {
			p.must(p.UpdateRepo(model, fmt.Sprint(i)))
		}
		close(happened)
		p.idle()
		inOrder := true
		for i, got := range a.arrivals()[1:] {
			inOrder = inOrder && slices.Equal(got.payload.Repo.Tags, []string{fmt.Sprint(i)})
		}
		if n := len(a.arrivals()); n != events+1 || inOrder == unordered {
			t.Errorf("unordered %v: %d arrivals, in order: %v", unordered, n, inOrder)
		}
	}
}

func TestAThousandEventsAtOnceAllArriveOnce(t *testing.T) {
	p, a := open(t, sandbox.Config{Unordered: true}), startApp(t, nil)
	p.listen(a.URL, model)
	_, text := p.call("POST", "/sandbox/events", p.token, `{"kind":"repo.content.update","repo":"model:me/m","count":1000}`)
	p.idle()
	ids := map[string]bool{}
	for _, got := range a.arrivals() {
		ids[got.header.Get("Webhook-Id")] = true
	}
	var answer sandbox.Happening
	p.must(json.Unmarshal([]byte(text), &answer))
	if len(ids) != 1000 || len(a.arrivals()) != 1000 || len(answer.Deliveries) != 1000 || answer.Webhooks != 1 {
		t.Errorf("%d arrivals of %d ids; the answer tells %d to %d webhooks", len(a.arrivals()), len(ids), len(answer.Deliveries), answer.Webhooks)
	}
	for _, sent := range answer.Deliveries {
		if !ids[sent.ID] {
			t.Fatalf("%s did not arrive", sent.ID)
		}
	}
}

func TestAWebhookThatRunsAJobIsTriggeredAndNothingIsPosted(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.call("POST", hooks, p.token, `{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"job":{"flavor":"cpu-basic"}}`)
	p.must(p.UpdateRepo(model))
	p.idle()
	if d := p.Deliveries()[0]; d.State != sandbox.DeliveryJob || p.Webhooks("me")[0].LastTrigger.IsZero() {
		t.Errorf("the delivery is %+v", d)
	}
}

func TestOfDeliveriesThatAreOverTheNewestAreKept(t *testing.T) {
	p := open(t, sandbox.Config{MaxTriggers: -1, Retries: []time.Duration{time.Hour}})
	p.listen(startApp(t, status(500)).URL, dataset)
	p.must(p.UpdateRepo(dataset))
	waiting := p.Deliveries()[0].ID
	p.call("POST", hooks, p.token, `{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"job":{"flavor":"cpu-basic"}}`)
	for range 10_001 {
		p.must(p.UpdateRepo(model))
	}
	before := p.Deliveries()
	p.must(p.UpdateRepo(model))
	after := p.Deliveries()
	if len(before) != 10_000 || len(after) != 10_000 || before[0].ID != waiting || after[0].ID != waiting || after[1].ID != before[2].ID {
		t.Errorf("%d and then %d deliveries are kept; the one that waits is first: %v", len(before), len(after), after[0].ID == waiting)
	}
}

func TestOnlySoManyAttemptsAreUnderWayAtOnce(t *testing.T) {
	const bound, events = 32, 100
	var mu sync.Mutex
	now, most := 0, 0
	arrived, leave := make(chan struct{}, events), make(chan struct{})
	a := startApp(t, func(int, http.ResponseWriter, *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		arrived <- struct{}{}
		<-leave
		mu.Lock()
		now--
		mu.Unlock()
	})
	p := open(t, sandbox.Config{Unordered: true, Timeout: time.Minute})
	for range 10 {
		p.listen(a.URL, model)
	}
	for range events / 10 {
		p.must(p.UpdateRepo(model))
	}
	for range bound {
		<-arrived
	}
	for range 20 { // time enough for one too many to arrive
		p.call("GET", hooks, p.token, "")
	}
	for range events - bound { // one goes, one comes
		leave <- struct{}{}
		<-arrived
	}
	close(leave)
	p.idle()
	if most != bound {
		t.Errorf("%d attempts at once, want %d", most, bound)
	}
}

func TestCloseEndsAttemptsAndRetriesAndIdle(t *testing.T) {
	p := open(t, sandbox.Config{Retries: []time.Duration{time.Hour}})
	reached := make(chan struct{})
	hanging := startApp(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		close(reached)
		<-r.Context().Done()
	})
	failing := startApp(t, status(500))
	p.listen(failing.URL, dataset)
	p.listen(hanging.URL, model)
	p.must(p.UpdateRepo(dataset))
	p.must(p.UpdateRepo(model))
	<-reached
	waiting := make(chan error, 1)
	go func() { waiting <- p.Idle(context.Background()) }()
	p.Close()
	if err := <-waiting; err == nil {
		t.Error("Idle says that nothing is left to do")
	}
	if err := p.UpdateRepo(model); err == nil {
		t.Error("things still happen in a closed sandbox")
	}
	p.Close()
}

func TestIdleEndsWithItsContext(t *testing.T) {
	p := open(t, sandbox.Config{Retries: []time.Duration{time.Hour}})
	a := startApp(t, status(500))
	p.listen(a.URL, model)
	p.must(p.UpdateRepo(model))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Idle(ctx); err == nil {
		t.Error("Idle does not wait for the retry")
	}
}

func TestTheLogHasALineForEachCallAndAttempt(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	p := open(t, sandbox.Config{Retries: quick(1), Log: func(e sandbox.Entry) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, strings.TrimSpace(fmt.Sprint(e.Type, " ", e.Method, e.Path, e.Kind, " ", e.Status, " ", e.Attempt)))
	}})
	a := startApp(t, func(n int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader([]int{503, 200}[n-1]) })
	p.listen(a.URL, model)
	p.must(p.UpdateRepo(model))
	p.idle()
	want := []string{"call POST/api/settings/webhooks 200 0", "attempt repo.update 503 1", "attempt repo.update 200 2"}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(lines, want) {
		t.Errorf("the log is %q, want %q", lines, want)
	}
}
