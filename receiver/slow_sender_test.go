package receiver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// pipeListener is a listener of connections in memory, which work with the clock of
// testing/synctest.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipeListener) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// servePipes serves a tap until the test ends.
func servePipes(t *testing.T, tap *tap) *pipeListener {
	p := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server, done := tap.Server(), make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(p)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return p
}

func TestSlowSenderIsCutOff(t *testing.T) {
	const head = "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n"
	for _, c := range []struct {
		name   string
		head   string
		every  time.Duration // between two bytes; 0: none comes
		status string
		after  time.Duration
	}{
		{"that stops in the head", "POST / HTTP/1.1\r\nHost: h\r\n", 0, "closed", 10 * time.Second},
		{"that stops in the body", head + "X-Webhook-Secret: " + secret + "\r\n\r\n", 0, "408", 15 * time.Second},
		{"that drips", head + "X-Webhook-Secret: " + secret + "\r\n\r\n", 14 * time.Second, "408", 2 * time.Minute},
		{"that drips, without the secret", head + "\r\n", 10 * time.Second, "408", 2 * time.Minute},
		{"without the secret that sends more than is kept", strings.Replace(head, "1000", "100000", 1) +
			"\r\n" + strings.Repeat("x", 20<<10), 0, "401", 0},
		{"that sends to another path", strings.Replace(head, path, "/x", 1) + "\r\n", 0, "404", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tap := newTap(t, receiver.Config{})
				conn := servePipes(t, tap).dial()
				defer conn.Close()
				began, done := time.Now(), make(chan struct{})
				go func() {
					defer close(done)
					if _, err := io.WriteString(conn, c.head); c.every == 0 || err != nil {
						return
					}
					for range 1000 {
						<-time.After(c.every)
						if _, err := conn.Write([]byte("x")); err != nil {
							return
						}
					}
				}()
				status := "closed"
				if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
					status = fmt.Sprint(resp.StatusCode)
					want(t, "connection closes", resp.Close, true)
				}
				want(t, "answer", status, c.status)
				// The deadline is not moved for every byte.
				if took := time.Since(began); took < c.after || took > c.after+time.Second {
					t.Errorf("answered after %s, want about %s", took, c.after)
				}
				// The server closes the connection although the sender does not.
				answered := time.Now()
				_, _ = io.Copy(io.Discard, conn)
				if took := time.Since(answered); took > time.Second {
					t.Errorf("closed %s after the answer", took)
				}
				conn.Close()
				<-done
				want(t, "recorded", len(tap.history.list()), map[bool]int{true: 1, false: 0}[c.status == "401" || c.status == "408"])
			})
		})
	}
}

// drippingBody is a body of one byte every ten seconds.
type drippingBody struct{}

func (drippingBody) Read(p []byte) (int, error) {
	<-time.After(10 * time.Second)
	p[0] = 'x'
	return 1, nil
}

func TestSlowSenderIsCutOffWithoutDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := newTap(t, receiver.Config{})
		w, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, drippingBody{})
		req.Header.Set("X-Webhook-Secret", secret)
		began := time.Now()
		tap.ServeHTTP(w, req)
		want(t, "status", w.Code, 408)
		want(t, "took", time.Since(began), 2*time.Minute)
	})
}

func TestSteadySenderHasTwoMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: &scriptedTarget{
			try: func(_ int, e *event.Event) (event.Attempt, receiver.Outcome) {
				return event.Attempt{Status: 200}, receiver.OutcomeAnswered
			},
		}}), Respond: receiver.Relay})
		conn := servePipes(t, tap).dial()
		defer conn.Close()
		done := make(chan struct{})
		defer func() { <-done }()
		go func() {
			defer close(done)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\nX-Webhook-Secret: %s\r\n\r\n", path, secret)
			for range 8 {
				<-time.After(14 * time.Second)
				conn.Write([]byte("x"))
			}
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "status", resp.StatusCode, 200)
		want(t, "body", string(tap.history.waitSettled(t, 1)[0].Body), "xxxxxxxx")
	})
}

// deadlineRecorder records the read deadlines that are set.
type deadlineRecorder struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlineRecorder) SetReadDeadline(t time.Time) error { d.set = append(d.set, t); return nil }

func TestDeadlineOfTheBodyEndsWithIt(t *testing.T) {
	tap := newTap(t, receiver.Config{})
	for _, secret := range []string{secret, "wrong"} {
		for _, length := range []int64{2, -1} {
			req := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
			req.ContentLength = length
			req.Header.Set("X-Webhook-Secret", secret)
			w := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
			tap.ServeHTTP(w, req)
			if n := len(w.set); n < 2 || w.set[0].IsZero() || !w.set[n-1].IsZero() {
				t.Errorf("secret %q, length %d: the deadlines were %v", secret, length, w.set)
			}
		}
		req := httptest.NewRequest(http.MethodPost, path, http.NoBody)
		req.Header.Set("X-Webhook-Secret", secret)
		w := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
		tap.ServeHTTP(w, req)
		want(t, "deadlines without a body", len(w.set), 0)
	}
}

func TestConnectionIsUsedAgainAfterADelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := newTap(t, receiver.Config{})
		conn := servePipes(t, tap).dial()
		defer conn.Close()
		in := bufio.NewReader(conn)
		for range 3 {
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nX-Webhook-Secret: %s\r\n\r\n{}", path, secret)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "status", resp.StatusCode, 200)
			<-time.After(time.Minute) // longer than a body may pause
		}
		tap.history.waitSettled(t, 3)
	})
}
