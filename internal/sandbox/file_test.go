package sandbox_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestFilesAreReadBackAtEveryRevision(t *testing.T) {
	p := open(t, sandbox.Config{})
	const api = "/api/datasets/me/d"
	first := p.commit(api, "main", write("data/a.txt", "one"), write("data/deep/b.bin", "\xff\x00"))
	if resp, text := p.call("POST", api+"/tag/main", p.token, `{"tag":"v1"}`); resp.StatusCode != http.StatusOK {
		t.Fatal(text)
	}
	p.commit(api, "main", write("data/a.txt", "two"))
	p.commit(api, "main?create_pr=1", write("data/a.txt", "three"))
	for path, want := range map[string]string{
		"resolve/main/data/a.txt":            "two",
		"resolve/HEAD/data/a.txt":            "two",
		"raw/refs%2Fheads%2Fmain/data/a.txt": "two",
		"resolve/v1/data/a.txt":              "one",
		"resolve/" + first + "/data/a.txt":   "one",
		"resolve/refs%2Fpr%2F1/data/a.txt":   "three",
		"raw/refs/pr/1/data/a.txt":           "three",
		"resolve/main/data%2Fdeep%2Fb.bin":   "\xff\x00",
	} {
		resp, text := p.call("GET", "/datasets/me/d/"+path, "", "")
		if resp.StatusCode != http.StatusOK || text != want {
			t.Errorf("%s: got %d %q, want %q", path, resp.StatusCode, text, want)
		}
		// A browser must not run what somebody committed.
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: the headers are %v", path, resp.Header)
		}
	}
}

func TestAFileComesWithTheHeadersThatClientsRead(t *testing.T) {
	p := open(t, sandbox.Config{})
	sha := p.commit("/api/models/me/m", "main", write("a.html", "<b>hello</b>"))
	head, text := p.call("HEAD", "/me/m/resolve/main/a.html", "", "")
	h := head.Header
	// The blob's id is the one of git: printf '<b>hello</b>' | git hash-object --stdin
	const blob = `"0d135db28f38d1b16fa69845d987143ce68549f3"`
	if h.Get("ETag") != blob || text != "" || h.Get("X-Repo-Commit") != sha || h.Get("Content-Length") != "12" || h.Get("Accept-Ranges") != "bytes" || h.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("the head is %v", h)
	}
	req, err := http.NewRequest("GET", p.base+"/me/m/resolve/main/a.html", nil)
	p.must(err)
	req.Header.Set("Range", "bytes=3-7")
	part, text := p.do(req)
	if part.StatusCode != http.StatusPartialContent || text != "hello" || part.Header.Get("Content-Range") != "bytes 3-7/12" {
		t.Errorf("a range is answered %d %q with %v", part.StatusCode, text, part.Header)
	}
	req.Header.Del("Range")
	req.Header.Set("If-None-Match", h.Get("ETag"))
	if same, _ := p.do(req); same.StatusCode != http.StatusNotModified {
		t.Errorf("the same file is answered %d", same.StatusCode)
	}
}

func TestWhatDoesNotExistIsNamedByItsCode(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.commit("/api/models/me/m", "main", write("dir/a.txt", "a"))
	for path, code := range map[string]string{
		"/me/m/resolve/main/none.txt":                                        "EntryNotFound",
		"/me/m/resolve/main/dir":                                             "EntryNotFound",
		"/me/m/resolve/none/dir/a.txt":                                       "RevisionNotFound",
		"/me/none/resolve/main/dir/a.txt":                                    "RepoNotFound",
		"/buckets/me/b/resolve/none":                                         "EntryNotFound",
		"/api/models/me/m/tree/main/none":                                    "EntryNotFound",
		"/api/models/me/m/tree/none":                                         "RevisionNotFound",
		"/api/models/me/m/commits/none":                                      "RevisionNotFound",
		"/api/models/me/m/revision/none":                                     "RevisionNotFound",
		"/api/models/me/m/revision/refs%2Fpr%2F7":                            "RevisionNotFound",
		"/api/models/me/m/revision/0000000000000000000000000000000000000000": "RevisionNotFound",
		"/api/models/me/none/refs":                                           "RepoNotFound",
		"/api/robots/me/m":                                                   "",
		"/api/models/me/m/robots":                                            "",
		"/api/buckets/me/b/discussions":                                      "",
		"/api/models/me/m/discussions/7":                                     "",
		"/api/models/me/m/discussions/x":                                     "",
	} {
		resp, text := p.call("GET", path, p.token, "")
		if resp.StatusCode != http.StatusNotFound || resp.Header.Get("X-Error-Code") != code || resp.Header.Get("X-Error-Message") == "" || decode(t, text)["error"] == "" {
			t.Errorf("%s: got %d %q %s, want 404 %q", path, resp.StatusCode, resp.Header.Get("X-Error-Code"), text, code)
		}
	}
}

func TestATreeListsFilesAndFolders(t *testing.T) {
	p := open(t, sandbox.Config{})
	const api = "/api/models/me/m"
	p.commit(api, "main", write("data/a.txt", "a"), write("data/deep/b.txt", "b"))
	last := p.commit(api, "main", write("data/deep/b.txt", "bb"))
	names := func(text string) string {
		var entries []struct{ Type, Path string }
		p.must(json.Unmarshal([]byte(text), &entries))
		var all []string
		for _, e := range entries {
			all = append(all, e.Type[:1]+":"+e.Path)
		}
		return strings.Join(all, " ")
	}
	for path, want := range map[string]string{
		"/tree/main":                          "f:.gitattributes d:data",
		"/tree/main/data":                     "f:data/a.txt d:data/deep",
		"/tree/main/data%2Fdeep":              "f:data/deep/b.txt",
		"/tree/refs/heads/main/data?expand=1": "f:data/a.txt d:data/deep",
		"/tree/main?recursive=true":           "f:.gitattributes d:data f:data/a.txt d:data/deep f:data/deep/b.txt",
	} {
		if _, text := p.call("GET", api+path, "", ""); names(text) != want {
			t.Errorf("%s: got %s, want %s", path, names(text), want)
		}
	}
	_, text := p.call("POST", api+"/paths-info/main", "", `{"paths":["data","data/a.txt","none",""],"expand":true}`)
	if names(text) != "d:data f:data/a.txt" || !strings.Contains(text, `"path":"data","lastCommit":{"id":"`+last) || strings.Contains(text, `"path":"data/a.txt","lastCommit":{"id":"`+last) {
		t.Errorf("the paths are %s", text)
	}
	_, form := p.send("POST", api+"/paths-info/main", "", "application/x-www-form-urlencoded", "paths=data&paths=data%2Fa.txt&paths=none&expand=True")
	if form != text {
		t.Errorf("as a form the paths are %s", form)
	}
}

func TestRefsAndCommitsAreListed(t *testing.T) {
	p := open(t, sandbox.Config{})
	const api = "/api/models/me/m"
	first := p.commit(api, "main", write("a", "1"))
	p.must(p.CreateBranch(model, "side"))
	p.must(p.PushTag(model, "v1"))
	pull := p.commit(api, "main?create_pr=1", write("a", "2"))
	second := p.commit(api, "main", write("a", "3"))
	_, text := p.call("GET", api+"/refs?include_prs=1", "", "")
	want := `{"tags":[{"name":"v1","ref":"refs/tags/v1","targetCommit":"` + first + `"}],"branches":[{"name":"main","ref":"refs/heads/main","targetCommit":"` + second +
		`"},{"name":"side","ref":"refs/heads/side","targetCommit":"` + first + `"}],"converts":[],"pullRequests":[{"name":"1","ref":"refs/pr/1","targetCommit":"` + pull + `"}]}` + "\n"
	if text != want {
		t.Errorf("the refs are %s, want %s", text, want)
	}
	resp, text := p.call("GET", api+"/commits/main?limit=2", "", "")
	next := "<" + p.base + api + `/commits/main?limit=2&p=1>; rel="next"`
	if resp.Header.Get("Link") != next || resp.Header.Get("X-Total-Count") != "3" || strings.Count(text, `"id"`) != 2 || !strings.HasPrefix(text, `[{"id":"`+second+`"`) {
		t.Errorf("the first page is %s with %v", text, resp.Header)
	}
	resp, text = p.call("GET", api+"/commits/main?limit=2&p=1", "", "")
	if resp.Header.Get("Link") != "" || strings.Count(text, `"id"`) != 1 || !strings.Contains(text, `"title":"initial commit"`) {
		t.Errorf("the last page is %s with %v", text, resp.Header)
	}
	if resp, _ := p.call("GET", api+"/commits/main?p=-1", "", ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a negative page is answered %d", resp.StatusCode)
	}
}

func TestARepoIsToldWithItsFiles(t *testing.T) {
	p := open(t, sandbox.Config{})
	sha := p.commit("/api/spaces/me/s", "main", write("app.py", "pass"))
	resp, text := p.call("GET", "/api/spaces/me/s?blobs=true", "", "")
	info := decode(t, text)
	siblings := info["siblings"].([]any)
	if resp.StatusCode != http.StatusOK || info["id"] != "me/s" || info["sha"] != sha || info["author"] != "me" || info["subdomain"] != "me-s" || info["sdk"] != "static" ||
		len(siblings) != 3 || siblings[2].(map[string]any)["size"] != 4.0 {
		t.Errorf("the Space is %s", text)
	}
	_, text = p.call("GET", "/api/models/me/m/revision/HEAD", "", "")
	if info := decode(t, text); info["modelId"] != "me/m" || info["lastModified"] == "" {
		t.Errorf("the model is %s", text)
	}
}

func TestTheDiscussionsOfARepoAreListedNewestFirst(t *testing.T) {
	p := open(t, sandbox.Config{})
	for i, author := range []string{"me", "you", "me"} {
		_, err := p.OpenDiscussion(model, sandbox.Post{Title: []string{"Alpha", "Beta", "Gamma"}[i], Author: author})
		p.must(err)
	}
	_, err := p.OpenPullRequest(model, sandbox.Post{Title: "Delta"})
	p.must(err)
	p.must(p.ChangeStatus(model, 1, "closed"))
	p.must(p.DeleteDiscussion(model, 3))
	for query, want := range map[string]string{
		"":                            "Delta Beta Alpha",
		"?type=pull_request":          "Delta",
		"?type=discussion&status=all": "Beta Alpha",
		"?status=open":                "Delta Beta",
		"?status=closed":              "Alpha",
		"?author=YOU":                 "Beta",
		"?search=elt":                 "Delta",
		"?p=1":                        "",
	} {
		_, text := p.call("GET", "/api/models/me/m/discussions"+query, "", "")
		list := decode(t, text)
		var titles []string
		for _, d := range list["discussions"].([]any) {
			titles = append(titles, d.(map[string]any)["title"].(string))
		}
		if strings.Join(titles, " ") != want || list["numClosedDiscussions"] != 1.0 {
			t.Errorf("%s: got %s, want %s", query, text, want)
		}
	}
	for _, query := range []string{"?type=x", "?status=x", "?p=x"} {
		if resp, _ := p.call("GET", "/api/models/me/m/discussions"+query, "", ""); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: got %d", query, resp.StatusCode)
		}
	}
}
