package receiver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestDeliveryWaitsUntilItsServerListens(t *testing.T) {
	app := newApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	for i := range 10 {
		want(t, "status", tap.deliver(t, fmt.Sprint(i)).StatusCode, 200)
	}
	tap.history.waitUntil(t, "all wait", func(all []record) bool {
		for _, e := range all {
			if e.Phase != event.PhaseWaiting {
				return false
			}
		}
		return len(all) == 10
	})
	app.start(t)
	for _, e := range tap.history.waitSettled(t, 10) {
		want(t, "attempts", len(e.Attempts), 1)
		want(t, "status", e.Attempts[0].Status, 200)
	}
	want(t, "taken", len(app.requests()), 10)
	want(t, "reports", strings.Join(tap.states.words(), ", "), "target down, target up")
}

func TestNoEventOfABurstIsLostByARestart(t *testing.T) {
	var inFlight atomic.Int64
	four := make(chan struct{})
	killed := make(chan struct{})
	app := newApp(t, nil)
	app.handle = func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-killed:
		default: // the first process answers nothing: it is killed with four at work
			if inFlight.Add(1) == 4 {
				close(four)
			}
			<-req.Context().Done()
			return
		}
	}
	app.start(t)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, "")), Backoff: 100 * time.Millisecond})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() { tap.deliver(t, fmt.Sprint(i)) })
	}
	<-four
	app.stop()
	wg.Wait()
	tap.history.waitUntil(t, "the four that were dropped wait for the target", func(all []record) bool {
		dropped := 0
		for _, e := range all {
			if e.Phase == event.PhaseWaiting && len(e.Attempts) > 0 {
				dropped++
			}
		}
		return dropped == 4
	})
	first := len(app.requests())
	close(killed)
	app.start(t)
	dropped := 0
	for _, e := range tap.history.waitSettled(t, 100) {
		want(t, "the end of event "+string(e.Body), e.Last(e.Targets[0]).Status, 200)
		if len(e.Attempts) > 1 {
			dropped++
			want(t, "first error", strings.HasSuffix(e.Attempts[0].Err, "before an answer"), true)
		}
	}
	want(t, "dropped and tried again", dropped, 4)
	handled := map[string]int{}
	for _, took := range app.requests()[first:] {
		handled[string(took.body)]++
	}
	want(t, "handled by the second process", len(handled), 100)
}

// rawApp runs a server that reads one request on each connection and answers as the
// test says. It returns its URL.
func rawApp(t *testing.T, answer func(conn net.Conn, in *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				req, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				answer(conn, in)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

func TestMistakesOfServers(t *testing.T) {
	gone := func(conn net.Conn, in *bufio.Reader) { _, _ = in.ReadByte() } // until the other side hangs up
	for _, c := range []struct {
		name   string
		config receiver.Config
		answer func(net.Conn, *bufio.Reader)
		last   string // status, error, bytes kept, cut, attempts
	}{
		{"it resets the connection", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			conn.(*net.TCPConn).SetLinger(0)
		}, "0 connection reset before an answer 0 false 1"},
		{"it closes the connection", receiver.Config{}, func(net.Conn, *bufio.Reader) {}, "0 connection closed before an answer 0 false 1"},
		{"it never answers", receiver.Config{Timeout: 50 * time.Millisecond}, gone, "0 no answer within 50ms 0 false 1"},
		{"it never answers, twice", receiver.Config{Timeout: 50 * time.Millisecond, Retries: 1}, gone, "0 no answer within 50ms 0 false 2"},
		{"it breaks off in the head", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nConte")
		}, `0 malformed MIME header: missing colon: "Conte" 0 false 1`},
		{"it breaks off in the body", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		}, "200 the answer was cut short after 4 of 10 bytes: connection closed 4 false 1"},
		{"it never ends its answer", receiver.Config{Timeout: 50 * time.Millisecond}, func(conn net.Conn, in *bufio.Reader) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nhalf")
			gone(conn, in)
		}, "200 no answer within 50ms 4 false 1"},
		{"it does not speak HTTP", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			io.WriteString(conn, "220 mail.example ESMTP\r\n")
		}, `0 malformed HTTP status code "mail.example" 0 false 1`},
		{"it fails", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			io.WriteString(conn, "HTTP/1.1 500 Oh No\r\nContent-Length: 4\r\n\r\noops")
		}, "500  4 false 1"},
		{"it redirects", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			io.WriteString(conn, "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
		}, "307  0 false 1"},
		{"it switches protocols", receiver.Config{}, func(conn net.Conn, in *bufio.Reader) {
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
			gone(conn, in)
		}, "101  0 false 1"},
		{"it answers 204", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		}, "204  0 false 1"},
		{"it answers with as much as is kept", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", event.MaxTargetBody)
			conn.Write(make([]byte, event.MaxTargetBody))
		}, fmt.Sprintf("200  %d false 1", event.MaxTargetBody)},
		{"it answers with 100 MB", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 100<<20)
			writeUntilClosed(t, conn, 100)
		}, fmt.Sprintf("200  %d true 1", event.MaxTargetBody)},
		{"its answer is endless", receiver.Config{}, func(conn net.Conn, _ *bufio.Reader) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			writeUntilClosed(t, conn, 1000)
		}, fmt.Sprintf("200  %d true 1", event.MaxTargetBody)},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.Routes = routes(route(t, rawApp(t, c.answer)))
			c.config.Backoff = time.Millisecond
			tap := startTap(t, c.config)
			want(t, "status", tap.deliver(t, `{"a":1}`).StatusCode, 200)
			e := tap.history.waitSettled(t, 1)[0]
			last := e.Attempts[len(e.Attempts)-1]
			want(t, "last attempt", fmt.Sprintf("%d %s %d %v %d", last.Status, last.Err, len(last.Body), last.BodyCut, last.N), c.last)
			want(t, "attempts", len(e.Attempts), last.N)
		})
	}
}

// writeUntilClosed writes until the connection is closed, and fails the test if that
// does not happen.
func writeUntilClosed(t *testing.T, conn net.Conn, megabytes int) {
	for range megabytes {
		if _, err := conn.Write(make([]byte, 1<<20)); err != nil {
			return
		}
	}
	t.Errorf("all %d MB were read", megabytes)
}

func TestSlowAnswerIsCutOffAndCountsByItsStatus(t *testing.T) {
	u, err := url.Parse(rawApp(t, func(conn net.Conn, in *bufio.Reader) {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
		_, _ = in.ReadByte()
	}))
	if err != nil {
		t.Fatal(err)
	}
	target, err := receiver.NewHTTPTarget(u)
	if err != nil {
		t.Fatal(err)
	}
	target.AnswerTime = 50 * time.Millisecond
	tap := startTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
	tap.deliver(t, "{}")
	a := tap.history.waitSettled(t, 1)[0].Attempts[0]
	want(t, "attempt", fmt.Sprint(a.Status, a.Err, string(a.Body), a.BodyCut, a.OK()), "200data: 1\n\ntrue true")
}

func TestEventWaitsForAnUnknownHost(t *testing.T) {
	tap := startTap(t, receiver.Config{Routes: routes(route(t, "no-such-host.invalid:80")), WaitTarget: 100 * time.Millisecond})
	tap.deliver(t, "{}")
	e := tap.history.waitSettled(t, 1)[0]
	want(t, "attempts", len(e.Attempts), 1)
	want(t, "waited", strings.HasSuffix(e.Attempts[0].Err, ", waited 100ms"), true)
	want(t, "reports", strings.Join(tap.states.words(), ", "), "target down")
}

func TestEventIsHandedOverWhenItsSenderHasGone(t *testing.T) {
	for _, respond := range []receiver.Respond{receiver.Ack, receiver.Relay} {
		began, goOn := make(chan struct{}), make(chan struct{})
		app := runApp(t, func(w http.ResponseWriter, _ *http.Request) {
			close(began)
			<-goOn
		})
		tap := startTap(t, receiver.Config{Routes: routes(app.route(t, "")), Respond: respond})
		conn, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimSuffix(tap.url, path), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nX-Webhook-Secret: %s\r\n\r\n{}", path, secret)
		<-began
		conn.Close()
		close(goOn)
		want(t, "status", tap.history.waitSettled(t, 1)[0].Attempts[0].Status, 200)
	}
}
