package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// poison is what a hostile Hub puts behind its strings: a line like one of ours, and
// what a terminal obeys.
const poison = "\nready: http://evil/\x1b[2J\u202e\u200b"

// hostileHub is a Hub whose answers are those of the sandbox with poison in them.
type hostileHub struct {
	endpoint string
	mu       sync.Mutex
	keys     map[string]bool // of strings that were answered
	only     string          // poison in strings of this key alone; "*": in all
	status   int             // every answer is this error; 0: none is
}

func newHostileHub(t *testing.T, behind string) *hostileHub {
	t.Helper()
	h := &hostileHub{keys: map[string]bool{}}
	u, err := url.Parse(behind)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ModifyResponse = func(resp *http.Response) error {
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		var v any
		if json.Unmarshal(b, &v) == nil {
			if b, err = json.Marshal(h.poisoned("", v)); err != nil {
				return err
			}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.status != 0 {
			resp.StatusCode = h.status
			b, _ = json.Marshal(map[string]any{"error": "no" + poison, "message": "no" + poison, "errors": []string{"no" + poison}})
		}
		if h.status != 0 || h.only == "*" {
			for _, name := range []string{"X-Error-Message", "X-Error-Code", "X-Request-Id", "X-Hf-Warning", "Retry-After", "Server", "Date", "Ratelimit"} {
				resp.Header.Set(name, "evil; \u009b\u202e"+strings.NewReplacer("\n", "\v", "\x1b", "").Replace(poison))
			}
		}
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		resp.Header.Set("Content-Length", strconv.Itoa(len(b)))
		return nil
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	h.endpoint = s.URL
	return h
}

// poisoned puts poison behind the strings of a JSON value.
func (h *hostileHub) poisoned(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = h.poisoned(k, v[k])
		}
	case []any:
		for i := range v {
			v[i] = h.poisoned(key, v[i])
		}
	case string:
		h.mu.Lock()
		defer h.mu.Unlock()
		h.keys[key] = true
		if h.only == key || h.only == "*" {
			return v + poison
		}
	}
	return v
}

func (h *hostileHub) be(only string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.only, h.status = only, status
}

func TestNoStringOfTheHubForgesALine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := newHostileHub(t, w.endpoint)
	evil := w.with("HF_ENDPOINT=" + h.endpoint)
	look := func(what string, p *process) {
		<-p.exited
		for name, out := range map[string]string{"stdout": p.stdout.text(), "stderr": p.stderr.text()} {
			for line := range strings.SplitSeq(out, "\n") {
				if strings.HasPrefix(line, "ready: http://evil") || strings.ContainsFunc(line, obeyed) {
					t.Errorf("%s: %v: a line of %s is %q", what, p.cmd.Args[1:], name, line)
				}
			}
		}
	}
	// Every command that speaks with the Hub, or prints what it said.
	run := func(what string) {
		id := w.create("--url", exampleURL)
		for _, together := range [][][]string{
			{
				{"doctor", "--tunnel", "loopback"}, {"listen", "model:me/m", "--tunnel", "loopback", "--wait", "1ms"}, {"listen", "--like", id, "--mute", id, "--tunnel", "loopback", "--wait", "1ms", "--json"},
				{"webhooks", "ls"}, {"webhooks", "ls", "-q"}, {"webhooks", "ls", "--json"}, {"webhooks", "info", id}, {"webhooks", "info", id, "--json"}, {"webhooks", "replay", id, "65a2c0ffee33eca76f4639fc"},
				{"webhooks", "create", "--url", exampleURL, "--watch", "model:me/m"}, {"webhooks", "create", "--url", exampleURL, "--watch", "model:me/m", "--json"},
			},
			{{"webhooks", "disable", id}}, {{"webhooks", "enable", id}}, {{"webhooks", "update", id, "--domain", "repo"}},
			{{"webhooks", "delete", id, "--yes"}, {"webhooks", "prune"}, {"events", "ls"}, {"events", "ls", "--json"}, {}},
		} {
			var started []*process
			for _, args := range together {
				started = append(started, evil.start(args...))
			}
			for _, p := range started {
				look(what, p)
			}
		}
		for _, id := range w.left() {
			w.run(0, "webhooks", "delete", id, "--yes")
		}
	}
	h.be("", 0)
	run("honest")
	h.mu.Lock()
	keys := slices.Sorted(maps.Keys(h.keys))
	h.mu.Unlock()
	if len(keys) < 10 || !slices.Contains(keys, "id") || !slices.Contains(keys, "name") {
		t.Fatalf("the Hub answered only the keys %q", keys)
	}
	for _, key := range append(keys, "*") {
		h.be(key, 0)
		run("poison in " + key)
	}
	for _, status := range []int{400, 401, 404, 429, 500} {
		h.be("", status)
		run(fmt.Sprint("answers of ", status))
	}
}

// obeyed reports whether a terminal obeys r or does not show it.
func obeyed(r rune) bool {
	return r < 0x20 || r >= 0x7f && r <= 0x9f || r == 0x202e || r == 0x200b
}
