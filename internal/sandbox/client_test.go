package sandbox_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const howToGetTheClient = `needs node and the Hub's JavaScript client: HF_TAP_HUB_JS="$(.ci/hub-js)" go test ./internal/sandbox`

// needClient skips a test where the JavaScript client is missing. In CI on
// Linux that is a failure.
func needClient(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	if dir := os.Getenv("HF_TAP_HUB_JS"); err == nil {
		_, err = os.Stat(filepath.Join(dir, "node_modules", "@huggingface", "hub", "package.json"))
		if dir == "" {
			err = errors.New("HF_TAP_HUB_JS is not set")
		}
	}
	switch {
	case err == nil:
	case os.Getenv("CI") != "" && runtime.GOOS == "linux":
		t.Fatalf("%s (%v)", howToGetTheClient, err)
	default:
		t.Skipf("%s (%v)", howToGetTheClient, err)
	}
}

// clientSaw is what the script prints.
type clientSaw struct {
	User                                 string
	Orgs                                 []string
	Created                              struct{ RepoURL, ID string }
	Again                                clientFailure
	Exists                               []bool
	Commit, OnBranch, Pull, DeletedFiles struct {
		PullRequestURL string
		Commit         struct{ OID, URL string }
	}
	Comment, Merge struct {
		Status int
		Body   string
	}
	Info                             struct{ ID, Name, SHA, UpdatedAt string }
	Files, PullFiles, Commits, Paths []string
	Count                            int
	Text                             string
	Missing                          any
	FileExists                       []bool
	Stale, Large, Gone               clientFailure
}

type clientFailure struct {
	Status  int
	Message string
}

func TestTheHubsJavaScriptClientLivesALifeOfARepo(t *testing.T) {
	needClient(t)
	for _, typ := range []string{"model", "dataset", "space"} {
		t.Run(typ, func(t *testing.T) {
			s := newStory(t)
			cmd := exec.CommandContext(t.Context(), "node", "testdata/client.mjs", typ, "me/fresh")
			cmd.Env = append(os.Environ(), "HF_ENDPOINT="+s.base, "HF_TOKEN="+s.token)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			s.must(err)
			var saw clientSaw
			s.must(json.Unmarshal(out, &saw))
			events := s.events()
			var kinds []string
			for _, e := range events {
				kinds = append(kinds, string(e.Event.Scope)+"."+string(e.Event.Action))
			}
			if want := "repo.create repo.content.update repo.content.update repo.content.update discussion.create repo.content.update " +
				"discussion.comment.create discussion.update repo.content.update repo.content.update repo.content.update repo.delete"; strings.Join(kinds, " ") != want {
				t.Fatalf("its calls caused %s, want %s", kinds, want)
			}
			sha := func(i int) string { return *events[i].UpdatedRefs[0].NewSHA }
			web := events[0].Repo.URL.Web
			for what, pair := range map[string][2]string{
				"the URL of the new repo": {saw.Created.RepoURL, web},
				"the id of the new repo":  {saw.Created.ID, events[0].Repo.ID},
				"the commit":              {saw.Commit.Commit.OID, sha(1)},
				"the commit's URL":        {saw.Commit.Commit.URL, web + "/commit/" + sha(1)},
				"the branch":              {*events[2].UpdatedRefs[0].NewSHA, sha(1)},
				"the commit on a branch":  {saw.OnBranch.Commit.OID, sha(3)},
				"the pull request":        {saw.Pull.PullRequestURL, web + "/discussions/1"},
				"its commit":              {saw.Pull.Commit.OID, sha(5)},
				"the comment":             {*events[6].Comment.Content, "Looks good"},
				"the merge commit":        {events[7].Discussion.Changes.MergeCommitID, sha(8)},
				"the deletion of files":   {saw.DeletedFiles.Commit.OID, sha(10)},
				"the info's id":           {saw.Info.ID, events[0].Repo.ID},
				"the info's sha":          {saw.Info.SHA, sha(8)},
				"a file's text":           {saw.Text, "one"},
				"the user":                {saw.User + " " + strings.Join(saw.Orgs, " "), "me us"},
				"the files": {strings.Join(slices.DeleteFunc(saw.Files, func(f string) bool { return strings.Contains(f, "README") }), ", "),
					"file .gitattributes initial commit, file c.txt Propose (#1), directory data Add data, file data/ü.txt Add data"},
				"the pull request's files": {strings.Join(saw.PullFiles, " "), ".gitattributes README.md c.txt data"},
				"the commits":              {strings.Join(saw.Commits, ", "), "Propose (#1), Add data, initial commit"},
				"the paths":                {strings.Join(saw.Paths, " "), "data"},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: the client got %q, want %q", what, pair[0], pair[1])
				}
			}
			if saw.Comment.Status != 200 || saw.Merge.Status != 200 || saw.Count != 3 || saw.Missing != nil || !slices.Equal(saw.Exists, []bool{true, false}) || !slices.Equal(saw.FileExists, []bool{true, false}) {
				t.Errorf("the client saw %s", out)
			}
			for _, f := range []struct {
				got    clientFailure
				status int
				text   string
			}{{saw.Again, 409, "You already created this " + typ}, {saw.Stale, 412, "A commit has happened since"}, {saw.Large, 501, "does not have Git LFS"}, {saw.Gone, 404, "Repository not found"}} {
				if f.got.Status != f.status || !strings.Contains(f.got.Message, f.text) {
					t.Errorf("the client failed with %d %s, want %d %s", f.got.Status, f.got.Message, f.status, f.text)
				}
			}
		})
	}
}
