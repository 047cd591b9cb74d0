package event

import (
	"path"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
)

func TestMatchesFitKindsAndRepos(t *testing.T) {
	for _, c := range []struct {
		match, kind, repo string
		want              bool
	}{
		{"*", "repo.create", "model:me/m", true},
		{"discussion.*", "discussion.comment.create", "model:me/m", true},
		{"discussion.*", "repo.create", "model:me/m", false},
		{"*.update", "repo.config.update", "model:me/m", true},
		{"repo.config.update", "repo.config.dois.create", "model:me/m", true}, // counts as the broader one
		{"repo.config.dois.*", "repo.config.dois.create", "model:me/m", true},
		{"repo.config.dois.*", "repo.config.update", "model:me/m", false},
		{"model:me/*", "repo.create", "model:me/m", true},
		{"model:me/*", "repo.create", "dataset:me/m", false},
		{"*:me/*", "repo.create", "bucket:me/b", true},
		{"user:me", "repo.create", "space:me/s", true},
		{"org:us", "repo.create", "space:me/s", false},
		{"repo.*,discussion.create,model:me/m", "discussion.create", "model:me/m", true},
		{"repo.*,model:me/m", "repo.create", "model:me/n", false},
		{"*", "", "", false}, // a body without a kind fits no kind glob
	} {
		m, err := ParseMatch(c.match)
		if err != nil {
			t.Fatal(err)
		}
		typ, name, _ := strings.Cut(c.repo, ":")
		e := &Event{Kind: Kind(c.kind), Repo: hub.Repo{Type: hub.RepoType(typ), Name: name}}
		if got := m.Matches(e); got != c.want {
			t.Errorf("%q matches %s of %s: %v, want %v", c.match, c.kind, c.repo, got, c.want)
		}
		if again, err := ParseMatch(m.String()); err != nil || again.Matches(e) != c.want {
			t.Errorf("%q became %q, which is another match", c.match, m)
		}
	}
	if !(Match{}).Matches(&Event{}) {
		t.Error("the zero match does not match everything")
	}
}

func TestAMatchThatFitsNothingIsRefused(t *testing.T) {
	for _, s := range []string{"", "a,,b", "discusion.*", "repo.creat", "modle:me/m", ","} {
		if m, err := ParseMatch(s); err == nil {
			t.Errorf("ParseMatch(%q) took it as %v", s, m)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b", "axxb")
	f.Add("*.*", "a.b")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if strings.ContainsAny(pattern+s, `\?[]/`) {
			return // path.Match gives these a meaning that a glob here has not
		}
		want, err := path.Match(pattern, s)
		if err == nil && Glob(pattern, s) != want {
			t.Errorf("Glob(%q, %q) = %v", pattern, s, !want)
		}
	})
}

func TestTheErrorOfAMatchSaysWhichWordIsWrong(t *testing.T) {
	for _, want := range []MatchError{
		{"repo.*,discusion.*", "discusion.*", "fits no kind of event"},
		{"modle:me/*", "modle", "is not a type of repo or account"},
		{"repo.*,", "", "a term is empty"},
	} {
		_, err := ParseMatch(want.Match)
		if got, ok := err.(*MatchError); !ok || *got != want {
			t.Errorf("%q: %#v, want %#v", want.Match, err, want)
		}
	}
}
