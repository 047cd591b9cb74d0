package receiver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestTruncatedAnswerIsAFailureAndNotRelayed(t *testing.T) {
	head := func(rest string) string { return "HTTP/1.1 200 OK\r\nContent-Type: text/x-part\r\n" + rest }
	megabyte := strings.Repeat("x", event.MaxTargetBody)
	reset := func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }
	for _, c := range []struct {
		name, text string
		end        func(net.Conn)
		attempt    string // status and error
		kept       int
	}{
		{"of a known length", head("Content-Length: 100\r\n\r\nfive!"), nil, "200 the answer was cut short after 5 of 100 bytes: connection closed", 5},
		{"before its first byte", head("Content-Length: 100\r\n\r\n"), nil, "200 the answer was cut short after 0 of 100 bytes: connection closed", 0},
		{"in chunks", head("Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n"), nil, "200 the answer was cut short after 4 bytes: connection closed", 4},
		{"in a chunk", head("Transfer-Encoding: chunked\r\n\r\n8\r\nfour"), nil, "200 the answer was cut short after 4 bytes: connection closed", 4},
		{"by an invalid chunk", head("Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\nzzz\r\n"), nil, "200 the answer was cut short after 4 bytes: invalid byte in chunk length", 4},
		{"after the kept part", head(fmt.Sprintf("Content-Length: %d\r\n\r\n%s!", 2*event.MaxTargetBody, megabyte)), nil,
			fmt.Sprintf("200 the answer was cut short after %d of %d bytes: connection closed", event.MaxTargetBody+1, 2*event.MaxTargetBody), event.MaxTargetBody},
		{"at the end of the kept part", head(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 2*event.MaxTargetBody, megabyte)), nil,
			fmt.Sprintf("200 the answer was cut short after %d of %d bytes: connection closed", event.MaxTargetBody, 2*event.MaxTargetBody), event.MaxTargetBody},
		{"by a reset", head("Content-Length: 100\r\n\r\nfive!"), reset, "", -1}, // what came before it may be lost
		{"of an error", "HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nfive!", nil, "500 the answer was cut short after 5 of 100 bytes: connection closed", 5},
		{"of a 502", "HTTP/1.1 502 No\r\nContent-Length: 100\r\n\r\nfive!", nil, "502 the answer was cut short after 5 of 100 bytes: connection closed", 5},
	} {
		for _, respond := range []receiver.Respond{receiver.Ack, receiver.Relay} {
			t.Run(fmt.Sprintf("%s, respond %d", c.name, respond), func(t *testing.T) {
				tap := startTap(t, receiver.Config{Respond: respond, Routes: routes(route(t, rawApp(t, func(conn net.Conn, in *bufio.Reader) {
					io.WriteString(conn, c.text)
					if c.end != nil {
						c.end(conn)
					}
				})))})
				resp := tap.deliver(t, "{}")
				want(t, "answer", fmt.Sprint(resp.StatusCode, resp.Header.Get("Content-Type"), bodyOf(resp)), map[receiver.Respond]string{receiver.Ack: "200", receiver.Relay: "502"}[respond])
				e := tap.history.waitSettled(t, 1)[0]
				want(t, "recorded answer", e.Answer.Status, resp.StatusCode)
				want(t, "attempts", len(e.Attempts), 1)
				a := e.Attempts[0]
				want(t, "the target took it", a.OK(), false)
				want(t, "the event failed", e.Failed(), true)
				if c.kept < 0 {
					if !strings.Contains(a.Err, "connection reset") {
						t.Errorf("the error is %q", a.Err)
					}
					return
				}
				want(t, "attempt", fmt.Sprint(a.Status, " ", a.Err), c.attempt)
				want(t, "kept", len(a.Body), c.kept)
			})
		}
	}
}

func TestRelayedBeginningOfAnAnswerEndsWithTheConnection(t *testing.T) {
	app := runApp(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2*event.MaxTargetBody)) })
	tap := startTap(t, receiver.Config{Respond: receiver.Relay, Routes: routes(app.route(t, ""))})
	conn := dialTap(t, tap)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\nContent-Length: 2\r\n\r\n{}", path, secret)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", resp.StatusCode, 200)
	want(t, "length", resp.ContentLength, -1)
	want(t, "encodings", len(resp.TransferEncoding), 0) // it ends where the connection does
	n, err := io.Copy(io.Discard, resp.Body)
	want(t, "bytes", fmt.Sprint(n, err), fmt.Sprint(event.MaxTargetBody, nil))
	want(t, "the target took it", tap.history.waitSettled(t, 1)[0].Attempts[0].OK(), true)
}
