package webhooks_test

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/webhooks"
)

// benchBody is a delivery as the Hub's docs show it: a pull request is opened.
const benchBody = `{"event":{"action":"create","scope":"discussion"},"repo":{"type":"model","name":"openai-community/gpt2","id":"621ffdc036468d709f17434d",` +
	`"private":false,"url":{"web":"https://huggingface.co/openai-community/gpt2","api":"https://huggingface.co/api/models/openai-community/gpt2"},` +
	`"owner":{"id":"628b753283ef59b5be89e937"}},"discussion":{"id":"6399f58518721fdd27fc9ca9","title":"Update co2 emissions",` +
	`"url":{"web":"https://huggingface.co/openai-community/gpt2/discussions/19","api":"https://huggingface.co/api/models/openai-community/gpt2/discussions/19"},` +
	`"status":"open","author":{"id":"61d2f90c3c2083e1c08af22d"},"num":19,"isPullRequest":true,"changes":{"base":"refs/heads/main"}},` +
	`"comment":{"id":"6399f58518721fdd27fc9caa","author":{"id":"61d2f90c3c2083e1c08af22d"},"content":"Add co2 emissions information to the model card","hidden":false,` +
	`"url":{"web":"https://huggingface.co/openai-community/gpt2/discussions/19#6399f58518721fdd27fc9caa"}},"webhook":{"id":"6390e855e30d9209411de93b","version":3}}`

// bare is what an endpoint is without this package: it reads the body, checks
// the header, decodes into the same type and answers JSON.
func bare(w http.ResponseWriter, req *http.Request) {
	if subtle.ConstantTimeCompare([]byte(req.Header.Get("X-Webhook-Secret")), []byte(secret)) != 1 {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var payload hub.Payload
	if err := json.Unmarshal(body, &payload); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(payload.Repo.Name)
}

// BenchmarkEndpoint measures an endpoint beside a bare net/http handler. Both
// take turns in the same run, because a machine's speed changes from one second
// to the next; a ratio is of two neighbours. CPU time is the whole process's,
// with the clients.
//
//	go test -run - -bench Endpoint ./webhooks
func BenchmarkEndpoint(b *testing.B) {
	for _, c := range []struct {
		name    string
		options []webhooks.Option
	}{
		{"plain", nil},
		{"match,drop-repeats", []webhooks.Option{webhooks.Match("discussion.*,model:*"), webhooks.DropRepeats()}},
	} {
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/clients=%d", c.name, clients), func(b *testing.B) { benchEndpoint(b, clients, c.options) })
		}
	}
}

func benchEndpoint(b *testing.B, clients int, options []webhooks.Option) {
	pairs, requests := 15, 8000
	if testing.Short() {
		pairs = 2
	}
	s := newServer(b, webhooks.Config{Secret: secret}).handle("a", func(_ context.Context, d *webhooks.Delivery) (any, error) { return d.Repo.Name, nil }, options...)
	ours, theirs := serveBench(b, s), serveBench(b, http.HandlerFunc(bare))
	load(b, ours, clients, requests/4)
	load(b, theirs, clients, requests/4)
	for b.Loop() {
		var ratios, rates, bareRates, cpus, bareCPUs []float64
		for range pairs {
			rate, cpu := load(b, ours, clients, requests)
			bareRate, bareCPU := load(b, theirs, clients, requests)
			ratios, rates, bareRates = append(ratios, rate/bareRate), append(rates, rate), append(bareRates, bareRate)
			cpus, bareCPUs = append(cpus, cpu), append(bareCPUs, bareCPU)
		}
		b.ReportMetric(median(ratios), "ratio")
		b.ReportMetric(slices.Min(ratios), "ratio-min")
		b.ReportMetric(slices.Max(ratios), "ratio-max")
		b.ReportMetric(median(rates), "req/s")
		b.ReportMetric(median(bareRates), "bare-req/s")
		b.ReportMetric(median(cpus), "cpu-µs/req")
		b.ReportMetric(median(bareCPUs), "bare-cpu-µs/req")
		b.ReportMetric(0, "ns/op") // an iteration is all pairs, its time says nothing
	}
}

// load sends deliveries over a connection for each client until the last is
// answered, and returns requests a second and CPU microseconds a request.
func load(b *testing.B, address string, clients, requests int) (rate, cpu float64) {
	b.Helper()
	errs := make(chan error, clients)
	began, cpuBefore := time.Now(), processTime()
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() { errs <- sendAll(address, client, requests/clients) })
	}
	wg.Wait()
	took, used := time.Since(began), processTime()-cpuBefore
	for range clients {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	return float64(requests) / took.Seconds(), float64(used.Microseconds()) / float64(requests)
}

func sendAll(address string, client, times int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in, ids := bufio.NewReader(conn), time.Now().UnixNano()
	for i := range times {
		if _, err := fmt.Fprintf(conn, "POST /webhooks/a HTTP/1.1\r\nHost: public.example\r\nContent-Type: application/json\r\nUser-Agent: hub\r\n"+
			"X-Webhook-Secret: %s\r\nWebhook-Id: %d-%d-%d\r\nContent-Length: %d\r\n\r\n%s", secret, ids, client, i, len(benchBody), benchBody); err != nil {
			return err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || strings.TrimSpace(string(answer)) != `"openai-community/gpt2"` {
			return fmt.Errorf("answer %d %q: %v", resp.StatusCode, answer, err)
		}
	}
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func serveBench(b *testing.B, handler http.Handler) (address string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server, done := &http.Server{Handler: handler}, make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	b.Cleanup(func() {
		server.Close()
		<-done
	})
	return l.Addr().String()
}
