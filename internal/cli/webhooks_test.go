package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

const (
	exampleURL = "https://example.com/hook"
	unknownID  = "65a14fd933eca76f4639fc84"
)

// create runs webhooks create and gives the id that it prints.
func (w *world) create(args ...string) string {
	w.t.Helper()
	p := w.run(0, append([]string{"webhooks", "create", "--watch", "model:me/m"}, args...)...)
	id := p.stdout.text()
	if !regexp.MustCompile(`^[0-9a-f]{24}$`).MatchString(id) {
		w.t.Fatalf("create prints %q", id)
	}
	return id
}

// hook returns a webhook as the Hub has it now.
func (w *world) hook(id string) hub.Webhook {
	w.t.Helper()
	hooks := w.Webhooks("me")
	i := slices.IndexFunc(hooks, func(h hub.Webhook) bool { return h.ID == id })
	if i < 0 {
		w.t.Fatalf("there is no webhook %s", id)
	}
	return hooks[i]
}

// secretOf returns a webhook's secret as the Hub has it now.
func (w *world) secretOf(id string) string {
	secret, _ := w.Secret(id)
	return secret
}

// secretFile writes a file with a secret.
func (w *world) secretFile(secret string) string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "secret.txt")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// has checks that an output holds a text.
func (p *process) has(l *lines, want string) {
	p.t.Helper()
	if !strings.Contains(l.text(), want) {
		p.t.Errorf("it does not say %q\nstdout:\n%s\nstderr:\n%s", want, p.stdout.text(), p.stderr.text())
	}
}

func TestAWebhookIsCreatedAsAsked(t *testing.T) {
	w := newWorld(t)
	if err := w.AddRepo(hub.Repo{Type: "dataset", Name: "me/d"}, false); err != nil {
		t.Fatal(err)
	}
	p := w.run(0, "webhooks", "create", "--url", exampleURL+"?secret=in-the-url", "--watch", "model:me/m", "--watch", "datasets:me/d", "--watch", "model:me/m")
	p.has(p.stderr, "it has no secret, so")
	p.has(p.stderr, "hf-tap webhooks update "+p.stdout.text()+" --use-kept-secret")
	if strings.Contains(p.stderr.text(), "in-the-url") {
		t.Errorf("the secret of the URL is shown: %s", p.stderr.text())
	}
	h := w.hook(p.stdout.text())
	if h.URL != exampleURL+"?secret=in-the-url" || len(h.Watched) != 2 || !slices.Equal(h.Domains, []hub.Domain{"repo", "discussion"}) || h.HasSecret {
		t.Errorf("it is %+v", h)
	}

	one := w.create("--url", exampleURL, "--domain", "discussions", "--secret-file", w.secretFile("from a file"))
	if h := w.hook(one); !slices.Equal(h.Domains, []hub.Domain{"discussion"}) || w.secretOf(one) != "from a file" {
		t.Errorf("it is %+v with %q", h, w.secretOf(one))
	}
	kept := w.run(0, "secret").stdout.text()
	if id := w.create("--url", exampleURL, "--use-kept-secret", "-q"); w.secretOf(id) != kept {
		t.Errorf("its secret is %q, kept is %q", w.secretOf(id), kept)
	}
	job := w.run(0, "webhooks", "create", "--job-id", "687f911eaea852de79c4a50a", "--watch", "user:me", "--json")
	var shown struct{ ID, JobSourceID, URL string }
	if err := json.Unmarshal([]byte(job.stdout.text()), &shown); err != nil || shown.JobSourceID != "687f911eaea852de79c4a50a" || shown.URL != "" {
		t.Errorf("%v: %s", err, job.stdout.text())
	}
	if s := job.stderr.text(); s != "" {
		t.Errorf("with --json standard error has %s", s)
	}
}

func TestTheListShowsWhatEachWebhookIs(t *testing.T) {
	w := newWorld(t)
	if p := w.run(0, "webhooks", "list"); p.stdout.text() != "" {
		t.Errorf("there is none: %s", p.stdout.text())
	}
	own := w.create("--url", exampleURL+"?secret=in-the-url", "--use-kept-secret")
	muted := w.create("--url", "https://example.com/muted")
	job := w.create("--job-id", "687f911eaea852de79c4a50a")
	suspended := w.create("--url", "https://example.com/down")
	if err := w.SuspendWebhook(suspended); err != nil {
		t.Fatal(err)
	}
	w.killed()
	dead := w.left()[4]
	live := w.start(listenArgs("--mute", muted)...) // a start sweeps
	live.ready()

	p := w.run(0, "webhooks", "ls")
	for id, want := range map[string]string{
		own:         `enabled .*model:me/m .*repo,discussion .*` + regexp.QuoteMeta(exampleURL) + `\?secret=\S*\*\S* .*set .*never *$`,
		muted:       `disabled .*none .*never .*muted by hf-tap session \w+, live`,
		job:         `enabled .*a Job 687f911eaea852de79c4a50a .*none`,
		suspended:   `SUSPENDED .*https://example.com/down`,
		w.left()[4]: `enabled .*set .*hf-tap session \w+, live`,
	} {
		if !regexp.MustCompile(`(?m)^` + id + ` +` + want).MatchString(p.stdout.text()) {
			t.Errorf("no line of %s is like %s in\n%s", id, want, p.stdout.text())
		}
	}
	p.has(p.stderr, "hf-tap webhooks enable "+suspended)
	if strings.Contains(p.stdout.text(), dead) {
		t.Errorf("the swept webhook is there:\n%s", p.stdout.text())
	}
	if q := w.run(0, "webhooks", "ls", "-q"); !slices.Equal(strings.Fields(q.stdout.text()), w.left()) || q.stderr.text() != "" {
		t.Errorf("-q prints %s, %s", q.stdout.text(), q.stderr.text())
	}
	j := w.run(0, "webhooks", "ls", "--json")
	var all []map[string]any
	if err := json.Unmarshal([]byte(j.stdout.text()), &all); err != nil || len(all) != 5 || j.stderr.text() != "" {
		t.Fatalf("%v, %d: %s", err, len(all), j.stderr.text())
	}
	if all[3]["disabled"] != "suspended-after-failure" || !strings.HasPrefix(all[1]["origin"].(string), "muted by ") || all[0]["origin"] != nil || strings.Contains(all[0]["url"].(string), "in-the-url") {
		t.Errorf("it is %s", j.stdout.text())
	}
	live.kill()
	left := w.run(0, "webhooks", "ls").stdout.text()
	if !regexp.MustCompile(`muted by hf-tap session \w+, left behind`).MatchString(left) || strings.Count(left, ", left behind") != 2 {
		t.Errorf("after a kill:\n%s", left)
	}
}

func TestInfoShowsAWebhookAndWhatToDoAboutIt(t *testing.T) {
	w := newWorld(t)
	id := w.create("--url", exampleURL+"?secret=in-the-url", "--domain", "repo")
	if err := w.SuspendWebhook(id); err != nil {
		t.Fatal(err)
	}
	p := w.run(0, "webhooks", "info", w.endpoint+"/settings/webhooks/"+id)
	for _, want := range []string{"SUSPENDED", "model:me/m", exampleURL + "?secret=", w.endpoint + "/settings/webhooks/" + id, "never", "none"} {
		p.has(p.stdout, want)
	}
	p.has(p.stderr, "hf-tap webhooks enable "+id)
	if strings.Contains(p.stdout.text(), "in-the-url") {
		t.Error("the secret of the URL is shown")
	}
	w.run(0, "webhooks", "enable", id)
	if h := w.hook(id); h.State != hub.StateEnabled {
		t.Errorf("it is %q", h.State)
	}
	w.run(0, "webhooks", "disable", id, "--json")
	if h := w.hook(id); h.State != hub.StateDisabled {
		t.Errorf("it is %q", h.State)
	}
}

func TestAJobIsShownWithoutTheValuesOfItsEnvironment(t *testing.T) {
	w := newWorld(t)
	w.Fault("GET /api/settings/webhooks/*", sandbox.Fault{Status: 200, Header: map[string][]string{"Content-Type": {"application/json"}}, Body: `{"webhook":{"id":"` + unknownID +
		`","watched":[{"type":"user","name":"me"}],"domains":["repo"],"hasSecret":false,"disabled":false,"job":{"dockerImage":"python` + "\x9b\u202e" + `","flavor":"cpu-basic",` +
		`"command":["python","-c","\u001b[31m"],"environment":{"KEY":"a-value"},"secrets":["HF_TOKEN"],"timeoutSeconds":null}}}`})
	p := w.run(0, "webhooks", "info", unknownID)
	for _, want := range []string{"on cpu-basic", "KEY", "HF_TOKEN", `"python" "-c"`} {
		p.has(p.stdout, want)
	}
	for _, out := range []string{p.stdout.text(), w.run(0, "webhooks", "info", unknownID, "--json").stdout.text()} {
		if strings.ContainsAny(out, "\x1b\u202e\u009b") || strings.Contains(out, "\x9b") {
			t.Errorf("it would reach the terminal: %q", out)
		}
	}
	if strings.Contains(p.stdout.text(), "a-value") {
		t.Error("the environment's values are shown")
	}
}

func TestADeletedWebhookIsGone(t *testing.T) {
	w := newWorld(t)
	id, other := w.create("--url", exampleURL), w.create("--url", exampleURL)
	p := w.run(2, "webhooks", "delete", id)
	p.says("webhooks delete needs --yes where it cannot ask", "hf-tap webhooks delete "+id+" --yes")
	if n := w.CallCount("* /api/settings/webhooks/*"); n != 0 {
		t.Errorf("it called the Hub %d times", n)
	}
	if p := w.run(0, "webhooks", "delete", id, "-y"); p.stdout.text() != id {
		t.Errorf("it prints %s", p.stdout.text())
	}
	if ids := w.left(); !slices.Equal(ids, []string{other}) {
		t.Errorf("left are %v", ids)
	}
}

// Somebody else deletes it between the look at it and the delete.
func TestAWebhookThatSomebodyElseDeletesIsGoneOnlyIfTheListSaysSo(t *testing.T) {
	for _, status := range []int{404, 400} {
		w := newWorld(t)
		id := w.create("--url", exampleURL)
		remove := w.Fault("DELETE /api/settings/webhooks/*", sandbox.Fault{Status: status})
		if p := w.run(1, "webhooks", "delete", id, "--yes"); p.stdout.text() != "" {
			t.Errorf("it prints %s", p.stdout.text())
		}
		remove()
		hold := w.Hold("DELETE /api/settings/webhooks/*", sandbox.Before)
		p := w.start("webhooks", "delete", id, "--yes")
		<-hold.Reached()
		if err := w.RemoveWebhook(id); err != nil {
			t.Fatal(err)
		}
		hold.Release()
		p.ends(0)
		p.has(p.stderr, "gone already")
	}
}

func TestChangesOfALiveSessionsWebhookSayWhatTheSessionDoes(t *testing.T) {
	w := newWorld(t)
	muted := w.create("--url", exampleURL)
	session := w.start(listenArgs("--mute", muted)...)
	session.ready()
	own := w.left()[1]
	p := w.run(0, "webhooks", "disable", muted)
	p.has(p.stderr, "has muted "+muted+", and enables it when it ends")
	p = w.run(0, "webhooks", "disable", own)
	p.has(p.stderr, "which enables it again")
	p = w.run(0, "webhooks", "update", own, "--domain", "repo", "--use-kept-secret")
	p.has(p.stderr, "which points it back to itself")
	p = w.run(0, "webhooks", "delete", own, "--yes", "--quiet")
	p.has(p.stderr, own+" is the webhook of the live session ")
	p.has(p.stderr, "which makes it again")
	session.kill()
	p = w.run(0, "webhooks", "disable", muted)
	p.has(p.stderr, muted+" is muted by hf-tap session ")
	p.has(p.stderr, ", left behind: the sweep of that session enables it (hf-tap webhooks prune)")
	p = w.run(0, "webhooks", "enable", muted)
	if strings.Contains(p.stderr.text(), "muted") {
		t.Errorf("it is not muted any more: %s", p.stderr.text())
	}
}

func TestTheHubReplaysADelivery(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	id := w.create("--url", "http://127.0.0.1:"+a.port)
	w.happen("repo.update")
	if err := w.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := w.Deliveries()[0].LogID
	if p := w.run(0, "webhooks", "replay", id, log); p.stdout.text() != "200" {
		t.Errorf("it prints %s", p.stdout.text())
	}
	if ids := a.ids(); len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("the app got %v", ids)
	}
	a.answer(func(int) int { return 500 })
	p := w.run(1, "webhooks", "replay", id, log, "--json")
	p.says("the webhook's URL answered the replay with 500", ".*/settings/webhooks/"+id)
	if s := strings.Join(strings.Fields(p.stdout.text()), ""); s != `{"status":500}` {
		t.Errorf("it prints %s", s)
	}
	a.Close()
	w.run(1, "webhooks", "replay", id, log, "-q").says("the webhook's URL did not answer the replay", "hf-tap webhooks info "+id)
	w.run(1, "webhooks", "replay", id, "no-such-log").says(`cannot replay delivery no-such-log .*404.*`, "its page has .*: hf-tap webhooks info "+id)
}

// Nothing of the Hub's adds a line to what is said, or reaches the terminal.
func TestAHostileWebhookIsShownOnOneLine(t *testing.T) {
	w := newWorld(t)
	const hostile = `{"id":"` + unknownID + `","watched":[{"type":"model","name":"me/m\nerror: forged\u001b[2J"}],"domains":["repo\n"],"url":"https://x.example/\u202e\n",` +
		`"hasSecret":false,"disabled":"gone\nforged\u009b"}`
	answer := func(pattern, body string) {
		w.Fault(pattern, sandbox.Fault{Status: 200, Header: map[string][]string{"Content-Type": {"application/json"}}, Body: body})
	}
	answer("GET "+webhooksAPI, "["+hostile+"]")
	answer("* "+webhooksAPI+"/*", `{"webhook":`+hostile+`}`)
	answer("POST "+webhooksAPI, `{"webhook":`+strings.Replace(hostile, unknownID, `x\nforged`, 1)+`}`)
	answer("POST "+webhooksAPI+"/*/disable", `{"webhook":`+hostile+`}`)
	for name, c := range webhookCommands(unknownID) {
		if name == "enable" || name == "replay" || name == "update" { // these end with an error
			continue
		}
		for _, form := range []string{"", "--json", "-q"} {
			p := w.run(0, append([]string{"webhooks"}, append(c.args, strings.Fields(form)...)...)...)
			all := p.stdout.text() + "\n" + p.stderr.text()
			if strings.ContainsAny(all, "\x1b\u202e\u009b") || regexp.MustCompile(`(?m)^(error: )?forged`).MatchString(all) {
				t.Errorf("%s %s shows %q", name, form, all)
			}
		}
	}
}
