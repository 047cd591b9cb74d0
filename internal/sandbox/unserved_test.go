package sandbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestWhatTheSandboxDoesNotHaveIsAnsweredByItsName(t *testing.T) {
	p := open(t, sandbox.Config{})
	if resp, text := p.call("POST", "/api/buckets/me/b/batch", p.token, `{"type":"addFile","path":"x","xetHash":"`+strings.Repeat("0", 64)+`"}`); resp.StatusCode != http.StatusOK {
		t.Fatal(text)
	}
	for call, name := range map[string]string{
		"GET /api/models/me/m/compare/main..side":         "the comparison of revisions",
		"POST /api/models/me/m/super-squash/main":         "squashed histories",
		"GET /api/models/me/m/xet-write-token/main":       "Xet storage",
		"GET /api/buckets/me/b/xet-write-token":           "Xet storage",
		"GET /buckets/me/b/resolve/x":                     "Xet storage",
		"POST /me/m.git/info/lfs/objects/batch":           "Git LFS",
		"POST /datasets/me/d.git/info/lfs/objects/batch":  "Git LFS",
		"GET /me/m.git/info/refs?service=git-upload-pack": "git over HTTP",
		"POST /api/spaces/me/s/restart":                   "running Spaces",
		"GET /api/spaces/me/s/runtime":                    "running Spaces",
		"POST /api/spaces/me/s/secrets":                   "secrets of Spaces",
		"GET /api/models":                                 "lists of repos",
		"GET /api/collections":                            "collections",
		"POST /api/jobs/me":                               "Jobs",
		"GET /api/settings/mcp":                           "this setting",
		"POST /api/models/me/m/discussions/1/markdown":    "this call about discussions",
		"GET /me/m":                     "the Hub's web pages",
		"GET /":                         "the Hub's web pages",
		"GET /me/m/blob/main/README.md": "the Hub's web pages",
	} {
		method, path, _ := strings.Cut(call, " ")
		resp, text := p.call(method, path, p.token, "")
		if message := resp.Header.Get("X-Error-Message"); resp.StatusCode != http.StatusNotImplemented || !strings.HasPrefix(message, "The sandbox does not have "+name) || decode(t, text)["error"] != message {
			t.Errorf("%s: got %d %s, want 501 and %q", call, resp.StatusCode, text, name)
		}
	}
	for _, call := range []string{"POST /", "POST /me/m", "GET /api/", "GET /api/none", "GET /sandbox/none"} {
		method, path, _ := strings.Cut(call, " ")
		if resp, text := p.call(method, path, p.token, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d %s, want 404", call, resp.StatusCode, text)
		}
	}
	resp, _ := p.call("PATCH", "/api/models/me/m/branch/x", p.token, "")
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "DELETE, POST" {
		t.Errorf("a wrong method is answered %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

func TestTheMetadataOfAReadmeIsCheckedAsYAML(t *testing.T) {
	p := open(t, sandbox.Config{})
	for content, want := range map[string]int{
		`# No metadata`:                      200,
		`---\nlicense: mit\n---\n# Text`:     200,
		`---\n---\n`:                         200,
		`---\nlicense: [mit\n---\n`:          400,
		`---\n- a list\n---\n`:               400,
		`---\r\nlicense: mit\r\n---\r\ntext`: 200,
	} {
		resp, text := p.call("POST", "/api/validate-yaml", p.token, `{"repoType":"model","content":"`+content+`"}`)
		if resp.StatusCode != want || strings.Contains(text, `"errors":[]`) != (want == 200) {
			t.Errorf("%q: got %d %s, want %d", content, resp.StatusCode, text, want)
		}
	}
}
