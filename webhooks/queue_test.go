package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/webhooks"
)

const accepted = `{"accepted":true}`

func TestAnswerFirstAnswersThenHandlesInTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled []string
		release := make(chan struct{})
		s := newServer(t, webhooks.Config{}).handle("a", func(ctx context.Context, d *webhooks.Delivery) (any, error) {
			<-release
			handled = append(handled, d.ID+" "+d.Header.Get("X-Custom"))
			return nil, ctx.Err()
		}, webhooks.AnswerFirst(1))
		for i := range 5 {
			status, answer := s.direct("/webhooks/a", "{}", "Webhook-Id", fmt.Sprint(i), "X-Custom", "x")
			want(t, "status", status, 200)
			want(t, "answer", answer, accepted)
		}
		want(t, "handled before the answers", len(handled), 0)
		close(release)
		synctest.Wait()
		want(t, "handled", strings.Join(handled, ", "), "0 x, 1 x, 2 x, 3 x, 4 x")
		want(t, "log", s.log.String(), "")
	})
}

func TestAnswerFirstHandlesAsManyAtATimeAsItHasWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began atomic.Int64
		release := make(chan struct{})
		s := newServer(t, webhooks.Config{}).handle("a", func(context.Context, *webhooks.Delivery) (any, error) {
			began.Add(1)
			<-release
			return nil, nil
		}, webhooks.AnswerFirst(3))
		for range 7 {
			s.direct("/webhooks/a", "{}")
		}
		for _, n := range []int64{3, 4, 5, 6, 7, 7} {
			synctest.Wait()
			want(t, "handlers that began", began.Load(), n)
			release <- struct{}{}
		}
		release <- struct{}{}
	})
}

func TestAFailureAfterTheAnswerIsLoggedAndStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ok int
		s := newServer(t, webhooks.Config{}).handle("a", func(_ context.Context, d *webhooks.Delivery) (any, error) {
			switch d.ID {
			case "panics":
				panic("as it says")
			case "ends its goroutine":
				runtime.Goexit()
			case "fails":
				return nil, errors.New("the detail")
			}
			ok++
			return nil, nil
		}, webhooks.AnswerFirst(1))
		for _, id := range []string{"panics", "ends its goroutine", "fails", "works"} {
			_, answer := s.direct("/webhooks/a", "{}", "Webhook-Id", id)
			want(t, "answer", answer, accepted)
		}
		synctest.Wait()
		want(t, "handled", ok, 1)
		for _, part := range []string{"delivery=panics", "as it says", "delivery=fails", "the detail"} {
			if !strings.Contains(s.log.String(), part) {
				t.Errorf("the log lacks %s: %s", part, s.log)
			}
		}
	})
}

func TestAFullQueueIsA503AndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled, release := 0, make(chan struct{})
		s := newServer(t, webhooks.Config{}).handle("a", func(context.Context, *webhooks.Delivery) (any, error) {
			<-release
			handled++
			return nil, nil
		}, webhooks.AnswerFirst(1), webhooks.DropRepeats())
		sent := 0
		for ; ; sent++ {
			if status, _ := s.direct("/webhooks/a", "{}", "Webhook-Id", fmt.Sprint(sent)); status != 200 {
				want(t, "status", status, 503)
				break
			}
		}
		want(t, "accepted", sent, 1001) // one is being handled
		close(release)
		synctest.Wait()
		want(t, "handled", handled, 1001)
		// The Hub delivers again what was refused: it is not taken for a repeat.
		_, answer := s.direct("/webhooks/a", "{}", "Webhook-Id", fmt.Sprint(sent))
		want(t, "answer", answer, accepted)
		synctest.Wait()
		want(t, "handled", handled, 1002)
	})
}

func TestAQueueHoldsABoundedNumberOfBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newServer(t, webhooks.Config{}).handle("a", func(context.Context, *webhooks.Delivery) (any, error) {
			<-release
			return nil, nil
		}, webhooks.AnswerFirst(1))
		body := `{"a":"` + strings.Repeat("x", 30<<20) + `"}`
		var got []int
		for range 4 {
			status, _ := s.direct("/webhooks/a", body)
			got = append(got, status)
		}
		want(t, "statuses", fmt.Sprint(got), "[200 200 200 503]") // one is being handled
		close(release)
		synctest.Wait()
	})
}

func TestARepeatOfAQueuedDeliveryIsDroppedUnlessItFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, release := 0, make(chan struct{})
		s := newServer(t, webhooks.Config{}).handle("a", func(context.Context, *webhooks.Delivery) (any, error) {
			calls++
			<-release
			if calls == 1 {
				return nil, errors.New("not this time")
			}
			return nil, nil
		}, webhooks.AnswerFirst(1), webhooks.DropRepeats())
		post := func() string {
			_, answer := s.direct("/webhooks/a", "{}", "Webhook-Id", "d-1")
			synctest.Wait()
			return answer
		}
		want(t, "the first", post(), accepted)
		want(t, "a repeat meanwhile", post(), repeat)
		close(release)
		synctest.Wait()
		want(t, "again after it failed", post(), accepted)
		want(t, "again after it was handled", post(), repeat)
		want(t, "calls", calls, 2)
	})
}

func TestShutdownDrainsTheQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled atomic.Int64
		work := func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
			select {
			case <-time.After(time.Second):
				handled.Add(1)
				return nil, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		s := newServer(t, webhooks.Config{}).handle("a", work, webhooks.AnswerFirst(1)).handle("b", work, webhooks.AnswerFirst(1)).handle("c", echo)
		for range 5 {
			s.direct("/webhooks/a", "{}")
			s.direct("/webhooks/b", "{}")
		}
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		for _, path := range []string{"/webhooks/a", "/webhooks/c"} {
			status, answer := s.direct(path, "{}")
			want(t, "a delivery meanwhile", fmt.Sprint(status, answer), `503{"error":"The server is stopping."}`)
		}
		want(t, "error", <-done, nil)
		want(t, "handled", handled.Load(), 10)
	})
}

func TestWhatShutdownHasNoTimeForIsReportedWithItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		s := newServer(t, webhooks.Config{}).handle("listens", func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, webhooks.AnswerFirst(1)).handle("hangs", func(context.Context, *webhooks.Delivery) (any, error) {
			<-hang
			return nil, nil
		}, webhooks.AnswerFirst(1)).handle("works", echo, webhooks.AnswerFirst(1))
		for _, path := range []string{"listens", "hangs", "works"} {
			for i := range 2 {
				s.direct("/webhooks/"+path, "{}", "Webhook-Id", fmt.Sprint(path, i))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		err := s.Shutdown(ctx)
		if err == nil || !strings.Contains(err.Error(), "not handled: 4") {
			t.Errorf("got %v", err)
		}
		want(t, "time", time.Since(began), time.Minute+time.Second)
		for id, line := range map[string]string{"listens0": "handler failed", "listens1": "delivery lost", "hangs0": "delivery lost", "hangs1": "delivery lost", "works0": "", "works1": ""} {
			found := ""
			for l := range strings.Lines(s.log.String()) {
				if strings.Contains(l, "delivery="+id+" ") {
					found += l
				}
			}
			if line == "" && found != "" || line != "" && (strings.Count(found, "\n") != 1 || !strings.Contains(found, line)) {
				t.Errorf("the log says of %s: %q, want %q", id, found, line)
			}
		}
		close(hang)
	})
}
