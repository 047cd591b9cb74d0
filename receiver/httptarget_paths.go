package receiver

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Paths is what a server says of the paths at which it takes POST.
type Paths struct {
	Here    bool     // it takes POST at the target's own path
	NotHere bool     // it says that it does not; neither: it is unknown
	Missing bool     // OPTIONS of the own path was answered 404, as some frameworks do also where POST is taken
	Others  []string // other paths at which it takes POST, those that are named after webhooks first
}

// maxDescription is how much of a server's description of itself is read, in
// bytes.
const maxDescription = 4 << 20

// Paths asks the server at which paths it takes POST, without making it do
// anything: by the description that FastAPI serves at /openapi.json, else by OPTIONS
// of its own path and of the likely ones. Frameworks that answer neither leave it
// unknown.
func (t *HTTPTarget) Paths(ctx context.Context, likely ...string) Paths {
	own := t.url.EscapedPath()
	if own == "" {
		own = "/"
	}
	if described, ok := t.described(ctx); ok {
		p := Paths{NotHere: true}
		for _, path := range described {
			switch {
			case samePath(path, own):
				p.Here, p.NotHere = true, false
			case !strings.Contains(path, "{"):
				p.Others = append(p.Others, path)
			}
		}
		return p
	}
	var p Paths
	var status int
	p.Here, p.NotHere, status = t.takesPost(ctx, own)
	p.Missing = status == http.StatusNotFound
	if !p.Here && !p.NotHere && !p.Missing && status != http.StatusMethodNotAllowed {
		return Paths{} // it is gone, or takes OPTIONS for a request like any other: nothing more is asked
	}
	for _, path := range likely {
		if post, _, _ := t.takesPost(ctx, path); post && !samePath(path, own) {
			p.Others = append(p.Others, path)
		}
	}
	if p.Here || len(p.Others) > 0 {
		if any, _, _ := t.takesPost(ctx, "/a-path-that-no-handler-has"); any {
			return Paths{} // it says so of every path
		}
	}
	return p
}

// plainPath is the characters of paths that mean nothing to a shell or a terminal,
// with the braces of parameters.
const plainPath = "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~{}"

// described returns the paths with POST of an OpenAPI description.
func (t *HTTPTarget) described(ctx context.Context) ([]string, bool) {
	status, _, body := t.ask(ctx, http.MethodGet, "/openapi.json")
	var said struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}
	if status != http.StatusOK || json.Unmarshal(body, &said) != nil || said.OpenAPI == "" {
		return nil, false
	}
	var paths []string
	for path, methods := range said.Paths {
		// One that is not plain would be a danger in a command that is pasted.
		if _, post := methods["post"]; post && strings.Trim(path, plainPath) == "" {
			paths = append(paths, path)
		}
	}
	named := func(path string) int {
		if strings.Contains(strings.ToLower(path), "hook") {
			return 0
		}
		return 1
	}
	slices.SortFunc(paths, func(a, b string) int {
		if by := named(a) - named(b); by != 0 {
			return by
		}
		return strings.Compare(a, b)
	})
	return paths, true
}

// takesPost asks by OPTIONS. Without an answer, status is 0.
func (t *HTTPTarget) takesPost(ctx context.Context, path string) (yes, no bool, status int) {
	status, header, _ := t.ask(ctx, http.MethodOptions, path)
	allow := strings.ToUpper(strings.Join(header.Values("Allow"), ","))
	if allow == "" {
		return false, false, status
	}
	for method := range strings.SplitSeq(allow, ",") {
		yes = yes || strings.TrimSpace(method) == http.MethodPost
	}
	return yes, !yes, status
}

// ask sends a request without a body and returns the answer; status 0 is none.
func (t *HTTPTarget) ask(ctx context.Context, method, path string) (status int, header http.Header, body []byte) {
	u := url.URL{Scheme: t.url.Scheme, Host: t.url.Host, Path: path}
	if plain, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = plain, path
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return 0, nil, nil
	}
	req.Header.Set("User-Agent", "hf-tap")
	if t.url.User != nil {
		password, _ := t.url.User.Password()
		req.SetBasicAuth(t.url.User.Username(), password)
	}
	c, err := t.connector()
	if err != nil {
		return 0, nil, nil
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return 0, nil, nil
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxDescription))
	if err != nil {
		return 0, nil, nil
	}
	return resp.StatusCode, resp.Header, body
}

func samePath(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }
