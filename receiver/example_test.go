package receiver_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// memoryRecorder is a Recorder that keeps the events in memory.
type memoryRecorder struct {
	mu     sync.Mutex
	bodies [][]byte
}

func (m *memoryRecorder) Append(_ context.Context, e *event.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bodies = append(m.bodies, slices.Clone(e.Body))
	e.N = int64(len(m.bodies))
	return nil
}

func (m *memoryRecorder) Update(u event.Update) {
	if u.Attempt != nil {
		fmt.Printf("#%d: %s took it: %t\n", u.N, u.Attempt.Target, u.Attempt.OK())
	}
}

func (m *memoryRecorder) Body(_ context.Context, n int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bodies[n-1], nil
}

// A receiver that keeps its events in memory and hands them to a function. Drain
// waits for the function, which is called after the answer.
func Example() {
	print := receiver.FuncTarget("print", func(_ context.Context, e *event.Event) error {
		fmt.Printf("#%d: %s of %s\n", e.N, e.Kind, e.RepoTitle())
		return nil
	})
	r, err := receiver.New(receiver.Config{
		Path:     "/in",
		Secret:   "my-secret",
		Recorder: &memoryRecorder{},
		Routes:   []receiver.Route{{Target: print}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	// A listener of package tunnel has a public address.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := r.Server()
	defer server.Close()
	go server.Serve(listener)

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var answers []int
	for _, secret := range []string{"my-secret", "another"} {
		req, err := http.NewRequest(http.MethodPost, "http://"+listener.Addr().String()+"/in",
			strings.NewReader(`{"event":{"action":"create","scope":"repo"},"repo":{"type":"model","name":"me/m"}}`))
		if err != nil {
			log.Fatal(err)
		}
		req.Header.Set(event.SecretHeader, secret)
		resp, err := client.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		answers = append(answers, resp.StatusCode)
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fmt.Println("not handed over:", r.Drain(ctx))
	fmt.Println("answers:", answers)
	// Output:
	// #1: repo.create of model:me/m
	// #1: print took it: true
	// not handed over: 0
	// answers: [200 403]
}

// The routes that people type: a target, or a match and a target.
func ExampleParseRoute() {
	for _, text := range []string{"7860", "discussion.*=3000/bot", "default=app:8000/hook", "nowhere"} {
		route, err := receiver.ParseRoute(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%q %s %t\n", route.Match, route.Target.Name(), route.Default)
	}
	// Output:
	// "" http://127.0.0.1:7860 false
	// "discussion.*" http://127.0.0.1:3000/bot false
	// "" http://app:8000/hook true
	// target "nowhere": want a port, host:port/path or a URL
}
