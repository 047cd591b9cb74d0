package hub_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// lookUpHub is a sandbox with the user "me", who is in the organization "lab", and a
// client of it.
func lookUpHub(t *testing.T) (*sandbox.Hub, *hub.Client) {
	t.Helper()
	h := sandbox.New(sandbox.Config{Seed: 1})
	t.Cleanup(h.Close)
	if err := errors.Join(h.AddUser("me"), h.AddOrg("lab", "me")); err != nil {
		t.Fatal(err)
	}
	endpoint, err := h.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.AddToken("me", sandbox.Token{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: endpoint, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return h, client
}

// delivered makes an event happen and returns the payload that a webhook got.
func delivered(t *testing.T, h *sandbox.Hub, client *hub.Client, kind event.Kind, repo hub.Repo, set map[string]any) hub.Payload {
	t.Helper()
	got := make(chan hub.Payload, 8)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if p, ok := hub.ParsePayload(body); err == nil && ok {
			got <- p
		}
	}))
	defer server.Close()
	hook, err := client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: server.URL, Watched: []hub.Watch{repo.Watch()}, Domains: hub.Domains()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Happen(kind, repo, set); err != nil {
		t.Fatal(err)
	}
	p := <-got
	for event.MakeKind(p.Event.Scope, p.Event.Action) != kind {
		p = <-got
	}
	if err := client.DeleteWebhook(t.Context(), hook.ID); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestARepoIsLookedUpAsItsPayloadsHaveIt(t *testing.T) {
	h, client := lookUpHub(t)
	for _, repo := range []hub.Repo{
		{Type: "model", Name: "me/m"}, {Type: "dataset", Name: "lab/d"}, {Type: "space", Name: "me/Space_1"}, {Type: "bucket", Name: "lab/b"}, {Type: "kernel", Name: "me/k"},
	} {
		if err := h.AddRepo(repo, repo.Type == "dataset"); err != nil {
			t.Fatal(err)
		}
		want := delivered(t, h, client, event.KindRepoUpdate, repo, nil).Repo
		got, err := client.LookUpRepo(t.Context(), repo)
		if len(got.Tags) == 0 {
			got.Tags = nil
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", repo, err, diff)
		}
	}
	if _, err := client.LookUpRepo(t.Context(), hub.Repo{Type: "model", Name: "me/none"}); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("a repo that does not exist: %v", err)
	}
	if _, err := client.LookUpRepo(t.Context(), hub.Repo{Type: "user", Name: "me"}); !errors.Is(err, hub.ErrInvalid) {
		t.Errorf("a user: %v", err)
	}
}

func TestTheNewestDiscussionIsLookedUpAsItsPayloadsHaveIt(t *testing.T) {
	h, client := lookUpHub(t)
	repo := hub.Repo{Type: "model", Name: "me/m"}
	if err := h.AddRepo(repo, false); err != nil {
		t.Fatal(err)
	}
	for _, pull := range []bool{false, true} {
		if got, err := client.LookUpDiscussion(t.Context(), repo, pull); got != nil || err != nil {
			t.Errorf("before there is one: %+v, %v", got, err)
		}
	}
	for i, pull := range []bool{false, true, false, true} {
		want := delivered(t, h, client, event.KindDiscussionCreate, repo, map[string]any{"discussion.isPullRequest": pull, "discussion.title": fmt.Sprint("title ", i)}).Discussion
		got, err := client.LookUpDiscussion(t.Context(), repo, pull)
		if got != nil {
			// Payloads do not always say whether it is pinned, and the sandbox does not
			// say who opened what it made happen.
			want.Pinned, want.Author = got.Pinned, got.Author
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("pull request %t: %v\n%s", pull, err, diff)
		}
	}
}

func TestALookUpTakesWhatTheHubSays(t *testing.T) {
	answers := map[string]string{
		"/api/models/me/m":               `{"_id":7,"author":"us","sha":"ab","tags":"none","private":true,"subdomain":"not-of-a-model"}`,
		"/api/organizations/us/overview": `{"_id":"0000"}`,
		"/api/models/me/m/discussions":   `{"discussions":[{"num":3,"isPullRequest":true},{"num":9},{"num":12,"isPullRequest":true}]}`,
		"/api/models/me/m/discussions/9": `{"id":"65","title":"t","author":{"_id":"64"}}`,
		"/api/models/me/lonely":          `{"_id":"1"}`,
		"/api/models/me/odd":             `{"_id":"1","author":"nobody"}`,
		"/api/models/me/page":            `<html>`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, text)
	}))
	defer server.Close()
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: server.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	repo := hub.Repo{Type: "model", Name: "me/m"}
	got, err := client.LookUpRepo(t.Context(), repo)
	want := hub.PayloadRepo{Type: "model", Name: "me/m", URL: repo.URLs(server.URL), Private: true, HeadSHA: "ab", Owner: hub.Account{ID: "0000"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	d, err := client.LookUpDiscussion(t.Context(), repo, false)
	if err != nil || d == nil || d.Num != 9 || d.ID != "65" || d.Author.ID != "64" || d.Status != hub.DiscussionOpen || d.Title != "t" {
		t.Errorf("%+v, %v", d, err)
	}
	for _, name := range []string{"me/lonely", "me/odd"} {
		if got, err := client.LookUpRepo(t.Context(), hub.Repo{Type: "model", Name: name}); err != nil || got.ID != "1" || got.Owner.ID != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := client.LookUpRepo(t.Context(), hub.Repo{Type: "model", Name: "me/page"}); !errors.Is(err, hub.ErrBadAnswer) {
		t.Errorf("a page: %v", err)
	}
}
