package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// refused makes a call that is refused, and checks that it leaves no event.
func (s *story) refused(method, path, token, body string, status int) {
	s.t.Helper()
	contentType := "application/json"
	if strings.Contains(path, "/commit/") {
		contentType = "application/x-ndjson"
	}
	resp, text := s.send(method, path, token, contentType, body)
	if resp.StatusCode != status || resp.Header.Get("X-Error-Message") == "" {
		s.t.Errorf("%s %s with %.80q: got %d %s, want %d", method, path, body, resp.StatusCode, text, status)
	}
	if events := s.events(); len(events) != 0 {
		s.t.Errorf("%s %s with %.80q: caused %s", method, path, body, events[0].Raw)
	}
}

func TestBadNamesOfReposAreRefused(t *testing.T) {
	s := newStory(t)
	for _, name := range []string{"", " ", "a b", "..", ".", "a..b", "a--b", "-a", "a-", "a.", "a.git", "a.ipynb", "é", "a/b/c", "../x", "me/", "/x", "me/..", strings.Repeat("x", 97), "a\\u0000", "a%2fb"} {
		s.refused("POST", "/api/repos/create", s.token, `{"name":"`+name+`"}`, 400)
		s.refused("POST", "/api/repos/move", s.token, `{"fromRepo":"me/m","toRepo":"me/`+name+`"}`, 400)
	}
	for body, status := range map[string]int{
		`{"name":"x","type":"galaxy"}`:                       400,
		`{"name":"x","type":"user"}`:                         400,
		`{"name":"x","type":"space"}`:                        400, // no SDK
		`{"name":"x","type":"space","sdk":"cobol"}`:          400,
		`{"name":"x","visibility":"secret"}`:                 400,
		`{"name":"x","private":"yes"}`:                       400,
		`{"name":5}`:                                         400,
		`[]`:                                                 400,
		``:                                                   415,
		`{"name":"x","organization":"you"}`:                  403,
		`{"name":"x","organization":"nobody"}`:               403,
		`{"name":"m"}`:                                       409,
		`{"name":"M"}`:                                       409,
		`{"name":"x","secrets":[{"key":"A"}]}`:               501,
		`{"name":"x","visibility":"protected"}`:              501,
		`{"name":"x","files":[{"path":"../x"}]}`:             400,
		`{"name":"x","files":[{"path":"a"},{"path":"a/b"}]}`: 400,
	} {
		s.refused("POST", "/api/repos/create", s.token, body, status)
	}
	resp, text := s.call("POST", "/api/repos/create", s.token, `{"name":"m"}`)
	if want := `{"error":"You already created this model repo: me/m","url":"` + s.base + `/me/m"}` + "\n"; resp.StatusCode != http.StatusConflict || text != want {
		t.Errorf("a repo that exists is answered %s, want %s", text, want)
	}
	if _, text := s.call("POST", "/api/repos/create", s.token, `{"name":"x","organization":"you"}`); !strings.Contains(text, "rights to create a model under the namespace") {
		t.Errorf("a repo of somebody else is answered %s", text)
	}
	s.refused("POST", "/api/repos/move", s.token, `{"fromRepo":"me/none","toRepo":"me/x"}`, 404)
	s.refused("POST", "/api/repos/move", s.token, `{"fromRepo":"me/m","toRepo":"you/m"}`, 403)
	s.must(s.AddRepo(hub.Repo{Type: "model", Name: "me/other"}, false))
	s.refused("POST", "/api/repos/move", s.token, `{"fromRepo":"me/m","toRepo":"me/other"}`, 409)
}

func TestAFormerNameIsFreeForAnotherRepo(t *testing.T) {
	s := newStory(t)
	s.step("POST", "/api/repos/move", `{"fromRepo":"me/m","toRepo":"me/n"}`, "repo.move")
	_, text := s.call("GET", "/api/models/me/m", s.token, "")
	if decode(t, text)["id"] != "me/n" {
		t.Errorf("the former name leads to %s", text)
	}
	s.step("POST", "/api/repos/create", `{"name":"m"}`, "repo.create")
	_, again := s.call("GET", "/api/models/me/m", s.token, "")
	if one, other := decode(t, text), decode(t, again); other["id"] != "me/m" || other["_id"] == one["_id"] || other["sha"] == one["sha"] {
		t.Errorf("the new repo is %s", again)
	}
	if resp, _ := s.call("GET", "/api/models/me/n", s.token, ""); resp.StatusCode != http.StatusOK {
		t.Errorf("the moved repo is answered %d", resp.StatusCode)
	}
}

func TestBadCommitsAreRefusedAsAWhole(t *testing.T) {
	s := newStory(t)
	const api = "/api/models/me/m/commit/main"
	s.commit("/api/models/me/m", "main", write("dir/a", "a"))
	s.events()
	good := write("good", "good")
	for _, path := range []string{"", "/", "/etc/passwd", "../x", "a/../../x", "a/..", ".", "./a", "a//b", "a/", ".git/config", "x/.GIT/config", `a\u0000b`, `a\nb`, strings.Repeat("x", 256), strings.Repeat("a/", 600) + "b"} {
		s.refused("POST", api, s.token, ndjson("x", good, `{"key":"file","value":{"path":"`+path+`","content":"x"}}`), 400)
	}
	for body, status := range map[string]int{
		"":                     415,
		"{}":                   400,
		"not json":             400,
		good:                   400,
		ndjson(" ", good):      400,
		ndjson("x", good, "x"): 400,
		ndjson("x", good, `{"key":"robot","value":{}}`):                                                400,
		ndjson("x", good, `{"key":"file","value":[]}`):                                                 400,
		ndjson("x", good, `{"key":"file","value":{"path":"x","content":"%%%","encoding":"base64"}}`):   400,
		ndjson("x", good, `{"key":"file","value":{"path":"x","content":"x","encoding":"rot13"}}`):      400,
		ndjson("x", good, write("dir", "a file where a folder is")):                                    400,
		ndjson("x", good, write("dir/a/b", "a folder where a file is")):                                400,
		ndjson("x", good, remove("none")):                                                              404,
		ndjson("x", good, remove("dir")):                                                               404,
		ndjson("x", good, `{"key":"deletedFolder","value":{"path":"none/"}}`):                          404,
		ndjson("x", good, `{"key":"file","value":{"path":"x","oldPath":"none"}}`):                      404,
		ndjson("x", good, `{"key":"lfsFile","value":{"path":"x","algo":"sha256","oid":"a","size":1}}`): 501,
		strings.Replace(ndjson("x", good), `"summary"`, `"parentCommit":"nonsense","summary"`, 1):      404,
	} {
		s.refused("POST", api, s.token, body, status)
	}
	for _, rev := range []string{"none", "refs%2Fpr%2F9", "refs%2Ftags%2Fx", "..", "%00", "HEAD%5E"} {
		s.refused("POST", "/api/models/me/m/commit/"+rev, s.token, ndjson("x", good), 404)
	}
	resp, text := s.send("POST", api, s.token, "application/json", `{"summary":"x"}`)
	if resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a JSON object is answered %d %s", resp.StatusCode, text)
	}
	if _, text := s.call("GET", "/api/models/me/m/tree/main", "", ""); strings.Contains(text, "good") {
		t.Errorf("a refused commit left a file: %s", text)
	}
}

func TestACommitCanCopyAndDeleteFolders(t *testing.T) {
	p := open(t, sandbox.Config{})
	const api = "/api/models/me/m"
	p.commit(api, "main", write("dir/a", "a"), write("dir/b", "b"))
	p.commit(api, "main", `{"key":"file","value":{"path":"new/a","oldPath":"dir/a"}}`, `{"key":"deletedFolder","value":{"path":"dir/"}}`, `{"key":"file","value":{"path":"plain","content":"as text"}}`)
	_, text := p.call("GET", api+"/revision/main", "", "")
	if !strings.Contains(text, `"siblings":[{"rfilename":".gitattributes"},{"rfilename":"new/a"},{"rfilename":"plain"}]`) {
		t.Errorf("the files are %s", text)
	}
}

func TestLargeBodiesAndFullStoresAreRefused(t *testing.T) {
	p := open(t, sandbox.Config{MaxStored: 3 << 20})
	const commits = "/api/models/me/m/commit/main"
	big := strings.Repeat("x", 2<<20)
	for _, tt := range []struct {
		path, contentType, body string
		want                    int
	}{
		{commits, "application/x-ndjson", ndjson("x", write("big", big)), 200},
		{commits, "application/x-ndjson", ndjson("x", write("big", big), write("small", "x")), 200}, // the same content again
		{commits, "application/x-ndjson", ndjson("x", write("bigger", big+"y")), 507},
		{commits, "application/x-ndjson", strings.Repeat("x", 16<<20+1), 413},
		{commits, "application/x-ndjson", ndjson("x", `{"key":"file","value":{"path":"x","content":"`+strings.Repeat("x", 10<<20+1)+`"}}`), 400},
		{"/api/models/me/m/discussions", "application/json", `{"title":"` + big + `"}`, 413},
		{"/api/models/me/m/preupload/main", "application/json", `{"files":[{"path":"x","size":10485761},{"path":"big","size":10485760}]}`, 200},
	} {
		resp, text := p.send("POST", tt.path, p.token, tt.contentType, tt.body)
		if resp.StatusCode != tt.want {
			t.Errorf("%s with %.40q: got %d %.200s, want %d", tt.path, tt.body, resp.StatusCode, text, tt.want)
		}
		if strings.HasSuffix(tt.path, "preupload/main") && (!strings.Contains(text, `"path":"x","uploadMode":"lfs"`) || !strings.Contains(text, `"path":"big","uploadMode":"regular","shouldIgnore":false,"oid":"`)) {
			t.Errorf("the uploads are prepared as %s", text)
		}
	}
	// A deleted repo makes room.
	if resp, text := p.call("DELETE", "/api/repos/delete", p.token, `{"name":"m"}`); resp.StatusCode != http.StatusOK {
		t.Fatal(text)
	}
	p.commit("/api/datasets/me/d", "main", write("bigger", big+"y"))
}

func TestBadNamesOfBranchesAndTagsAreRefused(t *testing.T) {
	s := newStory(t)
	for _, name := range []string{"a%20b", "a..b", "..", "a%2F", "%2Fa", "a~1", "a%5E", "a:b", "HEAD", "refs%2Fpr%2F5", "a.lock", "-a", "%00", strings.Repeat("a", 40), strings.Repeat("x", 201)} {
		s.refused("POST", "/api/models/me/m/branch/"+name, s.token, `{}`, 400)
	}
	s.refused("POST", "/api/models/me/m/tag/main", s.token, `{"tag":""}`, 400)
	s.refused("POST", "/api/models/me/m/tag/main", s.token, `{"tag":"a b"}`, 400)
	s.refused("POST", "/api/models/me/m/tag/none", s.token, `{"tag":"a"}`, 404)
	s.refused("POST", "/api/models/me/m/branch/main", s.token, `{}`, 409)
	s.refused("POST", "/api/models/me/m/branch/x", s.token, `{"startingPoint":"none"}`, 404)
	s.refused("DELETE", "/api/models/me/m/branch/main", s.token, "", 403)
	s.refused("DELETE", "/api/models/me/m/branch/none", s.token, "", 404)
	s.refused("DELETE", "/api/models/me/m/tag/none", s.token, "", 404)
	s.step("POST", "/api/models/me/m/branch/main", `{"overwrite":true}`, "")
	s.step("POST", "/api/models/me/m/branch/empty", `{"emptyBranch":true}`, "repo.content.update")
	s.step("POST", "/api/models/me/m/branch/empty", `{"startingPoint":"main","overwrite":true}`, "repo.content.update")
	s.step("POST", "/api/models/me/m/tag/empty", `{"tag":"t"}`, "repo.content.update")
	s.refused("POST", "/api/models/me/m/tag/main", s.token, `{"tag":"t"}`, 409)
}

func TestChangesOfDiscussionsThatCannotBeAreRefused(t *testing.T) {
	s := newStory(t)
	const api = "/api/models/me/m/discussions"
	s.step("POST", api, `{"title":"One"}`, "discussion.create")
	s.step("POST", "/api/models/me/m/commit/main?create_pr=1", ndjson("Two", write("README.md", "mine")), "discussion.create repo.content.update")
	for _, tt := range []struct {
		path, body string
		status     int
	}{
		{"", `{}`, 400}, {"", `{"title":" "}`, 400}, {"", `{"title":5}`, 400}, {"", `x`, 400}, {"/1/merge", ``, 400},
		{"/1/comment", `{"comment":" "}`, 400}, {"/1/comment", ``, 400}, {"/9/comment", `{"comment":"x"}`, 404}, {"/-1/comment", `{"comment":"x"}`, 404},
		{"/1/title", `{"title":""}`, 400}, {"/1/pin", `{}`, 400}, {"/1/status", `{"status":"merged"}`, 400}, {"/1/status", `{"status":"draft"}`, 400},
		{"/1/status", `{"status":"open"}`, 400}, {"/1/comment/none/edit", `{"content":"x"}`, 404}, {"/1/comment/none/hide", ``, 404},
		{"/1/comment/none/reply", `{"comment":"x"}`, 501}, {"/1/robots", ``, 501},
	} {
		s.refused("POST", api+tt.path, s.token, tt.body, tt.status)
	}
	// A conflict: both changed README.md.
	s.step("POST", "/api/models/me/m/commit/main", ndjson("Mine first", write("README.md", "theirs")), "repo.content.update")
	s.refused("POST", api+"/2/merge", s.token, "", 409)
	if answer, _ := s.step("GET", api+"/2", "", ""); !strings.Contains(answer, `"filesWithConflicts":["README.md"]`) {
		t.Errorf("the pull request is %s", answer)
	}
	s.step("POST", "/api/models/me/m/commit/refs%2Fpr%2F2", ndjson("As theirs", write("README.md", "theirs"), write("x", "x")), "repo.content.update")
	s.step("POST", api+"/2/merge", "", "discussion.update repo.content.update")
	s.refused("POST", api+"/2/merge", s.token, "", 400)
	s.refused("POST", api+"/2/status", s.token, `{"status":"closed"}`, 400)
	s.refused("POST", "/api/models/me/m/commit/refs%2Fpr%2F2", s.token, ndjson("x", write("x", "y")), 400)
}

func TestOfTwoCommitsAtOnceOneComesAfterTheOther(t *testing.T) {
	s := newStory(t)
	head, err := s.HeadSHA(model)
	s.must(err)
	const writers = 8
	commitAll := func(header string) map[int]int {
		statuses := map[int]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				body := strings.Replace(ndjson("x", write(fmt.Sprintf("file-%d", i), header)), `"summary"`, header+`"summary"`, 1)
				resp, _ := s.send("POST", "/api/models/me/m/commit/main", s.token, "application/x-ndjson", body)
				mu.Lock()
				defer mu.Unlock()
				statuses[resp.StatusCode]++
			})
		}
		wg.Wait()
		return statuses
	}
	if got := commitAll(`"parentCommit":"` + head + `",`); got[200] != 1 || got[412] != writers-1 {
		t.Errorf("with the same parent the commits are answered %v", got)
	}
	if got := commitAll(""); got[200] != writers {
		t.Errorf("without a parent the commits are answered %v", got)
	}
	last := head
	for i, e := range s.events() {
		if u := e.UpdatedRefs[0]; *u.OldSHA != last {
			t.Errorf("event %d is for a commit on %s, want %s", i, *u.OldSHA, last)
		}
		last = *e.UpdatedRefs[0].NewSHA
	}
	if now, _ := s.HeadSHA(model); now != last {
		t.Errorf("the head is %s, want %s", now, last)
	}
	if _, text := s.call("GET", "/api/models/me/m/tree/main", "", ""); strings.Count(text, "file-") != writers {
		t.Errorf("the files are %s", text)
	}
}

func TestARepoCanBeDeletedWhileItsEventsAreDelivered(t *testing.T) {
	p := open(t, sandbox.Config{})
	arrived, release := make(chan struct{}), make(chan struct{})
	a := startApp(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			close(arrived)
			<-release
		}
	})
	p.listen(a.URL, model.Watch())
	p.commit("/api/models/me/m", "main", write("a", "a"))
	<-arrived
	if resp, text := p.call("DELETE", "/api/repos/delete", p.token, `{"name":"m"}`); resp.StatusCode != http.StatusOK {
		t.Errorf("the deletion is answered %d %s", resp.StatusCode, text)
	}
	if resp, _ := p.call("POST", "/api/repos/create", p.token, `{"name":"m"}`); resp.StatusCode != http.StatusOK {
		t.Errorf("the new repo is answered %d", resp.StatusCode)
	}
	close(release)
	p.idle()
	if want := "repo.content.update repo.delete repo.create"; a.kinds() != want {
		t.Errorf("arrived: %s, want %s", a.kinds(), want)
	}
}
