package receiver_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hf-tap/hf-tap/receiver"
)

// framework runs a server that answers like a web framework with POST handlers at
// these paths. asked returns the methods that it was sent.
func framework(t *testing.T, name string, paths ...string) (url string, asked func() string) {
	t.Helper()
	var mu sync.Mutex
	var methods []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		methods = append(methods, r.Method)
		mu.Unlock()
		if body, _ := io.ReadAll(r.Body); len(body) > 0 || r.Method == http.MethodPost {
			t.Errorf("%s was sent %s %q", name, r.Method, body)
		}
		has := slices.Contains(paths, r.URL.Path)
		switch {
		case name == "FastAPI" && r.URL.Path == "/openapi.json":
			described := map[string]map[string]any{"/": {"get": map[string]any{}}, "/items/{id}": {"post": map[string]any{}}}
			for _, path := range paths {
				described[path] = map[string]any{"post": map[string]any{}}
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"openapi": "3.1.0", "paths": described})
		case name == "any path":
			w.Header().Set("Allow", "GET, POST")
		case name == "Flask" && has, name == "Express" && has:
			w.Header().Set("Allow", "POST, OPTIONS")
		case name == "Flask" && r.URL.Path == "/":
			w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		case name == "all methods alike":
		case name == "not HTTP":
			conn, _, _ := w.(http.Hijacker).Hijack()
			_, _ = conn.Write([]byte("220 mail\r\n"))
			conn.Close()
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(methods, " ")
	}
}

func TestPathsAtWhichAServerAcceptsPost(t *testing.T) {
	for _, c := range []struct {
		name, path string
		has        []string
		want       receiver.Paths
	}{
		{"FastAPI", "", []string{"/webhook", "/admin", "/api/hooks/hf"}, receiver.Paths{NotHere: true, Others: []string{"/api/hooks/hf", "/webhook", "/admin"}}},
		{"FastAPI", "/webhook", []string{"/webhook"}, receiver.Paths{Here: true}},
		{"FastAPI", "", []string{"/a b;$(id)", "/x\ny", "/\x1b[2J", "/ok"}, receiver.Paths{NotHere: true, Others: []string{"/ok"}}},
		{"Flask", "/", []string{"/webhook"}, receiver.Paths{NotHere: true, Others: []string{"/webhook"}}},
		{"Flask", "/webhook/", []string{"/webhook/"}, receiver.Paths{Here: true}},
		{"Express", "/", []string{"/webhooks/huggingface"}, receiver.Paths{Missing: true, Others: []string{"/webhooks/huggingface"}}},
		{"Hono", "/", []string{"/webhook"}, receiver.Paths{Missing: true}},
		{"any path", "/", nil, receiver.Paths{}},
		{"not HTTP", "/", nil, receiver.Paths{}},
		{"all methods alike", "/", nil, receiver.Paths{}},
	} {
		url, asked := framework(t, c.name, c.has...)
		target, err := receiver.ParseTarget(url + c.path)
		if err != nil {
			t.Fatal(err)
		}
		got := target.Paths(t.Context(), "/webhook", "/webhooks/huggingface")
		target.CloseIdleConnections()
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s%s (-want +got):\n%s", c.name, c.path, diff)
		}
		if c.name == "all methods alike" && asked() != "GET OPTIONS" {
			t.Errorf("a handler of all methods was asked %s", asked())
		}
		if all := asked(); strings.Trim(all, "GETOPINS ") != "" {
			t.Errorf("%s was asked %s", c.name, all)
		}
	}
}
