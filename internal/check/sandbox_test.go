package check_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/check"
)

// writer is a handler that opens a discussion for a delivery for which it should, in a
// stand-in Hub.
func writer(t *testing.T, world *check.Sandbox, should func(p hub.Payload) bool) *handler {
	t.Helper()
	env := map[string]string{}
	for _, pair := range world.Env() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return &handler{forgets: true, work: func(w http.ResponseWriter, _ payload, body []byte) bool {
		p, ok := hub.ParsePayload(body)
		if !ok || !should(p) {
			return false
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", fmt.Sprintf("%s/api/%ss/%s/discussions", env["HF_ENDPOINT"], p.Repo.Type, p.Repo.Name),
			strings.NewReader(`{"title":"hello","description":"hello"}`))
		if err != nil {
			t.Error(err)
			return false
		}
		req.Header.Set("Authorization", "Bearer "+env["HF_TOKEN"])
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return false
		}
		defer resp.Body.Close()
		if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			t.Errorf("the sandbox answers %d %s", resp.StatusCode, answer)
		}
		return false
	}}
}

func TestWhatAHandlerWritesShowsWhatItsAnswersHide(t *testing.T) {
	push := func(ref string) func(hub.Payload) bool {
		return func(p hub.Payload) bool {
			return p.Event.Scope == "repo.content" && len(p.UpdatedRefs) > 0 && strings.HasPrefix(p.UpdatedRefs[0].Ref, ref)
		}
	}
	comment := func(p hub.Payload) bool { return p.Event.Scope == "discussion.comment" && p.Event.Action == "create" }
	for name, c := range map[string]struct {
		should  func(account string) func(hub.Payload) bool
		forgets bool
		only    string
		want    check.Status
		says    string
	}{
		"pushes to main alone":  {func(string) func(hub.Payload) bool { return push("refs/heads/main") }, false, "new-branch", check.Pass, ""},
		"every push":            {func(string) func(hub.Payload) bool { return push("refs/") }, false, "new-branch", check.CannotTell, "it did POST /api/models/me/my-model/discussions"},
		"nothing at all":        {func(string) func(hub.Payload) bool { return push("nothing") }, true, "repeat", check.CannotTell, "alike"},
		"every time":            {func(string) func(hub.Payload) bool { return comment }, true, "repeat", check.Fail, "each time it did POST /api/models/me/my-model/discussions"},
		"once":                  {func(string) func(hub.Payload) bool { return comment }, false, "repeat", check.Pass, ""},
		"comments of everybody": {func(string) func(hub.Payload) bool { return comment }, false, "own-comment", check.Fail, "for a comment of its own account it did POST"},
		"comments of others": {func(account string) func(hub.Payload) bool {
			return func(p hub.Payload) bool { return comment(p) && p.Comment.Author.ID != account }
		}, false, "own-comment", check.Pass, "for a comment of somebody else it did POST"},
		"no comments": {func(string) func(hub.Payload) bool { return push("refs/") }, false, "own-comment", check.CannotTell, "nothing for a comment of somebody else either"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world, err := check.StartSandbox(t.Context(), "devel", hub.Repo{Type: "model", Name: "me/my-model"})
			if err != nil {
				t.Fatal(err)
			}
			defer world.Close()
			if world.Account() == "" || world.User() != "me" {
				t.Errorf("the account is %q of %q", world.Account(), world.User())
			}
			h := writer(t, world, c.should(world.Account()))
			h.forgets = c.forgets
			if c.only == "new-branch" { // or the answer shows it
				h.answer = `{"done":true}`
			}
			r := examine(t, h, func(cfg *check.Config) {
				cfg.World = world
				cfg.Checks, err = check.Select([]string{c.only}, nil)
				if err != nil {
					t.Fatal(err)
				}
			})
			if res := r.of(c.only); res.Status != c.want || !strings.Contains(res.Says, c.says) {
				t.Errorf("%s: %s", res.Status, res.Says)
			}
		})
	}
}
