package sandbox_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// send is one request with a body of some type.
func (p *place) send(method, path, token, contentType, body string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	p.must(err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return p.do(req)
}

// ndjson is the body of a commit: a header and what it does.
func ndjson(summary string, operations ...string) string {
	header, err := json.Marshal(map[string]any{"key": "header", "value": map[string]any{"summary": summary, "description": "because"}})
	if err != nil {
		panic(err)
	}
	return strings.Join(append([]string{string(header)}, operations...), "\n")
}

func write(path, content string) string {
	return fmt.Sprintf(`{"key":"file","value":{"path":%q,"encoding":"base64","content":%q}}`, path, base64.StdEncoding.EncodeToString([]byte(content)))
}

func remove(path string) string {
	return fmt.Sprintf(`{"key":"deletedFile","value":{"path":%q}}`, path)
}

// commit makes a commit and gives its sha.
func (p *place) commit(api, rev string, operations ...string) string {
	p.t.Helper()
	resp, text := p.send("POST", api+"/commit/"+rev, p.token, "application/x-ndjson", ndjson("A commit", operations...))
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("the commit on %s is answered %d %s", rev, resp.StatusCode, text)
	}
	return decode(p.t, text)["commitOid"].(string)
}

// story is calls that are made one after the other, with the events that each
// causes.
type story struct {
	*place
	*app
	seen int
}

// newStory is a story whose app gets all that happens in the repos of "me" and
// of the organization "us", which "me" is in.
func newStory(t *testing.T) *story {
	p, a := open(t, sandbox.Config{}), startApp(t, nil)
	p.must(p.AddOrg("us", "me"))
	p.listen(a.URL, hub.Watch{Type: "user", Name: "me"}, hub.Watch{Type: "org", Name: "us"})
	return &story{place: p, app: a}
}

// events waits for what a call caused and gives it.
func (s *story) events() []hub.Payload {
	s.t.Helper()
	s.idle()
	var payloads []hub.Payload
	for _, arrival := range s.arrivals()[s.seen:] {
		payloads = append(payloads, arrival.payload)
	}
	s.seen += len(payloads)
	return payloads
}

// step makes a call, and checks its status and the kinds of the events that it
// causes.
func (s *story) step(method, path, body, kinds string) (answer string, events []hub.Payload) {
	s.t.Helper()
	contentType := "application/json"
	if strings.Contains(path, "/commit/") || strings.HasSuffix(path, "/batch") {
		contentType = "application/x-ndjson"
	}
	resp, answer := s.send(method, path, s.token, contentType, body)
	if resp.StatusCode != http.StatusOK || !strings.HasSuffix(answer, "\n") {
		s.t.Fatalf("%s %s: got %d %s", method, path, resp.StatusCode, answer)
	}
	events = s.events()
	var got []string
	for _, e := range events {
		got = append(got, string(e.Event.Scope)+"."+string(e.Event.Action))
	}
	if strings.Join(got, " ") != kinds {
		s.t.Fatalf("%s %s: caused %q, want %q", method, path, got, kinds)
	}
	return answer, events
}

func TestTheLifeOfARepo(t *testing.T) {
	for _, typ := range []string{"model", "dataset", "space", "kernel"} {
		t.Run(typ, func(t *testing.T) {
			s := newStory(t)
			api := "/api/" + typ + "s/me/fresh"
			answer, events := s.step("POST", "/api/repos/create", `{"name":"fresh","type":"`+typ+`","sdk":"docker","organization":null}`, "repo.create")
			made := decode(t, answer)
			e := events[0]
			if made["name"] != "me/fresh" || made["url"] != e.Repo.URL.Web || made["id"] != e.Repo.ID || e.Repo.Type != hub.RepoType(typ) || e.Repo.Private || e.Repo.HeadSHA == "" {
				t.Errorf("made %s, and sent %s", answer, e.Raw)
			}
			first := e.Repo.HeadSHA

			answer, events = s.step("POST", api+"/commit/main", ndjson("Add data", write("data/a.txt", "one"), write("b.txt", "two")), "repo.content.update")
			e = events[0]
			sha := decode(t, answer)["commitOid"].(string)
			if u := e.UpdatedRefs; len(u) != 1 || u[0].Ref != "refs/heads/main" || *u[0].OldSHA != first || *u[0].NewSHA != sha || e.Repo.HeadSHA != sha {
				t.Errorf("the commit %s is sent as %s", sha, e.Raw)
			}

			s.step("POST", api+"/branch/feature%2Fx", `{}`, "repo.content.update")
			_, events = s.step("POST", api+"/commit/feature%2Fx", ndjson("On a branch", remove("b.txt")), "repo.content.update")
			if u := events[0].UpdatedRefs[0]; u.Ref != "refs/heads/feature/x" || *u.OldSHA != sha || events[0].Repo.HeadSHA != sha {
				t.Errorf("the commit on a branch is sent as %s", events[0].Raw)
			}
			_, events = s.step("POST", api+"/tag/main", `{"tag":"v1.0","message":"first"}`, "repo.content.update")
			if u := events[0].UpdatedRefs[0]; u.Ref != "refs/tags/v1.0" || u.OldSHA != nil || *u.NewSHA != sha {
				t.Errorf("the tag is sent as %s", events[0].Raw)
			}
			for path, ref := range map[string]string{"/branch/feature%2Fx": "refs/heads/feature/x", "/tag/v1.0": "refs/tags/v1.0"} {
				_, events = s.step("DELETE", api+path, "", "repo.content.update")
				if u := events[0].UpdatedRefs[0]; u.Ref != ref || u.OldSHA == nil || u.NewSHA != nil {
					t.Errorf("the deletion of %s is sent as %s", ref, events[0].Raw)
				}
			}

			answer, events = s.step("PUT", api+"/settings", `{"private":true}`, "repo.config.update")
			if string(events[0].UpdatedConfig) != `{"private":true}` || !events[0].Repo.Private || decode(t, answer)["private"] != true {
				t.Errorf("the settings are answered %s and sent as %s", answer, events[0].Raw)
			}
			s.step("PUT", api+"/settings", `{"private":true}`, "")
			s.step("PUT", api+"/settings", `{"visibility":"public"}`, "repo.config.update")
			_, events = s.step("PUT", api+"/settings", `{"gated":"auto"}`, "repo.config.update")
			if string(events[0].UpdatedConfig) != `{}` {
				t.Errorf("a setting that is not sent is sent as %s", events[0].Raw)
			}

			_, events = s.step("POST", "/api/repos/move", `{"fromRepo":"me/fresh","toRepo":"us/moved","type":"`+typ+`"}`, "repo.move")
			e = events[0]
			if e.Repo.Name != "me/fresh" || e.MovedTo.Name != "us/moved" || e.MovedTo.Owner.ID == e.Repo.Owner.ID {
				t.Errorf("the move is sent as %s", e.Raw)
			}
			_, events = s.step("DELETE", "/api/repos/delete", `{"name":"moved","organization":"us","type":"`+typ+`"}`, "repo.delete")
			if events[0].Repo.Name != "us/moved" || events[0].Repo.HeadSHA != sha || events[0].Repo.ID != made["id"] {
				t.Errorf("the deletion is sent as %s", events[0].Raw)
			}
			if resp, _ := s.call("GET", api, s.token, ""); resp.StatusCode != http.StatusNotFound || resp.Header.Get("X-Error-Code") != "RepoNotFound" {
				t.Errorf("the deleted repo is answered %d", resp.StatusCode)
			}
		})
	}
}

func TestTheLifeOfADiscussion(t *testing.T) {
	s := newStory(t)
	const api = "/api/datasets/me/d/discussions"
	answer, events := s.step("POST", api, `{"title":" Why? ","description":"Because"}`, "discussion.create")
	d, c := events[0].Discussion, events[0].Comment
	if made := decode(t, answer); made["num"] != 1.0 || made["pullRequest"] != false || made["url"] != d.URL.Web {
		t.Errorf("the answer is %s", answer)
	}
	me := events[0].Repo.Owner
	if d.Title != "Why?" || d.Status != "open" || d.IsPullRequest || d.Author != me || *c.Content != "Because" || c.Author != me || events[0].Repo.HeadSHA != "" {
		t.Errorf("sent %s", events[0].Raw)
	}
	answer, events = s.step("POST", api+"/1/comment", `{"comment":"More <b>"}`, "discussion.comment.create")
	message := decode(t, answer)["newMessage"].(map[string]any)
	data := message["data"].(map[string]any)
	if id := events[0].Comment.ID; message["id"] != id || message["type"] != "comment" || data["edited"] != false || data["latest"].(map[string]any)["raw"] != "More <b>" {
		t.Errorf("the comment %s is answered %s", id, answer)
	}
	comment := api + "/1/comment/" + events[0].Comment.ID
	answer, events = s.step("POST", comment+"/edit", `{"content":"Less"}`, "discussion.comment.update")
	data = decode(t, answer)["updatedComment"].(map[string]any)["data"].(map[string]any)
	if *events[0].Comment.Content != "Less" || data["edited"] != true || data["numEdits"] != 1.0 {
		t.Errorf("the edit is answered %s and sent as %s", answer, events[0].Raw)
	}
	answer, events = s.step("POST", comment+"/hide", "", "discussion.comment.update")
	if !events[0].Comment.Hidden || events[0].Comment.Content != nil || strings.Contains(answer, "Less") {
		t.Errorf("the hidden comment is answered %s and sent as %s", answer, events[0].Raw)
	}
	answer, events = s.step("POST", api+"/1/title", `{"title":"How?"}`, "discussion.update")
	data = decode(t, answer)["newTitle"].(map[string]any)["data"].(map[string]any)
	if events[0].Discussion.Title != "How?" || events[0].Comment != nil || data["from"] != "Why?" || data["to"] != "How?" {
		t.Errorf("the title is answered %s and sent as %s", answer, events[0].Raw)
	}
	_, events = s.step("POST", api+"/1/pin", `{"pinned":true}`, "discussion.update")
	if !*events[0].Discussion.Pinned {
		t.Errorf("the pin is sent as %s", events[0].Raw)
	}
	answer, events = s.step("POST", api+"/1/status", `{"status":"closed","comment":"Done"}`, "discussion.comment.create discussion.update")
	data = decode(t, answer)["newStatus"].(map[string]any)["data"].(map[string]any)
	if *events[0].Comment.Content != "Done" || events[1].Discussion.Status != "closed" || data["status"] != "closed" {
		t.Errorf("the status is answered %s and sent as %s", answer, events[1].Raw)
	}
	s.step("POST", api+"/1/status", `{"status":"open"}`, "discussion.update")

	answer, _ = s.step("GET", api+"/1", "", "")
	details := decode(t, answer)
	var types []string
	for _, e := range details["events"].([]any) {
		types = append(types, e.(map[string]any)["type"].(string))
	}
	if want := "comment comment title-change pinning-change comment status-change status-change"; strings.Join(types, " ") != want || details["title"] != "How?" ||
		details["pinned"] != true || details["repo"].(map[string]any)["name"] != "me/d" || details["author"].(map[string]any)["name"] != "me" {
		t.Errorf("the discussion is %s", answer)
	}
	if strings.Contains(answer, "Less") {
		t.Errorf("the hidden comment is shown in %s", answer)
	}
	s.step("DELETE", api+"/1", "", "discussion.delete")
	if resp, _ := s.call("GET", api+"/1", s.token, ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the deleted discussion is answered %d", resp.StatusCode)
	}
}

func TestTheLifeOfAPullRequest(t *testing.T) {
	s := newStory(t)
	const api = "/api/models/me/m"
	answer, events := s.step("POST", api+"/commit/main?create_pr=1", ndjson("Fix it", write("fix.txt", "fixed")), "discussion.create repo.content.update")
	made, d, ref := decode(t, answer), events[0].Discussion, events[1].UpdatedRefs[0]
	if made["pullRequestUrl"] != d.URL.Web || !d.IsPullRequest || d.Status != "open" || d.Title != "Fix it" || *events[0].Comment.Content != "because" || d.Changes.Base != "refs/heads/main" {
		t.Errorf("answered %s and sent %s", answer, events[0].Raw)
	}
	if ref.Ref != "refs/pr/1" || ref.OldSHA != nil || *ref.NewSHA != made["commitOid"] || events[1].Repo.HeadSHA == *ref.NewSHA {
		t.Errorf("its ref is sent as %s", events[1].Raw)
	}
	_, events = s.step("POST", api+"/commit/refs%2Fpr%2F1", ndjson("Fix more", write("more.txt", "more")), "repo.content.update")
	if u := events[0].UpdatedRefs[0]; u.Ref != "refs/pr/1" || *u.OldSHA != made["commitOid"] {
		t.Errorf("the second commit is sent as %s", events[0].Raw)
	}
	s.step("POST", api+"/commit/main", ndjson("Meanwhile", write("other.txt", "other")), "repo.content.update")
	_, events = s.step("POST", api+"/discussions/1/merge", `{"comment":"Thanks"}`, "discussion.update repo.content.update discussion.comment.create")
	merged, main := events[0].Discussion, events[1]
	if merged.Status != "merged" || merged.Changes.MergeCommitID != *main.UpdatedRefs[0].NewSHA || main.UpdatedRefs[0].Ref != "refs/heads/main" || main.Repo.HeadSHA != merged.Changes.MergeCommitID {
		t.Errorf("the merge is sent as %s and %s", events[0].Raw, main.Raw)
	}
	for path, want := range map[string]string{"fix.txt": "fixed", "more.txt": "more", "other.txt": "other"} {
		if _, text := s.call("GET", "/me/m/resolve/main/"+path, "", ""); text != want {
			t.Errorf("%s is %q after the merge", path, text)
		}
	}
	_, text := s.call("GET", api+"/commits/main", "", "")
	if !strings.Contains(text, `"title":"Fix it (#1)","message":"- Fix it (`) {
		t.Errorf("the history is %s", text)
	}
}

func TestAPullRequestCanBeForAnotherBranchAndFromAnOlderCommit(t *testing.T) {
	s := newStory(t)
	const api = "/api/models/me/m"
	older := s.commit(api, "main", write("a", "1"))
	s.must(s.CreateBranch(model, "side"))
	s.commit(api, "side", write("b", "2"))
	main := s.commit(api, "main", write("a", "3"))
	s.events()
	body := strings.Replace(ndjson("Older", write("c", "4")), `"summary"`, `"parentCommit":"`+older+`","summary"`, 1)
	_, events := s.step("POST", api+"/commit/side?create_pr=1", body, "discussion.create repo.content.update")
	if d := events[0].Discussion; d.Changes.Base != "refs/heads/side" {
		t.Errorf("sent %s", events[0].Raw)
	}
	if _, text := s.call("GET", api+"/tree/refs%2Fpr%2F1", "", ""); strings.Contains(text, `"path":"b"`) || !strings.Contains(text, `"path":"c"`) {
		t.Errorf("the files of the pull request are %s", text)
	}
	_, events = s.step("POST", api+"/discussions/1/merge", "", "discussion.update repo.content.update")
	if u := events[1].UpdatedRefs[0]; u.Ref != "refs/heads/side" || events[1].Repo.HeadSHA != main {
		t.Errorf("the merge is sent as %s", events[1].Raw)
	}
	for path, want := range map[string]int{"a": 200, "b": 200, "c": 200} {
		if resp, _ := s.call("GET", "/me/m/resolve/side/"+path, "", ""); resp.StatusCode != want {
			t.Errorf("after the merge %s is answered %d", path, resp.StatusCode)
		}
	}
	s.commit(api, "main?create_pr=1", write("d", "5"))
	s.must(s.CreateBranch(model, "gone"))
	s.commit(api, "gone?create_pr=1", write("d", "5"))
	s.must(s.DeleteBranch(model, "gone"))
	s.events()
	s.refused("POST", api+"/discussions/3/merge", s.token, "", 400)
}

func TestAPullRequestThatIsOpenedEmptyIsADraft(t *testing.T) {
	s := newStory(t)
	const api = "/api/spaces/me/s"
	_, events := s.step("POST", api+"/discussions", `{"title":"Later","description":"","pullRequest":true}`, "discussion.create repo.content.update")
	head, err := s.HeadSHA(space)
	s.must(err)
	if d, u := events[0].Discussion, events[1].UpdatedRefs[0]; d.Status != "draft" || u.Ref != "refs/pr/1" || *u.NewSHA != head {
		t.Errorf("sent %s and %s", events[0].Raw, events[1].Raw)
	}
	if resp, _ := s.call("POST", api+"/discussions/1/merge", s.token, ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the merge of a draft is answered %d", resp.StatusCode)
	}
	s.step("POST", api+"/commit/refs%2Fpr%2F1", ndjson("Now", write("now.txt", "now")), "repo.content.update")
	s.step("POST", api+"/discussions/1/status", `{"status":"open"}`, "discussion.update")
	answer, _ := s.step("GET", api+"/discussions/1", "", "")
	if !strings.Contains(answer, `"type":"commit","data":{"subject":"Now","oid":"`) || !strings.Contains(answer, `"filesWithConflicts":[]`) {
		t.Errorf("the pull request is %s", answer)
	}
	s.step("POST", api+"/discussions/1/merge", "", "discussion.update repo.content.update")
}

func TestTheLifeOfABucket(t *testing.T) {
	s := newStory(t)
	const api = "/api/buckets/me/fresh"
	hash := strings.Repeat("ab", 32)
	answer, events := s.step("POST", api, `{"visibility":"private"}`, "repo.create")
	if decode(t, answer)["url"] != events[0].Repo.URL.Web || !events[0].Repo.Private || events[0].Repo.HeadSHA != "" {
		t.Errorf("the answer is %s, sent is %s", answer, events[0].Raw)
	}
	batch := `{"type":"addFile","path":"data/a.bin","xetHash":"` + hash + `","size":20}` + "\n" + `{"type":"deleteFile","path":"none"}` + "\n"
	answer, events = s.step("POST", api+"/batch", batch, "repo.content.update")
	if f := events[0].UpdatedFiles; len(f) != 1 || f[0].Path != "data/a.bin" || f[0].Action != "add" || f[0].XetHash != hash || *f[0].Size != 20 || events[0].UpdatedRefs != nil {
		t.Errorf("the upload is sent as %s", events[0].Raw)
	}
	if want := `{"success":false,"processed":2,"succeeded":1,"failed":[{"path":"none","error":"File not found"}]}` + "\n"; answer != want {
		t.Errorf("the upload is answered %s, want %s", answer, want)
	}
	answer, _ = s.step("GET", api+"/tree/data?recursive=true", "", "")
	if want := `[{"type":"file","path":"data/a.bin","size":20,"xetHash":"` + hash + `"}]` + "\n"; answer != want {
		t.Errorf("the folder is %s", answer)
	}
	if answer, _ := s.step("POST", api+"/paths-info", `{"paths":["data/a.bin","x"]}`, ""); strings.Count(answer, `"path"`) != 1 {
		t.Errorf("the paths are %s", answer)
	}
	if answer, _ := s.step("GET", api, "", ""); !strings.Contains(answer, `"size":20,"totalFiles":1`) {
		t.Errorf("the bucket is %s", answer)
	}
	s.step("PUT", api+"/settings", `{"private":false}`, "repo.config.update")
	_, events = s.step("POST", api+"/batch", `{"type":"deleteFile","path":"data/a.bin"}`, "repo.content.update")
	if f := events[0].UpdatedFiles[0]; f != (hub.FileUpdate{Path: "data/a.bin", Action: hub.FileDelete}) {
		t.Errorf("the deletion is sent as %s", events[0].Raw)
	}
	s.step("POST", "/api/repos/move", `{"fromRepo":"me/fresh","toRepo":"us/fresh","type":"bucket"}`, "repo.move")
	s.step("DELETE", "/api/buckets/us/fresh", "", "repo.delete")
}
