package webhooks_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/webhooks"
)

// page requests the page of a server, at the path and host of a URL.
func page(t *testing.T, h http.Handler, url string, headers ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	req := httptest.NewRequest("GET", url, nil)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w, w.Body.String()
}

func TestThePageShowsWhereTheEndpointsAreAndHowToUseThem(t *testing.T) {
	for _, c := range []struct {
		name       string
		config     webhooks.Config
		env        [][2]string
		url        string
		headers    []string
		prefix     string // that http.StripPrefix removes
		has, lacks []string
	}{
		{
			name: "on this machine", url: "http://127.0.0.1:7860/",
			has: []string{"<code>http://127.0.0.1:7860/webhooks/trigger_training</code>", "<code>http://127.0.0.1:7860/webhooks/a/b</code>", ">POST<",
				"repo.content.update,dataset:me/* or discussion.*", "<strong>Not set.</strong>", "in its environment", "hf-tap listen --forward 127.0.0.1:7860/webhooks/trigger_training",
				"https://huggingface.co/settings/webhooks", "https://huggingface.co/docs/hub/webhooks"},
			lacks: []string{"Space", "48 hours"},
		},
		{
			name: "elsewhere, with a secret", config: webhooks.Config{Secret: secret}, url: "http://192.0.2.1:7860/",
			has:   []string{"<code>http://192.0.2.1:7860/webhooks/a/b</code>", "<strong>Set.</strong>", "and the secret"},
			lacks: []string{"hf-tap", secret, "Not set"},
		},
		{name: "behind a proxy with https", url: "http://hooks.example.com/", headers: []string{"X-Forwarded-Proto", "https"}, has: []string{"<code>https://hooks.example.com/webhooks/a/b</code>"}},
		{name: "with an address", config: webhooks.Config{URL: "https://hooks.example.com/x/"}, url: "http://127.0.0.1/", has: []string{"<code>https://hooks.example.com/x/webhooks/a/b</code>"}, lacks: []string{"127.0.0.1"}},
		{
			name: "in a Space", env: [][2]string{{"SPACE_ID", "me/hooks"}, {"SPACE_HOST", "me-hooks.hf.space"}}, url: "http://10.0.0.7:7860/",
			has: []string{"<code>https://me-hooks.hf.space/webhooks/trigger_training</code>", "in the settings of this Space", "sleeps after 48 hours"}, lacks: []string{"10.0.0.7", "hf-tap"},
		},
		{name: "with a hostile Host header", url: "http://127.0.0.1/", headers: []string{"Host", `"><script>alert(1)</script>`}, has: []string{"&lt;script&gt;"}, lacks: []string{"<script"}},
		{name: "under a path", url: "http://h.example/hub/?a=b", prefix: "/hub", has: []string{"<code>http://h.example/hub/webhooks/a/b</code>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, e := range c.env {
				t.Setenv(e[0], e[1])
			}
			s := newServer(t, c.config).handle("trigger_training", echo, webhooks.Match("repo.content.update,dataset:me/*"), webhooks.Match("discussion.*")).handle("a/b", echo)
			h := http.StripPrefix(c.prefix, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if host := req.Header.Get("Host"); host != "" {
					req.Host = host
				}
				s.ServeHTTP(w, req)
			}))
			w, text := page(t, h, c.url, c.headers...)
			want(t, "status", w.Code, 200)
			for _, part := range c.has {
				if !strings.Contains(text, part) {
					t.Errorf("the page lacks %q:\n%s", part, text)
				}
			}
			for _, part := range c.lacks {
				if strings.Contains(text, part) {
					t.Errorf("the page has %q:\n%s", part, text)
				}
			}
		})
	}
}

func TestThePageSaysThatThereAreNoEndpoints(t *testing.T) {
	_, text := page(t, newServer(t, webhooks.Config{}), "http://127.0.0.1/")
	if !strings.Contains(text, "No endpoints") || strings.Contains(text, "<ul") {
		t.Errorf("the page is\n%s", text)
	}
}

func TestThePageMayShowItsStyleAndNothingElse(t *testing.T) {
	s := newServer(t, webhooks.Config{}).handle("a", echo)
	w, text := page(t, s, "http://127.0.0.1/")
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(text)
	sum := sha256.Sum256([]byte(style[1]))
	want(t, "the policy", w.Header().Get("Content-Security-Policy"), fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(sum[:])))
	for _, forbidden := range []string{"<script", " style=", " onclick=", "<form", " src=", "<iframe"} {
		if strings.Contains(text, forbidden) {
			t.Errorf("the page has %q, which its policy forbids", forbidden)
		}
	}
	t.Setenv("SPACE_ID", "me/hooks")
	w, _ = page(t, s, "http://127.0.0.1/")
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(policy, "frame-ancestors https://huggingface.co") {
		t.Errorf("the Hub cannot show the Space: %s", policy)
	}
}

func TestThePageIsAtTheRootOnly(t *testing.T) {
	s := newServer(t, webhooks.Config{}).serve()
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", "/", 200}, {"HEAD", "/", 200}, {"GET", "/index.html", 404}, {"GET", "/favicon.ico", 404}, {"GET", "/webhooks", 404}, {"POST", "/", 405}} {
		req := s.request(c.path, "")
		req.Method = c.method
		resp, _ := send(t, req)
		want(t, c.method+" "+c.path, resp.StatusCode, c.status)
	}
}

func TestAPageOfOnesOwnReplacesIt(t *testing.T) {
	own := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { fmt.Fprint(w, "own ", req.URL.Path) })
	s := newServer(t, webhooks.Config{Page: own}).handle("a", echo).serve()
	for path, answer := range map[string]string{"/": "own /", "/assets/x.css": "own /assets/x.css", "/webhooks/a": `""`} {
		_, got := s.post(path, "{}")
		want(t, path, got, answer)
	}
}
