package receiver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestHandlerThatPanicsIsCalledOnce(t *testing.T) {
	for _, respond := range []receiver.Respond{receiver.Ack, receiver.Relay} {
		for _, header := range []string{"", "Idempotency-Key", "X-Idempotency-Key"} {
			for _, body := range []string{"", "bad"} {
				t.Run(fmt.Sprintf("respond %d, %s, body %q", respond, header, body), func(t *testing.T) {
					app := runApp(t, func(_ http.ResponseWriter, req *http.Request) {
						if req.Header.Get("X-Bad") != "" {
							panic(http.ErrAbortHandler)
						}
					})
					tap := startTap(t, receiver.Config{Routes: routes(app.route(t, "")), Respond: respond})
					headers := []string{"X-Webhook-Secret", secret}
					if header != "" {
						headers = append(headers, header, "k")
					}
					post(t, tap.url, []byte("good"), headers...) // leaves a connection to be used again
					tap.history.waitSettled(t, 1)
					post(t, tap.url, []byte(body), append(headers, "X-Bad", "yes")...)
					e := tap.history.waitSettled(t, 2)[1]
					want(t, "attempts", len(e.Attempts), 1)
					want(t, "error", e.Attempts[0].Err, "connection closed before an answer")
					want(t, "calls", len(app.requests()), 2)
					if header != "" {
						want(t, "the key", app.requests()[1].Header.Get(header), "k")
					}
				})
			}
		}
	}
}

func TestIdempotentMethodIsNotRepeatedEither(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		for _, body := range []string{"", "x"} {
			app := runApp(t, func(_ http.ResponseWriter, req *http.Request) {
				if req.Header.Get("X-Bad") != "" {
					panic(http.ErrAbortHandler)
				}
			})
			target := app.route(t, "").Target
			target.Try(t.Context(), &event.Event{Method: method})
			a, outcome := target.Try(t.Context(), &event.Event{Method: method, Header: http.Header{"X-Bad": {"yes"}}, Body: []byte(body)})
			want(t, method+" outcome", outcome, receiver.OutcomeDropped)
			want(t, method+" error", a.Err, "connection closed before an answer")
			want(t, method+" calls", len(app.requests()), 2)
			want(t, method+" body", string(app.requests()[1].body), body)
			want(t, method+" encoding", len(app.requests()[1].TransferEncoding), 0)
			target.(*receiver.HTTPTarget).CloseIdleConnections()
		}
	}
}

// keepAliveServer is a server that keeps its connections until the test closes them.
type keepAliveServer struct {
	url string

	mu    sync.Mutex
	conns []net.Conn
	read  int // requests
}

func runKeepAliveServer(t *testing.T) *keepAliveServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &keepAliveServer{url: "http://" + l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			k.mu.Lock()
			k.conns = append(k.conns, conn)
			k.mu.Unlock()
			wg.Go(func() { k.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		k.close()
		wg.Wait()
	})
	return k
}

func (k *keepAliveServer) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		k.mu.Lock()
		k.read++
		k.mu.Unlock()
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
	}
}

// close closes all connections.
func (k *keepAliveServer) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, conn := range k.conns {
		conn.Close()
	}
}

func TestEventOnAClosedKeptConnectionIsSentOnAnother(t *testing.T) {
	for _, body := range []string{"", "body"} {
		k := runKeepAliveServer(t)
		target := route(t, k.url).Target
		e := &event.Event{Method: http.MethodPost, Body: []byte(body)}
		if a, _ := target.Try(t.Context(), e); a.Status != 200 {
			t.Fatalf("the first try: %+v", a)
		}
		connections := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
			connections++
			if !got.Reused {
				return
			}
			// The target closes the connection after the transport has chosen it and
			// before anything is written to it.
			k.close()
			for deadline := time.Now().Add(patience); got.Conn.SetReadDeadline(time.Time{}) == nil; {
				if time.Now().After(deadline) {
					t.Error("nobody noticed that the connection was closed")
					return
				}
				runtime.Gosched()
			}
		}})
		a, outcome := target.Try(ctx, e)
		want(t, "second try", fmt.Sprint(a.Status, a.Err, outcome), "2000")
		want(t, "connections", connections, 2)
		k.mu.Lock()
		want(t, "requests read", k.read, 2)
		k.mu.Unlock()
		target.(*receiver.HTTPTarget).CloseIdleConnections()
	}
}

// Servers may close a connection after the error of a handler, without a word in the
// answer.
func TestAConnectionIsNotUsedAgainAfterAnErrorOfTheServer(t *testing.T) {
	var clients []string
	app := runApp(t, func(w http.ResponseWriter, req *http.Request) {
		clients = append(clients, req.RemoteAddr)
		status := map[int]int{1: 200, 2: 404, 3: 500}[len(clients)]
		w.WriteHeader(max(status, 200))
		io.WriteString(w, "answer")
	})
	target := app.route(t, "").Target
	for _, status := range []int{200, 404, 500, 200} {
		a, _ := target.Try(t.Context(), &event.Event{Method: http.MethodPost, Body: []byte("{}")})
		want(t, "status", a.Status, status)
	}
	want(t, "one connection before the error", clients[0] == clients[1] && clients[1] == clients[2], true)
	want(t, "another one after it", clients[3] != clients[2], true)
	target.(*receiver.HTTPTarget).CloseIdleConnections()
}

func TestEventIsHandedOverAgainAfterItsServerWasKilled(t *testing.T) {
	began, killed := make(chan struct{}), make(chan struct{})
	app := newApp(t, nil)
	app.handle = func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-killed:
		default:
			close(began)
			<-req.Context().Done()
		}
	}
	app.start(t)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	tap.deliver(t, "{}")
	<-began
	app.stop()
	close(killed)
	tap.history.waitUntil(t, "the event waits", func(all []record) bool { return all[0].Phase == event.PhaseWaiting })
	app.start(t)
	e := tap.history.waitSettled(t, 1)[0]
	want(t, "attempts", len(e.Attempts), 2)
	want(t, "first error", strings.HasSuffix(e.Attempts[0].Err, "before an answer"), true)
	want(t, "last status", e.Attempts[1].Status, 200)
	want(t, "calls", len(app.requests()), 2)
}
