package examples_test

import (
	"fmt"
	"strings"
	"testing"
)

// discussions returns what was opened in a repo, the newest first: "2 open pull
// request by bot: title".
func (w *world) discussions(api string) string {
	w.t.Helper()
	var all []string
	for _, one := range w.call(w.me, "GET", api+"/discussions", nil)["discussions"].([]any) {
		d := one.(map[string]any)
		kind := "discussion"
		if d["isPullRequest"] == true {
			kind = "pull request"
		}
		all = append(all, fmt.Sprintf("%v %v %s by %v: %v", d["num"], d["status"], kind, d["author"].(map[string]any)["name"], d["title"]))
	}
	return strings.Join(all, "\n")
}

func TestTheMetadataReviewOpensEachPullRequestAndQuestionOnce(t *testing.T) {
	withEachClient(t, func(t *testing.T, push client) {
		w := newWorld(t)
		w.repo("model", "m")
		w.start("model:me/m", "repo", "metadatareview")
		const api = "/api/models/me/m"

		w.call(w.me, "POST", api+"/branch/try", map[string]string{})
		push(w, "model", "me/m", "try", "adapter_config.json", "{}")
		push(w, "model", "me/m", "pull-request", "adapter_config.json", "{}")
		push(w, "model", "me/m", "main", "config.json", "{}")
		w.logged("proposed", "/me/m/discussions/2")
		if card := w.file("/me/m/resolve/refs%2Fpr%2F2/README.md"); card != "---\nlibrary_name: transformers\n---\n" {
			t.Errorf("it proposes %q", card)
		}
		push(w, "model", "me/m", "main", "weights.txt", "1") // it asked already
		for _, d := range w.settle() {
			w.replay(d)
		}
		w.call(w.me, "POST", api+"/discussions/2/merge", nil)
		w.logged("asked", "license and pipeline_tag", "discussion=3")
		w.call(w.me, "POST", api+"/discussions/3/status", map[string]string{"status": "closed"})
		push(w, "model", "me/m", "main", "weights.txt", "2") // the author said no
		push(w, "model", "me/m", "main", "README.md", "---\n# mine\nlibrary_name: transformers\nlicense: mit\npipeline_tag: text-generation\n---\n# M\n")
		w.logged("complete")
		push(w, "model", "me/m", "main", "README.md", "---\nlicense: [mit\n---\n")
		w.logged("asked", "not valid YAML", "discussion=4")
		w.stop("proposed model=me/m", "asked model=me/m", "complete model=me/m", "asked model=me/m")
		want := `4 open discussion by bot: The metadata of the model card is not valid YAML
3 closed discussion by bot: The model card lacks license and pipeline_tag
2 merged pull request by bot: Add library_name to the model card
1 open pull request by me: Write adapter_config.json`
		if got := w.discussions(api); got != want {
			t.Errorf("the repo has\n%s\nwant\n%s", got, want)
		}
		if all := w.comments(api, 2); len(all) != 1 || all[0] != "bot: This follows from the files of the model. Only you know the rest: license, pipeline_tag." {
			t.Errorf("the pull request says %q", all)
		}
	})
}
