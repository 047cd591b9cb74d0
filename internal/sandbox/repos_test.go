package sandbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// watching is a place whose app is told all about what is watched.
func watching(t *testing.T, watched ...hub.Watch) (*place, *app) {
	t.Helper()
	p, a := open(t, sandbox.Config{}), startApp(t, nil)
	p.listen(a.URL, watched...)
	return p, a
}

// last waits for what is on its way and gives the latest arrival.
func (p *place) last(a *app) hub.Payload {
	p.t.Helper()
	p.idle()
	got := a.arrivals()
	if len(got) == 0 {
		p.t.Fatal("nothing arrived")
	}
	return got[len(got)-1].payload
}

func TestCommitsFormAChainThatEndsAtTheHead(t *testing.T) {
	p, a := watching(t, model.Watch())
	head, err := p.HeadSHA(model)
	p.must(err)
	for range 3 {
		sha, err := p.PushCommit(model, "")
		p.must(err)
		got := p.last(a)
		u := got.UpdatedRefs[0]
		if u.Ref != "refs/heads/main" || *u.OldSHA != head || *u.NewSHA != sha || got.Repo.HeadSHA != sha {
			t.Errorf("after %s: %s moved from %s to %s, head %s", head, u.Ref, *u.OldSHA, *u.NewSHA, got.Repo.HeadSHA)
		}
		head = sha
	}
}

func TestBranchesAndTagsComeAndGo(t *testing.T) {
	p, a := watching(t, model.Watch())
	head, err := p.HeadSHA(model)
	p.must(err)
	p.must(p.CreateBranch(model, "side"))
	side, err := p.PushCommit(model, "refs/heads/side")
	p.must(err)
	p.must(p.DeleteBranch(model, "side"))
	p.must(p.PushTag(model, "v1"))
	p.idle()
	text := func(sha *string) string {
		if sha == nil {
			return "null"
		}
		return *sha
	}
	var got []string
	for _, arrival := range a.arrivals() {
		u := arrival.payload.UpdatedRefs[0]
		got = append(got, u.Ref+" "+text(u.OldSHA)+" "+text(u.NewSHA))
		if arrival.payload.Repo.HeadSHA != head {
			t.Errorf("%s moved the head", u.Ref)
		}
	}
	want := []string{
		"refs/heads/side null " + head, "refs/heads/side " + head + " " + side, "refs/heads/side " + side + " null", "refs/tags/v1 null " + head,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, err := range []error{p.DeleteBranch(model, "side"), p.DeleteBranch(model, "main"), p.PushTag(model, "v1"), p.CreateBranch(model, ""), p.CreateBranch(bucket, "x")} {
		if err == nil {
			t.Error("what cannot be done was done")
		}
	}
	if _, err := p.PushCommit(model, "refs/heads/none"); err == nil {
		t.Error("a commit onto no branch")
	}
}

func TestAPullRequestIsADiscussionAndARef(t *testing.T) {
	p, a := watching(t, model.Watch())
	first, err := p.OpenDiscussion(model, sandbox.Post{Title: "Why?", Text: "Because", Author: "you"})
	p.must(err)
	opened := p.last(a)
	if d := opened.Discussion; first != 1 || d.Num != 1 || d.Title != "Why?" || d.IsPullRequest || d.Changes != nil || *opened.Comment.Content != "Because" || d.Author != opened.Comment.Author {
		t.Errorf("the discussion is %+v", d)
	}
	num, err := p.OpenPullRequest(model, sandbox.Post{Title: "Fix"})
	p.must(err)
	p.idle()
	got := a.arrivals()
	pull, ref := got[1].payload, got[2].payload
	if num != 2 || !pull.Discussion.IsPullRequest || pull.Discussion.Changes.Base != "refs/heads/main" || pull.Repo.HeadSHA != "" {
		t.Errorf("the pull request is %+v", pull.Discussion)
	}
	if u := ref.UpdatedRefs[0]; u.Ref != "refs/pr/2" || u.OldSHA != nil {
		t.Errorf("its ref is %+v", u)
	}
	sha, err := p.Merge(model, 2)
	p.must(err)
	merged := p.last(a)
	got = a.arrivals()
	if d := got[3].payload.Discussion; d.Status != "merged" || d.Changes.MergeCommitID != sha || merged.Repo.HeadSHA != sha || merged.UpdatedRefs[0].Ref != "refs/heads/main" {
		t.Errorf("merged it is %+v, and the head is %s", d, merged.Repo.HeadSHA)
	}
	if _, err := p.Merge(model, 2); err == nil {
		t.Error("it was merged twice")
	}
	if _, err := p.Merge(model, 1); err == nil {
		t.Error("a discussion was merged")
	}
	_, err = p.OpenPullRequest(model, sandbox.Post{})
	p.must(err)
	p.must(p.ChangeStatus(model, 3, "closed"))
	if _, err := p.Merge(model, 3); err == nil {
		t.Error("a closed pull request was merged")
	}
	if err := p.ChangeStatus(model, 2, "open"); err == nil {
		t.Error("a merged pull request was opened again")
	}
}

func TestADiscussionChangesUntilItIsDeleted(t *testing.T) {
	p, a := watching(t, dataset.Watch())
	num, err := p.OpenDiscussion(dataset, sandbox.Post{})
	p.must(err)
	id := p.last(a).Discussion.ID
	steps := []struct {
		do    func() error
		check func(hub.Payload) bool
	}{
		{func() error { return p.ChangeStatus(dataset, num, "closed") }, func(p hub.Payload) bool { return p.Discussion.Status == "closed" }},
		{func() error { return p.RenameDiscussion(dataset, num, "New") }, func(p hub.Payload) bool { return p.Discussion.Title == "New" && p.Discussion.Status == "closed" }},
		{func() error { return p.PinDiscussion(dataset, num, true) }, func(p hub.Payload) bool { return *p.Discussion.Pinned }},
		{func() error { return p.DeleteDiscussion(dataset, num) }, func(p hub.Payload) bool { return p.Event.Action == "delete" }},
	}
	for i, step := range steps {
		p.must(step.do())
		if got := p.last(a); got.Discussion.ID != id || got.Comment != nil || !step.check(got) {
			t.Errorf("step %d: %+v of %+v", i, got.Event, got.Discussion)
		}
	}
	if err := p.ChangeStatus(dataset, num, "open"); err == nil {
		t.Error("a deleted discussion was opened")
	}
	if next, err := p.OpenDiscussion(dataset, sandbox.Post{}); err != nil || next != num+1 {
		t.Errorf("the next one has the number %d (%v)", next, err)
	}
}

func TestCommentsAreWrittenEditedAndHidden(t *testing.T) {
	p, a := watching(t, space.Watch())
	num, err := p.OpenDiscussion(space, sandbox.Post{})
	p.must(err)
	id, err := p.Comment(space, num, sandbox.Post{Text: "one", Author: "you"})
	p.must(err)
	if c := p.last(a).Comment; c.ID != id || *c.Content != "one" || !strings.HasSuffix(c.URL.Web, "/spaces/me/s/discussions/1#"+id) {
		t.Errorf("the comment is %+v", c)
	}
	p.must(p.EditComment(space, num, id, "two"))
	if c := p.last(a).Comment; c.ID != id || *c.Content != "two" {
		t.Errorf("edited it is %+v", c)
	}
	p.must(p.HideComment(space, num, id))
	if c := p.last(a).Comment; c.ID != id || c.Content != nil || !c.Hidden {
		t.Errorf("hidden it is %+v", c)
	}
	if err := p.EditComment(space, num, id, "three"); err == nil {
		t.Error("a hidden comment was edited")
	}
	if want := "discussion.create discussion.comment.create discussion.comment.update discussion.comment.update"; a.kinds() != want {
		t.Errorf("arrived: %s", a.kinds())
	}
}

func TestABucketTellsItsFilesUpToTenThousand(t *testing.T) {
	p, a := watching(t, bucket.Watch())
	p.must(p.UploadFiles(bucket, "a.txt", "b.txt"))
	got := p.last(a)
	if f := got.UpdatedFiles; len(f) != 2 || f[0].Path != "a.txt" || f[0].Action != "add" || f[0].Size == nil || got.UpdatedFilesTruncated || got.UpdatedRefs != nil || got.Repo.HeadSHA != "" {
		t.Errorf("the upload is %+v", got)
	}
	p.must(p.DeleteFiles(bucket, "a.txt"))
	if f := p.last(a).UpdatedFiles[0]; f != (hub.FileUpdate{Path: "a.txt", Action: hub.FileDelete}) {
		t.Errorf("the deletion is %+v", f)
	}
	if err := p.DeleteFiles(bucket, "a.txt"); err == nil {
		t.Error("a file was deleted twice")
	}
	many := make([]string, 10_001)
	for i := range many {
		many[i] = fmt.Sprintf("f/%d", i)
	}
	p.must(p.UploadFiles(bucket, many[:10_000]...))
	if got := p.last(a); got.UpdatedFilesTruncated {
		t.Error("10,000 files are truncated")
	}
	p.must(p.UploadFiles(bucket, many...))
	if got := p.last(a); len(got.UpdatedFiles) != 10_000 || !got.UpdatedFilesTruncated {
		t.Errorf("of 10,001 files %d are told, truncated %v", len(got.UpdatedFiles), got.UpdatedFilesTruncated)
	}
	if _, err := p.OpenDiscussion(bucket, sandbox.Post{}); err == nil {
		t.Error("a bucket has a discussion")
	}
	if err := p.UploadFiles(model, "x"); err == nil {
		t.Error("a model takes files like a bucket")
	}
}

func TestAnEventGoesToThoseWhoWatchTheRepoOrItsOwner(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.must(p.AddOrg("us", "me"))
	ours := hub.Repo{Type: "model", Name: "us/m"}
	p.must(p.AddRepo(ours, false))
	apps := map[string]*app{}
	for _, watch := range []string{"model:me/m", "dataset:me/d", "user:me", "user:you", "org:us", "model:us/m"} {
		apps[watch] = startApp(t, nil)
		typ, name, _ := strings.Cut(watch, ":")
		p.listen(apps[watch].URL, hub.Watch{Type: hub.WatchType(typ), Name: name})
	}
	p.must(p.UpdateRepo(model))
	p.must(p.UpdateRepo(ours))
	p.idle()
	for watch, want := range map[string]string{
		"model:me/m": "me/m", "dataset:me/d": "", "user:me": "me/m", "user:you": "", "org:us": "us/m", "model:us/m": "us/m",
	} {
		var got []string
		for _, arrival := range apps[watch].arrivals() {
			got = append(got, arrival.payload.Repo.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is told of %q, want %q", watch, got, want)
		}
	}
}

func TestTwoWatchesThatFitAreOneDelivery(t *testing.T) {
	p, a := watching(t, model.Watch(), hub.Watch{Type: "user", Name: "me"})
	p.must(p.UpdateRepo(model))
	p.idle()
	if n := len(a.arrivals()); n != 1 {
		t.Errorf("%d arrivals", n)
	}
}

func TestAWebhookIsToldOfItsDomainsAndOnlyWhileItIsEnabled(t *testing.T) {
	p, a := open(t, sandbox.Config{}), startApp(t, nil)
	w, err := p.client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: a.URL, Watched: []hub.Watch{model.Watch()}, Domains: []hub.Domain{"discussion"}})
	p.must(err)
	_, err = p.OpenPullRequest(model, sandbox.Post{})
	p.must(err)
	p.idle()
	p.must(p.DisableWebhook(w.ID))
	_, err = p.OpenDiscussion(model, sandbox.Post{})
	p.must(err)
	p.idle()
	if a.kinds() != "discussion.create" {
		t.Errorf("arrived: %s", a.kinds())
	}
}

func TestAPrivateRepoIsToldToItsOwnersOnly(t *testing.T) {
	p, mine, yours := open(t, sandbox.Config{}), startApp(t, nil), startApp(t, nil)
	p.listen(mine.URL, model.Watch())
	_, err := p.clientOf(p.newToken("you", sandbox.Token{})).CreateWebhook(t.Context(), hub.WebhookSpec{
		URL: yours.URL, Watched: []hub.Watch{model.Watch()}, Domains: []hub.Domain{"repo"},
	})
	p.must(err)
	p.must(p.ChangeVisibility(model, true))
	p.must(p.UpdateRepo(model))
	p.must(p.ChangeVisibility(model, false))
	p.must(p.ChangeConfig(model))
	p.idle()
	var configs []string
	for _, got := range mine.arrivals() {
		configs = append(configs, fmt.Sprintf("%s %v", got.payload.UpdatedConfig, got.payload.Repo.Private))
	}
	if want := []string{`{"private":true} true`, " true", `{"private":false} false`, "{} false"}; !slices.Equal(configs, want) {
		t.Errorf("the owner is told %q, want %q", configs, want)
	}
	if want := "repo.config.update repo.config.update repo.config.update"; yours.kinds() != want {
		t.Errorf("a stranger is told %q, want %q", yours.kinds(), want)
	}
}

func TestAReposLifeIsToldFromItsCreationToItsDeletion(t *testing.T) {
	p, a := watching(t, hub.Watch{Type: "user", Name: "me"})
	fresh := hub.Repo{Type: "space", Name: "me/fresh"}
	p.must(p.CreateRepo(fresh, true))
	created := p.last(a)
	if created.Repo.Subdomain != "me-fresh" || !created.Repo.Private || created.Repo.HeadSHA == "" {
		t.Errorf("created as %+v", created.Repo)
	}
	if err := p.CreateRepo(fresh, true); err == nil {
		t.Error("it was created twice")
	}
	p.must(p.DeleteRepo(fresh))
	if got := p.last(a); got.Repo.ID != created.Repo.ID || got.Event.Action != "delete" {
		t.Errorf("deleted as %+v", got.Repo)
	}
	p.must(p.CreateRepo(fresh, false))
	if got := p.last(a); got.Repo.ID == created.Repo.ID {
		t.Error("another repo of the same name has the same id")
	}
	if err := p.CreateRepo(hub.Repo{Type: "space", Name: "nobody"}, false); err == nil {
		t.Error("a Space without an owner was created")
	}
}

func TestAMoveIsToldToBothOwnersAndFollowed(t *testing.T) {
	p, a := watching(t, model.Watch())
	yours := startApp(t, nil)
	p.listen(yours.URL, hub.Watch{Type: "user", Name: "you"})
	num, err := p.OpenDiscussion(model, sandbox.Post{})
	p.must(err)
	before := p.last(a)
	p.must(p.MoveRepo(model, "you/m2"))
	moved := p.last(a)
	if moved.Repo.Name != "me/m" || moved.MovedTo.Name != "you/m2" || moved.MovedTo.Owner == moved.Repo.Owner || yours.kinds() != "repo.move" {
		t.Errorf("moved as %+v to %+v; the new owner is told %q", moved.Repo, moved.MovedTo, yours.kinds())
	}
	if got := p.Webhooks("me")[0].Watched[0].Name; got != "you/m2" {
		t.Errorf("the webhook watches %q", got)
	}
	_, err = p.Comment(model, num, sandbox.Post{}) // by the old name
	p.must(err)
	after := p.last(a)
	if after.Repo.ID != before.Repo.ID || after.Repo.Name != "you/m2" || after.Repo.Owner != moved.MovedTo.Owner || !strings.Contains(after.Discussion.URL.Web, "/you/m2/discussions/1") {
		t.Errorf("afterwards it is %+v with %+v", after.Repo, after.Discussion.URL)
	}
	if _, err := p.PushCommit(hub.Repo{Type: "model", Name: "you/m2"}, ""); err != nil {
		t.Errorf("by its new name: %v", err)
	}
	if err := p.MoveRepo(model, "me/d d"); err == nil {
		t.Error("it was moved to an impossible name")
	}
}

func TestTheMoveOfAPrivateRepoIsNotToldToStrangers(t *testing.T) {
	p, mine := open(t, sandbox.Config{}), startApp(t, nil)
	p.must(p.AddRepo(model, true))
	p.listen(mine.URL, hub.Watch{Type: "user", Name: "you"})
	yours := startApp(t, nil)
	_, err := p.clientOf(p.newToken("you", sandbox.Token{})).CreateWebhook(t.Context(), hub.WebhookSpec{
		URL: yours.URL, Watched: []hub.Watch{{Type: "user", Name: "you"}}, Domains: []hub.Domain{"repo"},
	})
	p.must(err)
	p.must(p.MoveRepo(model, "you/m"))
	p.idle()
	if mine.kinds() != "" || yours.kinds() != "repo.move" {
		t.Errorf("a stranger is told %q, the new owner %q", mine.kinds(), yours.kinds())
	}
}

func TestPayloadsNameTheEndpoint(t *testing.T) {
	p, a := watching(t, model.Watch())
	p.must(p.UpdateRepo(model))
	if got, want := p.last(a).Repo.URL.Web, p.base+"/me/m"; got != want {
		t.Errorf("without an endpoint the URL is %s, want %s", got, want)
	}
	p = open(t, sandbox.Config{Endpoint: "https://hub.example/"})
	p.listen(a.URL, model.Watch())
	p.must(p.UpdateRepo(model))
	if got := p.last(a).Repo.URL.API; got != "https://hub.example/api/models/me/m" {
		t.Errorf("with an endpoint the URL is %s", got)
	}
}

func TestTheSameSeedGivesTheSameWorld(t *testing.T) {
	var bodies []string
	for range 2 {
		a := startApp(t, nil)
		p := open(t, sandbox.Config{Seed: 42, Endpoint: "https://hub.example"})
		p.listen(a.URL, model.Watch())
		_, err := p.OpenPullRequest(model, sandbox.Post{})
		p.must(err)
		p.idle()
		got := a.arrivals()
		bodies = append(bodies, string(got[0].body)+string(got[1].body)+got[0].header.Get("Webhook-Id"))
	}
	if bodies[0] != bodies[1] {
		t.Errorf("two worlds of one seed differ:\n%s\n%s", bodies[0], bodies[1])
	}
}
