package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// scriptedTarget is a target that does what the test says. It works with the clock of
// testing/synctest, where sockets do not.
type scriptedTarget struct {
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

func (s *scriptedTarget) Name() string {
	if s.name == "" {
		return "app"
	}
	return s.name
}

func (s *scriptedTarget) Try(ctx context.Context, e *event.Event) (event.Attempt, receiver.Outcome) {
	s.mu.Lock()
	if s.down {
		s.mu.Unlock()
		return event.Attempt{StartedAt: time.Now(), Err: "connection refused"}, receiver.OutcomeRefused
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

func (s *scriptedTarget) Probe(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probes = append(s.probes, time.Now())
	if s.down {
		return errors.New("connection refused")
	}
	return nil
}

func (s *scriptedTarget) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func ok(int, *event.Event) (event.Attempt, receiver.Outcome) {
	return event.Attempt{Status: 200}, receiver.OutcomeAnswered
}

// status returns a try that answers with one status after the other.
func status(statuses ...int) func(int, *event.Event) (event.Attempt, receiver.Outcome) {
	return func(n int, _ *event.Event) (event.Attempt, receiver.Outcome) {
		return event.Attempt{Status: statuses[min(n, len(statuses))-1]}, receiver.OutcomeAnswered
	}
}

// deliverInProcess delivers a body with Deliver, with the right secret.
func (tap *tap) deliverInProcess(t *testing.T, body string) <-chan struct{} {
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

// deliverAsync delivers a body as the Hub does, without a socket. The channel gets
// the status of the answer.
func (tap *tap) deliverAsync(body string) <-chan int {
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("X-Webhook-Secret", secret)
	answer := make(chan int, 1)
	go func() {
		w := httptest.NewRecorder()
		tap.ServeHTTP(w, req)
		answer <- w.Code
	}()
	return answer
}

// story returns an event's updates in one line.
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
