package receiver_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// pipes is a listener of connections in memory, which work in a bubble of
// testing/synctest with its clock.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// servePipes serves a tap until the test ends.
func servePipes(t *testing.T, tap *tap) *pipes {
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
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

func TestASlowSenderIsCutOff(t *testing.T) {
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
		{"that drips without knowing the secret", head + "\r\n", 10 * time.Second, "408", 2 * time.Minute},
		{"who does not know the secret and sends enough to see", strings.Replace(head, "1000", "100000", 1) +
			"\r\n" + strings.Repeat("x", 20<<10), 0, "401", 0},
		{"of something else is not waited for", strings.Replace(head, path, "/x", 1) + "\r\n", 0, "404", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tap := makeTap(t, receiver.Config{})
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
				// A deadline is moved a little less often than bytes come.
				if took := time.Since(began); took < c.after || took > c.after+time.Second {
					t.Errorf("answered after %s, want about %s", took, c.after)
				}
				// The server closes its end although the sender does not.
				answered := time.Now()
				_, _ = io.Copy(io.Discard, conn)
				if took := time.Since(answered); took > time.Second {
					t.Errorf("closed %s after the answer", took)
				}
				conn.Close()
				<-done
				want(t, "recorded", len(tap.history.all()), map[bool]int{true: 1, false: 0}[c.status == "401" || c.status == "408"])
			})
		})
	}
}

// drip is a body of which a byte comes now and then.
type drip struct{}

func (drip) Read(p []byte) (int, error) {
	<-time.After(10 * time.Second)
	p[0] = 'x'
	return 1, nil
}

func TestASlowSenderIsCutOffWithoutDeadlinesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := makeTap(t, receiver.Config{})
		w, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, drip{})
		req.Header.Set("X-Webhook-Secret", secret)
		began := time.Now()
		tap.ServeHTTP(w, req)
		want(t, "status", w.Code, 408)
		want(t, "took", time.Since(began), 2*time.Minute)
	})
}

func TestASenderThatIsSteadyHasTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := makeTap(t, receiver.Config{Routes: routes(receiver.Route{Target: &scripted{
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
		want(t, "body", string(tap.history.settled(t, 1)[0].Body), "xxxxxxxx")
	})
}

// deadlines notes what the read deadline was set to.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error { d.set = append(d.set, t); return nil }

func TestADeadlineForTheBodyDoesNotOutliveIt(t *testing.T) {
	tap := makeTap(t, receiver.Config{})
	for _, secret := range []string{secret, "wrong"} {
		for _, length := range []int64{2, -1} {
			req := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
			req.ContentLength = length
			req.Header.Set("X-Webhook-Secret", secret)
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			tap.ServeHTTP(w, req)
			if n := len(w.set); n < 2 || w.set[0].IsZero() || !w.set[n-1].IsZero() {
				t.Errorf("secret %q, length %d: the deadlines were %v", secret, length, w.set)
			}
		}
		req := httptest.NewRequest(http.MethodPost, path, http.NoBody)
		req.Header.Set("X-Webhook-Secret", secret)
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		tap.ServeHTTP(w, req)
		want(t, "deadlines for a body that is not there", len(w.set), 0)
	}
}

func TestAConnectionIsUsedAgainAfterADelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := makeTap(t, receiver.Config{})
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
		tap.history.settled(t, 3)
	})
}

func TestASenderThatLooksForAnAnswerOnlyAtTheEndSeesThe413(t *testing.T) {
	tap := open(t, receiver.Config{})
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

// gated is a memory that keeps every Append waiting until it is opened.
type gated struct {
	*memory
	open    chan struct{}
	waiting atomic.Int64 // events
	bytes   atomic.Int64 // what their bodies take
	arrived chan struct{}
}

func (g *gated) Append(ctx context.Context, e *event.Event) error {
	g.waiting.Add(1)
	g.bytes.Add(int64(cap(e.Body)))
	g.arrived <- struct{}{}
	<-g.open
	return g.memory.Append(ctx, e)
}

func TestAThousandLargeBodiesAtOnceStayWithinTheBudget(t *testing.T) {
	const budget, size, senders = 16 << 20, 1 << 20, 1000
	body := bytes.Repeat([]byte("x"), size)
	for _, announced := range []bool{true, false} {
		t.Run(fmt.Sprintf("announced %v", announced), func(t *testing.T) {
			gate := &gated{memory: newMemory(), open: make(chan struct{}), arrived: make(chan struct{}, senders)}
			tap := open(t, receiver.Config{Recorder: gate, Limits: receiver.Limits{MaxInFlight: budget}})
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
						// Who is still writing may meet the closed connection
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
			// The budget is whole again.
			want(t, "one that needs all of it", post(t, tap.url, make([]byte, budget), "X-Webhook-Secret", secret).StatusCode, 200)
		})
	}
}

func TestStrangersAreBounded(t *testing.T) {
	tap := open(t, receiver.Config{Limits: receiver.Limits{MaxInFlight: 1, MaxStrangers: 5}})
	big := bytes.Repeat([]byte("x"), 100<<10)
	for _, c := range []struct {
		announced bool
		size      int
		kept      int
		cut       bool
	}{
		{true, 100 << 10, 16 << 10, true}, {false, 100 << 10, 16 << 10, true},
		{true, 16 << 10, 16 << 10, false}, {false, 16 << 10, 16 << 10, false}, {true, 3, 3, false},
	} {
		body := io.Reader(bytes.NewReader(big[:c.size]))
		if !c.announced {
			body = io.MultiReader(body)
		}
		req, _ := http.NewRequest(http.MethodPost, tap.url, body)
		want(t, "status", send(t, req, "X-Webhook-Secret", "wrong").StatusCode, 403)
		all := tap.history.all()
		e := all[len(all)-1]
		want(t, fmt.Sprintf("%d bytes, announced %v", c.size, c.announced), fmt.Sprint(len(e.Body), e.Size, e.BodyCut), fmt.Sprint(c.kept, c.kept, c.cut))
	}
	for range 20 {
		want(t, "status", post(t, tap.url, big).StatusCode, 401)
	}
	want(t, "recorded", len(tap.history.settled(t, 5)), 5)
	s := tap.Stats()
	want(t, "stats", fmt.Sprint(s.Strangers, s.StrangersRecorded, s.Deliveries), "25 5 0")
}

func TestAThousandDeliveriesAtOnceAllArrive(t *testing.T) {
	app := runApp(t, nil)
	tap := open(t, receiver.Config{Routes: routes(app.route(t, ""))})
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			want(t, "status", tap.deliver(t, fmt.Sprintf(`{"i":%d}`, i)).StatusCode, 200)
		})
	}
	wg.Wait()
	tap.history.settled(t, 1000)
	seen := map[string]bool{}
	for _, took := range app.all() {
		seen[string(took.body)] = true
	}
	want(t, "different bodies at the app", len(seen), 1000)
	want(t, "requests at the app", len(app.all()), 1000)
}
