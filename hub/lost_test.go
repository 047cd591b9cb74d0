package hub

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// rudeServer reads each request whole and then does what it likes with the
// connection. It gives its address.
func rudeServer(t *testing.T, then func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			then(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

func TestWhatWasSentAndNotAnsweredMayBeDone(t *testing.T) {
	for name, then := range map[string]func(net.Conn){
		"reset":            func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) },
		"closed":           func(net.Conn) {},
		"half an answer":   func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"web") },
		"half a header":    func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 20") },
		"another protocol": func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n") },
	} {
		c := clientAt(t, rudeServer(t, then))
		for call, each := range calls() {
			err := each.call(t.Context(), c)
			if !errors.Is(err, ErrUnreachable) || OutcomeUnknown(err) != each.changes {
				t.Errorf("%s, %s: %v, may be done: %v", call, name, err, OutcomeUnknown(err))
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %s: %q", call, name, err)
			}
		}
	}
}

func TestWhatFoundNoConnectionIsCertainlyNotDone(t *testing.T) {
	addr := porttest.Addr(t)
	c := clientAt(t, "http://"+addr)
	for call, each := range calls() {
		err := each.call(t.Context(), c)
		if !errors.Is(err, ErrUnreachable) || OutcomeUnknown(err) {
			t.Errorf("%s: %v, may be done: %v", call, err, OutcomeUnknown(err))
		}
		if !strings.Contains(err.Error(), "the Hub at "+addr+" does not answer") {
			t.Errorf("%s: %q", call, err)
		}
	}
}

func TestACertificateThatIsNotTrustedEndsTheCall(t *testing.T) {
	var rec recorder
	server := httptest.NewUnstartedServer(rec.wrap(answer(200, nil, "[]")))
	server.Config.ErrorLog = discardLog()
	var connections atomic.Int32
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	c := clientAt(t, server.URL, func(cfg *ClientConfig) { cfg.Retries = 2 })
	for call, each := range calls() {
		if err := each.call(t.Context(), c); !errors.Is(err, ErrUnreachable) || OutcomeUnknown(err) {
			t.Errorf("%s: %v, may be done: %v", call, err, OutcomeUnknown(err))
		}
	}
	if n := len(rec.all()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
	// A second try would meet the same certificate.
	if n := int(connections.Load()); n != len(calls()) {
		t.Errorf("%d connections for %d calls", n, len(calls()))
	}
}

// The cancel comes after the request was read, so that it is known to have
// been sent.
func TestACancelAfterSendingLeavesTheDoubt(t *testing.T) {
	for call, each := range calls() {
		read := make(chan struct{})
		c := clientFor(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			close(read)
			<-r.Context().Done()
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-read
			cancel()
		}()
		err := each.call(ctx, c)
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) || OutcomeUnknown(err) != each.changes {
			t.Errorf("%s: %v, may be done: %v", call, err, OutcomeUnknown(err))
		}
	}
}

// An answer that begins and never ends is as good as none.
func TestAnAnswerThatStopsHalfWayIsLost(t *testing.T) {
	for call, each := range calls() {
		ctx, cancel := context.WithCancel(t.Context())
		begun := make(chan struct{})
		c := clientFor(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, `{"webhook":`)
			_ = http.NewResponseController(w).Flush()
			close(begun)
			<-r.Context().Done()
		})
		go func() {
			<-begun
			cancel()
		}()
		if err := each.call(ctx, c); !errors.Is(err, context.Canceled) || OutcomeUnknown(err) != each.changes {
			t.Errorf("%s: %v, may be done: %v", call, err, OutcomeUnknown(err))
		}
		cancel()
	}
}
