package event

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/hub"
)

var sampleRepos = []hub.Repo{
	{Type: "model", Name: "me/m"},
	{Type: "dataset", Name: "me/d"},
	{Type: "space", Name: "Me/My_Space.app"},
	{Type: "bucket", Name: "me/b"},
	{Type: "kernel", Name: "me/k"},
	{Type: "model", Name: "gpt2"},
}

// everySample makes every variant of every kind of every type of repo.
func everySample(t *testing.T, see func(name string, kind Kind, repo hub.Repo, v Variant, body []byte)) {
	for _, repo := range sampleRepos {
		for _, kind := range KindsOf(repo.Type) {
			for _, v := range Variants(kind, repo.Type) {
				p, err := Sample(kind, repo, SampleOptions{Seed: 7, Variant: v})
				if err != nil {
					t.Fatal(err)
				}
				body, err := json.Marshal(p)
				if err != nil {
					t.Fatal(err)
				}
				see(fmt.Sprintf("%s of %s, %q", kind, repo, v), kind, repo, v, body)
			}
		}
	}
}

// keys lists every key of a JSON value by its path; items of lists share one.
func keys(v any, path string, into map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		into[path] = v
		for k, inner := range v {
			keys(inner, strings.TrimPrefix(path+"."+k, "."), into)
		}
	case []any:
		for _, inner := range v {
			keys(inner, path+"[]", into)
		}
	default:
		into[path] = v
	}
}

func keysOf(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var top any
	if err := json.Unmarshal(body, &top); err != nil {
		t.Fatal(err)
	}
	into := map[string]any{}
	keys(top, "", into)
	return into
}

// The key sets are those of the examples in the Hub's docs.
func TestASampleHasTheKeysOfTheDocs(t *testing.T) {
	head := "event event.action event.scope webhook webhook.id webhook.version " +
		"repo repo.type repo.name repo.id repo.private repo.url repo.url.web repo.url.api repo.owner repo.owner.id "
	discussion := "discussion discussion.id discussion.title discussion.url discussion.url.web discussion.url.api " +
		"discussion.status discussion.author discussion.author.id discussion.num discussion.isPullRequest "
	pull := "discussion.changes discussion.changes.base "
	comment := "comment comment.id comment.author comment.author.id comment.hidden comment.url comment.url.web "
	for _, tt := range []struct {
		kind    Kind
		repo    hub.RepoType
		variant Variant
		want    string
	}{
		{"discussion.create", "model", VariantPullRequest, head + discussion + pull + comment + "comment.content"},
		{"discussion.create", "dataset", VariantDiscussion, head + discussion + comment + "comment.content"},
		{"discussion.update", "model", VariantMerged, head + discussion + pull + "discussion.changes.mergeCommitId"},
		{"discussion.update", "space", VariantClosed, head + discussion + "repo.subdomain"},
		{"discussion.delete", "kernel", "", head + discussion},
		{"discussion.comment.create", "model", "", head + discussion + comment + "comment.content"},
		{"discussion.comment.update", "model", VariantHidden, head + discussion + comment},
		{"repo.create", "model", "", head + "repo.headSha"},
		{"repo.delete", "bucket", "", head},
		{"repo.move", "dataset", "", head + "repo.headSha movedTo movedTo.name movedTo.owner movedTo.owner.id"},
		{"repo.config.update", "model", VariantUntold, head + "repo.headSha updatedConfig"},
		{"repo.config.update", "model", VariantVisibility, head + "repo.headSha updatedConfig updatedConfig.private"},
		{"repo.content.update", "space", VariantPullRef, head +
			"repo.headSha repo.subdomain updatedRefs[] updatedRefs[].ref updatedRefs[].oldSha updatedRefs[].newSha"},
		{"repo.content.update", "bucket", VariantTruncated, head +
			"updatedFiles[] updatedFiles[].path updatedFiles[].action updatedFiles[].xetHash updatedFiles[].size updatedFilesTruncated"},
		{"repo.content.update", "bucket", VariantRemoval, head + "updatedFiles[] updatedFiles[].path updatedFiles[].action"},
	} {
		p, err := Sample(tt.kind, hub.Repo{Type: tt.repo, Name: "me/x"}, SampleOptions{Variant: tt.variant})
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		got := keysOf(t, body)
		delete(got, "")
		want := map[string]bool{}
		for _, key := range strings.Fields(tt.want) {
			want[key] = true
		}
		for key := range got {
			if !want[key] {
				t.Errorf("%s of a %s, %q: the docs have no %s", tt.kind, tt.repo, tt.variant, key)
			}
			delete(want, key)
		}
		for key := range want {
			t.Errorf("%s of a %s, %q: %s is not there", tt.kind, tt.repo, tt.variant, key)
		}
	}
}

func TestEveryIDAndShaOfASampleHasTheFormOfTheHub(t *testing.T) {
	hexOf := func(n int) *regexp.Regexp { return regexp.MustCompile(fmt.Sprintf("^[0-9a-f]{%d}$", n)) }
	forms := map[string]*regexp.Regexp{
		"id": hexOf(24), "headSha": hexOf(40), "oldSha": hexOf(40), "newSha": hexOf(40), "mergeCommitId": hexOf(40), "xetHash": hexOf(64),
		"web": regexp.MustCompile("^https://huggingface.co/"), "api": regexp.MustCompile("^https://huggingface.co/api/"),
		"base": regexp.MustCompile("^refs/heads/main$"), "ref": regexp.MustCompile("^refs/(heads|tags|pr)/"),
		"subdomain": regexp.MustCompile("^me-my-space-app$"),
	}
	seen := map[string]bool{}
	everySample(t, func(name string, kind Kind, repo hub.Repo, _ Variant, body []byte) {
		for path, value := range keysOf(t, body) {
			key := path[strings.LastIndexByte(path, '.')+1:]
			if form := forms[key]; form != nil && value != nil {
				seen[key] = true
				if text, ok := value.(string); !ok || !form.MatchString(text) {
					t.Errorf("%s: %s is %v, want %s", name, path, value, form)
				}
			}
		}
		if head := hub.ParseHead(body); MakeKind(head.Scope, head.Action) != kind || head.Repo != repo {
			t.Errorf("%s: is filed under %+v", name, head)
		}
	})
	for key := range forms {
		if !seen[key] {
			t.Errorf("no sample has a %s", key)
		}
	}
}

func TestOnlyEventsOfReposTellTheHeadAndBucketsNever(t *testing.T) {
	everySample(t, func(name string, kind Kind, repo hub.Repo, _ Variant, body []byte) {
		_, told := keysOf(t, body)["repo.headSha"]
		if want := kind.Domain() == "repo" && repo.Type != "bucket"; told != want {
			t.Errorf("%s: headSha is told: %v, want %v", name, told, want)
		}
	})
}

func TestThePayloadOfABucketLeavesOutAHeadThatItWasGiven(t *testing.T) {
	if p := NewPayload("repo.update", hub.PayloadRepo{Type: "bucket", HeadSHA: "5e7f"}, "65a1"); p.Repo.HeadSHA != "" {
		t.Errorf("it tells %q", p.Repo.HeadSHA)
	}
}

func TestTheURLsOfASampleLeadToItsParts(t *testing.T) {
	p, err := Sample("discussion.create", hub.Repo{Type: "dataset", Name: "me/d"}, SampleOptions{Endpoint: "http://127.0.0.1:4000/"})
	if err != nil {
		t.Fatal(err)
	}
	page := fmt.Sprintf("http://127.0.0.1:4000/datasets/me/d/discussions/%d", p.Discussion.Num)
	want := [...]string{"http://127.0.0.1:4000/datasets/me/d", page, page + "#" + p.Comment.ID}
	if got := [...]string{p.Repo.URL.Web, p.Discussion.URL.Web, p.Comment.URL.Web}; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheSameSeedGivesTheSameSampleAndAnotherSeedAnotherOne(t *testing.T) {
	repo := hub.Repo{Type: "model", Name: "me/m"}
	make := func(seed uint64) hub.Payload {
		p, err := Sample("discussion.comment.create", repo, SampleOptions{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if diff := cmp.Diff(make(1), make(1)); diff != "" {
		t.Errorf("seed 1 gave two samples:\n%s", diff)
	}
	if a, b := make(1), make(2); a.Repo.ID == b.Repo.ID || a.Comment.ID == b.Comment.ID {
		t.Errorf("seeds 1 and 2 share ids: %s and %s", a.Comment.ID, b.Comment.ID)
	}
}

func TestSamplesAboutOneRepoAgreeOnIt(t *testing.T) {
	repo := hub.Repo{Type: "model", Name: "me/m"}
	a, errA := Sample("repo.content.update", repo, SampleOptions{Seed: 3})
	b, errB := Sample("discussion.create", repo, SampleOptions{Seed: 3})
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if a.Repo.ID != b.Repo.ID || a.Repo.Owner != b.Repo.Owner || a.Webhook != b.Webhook {
		t.Errorf("two samples disagree: %+v and %+v", a.Repo, b.Repo)
	}
}

func TestACommitLeadsToTheHeadOfItsRepo(t *testing.T) {
	for _, v := range Variants("repo.content.update", "model") {
		p, err := Sample("repo.content.update", hub.Repo{Type: "model", Name: "me/m"}, SampleOptions{Variant: v})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range p.UpdatedRefs {
			if u.Ref == "refs/heads/main" && (u.OldSHA == nil || *u.NewSHA != p.Repo.HeadSHA || *u.OldSHA == *u.NewSHA) {
				t.Errorf("%s: main moved to %v, and the head is %s", v, u, p.Repo.HeadSHA)
			}
			if gone := u.NewSHA == nil; gone != (v == VariantDeletedBranch) {
				t.Errorf("%s: the ref %s is gone: %v", v, u.Ref, gone)
			}
		}
	}
}

func TestATruncatedSampleIsAsLargeAsTheHubMakesThem(t *testing.T) {
	p, err := Sample("repo.content.update", hub.Repo{Type: "bucket", Name: "me/b"}, SampleOptions{Variant: VariantTruncated})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.UpdatedFiles) != MaxUpdatedFiles || !p.UpdatedFilesTruncated || len(body) < 1<<20 {
		t.Errorf("%d files in %d bytes, truncated %v", len(p.UpdatedFiles), len(body), p.UpdatedFilesTruncated)
	}
}

func TestAPrivateSampleSaysSo(t *testing.T) {
	p, err := Sample("repo.config.update", hub.Repo{Type: "model", Name: "me/m"}, SampleOptions{Private: true})
	if err != nil {
		t.Fatal(err)
	}
	if !p.Repo.Private || string(p.UpdatedConfig) != `{"private":true}` {
		t.Errorf("private %v, updatedConfig %s", p.Repo.Private, p.UpdatedConfig)
	}
}

func TestBucketsHaveNoDiscussions(t *testing.T) {
	for _, kind := range KindsOf("bucket") {
		if kind.Domain() != "repo" {
			t.Errorf("a bucket has %s", kind)
		}
	}
	if n := len(KindsOf("bucket")); n != 6 {
		t.Errorf("a bucket has %d kinds, want the 6 of repos", n)
	}
	if got := KindsOf("model"); !slices.Equal(got, Kinds()) {
		t.Errorf("a model has %q, want all kinds", got)
	}
	if got := KindsOf("user"); got != nil {
		t.Errorf("a user, which is no repo, has %q", got)
	}
}

func TestWhatTheHubNeverSendsIsAnErrorThatSaysWhy(t *testing.T) {
	for _, tt := range []struct {
		kind       Kind
		repo, want string
		variant    Variant
	}{
		{"discussion.create", "bucket:me/b", "no discussion.create for a bucket", ""},
		{"repo.explode", "model:me/m", `no events of the kind "repo.explode"`, ""},
		{"repo.create", "user:me", "is not a repo", ""},
		{"repo.create", "space:alone", "has no owner", ""},
		{"repo.create", "models:me/m", "is not a repo", ""},
		{"repo.create", "model:me/m/x", "too many slashes", ""},
		{"discussion.create", "model:me/m", `no variant "tag"`, VariantTag},
	} {
		typ, name, _ := strings.Cut(tt.repo, ":")
		_, err := Sample(tt.kind, hub.Repo{Type: hub.RepoType(typ), Name: name}, SampleOptions{Variant: tt.variant})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s of %s: got %v, want an error with %q", tt.kind, tt.repo, err, tt.want)
		}
	}
}

func TestASampleHasTheFactsOfItsRepo(t *testing.T) {
	facts := hub.PayloadRepo{
		Type: "user", Name: "not/this", ID: "65a14fd933eca76f4639fc84", Private: true, HeadSHA: "ab", Subdomain: "real-sub", Tags: []string{"gradio"},
		Owner: hub.Account{ID: "65a14fd933eca76f4639fc85"}, URL: hub.URLs{Web: "https://elsewhere/"},
	}
	for _, repo := range sampleRepos {
		for _, kind := range KindsOf(repo.Type) {
			made, errMade := Sample(kind, repo, SampleOptions{Seed: 7})
			p, err := Sample(kind, repo, SampleOptions{Seed: 7, Facts: facts})
			if err != nil || errMade != nil {
				t.Fatal(err, errMade)
			}
			want := made.Repo
			want.ID, want.Private, want.Tags, want.Owner = facts.ID, true, facts.Tags, facts.Owner
			if kind.Domain() == "repo" && repo.Type != "bucket" {
				want.HeadSHA = "ab"
			}
			if repo.Type == "space" {
				want.Subdomain = "real-sub"
			}
			if diff := cmp.Diff(want, p.Repo); diff != "" {
				t.Errorf("%s of %s:\n%s", kind, repo, diff)
			}
			if kind == KindRepoConfigUpdate && string(p.UpdatedConfig) != `{"private":true}` {
				t.Errorf("updatedConfig is %s", p.UpdatedConfig)
			}
			if kind == KindRepoContentUpdate && repo.Type != "bucket" && *p.UpdatedRefs[0].NewSHA != "ab" {
				t.Errorf("main moves to %s", *p.UpdatedRefs[0].NewSHA)
			}
		}
	}
}

func TestASampleIsAboutADiscussionThatIsKnown(t *testing.T) {
	repo := hub.Repo{Type: "model", Name: "me/m"}
	known := map[bool]*hub.Discussion{
		false: {ID: "65a14fd933eca76f4639fc84", Num: 9, Title: "real", Status: hub.DiscussionClosed, Author: hub.Account{ID: "65"}},
		true:  {Num: 12, Title: "real", Status: hub.DiscussionOpen, IsPullRequest: true},
	}
	for _, c := range []struct {
		kind    Kind
		variant Variant
		pull    bool // of the one that is known
		num     int  // 0: it does not count
		status  hub.DiscussionStatus
	}{
		{KindDiscussionCreate, VariantDiscussion, false, 9, "open"},
		{KindDiscussionCreate, VariantPullRequest, true, 12, "open"},
		{KindDiscussionCreate, VariantPullRequest, false, 0, "open"},
		{KindDiscussionCommentCreate, VariantDiscussion, false, 9, "closed"},
		{KindDiscussionCommentCreate, VariantDiscussion, true, 0, "open"},
		{KindDiscussionUpdate, VariantClosed, true, 12, "closed"},
		{KindDiscussionUpdate, VariantReopened, false, 9, "open"},
		{KindDiscussionUpdate, VariantMerged, true, 12, "merged"},
		{KindDiscussionUpdate, VariantMerged, false, 0, "merged"},
		{KindDiscussionCommentUpdate, VariantHidden, true, 12, "open"},
	} {
		p, err := Sample(c.kind, repo, SampleOptions{Variant: c.variant, Discussion: known[c.pull]})
		if err != nil {
			t.Fatal(err)
		}
		d := p.Discussion
		if is := d.Title == "real"; is != (c.num != 0) || is && d.Num != c.num || d.Status != c.status {
			t.Errorf("%s %s with a known one (pull request %t) is about %+v", c.kind, c.variant, c.pull, d)
		}
		if d.ID == "" || d.Author.ID == "" || d.IsPullRequest != (d.Changes != nil) || d.URL != hub.DiscussionURLs(p.Repo.URL, d.Num) {
			t.Errorf("%s %s lacks something: %+v", c.kind, c.variant, d)
		}
	}
	if known[true].Changes != nil || known[false].Status != hub.DiscussionClosed {
		t.Errorf("the known ones were changed: %+v, %+v", known[true], known[false])
	}
}
