package webhooks_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/webhooks"
)

// pipes is a listener for connections in memory, whose deadlines follow the fake
// clock of a bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// dialFake serves in a bubble, as Run does, and returns the sender's end of a
// connection. The server ends with the bubble.
func (s *tester) dialFake() net.Conn {
	s.t.Helper()
	l := make(pipes)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	client, server := net.Pipe()
	l <- server
	s.t.Cleanup(func() {
		client.Close()
		stop()
		<-ended
	})
	return client
}

func answerOf(t *testing.T, conn net.Conn) (status int, answer string) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestASlowSenderIsNotWaitedForForEver(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		status     int
		after      time.Duration
	}{
		{"that stops in the body", "POST /webhooks/a HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: " + secret + "\r\nContent-Length: 100\r\n\r\n{", 408, 2*time.Minute + 5*time.Second},
		{"without the secret, that stops in the body", "POST /webhooks/a HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{", 401, 5 * time.Second},
		{"that stops in the headers", "POST /webhooks/a HTTP/1.1\r\nHost: h\r\n", 0, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := newServer(t, webhooks.Config{Secret: secret, Output: io.Discard}).handle("a", echo).dialFake()
				began := time.Now()
				fmt.Fprint(conn, c.sent)
				if c.status != 0 {
					status, _ := answerOf(t, conn)
					want(t, "status", status, c.status)
				}
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took < c.after || took > c.after+time.Second {
					t.Errorf("the connection was closed after %s, want %s", took, c.after)
				}
			})
		})
	}
}

func TestTheTimeForABodyDoesNotEndTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newServer(t, webhooks.Config{Output: io.Discard}).handle("a", func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Hour):
				return "done", nil
			}
		}).dialFake()
		for range 2 { // and the next request on the same connection
			fmt.Fprint(conn, "POST /webhooks/a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}")
			status, answer := answerOf(t, conn)
			want(t, "status", status, 200)
			want(t, "answer", answer, `"done"`)
		}
	})
}
