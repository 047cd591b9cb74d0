package receiver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/receiver"
)

// dialTap connects to the public side of a tap until the test ends.
func dialTap(t *testing.T, tap *tap) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimSuffix(tap.url, path), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// statusOn reads the status of one answer.
func statusOn(t *testing.T, conn net.Conn) int {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

func TestARefusedBodyHasGivenItsBudgetBackWhenItsSenderIsAnswered(t *testing.T) {
	const budget = 64 << 10
	for _, c := range []struct {
		name   string
		limits receiver.Limits
		sent   int // bytes of an unannounced body, which does not end
		status int
	}{
		{"that found no room", receiver.Limits{MaxInFlight: budget}, budget + 1, 503},
		{"that is too big", receiver.Limits{MaxInFlight: budget, MaxBody: budget - 1}, budget, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			tap := open(t, receiver.Config{Limits: c.limits})
			// The sender neither ends its body nor hangs up.
			conn := dialTap(t, tap)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
				path, secret, c.sent, make([]byte, c.sent))
			want(t, "answer", statusOn(t, conn), c.status)
			want(t, "the next one, which needs most of it", post(t, tap.url, make([]byte, budget-2), "X-Webhook-Secret", secret).StatusCode, 200)
		})
	}
}

func TestARelayedBodyHasGivenItsBudgetBackWhenItsSenderIsAnswered(t *testing.T) {
	const budget = 64 << 10
	app := runApp(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 512<<10)) })
	tap := open(t, receiver.Config{Respond: receiver.Relay, Routes: routes(app.route(t, "")), Limits: receiver.Limits{MaxInFlight: budget}})
	conn := servePipes(t, tap).dial() // without buffers: the answer is on its way until it is read
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\nContent-Length: %d\r\n\r\n%s", path, secret, budget, make([]byte, budget))
	want(t, "answer", statusOn(t, conn), 200)
	want(t, "the next one, which needs all of it", post(t, tap.url, make([]byte, budget), "X-Webhook-Secret", secret).StatusCode, 200)
}

func TestASenderThatAskedFirstSeesItsRefusalWhenItHasSentTheBody(t *testing.T) {
	for _, c := range []struct {
		name, secret, length string
		limits               receiver.Limits
		status               int
	}{
		{"announced and too big", secret, "Content-Length: 41943040", receiver.Limits{}, 413},
		{"unannounced and too big", secret, "Transfer-Encoding: chunked", receiver.Limits{}, 413},
		{"unannounced without room", secret, "Transfer-Encoding: chunked", receiver.Limits{MaxInFlight: 1 << 20}, 503},
		{"with a wrong secret", "wrong", "Content-Length: 41943040", receiver.Limits{}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			tap := open(t, receiver.Config{Limits: c.limits})
			conn := dialTap(t, tap)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\n%s\r\nExpect: 100-continue\r\n\r\n", path, c.secret, c.length)
			in := bufio.NewReader(conn)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "told to go on", resp.StatusCode, 100)
			size := 40 << 20 // more than the buffers of two sockets
			if c.secret == "wrong" {
				size = 128 << 10 // all that is read of a stranger
			}
			if strings.HasPrefix(c.length, "Transfer") {
				fmt.Fprintf(conn, "%x\r\n", size)
			}
			if _, err := conn.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			if resp, err = http.ReadResponse(in, nil); err != nil {
				t.Fatal(err)
			}
			want(t, "answer", resp.StatusCode, c.status)
			_, _ = io.Copy(io.Discard, resp.Body)
		})
	}
}
