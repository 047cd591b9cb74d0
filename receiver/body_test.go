package receiver_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hf-tap/hf-tap/event"
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

func TestBudgetOfARefusedBodyIsFreeWhenItsSenderIsAnswered(t *testing.T) {
	const budget = 64 << 10
	for _, c := range []struct {
		name   string
		limits receiver.Limits
		sent   int // bytes of an unannounced body, which does not end
		status int
	}{
		{"beyond the budget", receiver.Limits{MaxInFlight: budget}, budget + 1, 503},
		{"that is too big", receiver.Limits{MaxInFlight: budget, MaxBody: budget - 1}, budget, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			tap := startTap(t, receiver.Config{Limits: c.limits})
			// The sender neither ends its body nor hangs up.
			conn := dialTap(t, tap)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
				path, secret, c.sent, make([]byte, c.sent))
			want(t, "answer", statusOn(t, conn), c.status)
			want(t, "the next body, which needs most of the budget", post(t, tap.url, make([]byte, budget-2), "X-Webhook-Secret", secret).StatusCode, 200)
		})
	}
}

func TestBudgetOfARelayedBodyIsFreeWhenItsSenderIsAnswered(t *testing.T) {
	const budget = 64 << 10
	app := runApp(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 512<<10)) })
	tap := startTap(t, receiver.Config{Respond: receiver.Relay, Routes: routes(app.route(t, "")), Limits: receiver.Limits{MaxInFlight: budget}})
	conn := servePipes(t, tap).dial() // without buffers: the answer is on its way until it is read
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\nContent-Length: %d\r\n\r\n%s", path, secret, budget, make([]byte, budget))
	want(t, "answer", statusOn(t, conn), 200)
	want(t, "the next body, which needs the whole budget", post(t, tap.url, make([]byte, budget), "X-Webhook-Secret", secret).StatusCode, 200)
}

func TestSenderWithExpectGetsItsRefusalAfterTheBody(t *testing.T) {
	for _, c := range []struct {
		name, secret, length string
		limits               receiver.Limits
		status               int
	}{
		{"announced and too big", secret, "Content-Length: 41943040", receiver.Limits{}, 413},
		{"unannounced and too big", secret, "Transfer-Encoding: chunked", receiver.Limits{}, 413},
		{"unannounced and beyond the budget", secret, "Transfer-Encoding: chunked", receiver.Limits{MaxInFlight: 1 << 20}, 503},
		{"with a wrong secret", "wrong", "Content-Length: 41943040", receiver.Limits{}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			tap := startTap(t, receiver.Config{Limits: c.limits})
			conn := dialTap(t, tap)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\n%s\r\nExpect: 100-continue\r\n\r\n", path, c.secret, c.length)
			in := bufio.NewReader(conn)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "interim answer", resp.StatusCode, 100)
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

// gatedMemory is a memory whose Append waits until open is closed.
type gatedMemory struct {
	*memory
	open    chan struct{}
	waiting atomic.Int64 // events
	bytes   atomic.Int64 // what their bodies take
	arrived chan struct{}
}

func (g *gatedMemory) Append(ctx context.Context, e *event.Event) error {
	g.waiting.Add(1)
	g.bytes.Add(int64(cap(e.Body)))
	g.arrived <- struct{}{}
	<-g.open
	return g.memory.Append(ctx, e)
}

func TestThousandLargeBodiesStayWithinTheBudget(t *testing.T) {
	const budget, size, senders = 16 << 20, 1 << 20, 1000
	body := bytes.Repeat([]byte("x"), size)
	for _, announced := range []bool{true, false} {
		t.Run(fmt.Sprintf("announced %v", announced), func(t *testing.T) {
			gate := &gatedMemory{memory: newMemory(), open: make(chan struct{}), arrived: make(chan struct{}, senders)}
			tap := startTap(t, receiver.Config{Recorder: gate, Limits: receiver.Limits{MaxInFlight: budget}})
			var wg sync.WaitGroup
			var taken atomic.Int64
			refused := make(chan struct{}, senders)
			for range senders {
				wg.Go(func() {
					in := io.Reader(bytes.NewReader(body))
					if !announced {
						in = io.MultiReader(in)
					}
					req, _ := http.NewRequest(http.MethodPost, tap.url, in)
					req.Header.Set("X-Webhook-Secret", secret)
					patient := client()
					patient.Timeout = 0 // or a sender gives up while its body still counts
					resp, err := patient.Do(req)
					if err != nil {
						// A sender that is still writing may see the closed connection
						// before the answer.
						refused <- struct{}{}
						return
					}
					resp.Body.Close()
					if resp.StatusCode == 200 {
						taken.Add(1)
						return
					}
					want(t, "answer", fmt.Sprint(resp.StatusCode, resp.Header.Get("Retry-After")), "5035")
					refused <- struct{}{}
				})
			}
			for range senders { // each is refused, or being recorded
				select {
				case <-refused:
				case <-gate.arrived:
				}
			}
			if n := gate.bytes.Load(); n > budget {
				t.Errorf("bodies of %d bytes at once, want at most %d", n, budget)
			}
			n := gate.waiting.Load()
			if n == 0 || announced && n != budget/size {
				t.Errorf("%d of %d senders were let in, want %d", n, senders, budget/size)
			}
			close(gate.open)
			wg.Wait()
			want(t, "answered with 200", taken.Load(), n)
			// The budget is free again.
			want(t, "a body that needs the whole budget", post(t, tap.url, make([]byte, budget), "X-Webhook-Secret", secret).StatusCode, 200)
		})
	}
}

func TestSenderThatReadsOnlyAtTheEndGetsThe413(t *testing.T) {
	tap := startTap(t, receiver.Config{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimSuffix(tap.url, path), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 40 << 20 // far more than the buffers of two sockets
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\nContent-Length: %d\r\n\r\n", path, secret, size)
	if _, err := conn.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", resp.StatusCode, 413)
}
