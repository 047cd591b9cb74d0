package listen

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// demoMood is how the demo's app answers the next event.
type demoMood int32

const (
	fine    demoMood = iota
	slow             // answers 200, late
	failing          // answers 500
	away             // is not there, as a server that reloads
)

// demoApp is the app under development in the demo: a small webhook handler.
type demoApp struct {
	addr string // host:port, the same after each start
	mood atomic.Int32

	mu  sync.Mutex
	srv *http.Server
	end chan error
}

func startDemoApp() (*demoApp, error) {
	a := &demoApp{addr: "127.0.0.1:0"}
	return a, a.start()
}

func (a *demoApp) feel(m demoMood) { a.mood.Store(int32(m)) }

// start listens on a free port, or after a restart on the same port as before.
func (a *demoApp) start() error {
	ln, err := net.Listen("tcp4", a.addr)
	if err != nil {
		return fmt.Errorf("start the demo's app: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addr = ln.Addr().String()
	srv, end := &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}, make(chan error, 1)
	// On a connection kept alive a restart may be met as a dropped request or as
	// a refused one: each run of the demo shows the same.
	srv.SetKeepAlivesEnabled(false)
	a.srv, a.end = srv, end
	go func() { end <- srv.Serve(ln) }()
	return nil
}

// stop is the first half of a restart: connections are refused.
func (a *demoApp) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.srv == nil {
		return
	}
	_ = a.srv.Close()
	<-a.end
	a.srv = nil
}

// ServeHTTP is a webhook handler as people write them: check the secret, read
// the payload, do something, answer.
func (a *demoApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Webhook-Secret") != demoSecret {
		http.Error(w, `{"error":"Invalid webhook secret."}`, http.StatusForbidden)
		return
	}
	var payload struct {
		Event struct{ Action, Scope string }
		Repo  struct{ Name string }
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err = errors.Join(err, json.Unmarshal(body, &payload)); err != nil {
		http.Error(w, "what is this?", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch demoMood(a.mood.Load()) {
	case slow:
		time.Sleep(300 * time.Millisecond)
	case failing:
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintln(w, `{"error":"the handler has a bug"}`)
		return
	}
	fmt.Fprintf(w, `{"did":%q}`+"\n", payload.Event.Action+" "+payload.Repo.Name)
}
