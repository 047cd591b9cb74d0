package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// BenchmarkTrigger measures "trigger --repeat 10000" through a session that runs,
// until the program has printed that all are settled, beside a load generator that
// posts the same bodies to the same session's public address over as many
// connections, until the handler has got them all. The two take turns, and the result
// is their ratio in events a second: a machine's speed is not in it. direct/handler is
// how the load generator does with the handler itself and no session between.
//
//	go test -run '^$' -bench Trigger ./internal/cli
func BenchmarkTrigger(b *testing.B) {
	pairs, events := 5, 10_000
	if testing.Short() {
		pairs, events = 3, 2000
	}
	var got atomic.Int64
	handled := make(chan struct{}, 1)
	handler := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if got.Add(1)%int64(events) == 0 {
			handled <- struct{}{}
		}
	}))
	defer handler.Close()
	s := benchSession(b, handler.URL)
	sample, err := event.Sample(event.KindRepoContentUpdate, modelM, event.SampleOptions{})
	if err != nil {
		b.Fatal(err)
	}
	body, err := json.Marshal(sample)
	if err != nil {
		b.Fatal(err)
	}
	rate := func(do func()) float64 {
		began := time.Now()
		do()
		<-handled
		return float64(events) / time.Since(began).Seconds()
	}
	for b.Loop() {
		var ratios, triggered, direct, bare []float64
		for range pairs {
			t := rate(func() { s.run(b, "trigger", "repo.content.update", "--repeat", strconv.Itoa(events)) })
			d := rate(func() { flood(b, s.url, s.secret, body, events) })
			bare = append(bare, rate(func() { flood(b, handler.URL, s.secret, body, events) }))
			ratios, triggered, direct = append(ratios, t/d), append(triggered, t), append(direct, d)
		}
		for _, all := range [][]float64{ratios, triggered, direct, bare} {
			slices.Sort(all)
		}
		b.ReportMetric(ratios[len(ratios)/2], "trigger/direct")
		b.ReportMetric(ratios[0], "trigger/direct-min")
		b.ReportMetric(ratios[len(ratios)-1], "trigger/direct-max")
		b.ReportMetric(triggered[len(triggered)/2], "trigger-events/s")
		b.ReportMetric(direct[len(direct)/2], "direct-events/s")
		b.ReportMetric(bare[len(bare)/2], "handler-events/s")
		b.ReportMetric(0, "ns/op") // an iteration is all pairs
	}
}

// flood posts a body so many times over 8 connections.
func flood(b *testing.B, url, secret string, body []byte, times int) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(times))
	var posting sync.WaitGroup
	for range 8 {
		posting.Go(func() {
			for left.Add(-1) >= 0 {
				req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("X-Webhook-Secret", secret)
				resp, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("it answered %d", resp.StatusCode)
					return
				}
			}
		})
	}
	posting.Wait()
}

// benchmarked is a session without a webhook, at the loopback tunnel.
type benchmarked struct {
	env         []string
	url, secret string
}

func benchSession(b *testing.B, target string) benchmarked {
	b.Helper()
	dir := b.TempDir()
	s := benchmarked{env: []string{"HF_TAP_STATE=" + filepath.Join(dir, "state"), "HOME=" + dir, "PATH=" + os.Getenv("PATH"), "HF_ENDPOINT=http://127.0.0.1:1"}}
	listen := exec.Command(binary, "listen", "--no-webhook", "--tunnel", "loopback", "--forward", target)
	listen.Env, listen.Dir = s.env, dir
	said, err := listen.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := listen.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = listen.Process.Signal(os.Interrupt)
		_ = listen.Wait()
	})
	for sc := bufio.NewScanner(said); sc.Scan(); {
		if url, ready := strings.CutPrefix(sc.Text(), "ready: "); ready {
			s.url = url
			break
		}
	}
	secret := exec.Command(binary, "secret")
	secret.Env = s.env
	out, err := secret.Output()
	if err != nil || s.url == "" {
		b.Fatalf("the session is not ready: %v", err)
	}
	s.secret = strings.TrimSpace(string(out))
	go io.Copy(io.Discard, said)
	return s
}

func (s benchmarked) run(b *testing.B, args ...string) {
	b.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env, cmd.Dir = s.env, b.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("hf-tap %q: %v\n%s", args, err, out)
	}
}
