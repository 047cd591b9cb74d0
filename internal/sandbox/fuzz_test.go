package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// Whatever a call looks like, it gets an answer, and an error has a message.
func FuzzEveryCallIsAnswered(f *testing.F) {
	for _, seed := range [][3]string{
		{"GET", "/api/models/me/m", ""},
		{"GET", "/api/models/", ""},
		{"GET", "/api/models//", ""},
		{"GET", "//", ""},
		{"HEAD", "/datasets", ""},
		{"GET", "/%2F/%2e%2e/resolve/..%2F/x", ""},
		{"HEAD", "/datasets/me/m/resolve/refs/pr/1", ""},
		{"GET", "/api/models/me/m/tree/refs/x", ""},
		{"GET", "/api/models/me/m/commits/", ""},
		{"POST", "/api/models/me/m/commit/main?create_pr=1", ndjson("x", write("a/b", "c"))},
		{"POST", "/api/models/me/m/commit/main", ndjson("x", remove("../x"))},
		{"POST", "/api/models/me/m/discussions", `{"title":"x","pullRequest":true}`},
		{"POST", "/api/models/me/m/discussions/1/comment//edit", `{"content":"x"}`},
		{"POST", "/api/models/me/m/discussions/99999999999999999999/merge", `{}`},
		{"POST", "/api/repos/create", `{"name":"x","type":"space","sdk":"docker","files":[{"path":"a"}]}`},
		{"POST", "/api/repos/move", `{"fromRepo":"","toRepo":"/"}`},
		{"PUT", "/api/models/me/m/settings", `{"gated":[],"private":null}`},
		{"POST", "/api/models/me/m/paths-info/main", `{"paths":["","/","a"]}`},
		{"POST", "/api/buckets/me/b/batch", `{"type":"deleteFile"}`},
		{"POST", "/sandbox/events", `{"kind":"repo.update","repo":"model:me/m","set":{"a":{"b":[{}]},"a.b.0.c":1}}`},
		{"POST", "/api/validate-yaml", `{"content":"---\na: &a [*a]\n---\n"}`},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.Parse(target)
		if err != nil || !strings.HasPrefix(target, "/") || u.Host != "" {
			t.Skip()
		}
		h := sandbox.New(sandbox.Config{Seed: 1, MaxStored: 64 << 20})
		defer h.Close()
		for _, repo := range []hub.Repo{model, bucket} {
			if err := h.AddRepo(repo, false); err != nil {
				t.Fatal(err)
			}
		}
		token, err := h.AddToken("me", sandbox.Token{})
		if err != nil {
			t.Fatal(err)
		}
		for _, contentType := range []string{"application/json", "application/x-ndjson", "application/x-www-form-urlencoded"} {
			req := httptest.NewRequest("GET", "http://127.0.0.1/", strings.NewReader(body))
			req.Method, req.URL = method, u
			req.Header.Set("Content-Type", contentType)
			req.Header.Set("Authorization", "Bearer "+token)
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, req)
			switch code := answer.Code; {
			case code >= 400 && answer.Header().Get("X-Error-Message") == "":
				t.Errorf("%s %q: the error %d has no message", method, target, code)
			case code == http.StatusInternalServerError || code < 200:
				t.Errorf("%s %q: got %d %s", method, target, code, answer.Body)
			}
		}
	})
}
