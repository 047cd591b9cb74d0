package receiver_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// runRawServer answers every request with a text, and hangs up. It returns its address.
func runRawServer(t *testing.T, text string) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { ln.Close() })
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, text)
			}
			conn.Close()
		}
	})
	return ln.Addr().String()
}

func TestLongErrorIsTruncatedAndKeptInTheBody(t *testing.T) {
	long := strings.Repeat("é", 100_000)
	for name, target := range map[string]receiver.Target{
		"an invalid first line":     route(t, runRawServer(t, long+"\r\n\r\n")).Target,
		"a status without a number": route(t, runRawServer(t, "HTTP/1.1 "+long+"\r\n\r\n")).Target,
		"an invalid header":         route(t, runRawServer(t, "HTTP/1.1 200 OK\r\n"+long+"\r\n\r\n")).Target,
		"an unknown encoding":       route(t, runRawServer(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+long+"\r\n\r\n")).Target,
		"a function's error":        receiver.FuncTarget("f", func(context.Context, *event.Event) error { return errors.New(long) }),
		"a function's panic":        receiver.FuncTarget("f", func(context.Context, *event.Event) error { panic(long) }),
	} {
		tap := startTap(t, receiver.Config{Routes: routes(receiver.Route{Target: target})})
		tap.deliver(t, "{}")
		a := tap.history.waitSettled(t, 1)[0].Attempts[0]
		if a.OK() || a.Err == "" || len(a.Err) > 1024 || !utf8.ValidString(a.Err) || !strings.HasSuffix(a.Err, "…") {
			t.Errorf("%s: the error has %d bytes: %.80s", name, len(a.Err), a.Err)
		}
		if a.Status == 0 && !strings.Contains(string(a.Body), long) && !strings.Contains(string(a.Body), strings.Repeat(`\xc3\xa9`, 100_000)) {
			t.Errorf("%s: %d bytes are kept with the attempt: %.80s", name, len(a.Body), a.Body)
		}
	}
}
