package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestReplayIsHandedOverLikeADelivery(t *testing.T) {
	app := runApp(t, nil)
	tap := newTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	<-tap.deliverInProcess(t, `{"event":{"scope":"repo","action":"create"}}`)
	e := tap.history.list()[0]
	want(t, "event", fmt.Sprintln(e.N, e.Source, e.ReplayOf, e.Session, e.Verdict, e.Kind), "1 replay 1 s1 ok repo.create\n")
	want(t, "story", story(e), "try 1 200 + settled")
	want(t, "handed over", len(app.requests()), 1)

	settled, err := tap.Deliver(context.Background(), &event.Event{Source: event.SourceReplay, Header: http.Header{"X-Webhook-Secret": {"old"}}})
	if err != nil {
		t.Fatal(err)
	}
	<-settled
	e = tap.history.list()[1]
	want(t, "with an old secret", fmt.Sprint(e.Verdict, " ", story(e), len(e.Targets)), "wrong 0")
	want(t, "handed over", len(app.requests()), 1)
}

func TestEventWaitsForItsTargetForALimitedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scriptedTarget{try: ok, down: true}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		began := time.Now()
		first := tap.deliverInProcess(t, "1")
		<-time.After(25 * time.Second)
		second := tap.deliverInProcess(t, "2")
		<-first
		want(t, "the first waited", time.Since(began), 60*time.Second)
		<-second
		want(t, "the second waited", time.Since(began), 85*time.Second)
		all := tap.history.list()
		for _, e := range all {
			want(t, "story", story(e), "waiting, try 1 (connection refused, waited 60s) + settled")
			want(t, "duration", e.Attempts[0].Duration, 60*time.Second)
		}
		want(t, "reports", strings.Join(tap.states.words(), ", "), "target down")

		// It comes back. No probe runs any more: the next event notices.
		target.setDown(false)
		probes := len(target.probes)
		<-time.After(time.Hour)
		want(t, "probes while nothing waits", len(target.probes), probes)
		<-tap.deliverInProcess(t, "3")
		want(t, "the third", story(tap.history.list()[2]), "try 1 200 + settled")
		want(t, "reports", strings.Join(tap.states.words(), ", "), "target down, target up")
	})
}

func TestWaitingEventsKeepTheirOrderAndShareTheProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tap *tap
		target := &scriptedTarget{down: true, try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
			want(t, "reports before the first is handed over", strings.Join(tap.states.words(), ", "), "target down, target up")
			return event.Attempt{Status: 200}, receiver.OutcomeAnswered
		}}
		tap = newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Concurrency: 1})
		var bodies []string
		var settled []<-chan struct{}
		for i := range 500 {
			body := fmt.Sprint(i)
			bodies = append(bodies, body)
			settled = append(settled, tap.deliverInProcess(t, body))
		}
		<-time.After(10 * time.Second)
		synctest.Wait()
		want(t, "tries", len(target.tries), 0)
		s := tap.Stats()
		want(t, "stats", fmt.Sprint(s.Queued, s.Waiting, s.Unsettled, s.Targets[0].Down, s.Targets[0].Err), "500 500 500 trueconnection refused")
		target.mu.Lock()
		for i := 1; i < len(target.probes); i++ {
			if gap := target.probes[i].Sub(target.probes[i-1]); gap < 20*time.Millisecond || gap > 500*time.Millisecond {
				t.Errorf("probe %d came %s after the one before", i, gap)
			}
		}
		if n := len(target.probes); n < 20 || n > 40 {
			t.Errorf("%d probes in 10 s", n)
		}
		target.mu.Unlock()
		target.setDown(false)
		for _, s := range settled {
			<-s
		}
		if diff := cmp.Diff(bodies, target.bodies); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		for _, e := range tap.history.list() {
			want(t, "story", story(e), "waiting, open, try 1 200 + settled")
		}
		tap.states.mu.Lock()
		defer tap.states.mu.Unlock()
		want(t, "up after", strings.HasPrefix(tap.states.all[1].Detail, "again after 10."), true)
	})
}

func TestTimeToWaitDoesNotStartAgainWhenTheTargetFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// It accepts a probe and refuses every event.
		target := &flappingTarget{}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		began := time.Now()
		<-tap.deliverInProcess(t, "1")
		want(t, "waited", time.Since(began), 60*time.Second)
		e := tap.history.list()[0]
		want(t, "attempts", len(e.Attempts), 1)
		want(t, "error", e.Attempts[0].Err, "connection refused, waited 60s")
	})
}

type flappingTarget struct{}

func (*flappingTarget) Name() string                { return "flappingTarget" }
func (*flappingTarget) Probe(context.Context) error { return nil }
func (*flappingTarget) Try(context.Context, *event.Event) (event.Attempt, receiver.Outcome) {
	return event.Attempt{Err: "connection refused"}, receiver.OutcomeRefused
}

func TestTargetThatGivesNoReasonIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &wordlessTarget{}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		<-tap.deliverInProcess(t, "1")
		want(t, "tries", target.tries.Load(), 1)
		want(t, "error", tap.history.list()[0].Attempts[0].Err, "the target cannot be reached, waited 60s")
	})
}

// wordlessTarget refuses everything, with empty errors.
type wordlessTarget struct{ tries atomic.Int64 }

func (*wordlessTarget) Name() string                { return "wordless" }
func (*wordlessTarget) Probe(context.Context) error { return errors.New("") }
func (w *wordlessTarget) Try(context.Context, *event.Event) (event.Attempt, receiver.Outcome) {
	w.tries.Add(1)
	return event.Attempt{}, receiver.OutcomeRefused
}

func TestRefusalIsAFailedAttemptIfEventsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scriptedTarget{try: ok, down: true}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), WaitTarget: -1})
		<-tap.deliverInProcess(t, "1")
		want(t, "story", story(tap.history.list()[0]), "try 1 (connection refused) + settled")
		target.setDown(false)
		<-tap.deliverInProcess(t, "2")
		want(t, "reports", strings.Join(tap.states.words(), ", "), "target down, target up")
	})
}

func TestConcurrencyOfATarget(t *testing.T) {
	for _, concurrency := range []int{0, 1, 7} {
		synctest.Test(t, func(t *testing.T) {
			target := &scriptedTarget{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
				<-time.After(time.Second)
				return event.Attempt{Status: 200}, receiver.OutcomeAnswered
			}}
			tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Concurrency: concurrency})
			var bodies []string
			for i := range 50 {
				bodies = append(bodies, fmt.Sprint(i))
				tap.deliverInProcess(t, fmt.Sprint(i))
			}
			tap.history.waitSettled(t, 50)
			wanted := map[int]int{0: 4, 1: 1, 7: 7}[concurrency]
			want(t, "at a time", target.most, wanted)
			if concurrency == 1 && !slices.Equal(bodies, target.bodies) {
				t.Errorf("order: %v", target.bodies)
			}
		})
	}
}

func TestSlowTargetDoesNotHoldUpAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &scriptedTarget{name: "slow", tryIn: func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
			<-ctx.Done()
			return event.Attempt{Err: "stopped"}, receiver.OutcomeFailed
		}}
		quick := &scriptedTarget{name: "quick", try: ok}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: slow}, receiver.Route{Target: quick})})
		for i := range 20 {
			tap.deliverInProcess(t, fmt.Sprint(i))
		}
		synctest.Wait()
		want(t, "the quick one's", len(quick.tries), 20)
		for _, e := range tap.history.list() {
			want(t, "phase", e.Phase, event.PhaseOpen)
		}
	})
}

func TestFullQueueLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		target := &scriptedTarget{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
			<-release
			return event.Attempt{Status: 200}, receiver.OutcomeAnswered
		}}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Queue: 10, Concurrency: 1})
		for i := range 5 {
			tap.deliverInProcess(t, fmt.Sprint(i))
			synctest.Wait() // the first has left the queue
		}
		for i := range 10 {
			tap.deliverInProcess(t, fmt.Sprint(i))
		}
		phases := map[event.Phase]int{}
		for _, e := range tap.history.list() {
			phases[e.Phase]++
		}
		want(t, "phases", fmt.Sprint(phases), fmt.Sprint(map[event.Phase]int{event.PhaseOpen: 11, event.PhasePending: 4}))
		want(t, "a pending one", story(tap.history.list()[14]), "pending")
		want(t, "reports", strings.Join(tap.states.words(), ", "), "target full")
		close(release)
		synctest.Wait()
		want(t, "handed over", len(target.tries), 11)
		<-tap.deliverInProcess(t, "again")
	})
}

func TestQueuedBodiesBeyondTheLimitAreReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		target := &scriptedTarget{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
			<-release
			return event.Attempt{Status: 200}, receiver.OutcomeAnswered
		}}
		tap := newTap(t, receiver.Config{
			Routes: routes(receiver.Route{Target: target}), Concurrency: 1, Limits: receiver.Limits{MaxQueued: 1000},
		})
		var bodies []string
		for i := range 10 {
			bodies = append(bodies, strings.Repeat(fmt.Sprint(i), 300))
			tap.deliverInProcess(t, bodies[i])
		}
		close(release)
		tap.history.waitSettled(t, 10)
		if !slices.Equal(bodies, target.bodies) {
			t.Errorf("bodies at the target: %q", target.bodies)
		}
		want(t, "read back", tap.history.read, 7)
		tap.deliverInProcess(t, bodies[0])
		tap.history.waitSettled(t, 11)
		want(t, "read back when there is room again", tap.history.read, 7)
	})
}

func TestOnAnswerGetsEachAnswerAndItsTarget(t *testing.T) {
	target := &scriptedTarget{try: status(401, 500, 204)}
	var got []string
	var mu sync.Mutex
	tap := newTap(t, receiver.Config{Concurrency: 1, Routes: routes(receiver.Route{Target: target}), OnAnswer: func(from receiver.Target, e *event.Event, a event.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprint(from == receiver.Target(target), " ", string(e.Body), " ", a.Target == from.Name(), " ", a.N, " ", a.Status))
	}})
	for range 3 {
		<-tap.deliverInProcess(t, "x")
	}
	tap.Close()
	mu.Lock()
	defer mu.Unlock()
	want(t, "passed on", strings.Join(got, ", "), "true x true 1 401, true x true 1 500, true x true 1 204")
}

func TestErrorOrPanicOfAFunctionIsAFailedAttempt(t *testing.T) {
	tap := newTap(t, receiver.Config{Routes: routes(
		receiver.Route{Target: receiver.FuncTarget("good", func(_ context.Context, e *event.Event) error { e.Body = nil; return nil })},
		receiver.Route{Target: receiver.FuncTarget("bad", func(context.Context, *event.Event) error { return errors.New("no model") })},
		receiver.Route{Target: receiver.FuncTarget("ugly", func(_ context.Context, e *event.Event) error { panic(len(e.Body)) })},
	)})
	<-tap.deliverInProcess(t, "four")
	e := tap.history.list()[0]
	for target, wanted := range map[string]string{"good": "200 ", "bad": "0 no model", "ugly": "0 panic: 4"} {
		a := e.Last(target)
		want(t, target, fmt.Sprint(a.Status, " ", a.Err), wanted)
		want(t, target+" took it", a.OK(), target == "good")
	}
	want(t, "the panic's stack is kept", strings.Contains(string(e.Last("ugly").Body), "target_queue_test.go"), true)
}

func TestLongQueueKeepsItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		target := &scriptedTarget{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
			<-steps
			return event.Attempt{Status: 200}, receiver.OutcomeAnswered
		}}
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Concurrency: 1})
		var bodies []string
		give := func(n int) {
			for range n {
				bodies = append(bodies, fmt.Sprint(len(bodies)))
				tap.deliverInProcess(t, bodies[len(bodies)-1])
			}
		}
		give(300)
		for range 250 {
			steps <- struct{}{}
		}
		give(300)
		close(steps)
		tap.history.waitSettled(t, 600)
		if diff := cmp.Diff(bodies, target.bodies); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestBodyThatCannotBeReadBackIsAFailedAttempt(t *testing.T) {
	target := &scriptedTarget{try: ok}
	lost := &memoryWithoutBodies{newMemory()}
	tap := newTap(t, receiver.Config{
		Routes: routes(receiver.Route{Target: target}), Recorder: lost, Limits: receiver.Limits{MaxQueued: 1},
	})
	<-tap.deliverInProcess(t, "two")
	want(t, "story", story(lost.list()[0]), "try 1 (reading the body back: no such event) + settled")
	want(t, "tries at the target", len(target.tries), 0)
}

// memoryWithoutBodies is a memory that cannot return bodies.
type memoryWithoutBodies struct{ *memory }

func (*memoryWithoutBodies) Body(context.Context, int64) ([]byte, error) {
	return nil, errors.New("no such event")
}

func TestErrorInTheBodyOf2xxIsReportedOnceForEachTarget(t *testing.T) {
	for body, hint := range map[string]bool{`{"error":"incorrect secret"}`: false, ` [{"error":"incorrect secret"},400]`: true} {
		bad := runApp(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		good := runApp(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"error":null}`) })
		tap := startTap(t, receiver.Config{Routes: routes(bad.route(t, ""), good.route(t, ""))})
		for range 3 {
			tap.deliver(t, "{}")
		}
		tap.history.waitSettled(t, 3)
		want(t, "reports", strings.Join(tap.states.words(), ", "), "target error in 2xx")
		said := tap.states.all[0]
		want(t, "of", said.Name, "http://"+bad.addr+"/hook")
		want(t, "what", strings.HasPrefix(said.Detail, "it answered 200, and the body is an error: incorrect secret. "), true)
		want(t, "the hint for FastAPI", strings.Contains(said.Detail, "HTTPException"), hint)
	}
}
