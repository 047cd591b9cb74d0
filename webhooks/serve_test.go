package webhooks_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/webhooks"
)

func TestAHandlerGetsTheDeliveryAndItsResultIsTheAnswer(t *testing.T) {
	var got *webhooks.Delivery
	s := newServer(t, webhooks.Config{}).handle("train", func(_ context.Context, d *webhooks.Delivery) (any, error) {
		got = d
		return map[string]any{"repo": d.Repo.Name, "comment": *d.Comment.Content}, nil
	}).serve()
	body := ` {"event":{"action":"create","scope":"discussion"},"repo":{"type":"model","name":"openai-community/gpt2","id":"621ffdc036468d709f17434d"},
		"discussion":{"id":"6399f58518721fdd27fc9ca9","num":19,"isPullRequest":true,"status":"open"},"comment":{"content":"<b> & co"},"newField":{"a":[1]},
		"webhook":{"id":"6390e855e30d9209411de93b","version":3}}`
	resp, answer := send(t, s.request("/webhooks/train?a=b", body, "Webhook-Id", "d-1", "X-Custom", "one", "X-Custom", "two"))
	want(t, "status", resp.StatusCode, 200)
	want(t, "content type", resp.Header.Get("Content-Type"), "application/json")
	var back map[string]string
	if err := json.Unmarshal([]byte(answer), &back); err != nil || back["repo"] != "openai-community/gpt2" || back["comment"] != "<b> & co" {
		t.Errorf("the answer is %s (%v)", answer, err)
	}
	want(t, "id", got.ID, "d-1")
	want(t, "kind", got.Kind, "discussion.create")
	want(t, "scope", got.Event.Scope, "discussion")
	want(t, "discussion", got.Discussion.Num, 19)
	want(t, "body", string(got.Raw), body)
	want(t, "headers", strings.Join(got.Header["X-Custom"], " "), "one two")
}

func TestEveryPayloadOfTheHubIsReadAndNewOnesAreAccepted(t *testing.T) {
	var got *webhooks.Delivery
	s := newServer(t, webhooks.Config{}).handle("all", func(_ context.Context, d *webhooks.Delivery) (any, error) { got = d; return nil, nil })
	for _, c := range []struct {
		body  string
		right func() bool
	}{
		{`{"event":{"action":"update","scope":"repo.config"},"updatedConfig":{"private":false}}`, func() bool { return string(got.UpdatedConfig) == `{"private":false}` }},
		{`{"event":{"action":"update","scope":"repo.config"},"updatedConfig":{}}`, func() bool { return string(got.UpdatedConfig) == `{}` }},
		{`{"event":{"action":"move","scope":"repo"},"movedTo":{"name":"you/m","owner":{"id":"1"}}}`, func() bool { return got.MovedTo.Name == "you/m" }},
		{`{"repo":{"type":"bucket"},"updatedFiles":[{"path":"a","action":"add","size":20},{"path":"b","action":"delete"}],"updatedFilesTruncated":true}`,
			func() bool {
				return got.Repo.Type == "bucket" && *got.UpdatedFiles[0].Size == 20 && got.UpdatedFilesTruncated
			}},
		{`{"repo":{"type":"kernel","name":"me/k","headSha":"5e7f"}}`, func() bool { return got.Repo.Type == "kernel" && got.Repo.HeadSHA == "5e7f" }},
		{`{"repo":{"type":"space","subdomain":"me-s","tags":["a"]}}`, func() bool { return got.Repo.Subdomain == "me-s" && got.Repo.Tags[0] == "a" }},
		{`{"event":{"action":"create","scope":"repo.config.dois"}}`, func() bool {
			return got.Kind == "repo.config.dois.create" && got.Kind.Documented() == "repo.config.update"
		}},
		{`{"event":{"action":"explode","scope":"galaxy"},"repo":{"type":"galaxy","name":"me/g"}}`, func() bool { return got.Kind == "galaxy.explode" && got.Repo.Type == "galaxy" }},
		{`{"comment":{"hidden":true}}`, func() bool { return got.Comment.Hidden && got.Comment.Content == nil && got.Discussion == nil }},
		{`{"event":"soon an object","repo":["me/m"],"discussion":7,"webhook":{"id":1,"version":4}}`, func() bool { return got.Kind == "" && got.Repo.Name == "" && got.Webhook.Version == 4 }},
		{`{}`, func() bool { return got.Kind == "" }},
	} {
		got = nil
		if status, answer := s.direct("/webhooks/all", c.body); status != 200 || answer != "null" {
			t.Errorf("%s: %d %s", c.body, status, answer)
		} else if !c.right() {
			t.Errorf("%s was read as %+v", c.body, got.Payload)
		}
	}
	for _, kind := range event.Kinds() {
		for _, repo := range []string{"model:me/m", "dataset:me/d", "space:me/s", "bucket:me/b"} {
			watch, _ := hub.ParseRepo(repo)
			payload, err := event.Sample(kind, watch, event.SampleOptions{})
			if err != nil {
				continue // the Hub does not send this kind for this type
			}
			body, err := json.Marshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			if status, _ := s.direct("/webhooks/all", string(body)); status != 200 || got.Kind != kind {
				t.Errorf("%s of %s: %d, read as %s", kind, repo, status, got.Kind)
			}
		}
	}
}

func TestAPushCountsOnlyForItsBranch(t *testing.T) {
	sha := func(s string) *string { return &s }
	d := &webhooks.Delivery{Payload: hub.Payload{UpdatedRefs: []hub.RefUpdate{
		{Ref: "refs/pr/5", NewSHA: sha("1")}, {Ref: "refs/tags/main", NewSHA: sha("2")}, {Ref: "refs/heads/gone", OldSHA: sha("3")},
		{Ref: "refs/heads/main", OldSHA: sha("3"), NewSHA: sha("4")}, {Ref: "refs/heads/new", NewSHA: sha("5")}, {Ref: "main", NewSHA: sha("6")},
	}}}
	for branch, want := range map[string]string{"main": "4", "new": "5", "gone": "", "pr/5": "", "other": "", "": ""} {
		if got, ok := d.PushedTo(branch); got != want || ok != (want != "") {
			t.Errorf("%q: got %q %v, want %q", branch, got, ok, want)
		}
	}
}

func TestTheSecretIsCheckedWithTheAnswersOfThePythonLibrary(t *testing.T) {
	for _, c := range []struct {
		path    string
		headers []string
		status  int
		answer  string
	}{
		{"/webhooks/a", nil, 401, `{"error":"x-webhook-secret header not set."}`},
		{"/webhooks/a", []string{"X-Webhook-Secret", "wrong"}, 403, `{"error":"Invalid webhook secret."}`},
		{"/webhooks/a", []string{"X-Webhook-Secret", ""}, 403, `{"error":"Invalid webhook secret."}`},
		{"/webhooks/a", []string{"X-Webhook-Secret", secret, "X-Webhook-Secret", secret}, 403, `{"error":"Invalid webhook secret."}`},
		{"/webhooks/a", []string{"x-webhook-secret", secret}, 200, `""`},
		{"/webhooks/a?secret=correct+horse", nil, 200, `""`},
		{"/webhooks/a?secret=wrong", nil, 403, `{"error":"Invalid webhook secret."}`},
	} {
		s := newServer(t, webhooks.Config{Secret: secret}).handle("a", echo).serve()
		status, answer := s.post(c.path, "{}", c.headers...)
		if status != c.status || answer != c.answer {
			t.Errorf("%s %q: %d %s, want %d %s", c.path, c.headers, status, answer, c.status, c.answer)
		}
		if strings.Contains(s.log.String(), "horse") {
			t.Errorf("the log shows the secret: %s", s.log)
		}
	}
}

func TestTheSecretComesFromTheConfigurationThenFromTheEnvironment(t *testing.T) {
	t.Setenv("WEBHOOK_SECRET", "from the environment")
	for given, right := range map[string]string{"": "from the environment", "from the program": "from the program"} {
		s := newServer(t, webhooks.Config{Secret: given}).handle("a", echo)
		status, _ := s.direct("/webhooks/a", "{}", "X-Webhook-Secret", right)
		want(t, "the right secret", status, 200)
		status, _ = s.direct("/webhooks/a", "{}")
		want(t, "no secret", status, 401)
	}
	t.Setenv("WEBHOOK_SECRET", "with a newline\n")
	if _, err := webhooks.New(webhooks.Config{}); err == nil || strings.Contains(err.Error(), "newline") {
		t.Errorf("a secret that no webhook can have: %v", err)
	}
}

func TestABodyIsNotReadBeforeTheSecretIsRight(t *testing.T) {
	s := newServer(t, webhooks.Config{Secret: secret}).handle("a", echo).serve()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /webhooks/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n{")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want(t, "status", resp.StatusCode, 401)
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func TestWrongRequestsAreRefusedAndOddOnesAccepted(t *testing.T) {
	called := 0
	s := newServer(t, webhooks.Config{MaxBody: 1000}).handle("a", func(context.Context, *webhooks.Delivery) (any, error) { called++; return called, nil }).serve()
	for _, c := range []struct {
		method, path, body string
		header             [2]string
		status             int
	}{
		{"GET", "/webhooks/a", "", [2]string{}, 405},
		{"HEAD", "/webhooks/a", "", [2]string{}, 405},
		{"PUT", "/webhooks/a", "{}", [2]string{}, 405},
		{"DELETE", "/webhooks/a", "", [2]string{}, 405},
		{"OPTIONS", "/webhooks/a", "", [2]string{}, 405},
		{"POST", "/webhooks/b", "{}", [2]string{}, 404},
		{"POST", "/webhooks/", "{}", [2]string{}, 404},
		{"POST", "/webhooks", "{}", [2]string{}, 404},
		{"POST", "/webhooks/a/b", "{}", [2]string{}, 404},
		{"POST", "/webhooks/../a", "{}", [2]string{}, 404},
		{"POST", "/webhooks/A", "{}", [2]string{}, 404},
		{"POST", "/", "{}", [2]string{}, 405},
		{"POST", "/webhooks/a", "", [2]string{}, 400},
		{"POST", "/webhooks/a", "not JSON", [2]string{}, 400},
		{"POST", "/webhooks/a", "[]", [2]string{}, 400},
		{"POST", "/webhooks/a", "null", [2]string{}, 400},
		{"POST", "/webhooks/a", `{"a":1} {}`, [2]string{}, 400},
		{"POST", "/webhooks/a", `{"a":1`, [2]string{}, 400},
		{"POST", "/webhooks/a", "payload=%7B%7D", [2]string{"Content-Type", "application/x-www-form-urlencoded"}, 400},
		{"POST", "/webhooks/a", `{"a":"` + strings.Repeat("x", 1000) + `"}`, [2]string{}, 413},
		{"POST", "/webhooks/a", gzipped("{}"), [2]string{"Content-Encoding", "gzip"}, 415},
		{"POST", "/webhooks/a", "{}", [2]string{"Content-Encoding", "br, identity"}, 415},
		{"POST", "/webhooks/a", "{}", [2]string{"Origin", "https://evil.example"}, 403},
		{"POST", "/webhooks/a", "{}", [2]string{"Sec-Fetch-Site", "cross-site"}, 403},

		{"POST", "/webhooks/a", "{}", [2]string{}, 200},
		{"POST", "/webhooks/a/", "{}", [2]string{}, 200},
		{"POST", "/webhooks/a", "{}", [2]string{"Content-Type", "application/json; charset=utf-8"}, 200},
		{"POST", "/webhooks/a", "{}", [2]string{"Content-Type", "text/plain"}, 200},
		{"POST", "/webhooks/a", "{}", [2]string{"Content-Encoding", "Identity"}, 200},
		{"POST", "/webhooks/a", `{"a":"` + strings.Repeat("x", 992) + `"}`, [2]string{}, 200},
	} {
		before := called
		req := s.request(c.path, c.body)
		req.Method = c.method
		if c.header[0] != "" {
			req.Header.Set(c.header[0], c.header[1])
		}
		resp, answer := send(t, req)
		if resp.StatusCode != c.status {
			t.Errorf("%s %s %.20q %q: %d %s, want %d", c.method, c.path, c.body, c.header, resp.StatusCode, answer, c.status)
		}
		if (called > before) != (c.status == 200) {
			t.Errorf("%s %s %.20q %q: the handler was called %d times", c.method, c.path, c.body, c.header, called-before)
		}
		if allow := resp.Header.Get("Allow"); c.status == 405 && c.path != "/" && allow != "POST" {
			t.Errorf("%s is not allowed, and what is: %q", c.method, allow)
		}
		if c.method != "HEAD" && c.status != 200 && strings.HasPrefix(c.path, "/webhooks/") && !strings.HasPrefix(answer, `{"error":"`) {
			t.Errorf("%s %s: the answer is %s", c.method, c.path, answer)
		}
	}
	want(t, "a chunked body that is too large", chunked(t, s, 5000).StatusCode, 413)
	want(t, "a chunked body", chunked(t, s, 500).StatusCode, 200)
}

// chunked posts a body whose length is not announced.
func chunked(t *testing.T, s *tester, size int) *http.Response {
	t.Helper()
	req := s.request("/webhooks/a", "")
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(`{"a":"`+strings.Repeat("x", size)+`"}`)), -1
	resp, _ := send(t, req)
	return resp
}

func TestABodyThatBreaksOffReachesNoHandler(t *testing.T) {
	s := newServer(t, webhooks.Config{}).handle("a", func(context.Context, *webhooks.Delivery) (any, error) {
		t.Error("the handler was called")
		return nil, nil
	}).serve()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /webhooks/a HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{}")
	conn.(*net.TCPConn).CloseWrite()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want(t, "status", resp.StatusCode, 400)
}

func TestTenThousandFilesAreRead(t *testing.T) {
	files := 0
	s := newServer(t, webhooks.Config{}).handle("a", func(_ context.Context, d *webhooks.Delivery) (any, error) {
		files = len(d.UpdatedFiles)
		return nil, nil
	}).serve()
	var b strings.Builder
	b.WriteString(`{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"bucket","name":"me/b"},"updatedFilesTruncated":true,"updatedFiles":[`)
	for i := range 10_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"path":"data/shard-%05d/part-%05d.parquet","action":"add","xetHash":"55faef2f2f80cd1a087c35b729f228960739441d38073cd5aa4320751e137166","size":%d}`, i, i, i)
	}
	b.WriteString("]}")
	status, _ := s.post("/webhooks/a", b.String())
	want(t, "status", status, 200)
	want(t, "files", files, 10_000)
}

func TestOnlyWhatMatchesReachesAHandler(t *testing.T) {
	s := newServer(t, webhooks.Config{}).handle("a", echo, webhooks.Match("repo.content.update,dataset:me/*"), webhooks.Match("discussion.*"))
	for _, c := range []struct {
		scope, action, repo, answer string
	}{
		{"repo.content", "update", "dataset:me/d", `"repo.content.update"`},
		{"repo.content", "update", "model:me/m", `{"ignored":"repo.content.update of model:me/m does not match this endpoint"}`},
		{"repo", "create", "dataset:me/d", `{"ignored":"repo.create of dataset:me/d does not match this endpoint"}`},
		{"discussion.comment", "create", "model:you/m", `"discussion.comment.create"`},
		{"repo.content.lfs", "create", "dataset:me/d", `"repo.content.lfs.create"`},
	} {
		status, answer := s.direct("/webhooks/a", kindBody(c.scope, c.action, c.repo))
		want(t, "status", status, 200)
		want(t, "answer", answer, c.answer)
	}
	matches := s.Endpoints()[0].Matches
	want(t, "matches", fmt.Sprint(matches[0], " ", matches[1]), "repo.content.update,dataset:me/* discussion.*")
}

func TestAServerIsPartOfALargerOne(t *testing.T) {
	s := newServer(t, webhooks.Config{}).handle("a", echo)
	mux := http.NewServeMux()
	mux.Handle(webhooks.Prefix, s)
	mux.Handle("/hub/", http.StripPrefix("/hub", s))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for path, status := range map[string]int{"/webhooks/a": 200, "/hub/webhooks/a": 200, "/other": 418, "/webhooks/b": 404} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, s.request(path, "{}"))
		want(t, path, w.Code, status)
	}
}
