package receiver_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/receiver"
)

// benchBody is a delivery of the usual size.
var benchBody = `{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"space","name":"me/s","id":"651311c46de9c503f3f34a9e",` +
	`"private":false,"url":{"web":"https://huggingface.co/spaces/me/s","api":"https://huggingface.co/api/spaces/me/s"},` +
	`"headSha":"5e7f29fffcc579cb52539fddb14a1a4f85f39e44","owner":{"id":"6273f303f6d63a28483fde12"}},` +
	`"webhook":{"id":"65a14fd933eca76f4639fc84","version":3},"updatedRefs":[{"ref":"refs/pr/5","oldSha":null,` +
	`"newSha":"227c78346870a85e5de4fff8a585db68df975406"}],"padding":"` + strings.Repeat("x", 512) + `"}`

// BenchmarkRelay measures the whole road, receive, record on disk, hand over
// and answer, beside a httputil.ReverseProxy that records nothing, to the same
// server. Both take turns in the same run, because a machine's speed changes
// from one second to the next; a ratio is of two neighbours. CPU time is the
// whole process's: the senders and the server are in it on both sides. A turn of
// ours ends when all of it is stored, so that none of that falls into the other's.
//
// There are two proxies: as it comes, which keeps two idle connections to its
// server, and tuned, which keeps as many as there are clients. In ack mode the
// sender is answered before the event is handed over, which the turn waits for.
//
//	go test -run - -bench Relay ./receiver
func BenchmarkRelay(b *testing.B) {
	for _, c := range []struct {
		respond string
		clients int
		proxy   string
		idle    int
	}{
		{"relay", 1, "as-it-comes", 0}, {"relay", 16, "as-it-comes", 0}, {"relay", 16, "tuned", 64},
		{"ack", 1, "as-it-comes", 0}, {"ack", 16, "tuned", 64},
	} {
		b.Run(fmt.Sprintf("respond=%s/clients=%d/proxy=%s", c.respond, c.clients, c.proxy), func(b *testing.B) {
			store, err := history.Open(context.Background(), filepath.Join(b.TempDir(), "history.db"))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() {
				if err := store.Close(); err != nil {
					b.Error(err)
				}
			})
			if err := store.StartSession(context.Background(), history.Session{ID: "bench", StartedAt: time.Now()}); err != nil {
				b.Fatal(err)
			}
			recorder := &settledNotifier{Recorder: store, settled: make(chan struct{}, 1<<20)}
			benchRelay(b, c.respond, c.clients, c.idle, recorder, func(requests int) {
				for range requests {
					<-recorder.settled
				}
				if err := store.Flush(context.Background()); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

// BenchmarkRelayWithoutDisk is BenchmarkRelay with a Recorder that forgets: what
// the receiver costs by itself.
func BenchmarkRelayWithoutDisk(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchRelay(b, "relay", clients, 64, &nullRecorder{}, func(int) {}) })
	}
}

// settledNotifier is a Recorder that says when an event is settled.
type settledNotifier struct {
	receiver.Recorder
	settled chan struct{}
}

func (s *settledNotifier) Update(u event.Update) {
	s.Recorder.Update(u)
	if u.Phase == event.PhaseSettled {
		s.settled <- struct{}{}
	}
}

type nullRecorder struct{ n atomic.Int64 }

func (f *nullRecorder) Append(_ context.Context, e *event.Event) error { e.N = f.n.Add(1); return nil }
func (f *nullRecorder) Update(event.Update)                            {}
func (f *nullRecorder) Body(context.Context, int64) ([]byte, error)    { return nil, io.EOF }

func benchRelay(b *testing.B, respond string, clients, idle int, recorder receiver.Recorder, stored func(requests int)) {
	const pairs = 15
	requests := map[int]int{1: 1800, 16: 3600}[clients]
	app := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = io.WriteString(w, "ok")
	})}
	appURL := serveBench(b, app)

	to, err := receiver.ParseRoute(appURL + "/hook")
	if err != nil {
		b.Fatal(err)
	}
	tap, err := receiver.New(receiver.Config{
		Path: path, Secret: secret, Session: "bench", Recorder: recorder, Respond: map[string]receiver.Respond{"relay": receiver.Relay, "ack": receiver.Ack}[respond],
		Routes: routes(to), Concurrency: 16,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(tap.Close)
	tapURL := serveBench(b, tap.Server())

	upstream, err := url.Parse(appURL)
	if err != nil {
		b.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	transport := &http.Transport{MaxIdleConnsPerHost: idle} // 0 is the default, 2
	proxy.Transport = transport
	b.Cleanup(transport.CloseIdleConnections)
	proxyURL := serveBench(b, &http.Server{Handler: proxy})

	load(b, tapURL, clients, requests/4, stored)
	load(b, proxyURL, clients, requests/4, func(int) {})
	for b.Loop() {
		var ratios, taps, proxies, cpuTaps, cpuProxies []float64
		for range pairs {
			ours, oursCPU := load(b, tapURL, clients, requests, stored)
			theirs, theirsCPU := load(b, proxyURL, clients, requests, func(int) {})
			ratios = append(ratios, ours/theirs)
			taps, proxies = append(taps, ours), append(proxies, theirs)
			cpuTaps, cpuProxies = append(cpuTaps, oursCPU), append(cpuProxies, theirsCPU)
		}
		b.ReportMetric(median(ratios), "ratio")
		b.ReportMetric(slices.Min(ratios), "ratio-min")
		b.ReportMetric(slices.Max(ratios), "ratio-max")
		b.ReportMetric(median(taps), "req/s")
		b.ReportMetric(median(proxies), "proxy-req/s")
		b.ReportMetric(median(cpuTaps), "cpu-µs/req")
		b.ReportMetric(median(cpuProxies), "proxy-cpu-µs/req")
		b.ReportMetric(0, "ns/op") // an iteration is all pairs, its time says nothing
	}
}

// load sends deliveries over as many connections as there are clients, until the
// last is answered and stored, and gives requests a second and CPU microseconds
// a request.
func load(b *testing.B, base string, clients, requests int, stored func(requests int)) (rate, cpu float64) {
	b.Helper()
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: public.example\r\nContent-Type: application/json\r\nUser-Agent: hub\r\n"+
		"X-Webhook-Secret: %s\r\nContent-Length: %d\r\nWebhook-Id: ", path, secret, len(benchBody))
	request := func() string { return head + rand.Text() + "\r\n\r\n" + benchBody } // each delivery has its own id
	var wg sync.WaitGroup
	errs := make(chan error, clients)
	began, cpuBefore := time.Now(), processTime()
	for range clients {
		wg.Go(func() { errs <- sendAll(strings.TrimPrefix(base, "http://"), request, requests/clients) })
	}
	wg.Wait()
	stored(requests / clients * clients)
	took, used := time.Since(began), processTime()-cpuBefore
	for range clients {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	return float64(requests) / took.Seconds(), float64(used.Microseconds()) / float64(requests)
}

func sendAll(address string, request func() string, times int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for range times {
		if _, err := io.WriteString(conn, request()); err != nil {
			return err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || string(body) != "ok" && len(body) > 0 {
			return fmt.Errorf("answer %d %q: %v", resp.StatusCode, body, err)
		}
	}
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func serveBench(b *testing.B, server *http.Server) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	b.Cleanup(func() {
		server.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}
