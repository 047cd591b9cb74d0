// Package hubapi is the few calls of the Hugging Face Hub's API that the
// examples make: read a file, comment, commit, open a pull request. It has no
// other dependency than net/http, and is meant to be copied.
package hubapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// maxAnswer is the most bytes of an answer that are read.
const maxAnswer = 10 << 20

// Client calls the Hub's API with a token. It may be used from several
// goroutines.
type Client struct {
	endpoint, token string
	http            *http.Client
}

// FromEnv returns a client for HF_ENDPOINT, by default https://huggingface.co,
// with the token in HF_TOKEN. It returns an error if there is no token, or if
// the token would cross a network in the clear.
func FromEnv() (*Client, error) {
	c := &Client{
		endpoint: strings.TrimRight(cmp.Or(os.Getenv("HF_ENDPOINT"), "https://huggingface.co"), "/"),
		token:    strings.TrimSpace(os.Getenv("HF_TOKEN")),
		http:     &http.Client{Timeout: 30 * time.Second},
	}
	if c.token == "" {
		return nil, errors.New("HF_TOKEN is not set: it must hold a token of the account that this program acts for")
	}
	u, err := url.Parse(c.endpoint)
	if err != nil {
		return nil, fmt.Errorf("HF_ENDPOINT: %w", err)
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	if u.Scheme != "https" && !(u.Scheme == "http" && (ip.IsLoopback() || u.Hostname() == "localhost")) {
		return nil, fmt.Errorf("HF_ENDPOINT is %q: the token is sent over https only", c.endpoint)
	}
	return c, nil
}

// Error is a call that the Hub refused.
type Error struct {
	Call    string // "POST /api/models/me/m/discussions"
	Status  int    // HTTP status
	Message string // what the Hub said
}

// Error is one line.
func (e *Error) Error() string { return fmt.Sprintf("%s: %d %s", e.Call, e.Status, e.Message) }

// Repo is a repository of the Hub. Make it from the type and the name in a
// payload, and leave the payload's addresses alone: the token must only go to
// the Hub.
type Repo struct {
	Type string // model, dataset, space or kernel
	Name string // "owner/name"
}

// API is the path of the repository in the Hub's API.
func (r Repo) API() string { return "/api/" + r.Type + "s/" + r.Name }

// page is the path of the repository's web page.
func (r Repo) page() string {
	if r.Type == "model" {
		return "/" + r.Name
	}
	return "/" + r.Type + "s/" + r.Name
}

// User is a user of the Hub.
type User struct {
	ID   string `json:"id"` // as in the author of a comment
	Name string `json:"name"`
}

// WhoAmI returns the token's user. The Hub limits this call more than others:
// make it once, at the start.
func (c *Client) WhoAmI(ctx context.Context) (User, error) {
	var user User
	return user, c.json(ctx, http.MethodGet, "/api/whoami-v2", nil, &user)
}

// Revision is a commit and the files that it has.
type Revision struct {
	SHA   string `json:"sha"`
	Files []struct {
		Path string `json:"rfilename"`
	} `json:"siblings"`
}

// Has reports whether the revision has a file.
func (r Revision) Has(path string) bool {
	for _, f := range r.Files {
		if f.Path == path {
			return true
		}
	}
	return false
}

// Revision returns what a branch, tag or commit of a repository is.
func (c *Client) Revision(ctx context.Context, r Repo, revision string) (Revision, error) {
	var found Revision
	return found, c.json(ctx, http.MethodGet, r.API()+"/revision/"+url.PathEscape(revision), nil, &found)
}

// File returns the content of a file.
func (c *Client) File(ctx context.Context, r Repo, revision, path string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, r.page()+"/resolve/"+url.PathEscape(revision)+"/"+path, "", nil)
}

// Comment writes a comment in a discussion or pull request.
func (c *Client) Comment(ctx context.Context, r Repo, num int, text string) error {
	return c.json(ctx, http.MethodPost, fmt.Sprintf("%s/discussions/%d/comment", r.API(), num), map[string]string{"comment": text}, nil)
}

// OpenDiscussion opens a discussion and returns its number.
func (c *Client) OpenDiscussion(ctx context.Context, r Repo, title, text string) (num int, err error) {
	var made struct {
		Num int `json:"num"`
	}
	err = c.json(ctx, http.MethodPost, r.API()+"/discussions", map[string]string{"title": title, "description": text}, &made)
	return made.Num, err
}

// HasDiscussion reports whether a user ever opened a discussion or pull request
// with a title, whatever became of it.
func (c *Client) HasDiscussion(ctx context.Context, r Repo, author, title string) (bool, error) {
	for page, seen := 0, 0; ; page++ {
		var list struct {
			Discussions []struct {
				Title string `json:"title"`
			} `json:"discussions"`
			Count int `json:"count"`
		}
		query := url.Values{"author": {author}, "type": {"all"}, "status": {"all"}, "p": {fmt.Sprint(page)}}
		if err := c.json(ctx, http.MethodGet, r.API()+"/discussions?"+query.Encode(), nil, &list); err != nil {
			return false, err
		}
		for _, d := range list.Discussions {
			if d.Title == title {
				return true, nil
			}
		}
		if seen += len(list.Discussions); len(list.Discussions) == 0 || seen >= list.Count {
			return false, nil
		}
	}
}

// Commit is a commit of one file on main.
type Commit struct {
	Summary, Description string
	Parent               string // the commit that main must be at; empty: any
	PullRequest          bool   // open a pull request instead of changing main
	Path                 string
	Content              []byte
}

// Commit makes a commit and returns the address of its pull request, or of the
// commit itself if it is none.
func (c *Client) Commit(ctx context.Context, r Repo, commit Commit) (address string, err error) {
	type line struct {
		Key   string            `json:"key"`
		Value map[string]string `json:"value"`
	}
	header := map[string]string{"summary": commit.Summary, "description": commit.Description}
	if commit.Parent != "" {
		header["parentCommit"] = commit.Parent
	}
	var body bytes.Buffer
	lines := json.NewEncoder(&body)
	for _, l := range []line{
		{"header", header},
		{"file", map[string]string{"path": commit.Path, "encoding": "base64", "content": base64.StdEncoding.EncodeToString(commit.Content)}},
	} {
		if err := lines.Encode(l); err != nil {
			return "", err
		}
	}
	path := r.API() + "/commit/main"
	if commit.PullRequest {
		path += "?create_pr=1"
	}
	answer, err := c.do(ctx, http.MethodPost, path, "application/x-ndjson", &body)
	if err != nil {
		return "", err
	}
	var made struct{ CommitURL, PullRequestURL string }
	if err := json.Unmarshal(answer, &made); err != nil {
		return "", fmt.Errorf("POST %s: %w", path, err)
	}
	return cmp.Or(made.PullRequestURL, made.CommitURL), nil
}

// json makes a call with a body, and reads the answer, both in JSON and both
// optional.
func (c *Client) json(ctx context.Context, method, path string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(b)
	}
	b, err := c.do(ctx, method, path, "application/json", sent)
	if err == nil && answer != nil {
		if err = json.Unmarshal(b, answer); err != nil {
			err = fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	return err
}

// do makes a call and returns the body of the answer.
func (c *Client) do(ctx context.Context, method, path, contentType string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	case resp.StatusCode/100 != 2:
		message := cmp.Or(resp.Header.Get("X-Error-Message"), string(answer[:min(len(answer), 200)]))
		return nil, &Error{Call: method + " " + path, Status: resp.StatusCode, Message: strings.TrimSpace(message)}
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("%s %s: the answer has more than %d bytes", method, path, maxAnswer)
	}
	return answer, nil
}
