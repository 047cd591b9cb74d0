package hub

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheReposOfAnOwnerAreListedByType(t *testing.T) {
	var rec recorder
	c := clientFor(t, rec.wrap(answer(200, nil, `[{"id":"me/a","likes":1},{"id":"me/b"}]`)), func(*ClientConfig) {})
	repos, err := c.ListRepos(t.Context(), RepoTypeDataset, "me&x")
	if want := []Repo{{Type: "dataset", Name: "me/a"}, {Type: "dataset", Name: "me/b"}}; err != nil || !cmp.Equal(repos, want) {
		t.Errorf("%v, %v", repos, err)
	}
	if all := rec.all(); len(all) != 1 || all[0].method != "GET" || all[0].uri != "/api/datasets?limit=100&author=me%26x" {
		t.Errorf("the requests are %+v", all)
	}
	c = clientFor(t, answer(200, nil, `{"error":"x"}`), func(*ClientConfig) {})
	if repos, err := c.ListRepos(t.Context(), RepoTypeModel, "me"); err == nil || len(repos) > 0 {
		t.Errorf("%v, %v", repos, err)
	}
}

func TestTheNamesOfStoredTokensAreListed(t *testing.T) {
	home := t.TempDir()
	if names := StoredTokens(at(home)); len(names) > 0 {
		t.Errorf("without a file: %q", names)
	}
	write(t, filepath.Join(home, ".cache", "huggingface", "stored_tokens"), "[laptop]\nhf_token = hf_a\n[ci job]\nhf_token = hf_b\n")
	if names := StoredTokens(at(home)); !cmp.Equal(names, []string{"ci job", "laptop"}) {
		t.Errorf("%q", names)
	}
}
