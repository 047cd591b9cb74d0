package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestRetrainTrainsOncePerPushToMain(t *testing.T) {
	withEachClient(t, func(t *testing.T, push client) {
		w := newWorld(t)
		w.repo("dataset", "d")
		w.call(w.bot, "POST", "/api/repos/create", map[string]string{"type": "model", "name": "m"})
		w.start("dataset:me/d", "repo", "retrain", "-model", "bot/m", "sh", "-c", `echo "$WEBHOOK_REPO_TYPE $WEBHOOK_REPO_ID at $DATASET_COMMIT"`)
		const api = "/api/datasets/me/d"

		first := push(w, "dataset", "me/d", "main", "a.csv", "1")
		w.logged("trained", "dataset=me/d commit="+first)
		if report := w.file("/bot/m/resolve/main/training.md"); !strings.Contains(report, "dataset me/d at "+first) {
			t.Errorf("the report is %q", report)
		}
		w.call(w.me, "POST", api+"/branch/try", map[string]string{})
		push(w, "dataset", "me/d", "try", "b.csv", "2")
		push(w, "dataset", "me/d", "pull-request", "c.csv", "3")
		w.call(w.me, "POST", api+"/tag/main", map[string]string{"tag": "v1"})
		for _, d := range w.settle() {
			w.replay(d)
		}
		second := push(w, "dataset", "me/d", "main", "a.csv", "4")
		w.logged("trained", "commit="+second)
		w.stop("trained dataset=me/d commit="+first, "trained dataset=me/d commit="+second)
		if commits := w.commits("/api/models/bot/m"); strings.Join(commits, ", ") != "Train on me/d at "+second[:7]+", Train on me/d at "+first[:7]+", initial commit" {
			t.Errorf("the model's commits are %q", commits)
		}
	})
}

func TestRetrainSkipsCommitsThatAreNotTheNewest(t *testing.T) {
	w := newWorld(t)
	w.repo("dataset", "d")
	w.call(w.bot, "POST", "/api/repos/create", map[string]string{"type": "model", "name": "m"})
	gate := filepath.Join(t.TempDir(), "gate")
	if out, err := exec.CommandContext(t.Context(), "mkfifo", gate).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	w.start("dataset:me/d", "repo", "retrain", "-model", "bot/m", "cat", gate)
	release := func() {
		f, err := os.OpenFile(gate, os.O_WRONLY, 0) // waits until the command reads
		w.must(err)
		_, err = f.WriteString("done")
		w.must(err)
		w.must(f.Close())
	}
	const api = "/api/datasets/me/d"
	first := w.commit(api, "main", "a.csv", "1")
	f, err := os.OpenFile(gate, os.O_WRONLY, 0)
	w.must(err)
	second := w.commit(api, "main", "a.csv", "2")
	third := w.commit(api, "main", "a.csv", "3")
	w.settle() // all are in the queue
	w.must(f.Close())
	w.logged("trained", "commit="+first)
	w.logged("skipped", "commit="+second, "newest="+third)
	release()
	w.stop("trained dataset=me/d commit="+first, "skipped dataset=me/d commit="+second, "trained dataset=me/d commit="+third)
}

func TestRetrainTriesAgainWhenAFailedDeliveryIsReplayed(t *testing.T) {
	w := newWorld(t)
	w.repo("dataset", "d")
	w.call(w.bot, "POST", "/api/repos/create", map[string]string{"type": "model", "name": "m"})
	settings := filepath.Join(t.TempDir(), "settings")
	w.start("dataset:me/d", "repo", "retrain", "-model", "bot/m", "cat", settings)
	first := w.commit("/api/datasets/me/d", "main", "a.csv", "1")
	w.logged("webhook handler failed", "at "+first)
	second := w.commit("/api/datasets/me/d", "main", "a.csv", "2")
	w.logged("webhook handler failed", "at "+second)
	w.must(os.WriteFile(settings, []byte("epochs: 3"), 0o600))
	deliveries := w.settle()
	// The second may still be under way, when its repeat is one too many. Once the
	// first was handled again, it is not: they are handled one by one.
	w.replay(deliveries[0])
	w.logged("skipped", "commit="+first)
	w.replay(deliveries[1])
	w.logged("trained", "commit="+second)
	w.stop("webhook handler failed", "webhook handler failed", "skipped dataset=me/d commit="+first, "trained dataset=me/d commit="+second)
}

// commits returns the titles of a repo's commits, the newest first.
func (w *world) commits(api string) (titles []string) {
	w.t.Helper()
	_, text := w.request("GET", w.base+api+"/commits/main", "", "Authorization", "Bearer "+w.me)
	for _, part := range strings.Split(text, `"title":"`)[1:] {
		title, _, _ := strings.Cut(part, `"`)
		titles = append(titles, title)
	}
	return titles
}
