package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/hf-tap/hf-tap/webhooks"
)

const repeat = `{"ignored":"this delivery is a repeat"}`

func TestARepeatedDeliveryIsHandledOnce(t *testing.T) {
	calls := map[string]int{}
	count := func(_ context.Context, d *webhooks.Delivery) (any, error) {
		calls[d.ID]++
		if d.ID == "fails once" && calls[d.ID] == 1 {
			return nil, errors.New("not this time")
		}
		if d.ID == "panics once" && calls[d.ID] == 1 {
			panic("not this time")
		}
		return "handled", nil
	}
	s := newServer(t, webhooks.Config{}).handle("once", count, webhooks.DropRepeats()).handle("other", count, webhooks.DropRepeats()).handle("always", count)
	for _, c := range []struct {
		path, id string
		status   int
		answer   string
	}{
		{"once", "d-1", 200, `"handled"`},
		{"once", "d-1", 200, repeat},
		{"other", "d-1", 200, `"handled"`}, // another endpoint's own
		{"always", "d-1", 200, `"handled"`},
		{"always", "d-1", 200, `"handled"`},
		{"once", "", 200, `"handled"`},
		{"once", "", 200, `"handled"`}, // nothing says that it is the same
		{"once", "fails once", 500, `{"error":"Internal server error."}`},
		{"once", "fails once", 200, `"handled"`},
		{"once", "fails once", 200, repeat},
		{"once", "panics once", 500, `{"error":"Internal server error."}`},
		{"once", "panics once", 200, `"handled"`},
	} {
		status, answer := s.direct("/webhooks/"+c.path, "{}", "Webhook-Id", c.id)
		if status != c.status || answer != c.answer {
			t.Errorf("%s %q: %d %s, want %d %s", c.path, c.id, status, answer, c.status, c.answer)
		}
	}
}

func TestWhatDoesNotMatchIsNotRemembered(t *testing.T) {
	s := newServer(t, webhooks.Config{}).handle("a", echo, webhooks.Match("repo.*"), webhooks.DropRepeats())
	s.direct("/webhooks/a", kindBody("discussion", "create", "model:me/m"), "Webhook-Id", "d-1")
	_, answer := s.direct("/webhooks/a", kindBody("repo", "create", "model:me/m"), "Webhook-Id", "d-1")
	want(t, "answer", answer, `"repo.create"`)
}

func TestTheSameDeliveryTwiceAtOnceIsHandledOnce(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second string
		failure       error
		calls         int
	}{
		{"the first succeeds", `200 "handled"`, "200 " + repeat, nil, 1},
		{"the first fails", `500 {"error":"Internal server error."}`, `200 "handled"`, errors.New("no"), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, release := 0, make(chan struct{})
				s := newServer(t, webhooks.Config{}).handle("a", func(context.Context, *webhooks.Delivery) (any, error) {
					if calls++; calls == 1 {
						<-release
						return "handled", c.failure
					}
					return "handled", nil
				}, webhooks.DropRepeats())
				post := func() <-chan string {
					answered := make(chan string, 1)
					go func() {
						status, answer := s.direct("/webhooks/a", "{}", "Webhook-Id", "d-1")
						answered <- fmt.Sprint(status, " ", answer)
					}()
					synctest.Wait()
					return answered
				}
				first, second := post(), post()
				if len(second) > 0 || calls != 1 {
					t.Fatalf("the repeat did not wait for the first: %d calls, %s", calls, <-second)
				}
				close(release)
				want(t, "the first", <-first, c.first)
				want(t, "the repeat", <-second, c.second)
				want(t, "calls", calls, c.calls)
			})
		})
	}
}

func TestARepeatWhoseSenderHangsUpStopsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newServer(t, webhooks.Config{}).handle("a", func(context.Context, *webhooks.Delivery) (any, error) {
			<-release
			return nil, nil
		}, webhooks.DropRepeats())
		go s.direct("/webhooks/a", "{}", "Webhook-Id", "d-1")
		synctest.Wait()
		ctx, hangUp := context.WithCancel(t.Context())
		done := make(chan int, 1)
		go func() {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, s.request("/webhooks/a", "{}", "Webhook-Id", "d-1").WithContext(ctx))
			done <- w.Code
		}()
		synctest.Wait()
		hangUp()
		want(t, "status", <-done, 503) // not a 2xx that could still arrive
		close(release)
	})
}

func TestOnlyTheLatestIDsAreRemembered(t *testing.T) {
	s := newServer(t, webhooks.Config{}).handle("a", echo, webhooks.DropRepeats())
	id := func(i int) string { return fmt.Sprint("d-", i) }
	for i := range 10_001 {
		s.direct("/webhooks/a", "{}", "Webhook-Id", id(i))
	}
	for _, c := range []struct {
		i      int
		answer string
	}{{10_000, repeat}, {1, repeat}, {0, `""`}} { // the last one takes the place of 1
		if _, got := s.direct("/webhooks/a", "{}", "Webhook-Id", id(c.i)); got != c.answer {
			t.Errorf("%s: got %s, want %s", id(c.i), got, c.answer)
		}
	}
}
