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

// Paths are the paths at which a server accepts POST, as its description or OPTIONS
// show.
type Paths struct {
	Here    bool     // at the target's own path
	NotHere bool     // not at the target's own path; if Here is false, too, it is unknown
	Missing bool     // OPTIONS of the own path was answered 404, which some frameworks do even where they accept POST
	Others  []string // at these other paths; first those whose names contain "hook"
}

// maxDescription is how much of an answer is read, in bytes.
const maxDescription = 4 << 20

// Paths asks the server at which paths it accepts POST, and changes nothing there.
// It reads the description that FastAPI serves at /openapi.json, or else sends OPTIONS
// to the target's own path and the likely ones. If the framework answers neither, the
// result is unknown.
func (t *HTTPTarget) Paths(ctx context.Context, likely ...string) Paths {
	own := t.url.EscapedPath()
	if own == "" {
		own = "/"
	}
	if described, ok := t.openAPIPaths(ctx); ok {
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
	p.Here, p.NotHere, status = t.acceptsPost(ctx, own)
	p.Missing = status == http.StatusNotFound
	if !p.Here && !p.NotHere && !p.Missing && status != http.StatusMethodNotAllowed {
		return Paths{} // it is gone, or handles OPTIONS like any other request: do not send it more of them
	}
	for _, path := range likely {
		if post, _, _ := t.acceptsPost(ctx, path); post && !samePath(path, own) {
			p.Others = append(p.Others, path)
		}
	}
	if p.Here || len(p.Others) > 0 {
		if every, _, _ := t.acceptsPost(ctx, "/a-path-that-no-handler-has"); every {
			return Paths{} // it says so about every path
		}
	}
	return p
}

// plainPath is the characters of paths that have no meaning for a shell or a terminal,
// and the braces of parameters.
const plainPath = "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~{}"

// openAPIPaths returns the paths with POST from the server's OpenAPI description. ok is
// false if it has none.
func (t *HTTPTarget) openAPIPaths(ctx context.Context) (paths []string, ok bool) {
	status, _, body := t.roundTripEmpty(ctx, http.MethodGet, "/openapi.json")
	var description struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}
	if status != http.StatusOK || json.Unmarshal(body, &description) != nil || description.OpenAPI == "" {
		return nil, false
	}
	for path, methods := range description.Paths {
		// Another path would be dangerous in a command that is pasted into a shell.
		if _, post := methods["post"]; post && strings.Trim(path, plainPath) == "" {
			paths = append(paths, path)
		}
	}
	rank := func(path string) int {
		if strings.Contains(strings.ToLower(path), "hook") {
			return 0
		}
		return 1
	}
	slices.SortFunc(paths, func(a, b string) int {
		if by := rank(a) - rank(b); by != 0 {
			return by
		}
		return strings.Compare(a, b)
	})
	return paths, true
}

// acceptsPost sends OPTIONS to a path. yes and no are what the answer says about POST;
// both are false if it says nothing. Without an answer, status is 0.
func (t *HTTPTarget) acceptsPost(ctx context.Context, path string) (yes, no bool, status int) {
	status, header, _ := t.roundTripEmpty(ctx, http.MethodOptions, path)
	allow := strings.ToUpper(strings.Join(header.Values("Allow"), ","))
	if allow == "" {
		return false, false, status
	}
	for method := range strings.SplitSeq(allow, ",") {
		yes = yes || strings.TrimSpace(method) == http.MethodPost
	}
	return yes, !yes, status
}

// roundTripEmpty sends a request without a body and returns the answer. Without an
// answer, status is 0.
func (t *HTTPTarget) roundTripEmpty(ctx context.Context, method, path string) (status int, header http.Header, body []byte) {
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
