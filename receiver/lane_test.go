package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// scripted is a target that does what a test says, for what sockets cannot show
// on a bubble's clock.
type scripted struct {
	name  string
	try   func(n int, e *event.Event) (event.Attempt, receiver.Outcome) // n counts from 1
	tryIn func(ctx context.Context, e *event.Event) (event.Attempt, receiver.Outcome)

	mu      sync.Mutex
	down    bool
	tries   []time.Time
	probes  []time.Time
	bodies  []string
	running int
	most    int
}

func (s *scripted) Name() string {
	if s.name == "" {
		return "app"
	}
	return s.name
}

func (s *scripted) Try(ctx context.Context, e *event.Event) (event.Attempt, receiver.Outcome) {
	s.mu.Lock()
	if s.down {
		s.mu.Unlock()
		return event.Attempt{StartedAt: time.Now(), Err: "connection refused"}, receiver.Refused
	}
	s.tries = append(s.tries, time.Now())
	s.bodies = append(s.bodies, string(e.Body))
	s.running++
	s.most = max(s.most, s.running)
	n := len(s.tries)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	}()
	if s.tryIn != nil {
		return s.tryIn(ctx, e)
	}
	return s.try(n, e)
}

func (s *scripted) Probe(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probes = append(s.probes, time.Now())
	if s.down {
		return errors.New("connection refused")
	}
	return nil
}

func (s *scripted) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func ok(int, *event.Event) (event.Attempt, receiver.Outcome) {
	return event.Attempt{Status: 200}, receiver.Answered
}

// status makes a target answer with one status after the other.
func status(statuses ...int) func(int, *event.Event) (event.Attempt, receiver.Outcome) {
	return func(n int, _ *event.Event) (event.Attempt, receiver.Outcome) {
		return event.Attempt{Status: statuses[min(n, len(statuses))-1]}, receiver.Answered
	}
}

// give delivers a body in the process, with the right secret.
func (tap *tap) give(t *testing.T, body string) <-chan struct{} {
	t.Helper()
	settled, err := tap.Deliver(context.Background(), &event.Event{
		Source: event.SourceReplay, ReplayOf: 1, Method: "POST", Path: path,
		Header: http.Header{"X-Webhook-Secret": {secret}}, Body: []byte(body),
	})
	if err != nil {
		t.Fatal(err)
	}
	return settled
}

// story tells an event's updates in a line.
func story(r record) string {
	var words []string
	for _, u := range r.updates {
		var w []string
		if u.Answer.Status != 0 {
			w = append(w, fmt.Sprint("answer ", u.Answer.Status))
		}
		if a := u.Attempt; a != nil {
			s := fmt.Sprintf("try %d", a.N)
			if a.Status != 0 {
				s += fmt.Sprint(" ", a.Status)
			}
			if a.Err != "" {
				s += " (" + a.Err + ")"
			}
			w = append(w, s)
		}
		if u.Phase != "" {
			w = append(w, string(u.Phase))
		}
		words = append(words, strings.Join(w, " + "))
	}
	return strings.Join(words, ", ")
}

func TestAReplayTakesTheSameRoad(t *testing.T) {
	app := runApp(t, nil)
	tap := makeTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	<-tap.give(t, `{"event":{"scope":"repo","action":"create"}}`)
	e := tap.history.all()[0]
	want(t, "event", fmt.Sprintln(e.N, e.Source, e.ReplayOf, e.Session, e.Verdict, e.Kind), "1 replay 1 s1 ok repo.create\n")
	want(t, "story", story(e), "answer 200, try 1 200 + settled")
	want(t, "handed over", len(app.all()), 1)

	settled, err := tap.Deliver(context.Background(), &event.Event{Source: event.SourceReplay, Header: http.Header{"X-Webhook-Secret": {"old"}}})
	if err != nil {
		t.Fatal(err)
	}
	<-settled
	e = tap.history.all()[1]
	want(t, "with an old secret", fmt.Sprint(e.Verdict, " ", story(e), len(e.Targets)), "wrong answer 403 + settled0")
	want(t, "handed over", len(app.all()), 1)
}

func TestAnEventWaitsForItsTargetUntilItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scripted{try: ok, down: true}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		began := time.Now()
		first := tap.give(t, "1")
		<-time.After(25 * time.Second)
		second := tap.give(t, "2")
		<-first
		want(t, "the first waited", time.Since(began), 60*time.Second)
		<-second
		want(t, "the second waited", time.Since(began), 85*time.Second)
		all := tap.history.all()
		for _, e := range all {
			want(t, "story", story(e), "answer 200, waiting, try 1 (connection refused, waited 60s) + settled")
			want(t, "duration", e.Attempts[0].Duration, 60*time.Second)
		}
		want(t, "reports", strings.Join(tap.states.words(), ", "), "target down")

		// It comes back: nobody looks any more, so the next event finds out.
		target.setDown(false)
		probes := len(target.probes)
		<-time.After(time.Hour)
		want(t, "probes while nothing waits", len(target.probes), probes)
		<-tap.give(t, "3")
		want(t, "the third", story(tap.history.all()[2]), "answer 200, try 1 200 + settled")
		want(t, "reports", strings.Join(tap.states.words(), ", "), "target down, target up")
	})
}

func TestWhatWaitedGoesOnInOrderAndOneProberLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scripted{try: ok, down: true}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Concurrency: 1})
		var bodies []string
		var settled []<-chan struct{}
		for i := range 500 {
			body := fmt.Sprint(i)
			bodies = append(bodies, body)
			settled = append(settled, tap.give(t, body))
		}
		<-time.After(10 * time.Second)
		synctest.Wait()
		want(t, "tries", len(target.tries), 0)
		s := tap.Stats()
		want(t, "stats", fmt.Sprint(s.Queued, s.Waiting, s.Unsettled, s.Targets[0].Down, s.Targets[0].Why), "500 500 500 trueconnection refused")
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
		for _, e := range tap.history.all() {
			want(t, "story", story(e), "answer 200, waiting, open, try 1 200 + settled")
		}
		tap.states.mu.Lock()
		defer tap.states.mu.Unlock()
		want(t, "up after", strings.HasPrefix(tap.states.all[1].Detail, "was down for 10."), true)
	})
}

func TestTheTimeToWaitIsNotStartedAgainWhenTheTargetFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// It accepts a probe and refuses every event.
		target := &flapping{}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		began := time.Now()
		<-tap.give(t, "1")
		want(t, "waited", time.Since(began), 60*time.Second)
		e := tap.history.all()[0]
		want(t, "attempts", len(e.Attempts), 1)
		want(t, "error", e.Attempts[0].Err, "connection refused, waited 60s")
	})
}

type flapping struct{}

func (*flapping) Name() string                { return "flapping" }
func (*flapping) Probe(context.Context) error { return nil }
func (*flapping) Try(context.Context, *event.Event) (event.Attempt, receiver.Outcome) {
	return event.Attempt{Err: "connection refused"}, receiver.Refused
}

func TestWithoutPatienceARefusalIsAFailedAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scripted{try: ok, down: true}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), WaitTarget: -1})
		<-tap.give(t, "1")
		want(t, "story", story(tap.history.all()[0]), "answer 200, try 1 (connection refused) + settled")
		target.setDown(false)
		<-tap.give(t, "2")
		want(t, "reports", strings.Join(tap.states.words(), ", "), "target down, target up")
	})
}

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
		{1, 0, "answer 200, try 1 (reset), try 2 200 + settled", 100 * time.Millisecond},
		{2, 0, "answer 200, try 1 (reset), try 2 (reset), try 3 200 + settled", 2100 * time.Millisecond},
		{9, 0, "answer 200, try 1 (reset), try 2 (reset), try 3 (reset) + settled", 2100 * time.Millisecond},
		{9, 3, "answer 200, try 1 (reset), try 2 (reset), try 3 (reset), try 4 (reset) + settled", 6100 * time.Millisecond},
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
		{"5xx", "answer 200, try 1 500, try 2 503, try 3 200 + settled", status(500, 503, 200), 3 * time.Second},
		{"to the end", "answer 200, try 1 500, try 2 500, try 3 500, try 4 500 + settled", status(500), 7 * time.Second},
		{"429 and its like", "answer 200, try 1 429, try 2 408, try 3 425, try 4 204 + settled", status(429, 408, 425, 204), 7 * time.Second},
		{"404", "answer 200, try 1 404 + settled", status(404), 0},
		{"302", "answer 200, try 1 302 + settled", status(302), 0},
		{"2xx", "answer 200, try 1 201 + settled", status(201), 0},
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
		0:                "answer 200, try 1 200 + settled",
		90 * time.Second: "answer 200, try 1 (no answer within 90s), try 2 (no answer within 90s) + settled",
	} {
		synctest.Test(t, func(t *testing.T) {
			target := &scripted{tryIn: hang}
			tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Timeout: timeout, Retries: 1})
			<-tap.give(t, "1")
			want(t, "story", story(tap.history.all()[0]), wanted)
		})
	}
}

func TestATargetIsGivenAFewAtATime(t *testing.T) {
	for _, concurrency := range []int{0, 1, 7} {
		synctest.Test(t, func(t *testing.T) {
			target := &scripted{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
				<-time.After(time.Second)
				return event.Attempt{Status: 200}, receiver.Answered
			}}
			tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Concurrency: concurrency})
			var bodies []string
			for i := range 50 {
				bodies = append(bodies, fmt.Sprint(i))
				tap.give(t, fmt.Sprint(i))
			}
			tap.history.settled(t, 50)
			wanted := map[int]int{0: 4, 1: 1, 7: 7}[concurrency]
			want(t, "at a time", target.most, wanted)
			if concurrency == 1 && !slices.Equal(bodies, target.bodies) {
				t.Errorf("order: %v", target.bodies)
			}
		})
	}
}

func TestOneSlowTargetDoesNotHoldUpAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &scripted{name: "slow", tryIn: func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
			<-ctx.Done()
			return event.Attempt{Err: "stopped"}, receiver.Failed
		}}
		quick := &scripted{name: "quick", try: ok}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: slow}, receiver.Route{Target: quick})})
		for i := range 20 {
			tap.give(t, fmt.Sprint(i))
		}
		synctest.Wait()
		want(t, "the quick one's", len(quick.tries), 20)
		for _, e := range tap.history.all() {
			want(t, "phase", e.Phase, event.PhaseOpen)
		}
	})
}

func TestAFullQueueLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		target := &scripted{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
			<-release
			return event.Attempt{Status: 200}, receiver.Answered
		}}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Queue: 10, Concurrency: 1})
		for i := range 5 {
			tap.give(t, fmt.Sprint(i))
			synctest.Wait() // the first has left the queue
		}
		for i := range 10 {
			tap.give(t, fmt.Sprint(i))
		}
		phases := map[event.Phase]int{}
		for _, e := range tap.history.all() {
			phases[e.Phase]++
		}
		want(t, "phases", fmt.Sprint(phases), fmt.Sprint(map[event.Phase]int{event.PhaseOpen: 11, event.PhasePending: 4}))
		want(t, "a pending one", story(tap.history.all()[14]), "answer 200, pending")
		want(t, "reports", strings.Join(tap.states.words(), ", "), "target full")
		close(release)
		synctest.Wait()
		want(t, "handed over", len(target.tries), 11)
		<-tap.give(t, "again")
	})
}

func TestQueuedBodiesAreReadBackWhenThereIsNoRoomForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		target := &scripted{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
			<-release
			return event.Attempt{Status: 200}, receiver.Answered
		}}
		tap := makeTap(t, receiver.Config{
			Routes: routes(receiver.Route{Target: target}), Concurrency: 1, Limits: receiver.Limits{MaxQueued: 1000},
		})
		var bodies []string
		for i := range 10 {
			bodies = append(bodies, strings.Repeat(fmt.Sprint(i), 300))
			tap.give(t, bodies[i])
		}
		close(release)
		tap.history.settled(t, 10)
		if !slices.Equal(bodies, target.bodies) {
			t.Errorf("bodies at the target: %q", target.bodies)
		}
		want(t, "read back", tap.history.read, 7)
		tap.give(t, bodies[0])
		tap.history.settled(t, 11)
		want(t, "read back when there is room again", tap.history.read, 7)
	})
}

func TestThreeRefusalsOfTheRightSecretAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		statuses := []int{401, 403, 500, 401, 403, 401, 401, 401, 204, 403, 403, 403}
		target := &scripted{try: status(statuses...)}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		told := 0
		for i, s := range statuses {
			<-tap.give(t, "x")
			synctest.Wait()
			if i == 5 || i == 11 {
				told++
			}
			want(t, fmt.Sprintf("reports after %d (%d)", i+1, s), len(tap.states.words()), told)
		}
		want(t, "report", tap.states.words()[0], "target unauthorized")
	})
}

func TestAnErrorOrAPanicOfAFunctionIsAFailedAttempt(t *testing.T) {
	tap := makeTap(t, receiver.Config{Routes: routes(
		receiver.Route{Target: receiver.Func("good", func(_ context.Context, e *event.Event) error { e.Body = nil; return nil })},
		receiver.Route{Target: receiver.Func("bad", func(context.Context, *event.Event) error { return errors.New("no model") })},
		receiver.Route{Target: receiver.Func("ugly", func(_ context.Context, e *event.Event) error { panic(len(e.Body)) })},
	)})
	<-tap.give(t, "four")
	e := tap.history.all()[0]
	for target, wanted := range map[string]string{"good": "200 ", "bad": "0 no model", "ugly": "0 panic: 4"} {
		a := e.Last(target)
		want(t, target, fmt.Sprint(a.Status, " ", a.Err), wanted)
		want(t, target+" took it", a.OK(), target == "good")
	}
	want(t, "the panic's stack is kept", strings.Contains(string(e.Last("ugly").Body), "lane_test.go"), true)
}

func TestDrainGivesTheQueueTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scripted{try: func(int, *event.Event) (event.Attempt, receiver.Outcome) {
			<-time.After(time.Second)
			return event.Attempt{Status: 200}, receiver.Answered
		}}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target}), Concurrency: 1})
		for range 3 {
			tap.give(t, "x")
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		want(t, "left", tap.Drain(ctx), 0)
		want(t, "took", time.Since(began), 3*time.Second)
		tap.history.settled(t, 3)
		if _, err := tap.Deliver(context.Background(), &event.Event{}); !errors.Is(err, receiver.ErrStopping) {
			t.Errorf("a delivery after that: %v", err)
		}
	})
}

func TestDrainLeavesTheRestPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging := &scripted{name: "hanging", tryIn: func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
			<-ctx.Done()
			return event.Attempt{Err: context.Cause(ctx).Error()}, receiver.Failed
		}}
		down := &scripted{name: "down", down: true}
		failing := &scripted{name: "failing", try: status(500)}
		tap := makeTap(t, receiver.Config{
			Routes: routes(
				receiver.Route{Target: hanging, Match: event.Match{Kinds: []string{"repo.create"}}},
				receiver.Route{Target: down, Match: event.Match{Kinds: []string{"repo.update"}}},
				receiver.Route{Target: failing, Match: event.Match{Kinds: []string{"repo.move"}}}),
			Concurrency: 1, Retries: 9, Backoff: time.Minute,
		})
		for _, action := range []string{"create", "create", "update", "move"} {
			tap.give(t, fmt.Sprintf(`{"event":{"scope":"repo","action":%q}}`, action))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		began := time.Now()
		want(t, "left", tap.Drain(ctx), 3)
		want(t, "took", time.Since(began), 5*time.Second)
		all := tap.history.all()
		want(t, "being tried", story(all[0]), "answer 200, try 1 (interrupted, the receiver stopped) + settled")
		want(t, "queued", story(all[1]), "answer 200, pending")
		want(t, "waiting", story(all[2])[:len("answer 200, waiting, ")], "answer 200, waiting, ")
		want(t, "waiting", all[2].Phase, event.PhasePending)
		want(t, "between two tries", story(all[3]), "answer 200, try 1 500, pending")
		want(t, "stats", tap.Stats().Left, 3)
	})
}

func TestWhileItDrainsSendersAreToldToComeBack(t *testing.T) {
	tap := open(t, receiver.Config{})
	want(t, "left", tap.Drain(context.Background()), 0)
	resp := tap.deliver(t, "{}")
	want(t, "answer", fmt.Sprint(resp.StatusCode, resp.Header.Get("Retry-After")), "5035")
	want(t, "a stranger", post(t, tap.url, nil).StatusCode, 401)
	want(t, "recorded", len(tap.history.all()), 0)
}

func TestCloseWithoutDrainLeavesEverythingPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &scripted{down: true}
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		settled := tap.give(t, "x")
		tap.Close()
		<-settled
		want(t, "phase", tap.history.all()[0].Phase, event.PhasePending)
		tap.Close() // once more does no harm
	})
}
