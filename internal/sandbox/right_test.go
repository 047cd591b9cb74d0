package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestEachCallNeedsTheRightToMakeIt(t *testing.T) {
	s := newStory(t)
	s.must(s.AddRepo(hub.Repo{Type: "model", Name: "me/hidden"}, true))
	_, err := s.OpenPullRequest(model, sandbox.Post{Author: "me"})
	s.must(err)
	id, err := s.Comment(model, 1, sandbox.Post{Author: "me", Text: "mine"})
	s.must(err)
	s.must(s.CreateBranch(model, "side"))
	s.events()
	tokens := map[string]string{
		"none": "", "wrong": "hf_wrong", "read": s.newToken("me", sandbox.Token{Role: sandbox.RoleRead}), "another user": s.newToken("you", sandbox.Token{}),
		"fine-grained": s.newToken("me", sandbox.Token{Role: sandbox.RoleFineGrained, Permissions: []string{sandbox.WebhooksWrite, sandbox.RepoRead}}),
		"OAuth":        s.newToken("me", sandbox.Token{OAuth: true, Scopes: []string{"openid", "read-repos"}}),
	}
	commit := ndjson("x", write("x", "x"))
	const talk = true // everybody who sees the repo may
	for _, tt := range []struct {
		method, path, body string
		open               bool
	}{
		{"POST", "/api/repos/create", `{"name":"x","organization":"me"}`, !talk},
		{"POST", "/api/buckets/me/x", `{}`, !talk},
		{"DELETE", "/api/repos/delete", `{"name":"m","organization":"me"}`, !talk},
		{"POST", "/api/repos/move", `{"fromRepo":"me/m","toRepo":"me/x"}`, !talk},
		{"DELETE", "/api/buckets/me/b", ``, !talk},
		{"POST", "/api/buckets/me/b/batch", ``, !talk},
		{"PUT", "/api/models/me/m/settings", `{"private":true}`, !talk},
		{"POST", "/api/models/me/m/commit/main", commit, !talk},
		{"POST", "/api/models/me/m/commit/refs%2Fpr%2F1", commit, !talk},
		{"POST", "/api/models/me/m/preupload/main", `{"files":[]}`, !talk},
		{"POST", "/api/models/me/m/branch/x", `{}`, !talk},
		{"DELETE", "/api/models/me/m/branch/side", ``, !talk},
		{"POST", "/api/models/me/m/tag/main", `{"tag":"x"}`, !talk},
		{"DELETE", "/api/models/me/m/tag/x", ``, !talk},
		{"DELETE", "/api/models/me/m/discussions/1", ``, !talk},
		{"POST", "/api/models/me/m/discussions/1/title", `{"title":"x"}`, !talk},
		{"POST", "/api/models/me/m/discussions/1/status", `{"status":"closed"}`, !talk},
		{"POST", "/api/models/me/m/discussions/1/pin", `{"pinned":true}`, !talk},
		{"POST", "/api/models/me/m/discussions/1/merge", ``, !talk},
		{"POST", "/api/models/me/m/discussions/1/comment/" + id + "/edit", `{"content":"x"}`, !talk},
		{"POST", "/api/models/me/m/discussions/1/comment/" + id + "/hide", ``, !talk},
		{"POST", "/api/models/me/m/commit/main?create_pr=1", commit, talk},
		{"POST", "/api/models/me/m/discussions", `{"title":"x"}`, talk},
		{"POST", "/api/models/me/m/discussions/1/comment", `{"comment":"x"}`, talk},
	} {
		for name, status := range map[string]int{"none": 401, "wrong": 401, "read": 403, "another user": 403, "fine-grained": 403, "OAuth": 403} {
			if name != "another user" || !tt.open {
				s.refused(tt.method, tt.path, tokens[name], tt.body, status)
			}
		}
		// A private repo of somebody else does not exist.
		if path := strings.ReplaceAll(tt.path, "/me/m/", "/me/hidden/"); path != tt.path {
			s.refused(tt.method, path, tokens["another user"], tt.body, 404)
			s.refused(tt.method, path, "", tt.body, 401)
		}
	}
	for _, path := range []string{"/api/models/me/hidden", "/api/models/me/hidden/refs", "/me/hidden/resolve/main/.gitattributes"} {
		s.refused("GET", path, tokens["another user"], "", 404)
		s.refused("GET", path, s.newToken("me", sandbox.Token{Role: sandbox.RoleFineGrained}), "", 404)
		s.refused("GET", path, "", "", 401)
		for _, name := range []string{"read", "fine-grained", "OAuth"} {
			if resp, text := s.call("GET", path, tokens[name], ""); resp.StatusCode != http.StatusOK {
				t.Errorf("%s with the token %s: got %d %s", path, name, resp.StatusCode, text)
			}
		}
	}
	s.refused("DELETE", "/api/repos/delete", tokens["another user"], `{"name":"hidden","organization":"me"}`, 404)
	s.refused("GET", "/api/models/me/m", "hf_wrong", "", 401)
}

func TestEverybodyWhoSeesARepoMayTalkAndProposeThere(t *testing.T) {
	s := newStory(t)
	you := s.newToken("you", sandbox.Token{})
	s.must(s.AddUser("third"))
	third := s.newToken("third", sandbox.Token{})
	mine := s.token
	s.token = you
	s.step("POST", "/api/models/me/m/commit/main?create_pr=1", ndjson("Yours", write("x", "x")), "discussion.create repo.content.update")
	s.step("POST", "/api/models/me/m/commit/refs%2Fpr%2F1", ndjson("More", write("y", "y")), "repo.content.update")
	answer, _ := s.step("POST", "/api/models/me/m/discussions/1/comment", `{"comment":"Please"}`, "discussion.comment.create")
	comment := "/api/models/me/m/discussions/1/comment/" + decode(t, answer)["newMessage"].(map[string]any)["id"].(string)
	s.step("POST", "/api/models/me/m/discussions/1/title", `{"title":"Better"}`, "discussion.update")
	s.step("POST", "/api/models/me/m/discussions/1/status", `{"status":"closed"}`, "discussion.update")
	s.step("POST", "/api/models/me/m/discussions/1/status", `{"status":"open"}`, "discussion.update")
	s.refused("POST", "/api/models/me/m/discussions/1/merge", you, "", 403)
	s.refused("POST", "/api/models/me/m/commit/refs%2Fpr%2F1", third, ndjson("x", write("x", "x")), 403)
	s.refused("POST", comment+"/edit", mine, `{"content":"x"}`, 403)
	s.refused("POST", comment+"/hide", third, "", 403)
	s.token = mine
	s.step("POST", comment+"/hide", "", "discussion.comment.update")
	s.refused("POST", comment+"/edit", you, `{"content":"x"}`, 403)
	s.step("PUT", "/api/models/me/m/settings", `{"discussionsDisabled":true}`, "repo.config.update")
	s.refused("POST", "/api/models/me/m/discussions", you, `{"title":"x"}`, 403)
	s.refused("POST", "/api/models/me/m/discussions/1/comment", you, `{"comment":"x"}`, 403)
	s.refused("POST", "/api/models/me/m/commit/main?create_pr=1", you, ndjson("x", write("x", "x")), 403)
}

func TestATokenWithAPermissionMayDoThatAndNoMore(t *testing.T) {
	s := newStory(t)
	fine := func(permissions ...string) string {
		return s.newToken("me", sandbox.Token{Role: sandbox.RoleFineGrained, Permissions: permissions})
	}
	oauth := func(scopes ...string) string { return s.newToken("me", sandbox.Token{OAuth: true, Scopes: scopes}) }
	commit := ndjson("x", write("x", "x"))
	for _, tt := range []struct {
		name, token          string
		talk, commit, create int
	}{
		{"repo.write", fine(sandbox.RepoWrite), 200, 200, 200},
		{"discussion.write", fine(sandbox.DiscussionWrite), 200, 403, 403},
		{"discussion.write for all", s.newToken("me", sandbox.Token{Role: sandbox.RoleFineGrained, Global: []string{sandbox.DiscussionWrite}}), 200, 403, 403},
		{"god", s.newToken("me", sandbox.Token{Role: sandbox.RoleGod}), 200, 200, 200},
		{"write-discussions", oauth("write-discussions"), 200, 403, 403},
		{"write-repos", oauth("write-repos"), 200, 200, 403},
		{"manage-repos", oauth("manage-repos"), 200, 200, 200},
	} {
		talk, _ := s.call("POST", "/api/models/me/m/discussions", tt.token, `{"title":"x"}`)
		write, _ := s.send("POST", "/api/models/me/m/commit/main", tt.token, "application/x-ndjson", commit)
		create, _ := s.call("POST", "/api/repos/create", tt.token, fmt.Sprintf(`{"name":%q}`, strings.ReplaceAll(tt.name, " ", "-")))
		if talk.StatusCode != tt.talk || write.StatusCode != tt.commit || create.StatusCode != tt.create {
			t.Errorf("%s: talks %d, commits %d, creates %d; want %d, %d, %d", tt.name, talk.StatusCode, write.StatusCode, create.StatusCode, tt.talk, tt.commit, tt.create)
		}
	}
}
