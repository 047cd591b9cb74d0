package receiver_test

import (
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
	"github.com/hf-tap/hf-tap/receiver"
)

// appRequest is a request that an app has received.
type appRequest struct {
	*http.Request
	body []byte
}

// app is the server under development: it can be stopped and started again on
// the same port.
type app struct {
	addr   string
	handle http.HandlerFunc // nil: 200

	mu       sync.Mutex
	server   *http.Server
	done     chan struct{}
	received []appRequest
}

// newApp makes an app that does not listen yet.
func newApp(t *testing.T, handle http.HandlerFunc) *app {
	t.Helper()
	a := &app{addr: porttest.Addr(t), handle: handle}
	t.Cleanup(a.stop)
	return a
}

// runApp makes an app that listens.
func runApp(t *testing.T, handle http.HandlerFunc) *app {
	t.Helper()
	a := newApp(t, handle)
	a.start(t)
	return a
}

func (a *app) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", a.addr)
	if err != nil {
		t.Fatal(err)
	}
	server, done := &http.Server{Handler: a}, make(chan struct{})
	a.mu.Lock()
	a.server, a.done = server, done
	a.mu.Unlock()
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
}

// stop does what SIGKILL does: nobody listens any more and all connections break.
func (a *app) stop() {
	a.mu.Lock()
	server, done := a.server, a.done
	a.server = nil
	a.mu.Unlock()
	if server != nil {
		server.Close()
		<-done
	}
}

func (a *app) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	a.mu.Lock()
	a.received = append(a.received, appRequest{req, body})
	a.mu.Unlock()
	if a.handle != nil {
		a.handle(w, req)
	}
}

// requests returns the requests that the app has received.
func (a *app) requests() []appRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.received)
}

// route returns a route to the app. match ends with "=" or is empty.
func (a *app) route(t *testing.T, match string) receiver.Route {
	t.Helper()
	return route(t, match+"http://"+a.addr+"/hook")
}
