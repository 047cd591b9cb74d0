package cli_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

// payload is the body of an event, read.
func (e jsonEvent) payload(t *testing.T) hub.Payload {
	t.Helper()
	p, ok := hub.ParsePayload(e.Body)
	if !ok {
		t.Fatalf("%s is not a payload", e.Body)
	}
	return p
}

// one is the only event that was printed as JSON.
func (p *process) one() jsonEvent {
	p.t.Helper()
	events := p.events()
	if len(events) != 1 {
		p.t.Fatalf("%d events were printed:\n%s\n%s", len(events), p.stdout.text(), p.stderr.text())
	}
	return events[0]
}

// says checks a text of an output.
func says(t *testing.T, what, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%s: it says\n%s\nand not %q", what, text, want)
	}
}

func TestATriggeredEventGoesThroughTheSessionAndIsMarked(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port, "--json")...)
	p.ready()
	out := w.run(0, "trigger", "discussion.comment.create", "--json")
	e := out.one()
	if e.Source != "trigger" || e.Verdict != "ok" || e.Phase != "settled" || len(e.Attempts) != 1 || e.Attempts[0].Status != 200 {
		t.Errorf("recorded as %+v", e)
	}
	if got := a.secret(e.Delivery); got != strings.TrimSpace(w.run(0, "secret").stdout.text()) {
		t.Errorf("the handler got the secret %q", got)
	}
	if string(a.body(e.Delivery)) != string(e.Body) {
		t.Errorf("the handler got %s, and %s is recorded", a.body(e.Delivery), e.Body)
	}
	if body := e.payload(t); body.Repo.Repo() != modelM || body.Webhook.ID != w.left()[0] || !strings.HasPrefix(body.Repo.URL.Web, w.endpoint) || body.Comment == nil {
		t.Errorf("the body is %s", e.Body)
	}
	says(t, "the facts", out.stderr.text(), "model:me/m as it is at "+w.endpoint+": id, owner, private, head; the rest is invented")
	says(t, "the session", p.wait(p.stdout, `"source":"trigger"`), `"kind":"discussion.comment.create"`)
	plain := w.run(0, "trigger", "repo.update").stdout.text()
	says(t, "a line", plain, "trigger  :"+a.port+" 200 in")
	says(t, "the list", w.run(0, "events", "ls", "source:trigger").stdout.text(), "repo.update")
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestATriggeredEventHasTheRealRepoAndDiscussion(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	space := hub.Repo{Type: "space", Name: "me/s"}
	if err := w.AddRepo(space, true); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Happen("discussion.create", space, map[string]any{"discussion.isPullRequest": false, "discussion.title": "a real one"}); err != nil {
		t.Fatal(err)
	}
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: w.endpoint, Token: strings.TrimPrefix(w.env[1], "HF_TOKEN=")})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	real, err := client.LookUpRepo(t.Context(), space)
	if err != nil {
		t.Fatal(err)
	}
	out := w.run(0, "trigger", "discussion.comment.create", "--repo", "space:me/s", "--to", a.port, "--json")
	body := out.one().payload(t)
	if body.Repo.ID != real.ID || body.Repo.Owner != real.Owner || !body.Repo.Private || body.Repo.Subdomain != real.Subdomain || body.Repo.HeadSHA != "" {
		t.Errorf("the repo is %+v, and on the Hub %+v", body.Repo, real)
	}
	if body.Discussion.Title != "a real one" || body.Discussion.Num != 1 {
		t.Errorf("the discussion is %+v", body.Discussion)
	}
	says(t, "the facts", out.stderr.text(), ": id, owner, private, head, subdomain, discussion #1; the rest is invented")
	body = w.run(0, "trigger", "repo.content.update", "--repo", "space:me/s", "--to", a.port, "--json").one().payload(t)
	if body.Repo.HeadSHA != real.HeadSHA || *body.UpdatedRefs[0].NewSHA != real.HeadSHA {
		t.Errorf("the push is %+v, and the head is %s", body.UpdatedRefs, real.HeadSHA)
	}
}

func TestWhatCannotBeLookedUpIsMadeUpAndSaid(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	hangs := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hangs:
		case <-r.Context().Done():
		}
	}))
	defer silent.Close()
	defer close(hangs)
	base := w.env
	for _, c := range []struct {
		env  []string
		args []string
		want string
	}{
		{nil, nil, "model:me/example is an invented repo: name a real one with --repo"},
		{nil, []string{"--repo", "model:me/none"}, "the details of model:me/none are invented: the Hub has none of that name"},
		{[]string{"HF_TOKEN="}, []string{"--repo", "model:me/m"}, "the details of model:me/m are invented: there is no token to look it up with"},
		{[]string{"HF_HUB_OFFLINE=1"}, []string{"--repo", "model:me/m"}, "the details of model:me/m are invented: HF_HUB_OFFLINE is set"},
		{[]string{"HF_ENDPOINT=" + silent.URL}, []string{"--repo", "model:me/m"}, "the details of model:me/m are invented: cannot look up model:me/m: the Hub at " + strings.TrimPrefix(silent.URL, "http://") + " does not answer"},
		{[]string{"HF_ENDPOINT=http://127.0.0.1:1"}, []string{"--repo", "model:me/m"}, "connection refused"},
	} {
		w.env = append(slices.Clone(base), c.env...)
		out := w.run(0, append([]string{"trigger", "repo.update", "--to", a.port, "--json"}, c.args...)...)
		says(t, fmt.Sprint(c.env, c.args), out.stderr.text(), c.want)
		if p := out.one().payload(t); len(p.Repo.ID) != 24 || len(p.Repo.HeadSHA) != 40 || p.Repo.Owner.ID == "" {
			t.Errorf("%v: the repo is %+v", c, p.Repo)
		}
	}
	// The Hub of the session is not the one that this command could ask.
	w.env = base
	p := w.start(listenArgs()...)
	p.ready()
	w.env = append(slices.Clone(base), "HF_ENDPOINT="+silent.URL)
	says(t, "another Hub", w.run(0, "trigger", "repo.update").stderr.text(), "the details of model:me/m are invented: the session's Hub is "+w.endpoint)
	w.env = base
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestASessionIsChosenByWhatItWatches(t *testing.T) {
	w := newWorld(t)
	to := []*app{newApp(t, "127.0.0.1:0"), newApp(t, "127.0.0.1:0"), newApp(t, "127.0.0.1:0")}
	out := w.run(1, "trigger", "repo.update")
	says(t, "without a session", out.stderr.text(), "error: no session is running, and no target is named\nhint: hf-tap trigger repo.update --to 7860")
	says(t, "without a session, one named", w.run(2, "trigger", "repo.update", "--session", "abc").stderr.text(), "error: no running session has the id \"abc\"\nhint: hf-tap")

	if err := w.AddRepo(hub.Repo{Type: "dataset", Name: "me/d"}, false); err != nil {
		t.Fatal(err)
	}
	var sessions []*process
	for i, watch := range []string{"model:me/m", "dataset:me/d", "model:me/m"} {
		p := w.start("listen", watch, "--forward", to[i].port, "--json")
		p.ready()
		sessions = append(sessions, p)
	}
	w.run(0, "trigger", "repo.update", "--repo", "dataset:me/d")
	newest := w.run(0, "trigger", "repo.update", "--repo", "model:me/m")
	w.run(0, "trigger", "repo.update")
	if n := []int{len(to[0].ids()), len(to[1].ids()), len(to[2].ids())}; !slices.Equal(n, []int{0, 1, 2}) {
		t.Errorf("the sessions got %v", n)
	}
	first := regexp.MustCompile(`"session":"(\w+)"`).FindStringSubmatch(sessions[0].wait(sessions[0].stdout, `"session"`))[1]
	says(t, "of several", newest.stderr.text(), "through the session ")
	w.run(0, "trigger", "repo.update", "--session", first, "--repo", "space:you/other")
	if n := len(to[0].ids()); n != 1 {
		t.Errorf("the session that was named got %d", n)
	}
	wrong := w.run(1, "trigger", "repo.update", "--repo", "space:you/other")
	says(t, "none watches it", wrong.stderr.text(), "error: no running session watches space:you/other\nhint: hf-tap trigger repo.update --session ")
	near := w.run(2, "trigger", "repo.update", "--session", first[:len(first)-1]+"x")
	says(t, "a typo", near.stderr.text(), "hint: hf-tap trigger repo.update --session "+first)
	for _, p := range sessions {
		p.signal(os.Interrupt)
		p.ends(0)
	}
}

func TestEveryKindOfEveryTypeOfRepoIsTriggered(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	seen := map[string]bool{}
	out := w.run(0, "trigger", "--all", "--to", a.port, "--json", "--fail-on-error")
	says(t, "the facts", out.stderr.text(), "model:me/example is an invented repo: name a real one with --repo\nthe repos of other types are invented")
	for _, e := range out.events() {
		p := e.payload(t)
		seen[e.Kind+" "+string(p.Repo.Type)] = true
	}
	want := 0
	for _, typ := range hub.RepoTypes() {
		for _, kind := range event.KindsOf(typ) {
			want++
			if !seen[string(kind)+" "+string(typ)] {
				t.Errorf("no %s of a %s", kind, typ)
			}
		}
	}
	if n := len(a.ids()); n != want || len(seen) != want {
		t.Errorf("%d events of %d sorts, want %d", n, len(seen), want)
	}
	if n := len(w.run(0, "trigger", "--all", "--to", a.port, "--json", "--repo", "bucket:me/b", "--set", "discussion=").events()); n != 6 {
		t.Errorf("a bucket has %d events", n)
	}
}

func TestAPayloadIsChangedByPath(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	send := func(args ...string) (jsonEvent, string) {
		out := w.run(0, append([]string{"trigger", "repo.content.update", "--json", "--seed", "1", "--to", a.port}, args...)...)
		return out.one(), out.stderr.text()
	}
	e, said := send("--set", "repo.private=true", "--set", "updatedRefs.0.oldSha=null", "--set", "updatedRefs.1.ref=refs/tags/<v1>", "--set", "webhook=", "--set", "repo.nmae=x", "--set", "repo.name=7")
	for _, want := range []string{`"private":true`, `"oldSha":null`, `{"ref":"refs/tags/<v1>"}`, `"nmae":"x"`, `"name":7`} {
		says(t, "the body", string(e.Body), want)
	}
	if strings.Contains(string(e.Body), `"webhook"`) {
		t.Errorf("the webhook is still in %s", e.Body)
	}
	says(t, "a new key", said, "--set repo.nmae is new: did you mean repo.name?")
	says(t, "another type", said, `--set repo.name was a text and is a number now: did you mean 'repo.name="7"'?`)
	if again, _ := send("--set", "repo.private=true"); again.payload(t).Repo.ID != e.payload(t).Repo.ID {
		t.Error("the same seed gives another repo")
	}
	sent := len(a.ids())
	for set, want := range map[string]string{
		"repo.name.x=1":        "error: --set repo.name.x: repo.name is a text, and has no parts\nhint: hf-tap trigger … --dry-run",
		"updatedRefs.5.ref=ab": "error: --set updatedRefs.5.ref: updatedRefs has no item 5: its last is 0\nhint: --set updatedRefs.0.ref=ab",
		"updatedRefs.x=1":      "error: --set updatedRefs.x: updatedRefs is a list",
		"repo.nmae=":           "error: --set repo.nmae: there is no repo.nmae\nhint: --set repo.name=",
		"repo":                 `error: --set: "repo" has no value`,
		"=1":                   `error: --set: "=1" has no path`,
	} {
		says(t, set, w.run(2, "trigger", "repo.content.update", "--to", a.port, "--set", set).stderr.text(), want)
	}
	if len(a.ids()) != sent {
		t.Error("something was sent")
	}
}

func TestAPayloadComesFromAFile(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	body := "{\n \"event\": {\"scope\": \"repo.config.dois\", \"action\": \"update\"},\r\n \"repo\": {\"type\":\"model\",\"name\":\"me/m\"}}\n"
	e := w.run(0, "trigger", "--file", file("good", body), "--to", a.port, "--json").one()
	if string(a.body(e.Delivery)) != body || e.Kind != "repo.config.dois.update" {
		t.Errorf("it is sent as %q", a.body(e.Delivery))
	}
	from := exec.Command(binary, "trigger", "--file", "-", "--to", a.port, "--json", "--set", "repo.name=me/other")
	from.Env, from.Dir, from.Stdin = w.env, t.TempDir(), strings.NewReader(body)
	p := startProcess(t, from)
	p.ends(0)
	says(t, "standard input", string(p.one().Body), `"name":"me/other"`)

	large := file("large", "")
	if err := os.Truncate(large, 40<<20); err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{
		file("no JSON", "{\n\"a\": 1,\n}"): "line 3: invalid JSON: ",
		file("empty", " \n"):               "it is empty",
		large:                              "it has 40 MiB, and a delivery may have 32 MiB",
		dir:                                "it is a folder",
		filepath.Join(dir, "none"):         "no such file",
	}
	if runtime.GOOS != "windows" {
		fifo := filepath.Join(dir, "fifo")
		if err := exec.Command("mkfifo", fifo).Run(); err != nil {
			t.Fatal(err)
		}
		bad[fifo] = "it is not a file: give - for standard input"
	}
	for path, want := range bad {
		says(t, path, w.run(2, "trigger", "--file", path, "--to", a.port).stderr.text(), "error: --file "+path+": "+want)
	}
	big := exec.Command(binary, "trigger", "--file", "-", "--to", a.port)
	big.Env, big.Dir, big.Stdin = w.env, t.TempDir(), strings.NewReader(strings.Repeat(" ", 33<<20))
	p = startProcess(t, big)
	p.ends(2)
	says(t, "a long standard input", p.stderr.text(), "a delivery may have 32 MiB")
	if len(a.ids()) != 2 {
		t.Errorf("%d were sent", len(a.ids()))
	}
}

func TestRepeatsHaveTheirIDs(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port)...)
	p.ready()
	for _, way := range [][]string{{"--to", a.port}, nil, {"--through-tunnel"}} {
		before := len(a.ids())
		events := w.run(0, append([]string{"trigger", "repo.update", "--json", "--repeat", "30"}, way...)...).events()
		ids := map[string]bool{}
		for i, e := range events {
			ids[e.Delivery] = true
			if string(e.Body) != string(events[0].Body) || e.Source != "trigger" || e.Verdict != "ok" {
				t.Fatalf("%v: event %d is %+v", way, i, e)
			}
		}
		if len(ids) != 30 || len(a.ids())-before != 30 {
			t.Errorf("%v: %d ids of %d, the handler got %d", way, len(ids), len(events), len(a.ids())-before)
		}
		same := w.run(0, append([]string{"trigger", "repo.update", "--json", "--repeat", "3", "--same-id", "--rate", "200/s"}, way...)...).events()
		if len(same) != 3 || same[0].Delivery != same[1].Delivery || same[1].Delivery != same[2].Delivery {
			t.Errorf("%v: with one id they are %+v", way, same)
		}
	}
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestARateSpreadsEvents(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	began := time.Now()
	w.run(0, "trigger", "repo.update", "--to", a.port, "--repeat", "4", "--rate", "600/m")
	if took := time.Since(began); took < 300*time.Millisecond || len(a.ids()) != 4 {
		t.Errorf("4 events at 10 a second took %v, and %d came", took, len(a.ids()))
	}
}

func TestAWrongOrMissingSecretReachesTheHandlerAndIsNoFailure(t *testing.T) {
	w := newWorld(t)
	refuses := newApp(t, "127.0.0.1:0")
	refuses.answer(func(int) int { return 403 })
	for _, flag := range []string{"--wrong-secret", "--no-secret"} {
		out := w.run(4, "trigger", "repo.update", flag, "--to", refuses.port, "--json", "--fail-on-error")
		e := out.one()
		if got := refuses.secret(e.Delivery); (got != "") != (flag == "--wrong-secret") || e.Attempts[0].Status != 403 || e.Source != "trigger" {
			t.Errorf("%s: the handler got %q: %+v", flag, got, e)
		}
		says(t, flag, out.stderr.text(), "error: a target failed\nhint: a handler should refuse it: expect exit code 4")
		w.run(0, "trigger", "repo.update", flag, "--to", refuses.port)
	}
	if s := w.run(0, "events", "ls", "--failed").stdout.text(); s != "" {
		t.Errorf("they count as failed: %s", s)
	}
	p := w.start(listenArgs("--forward", refuses.port)...)
	p.ready()
	sent := len(refuses.ids())
	for _, way := range [][]string{{"--wrong-secret"}, {"--no-secret"}, {"--wrong-secret", "--through-tunnel"}, {"--no-secret", "--through-tunnel"}} {
		out := w.run(0, append([]string{"trigger", "repo.update", "--json"}, way...)...)
		e := out.one()
		verdict, status := "wrong", "403"
		if way[0] == "--no-secret" {
			verdict, status = "missing", "401"
		}
		if e.Verdict != verdict || e.Source != "trigger" || len(e.Attempts) != 0 {
			t.Errorf("%v: recorded as %+v", way, e)
		}
		says(t, fmt.Sprint(way), out.stderr.text(), "the session answered "+status+" and delivered it to no target")
	}
	if len(refuses.ids()) != sent {
		t.Error("the session handed one on")
	}
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestATriggeredEventMayGoThroughTheTunnel(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	a.answer(func(int) int { return 503 })
	p := w.start(listenArgs("--forward", a.port, "--respond", "relay")...)
	p.ready()
	e := w.run(4, "trigger", "repo.update", "--through-tunnel", "--json", "--fail-on-error").one()
	if e.Source != "trigger" || e.Verdict != "ok" || e.Attempts[0].Status != 503 || e.Answer.Status != 503 {
		t.Errorf("recorded as %+v", e)
	}
	if a.header[e.Delivery].Get("Hf-Tap-Trigger") != "" {
		t.Error("the handler sees the mark")
	}
	other := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(other, []byte("0ther-s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := w.run(1, "trigger", "repo.update", "--through-tunnel", "--secret-file", other)
	says(t, "another secret", out.stderr.text(), "has a different secret: it answered 403\nhint: use --secret-file")
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestARequestIsPrintedInsteadOfSent(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	out := w.run(0, "trigger", "repo.move", "--dry-run", "--to", a.port+"/hook?secret=abcdefgh").stdout.text()
	says(t, "a dry run", out, "POST http://127.0.0.1:"+a.port+"/hook?secret=***\nContent-Type: application/json\n")
	says(t, "a dry run", out, "\nX-Webhook-Secret: ***\n\n{\"event\":{\"action\":\"move\"")
	if out := w.run(0, "trigger", "repo.move", "--dry-run", "--no-secret").stdout.text(); !strings.HasPrefix(out, "POST /\n") || strings.Contains(out, "X-Webhook-Secret") {
		t.Errorf("without a target and a secret: %s", out)
	}
	if _, err := os.Stat(filepath.Join(w.state, "history.db")); err == nil {
		t.Error("a dry run makes a history")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the command is for a POSIX shell")
	}
	for _, program := range []string{"curl", "sh"} {
		peertest.Need(t, program, program)
	}
	run := func(script string) {
		t.Helper()
		sh := exec.Command("sh")
		sh.Env, sh.Stdin = append(w.env, "WEBHOOK_SECRET=the-secret"), strings.NewReader(script)
		if out, err := sh.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%.500s", err, out, script)
		}
	}
	for _, c := range []struct{ flag, secret string }{{"--json=false", "the-secret"}, {"--wrong-secret", event.Masked}, {"--no-secret", ""}} {
		before := len(a.ids())
		run(w.run(0, "trigger", "repo.content.update", "--repo", "bucket:me/b", "--variant", "truncated", "--to", a.port, "--curl", c.flag).stdout.text())
		ids := a.ids()
		if len(ids) != before+1 {
			t.Fatalf("%s: %d came", c.flag, len(ids)-before)
		}
		last := ids[before]
		if got := a.secret(last); got != c.secret || !json.Valid(a.body(last)) || len(a.body(last)) < 1<<20 {
			t.Errorf("%s: the secret %q and %d bytes came", c.flag, got, len(a.body(last)))
		}
	}
	// Through a session it goes to the public address.
	p := w.start(listenArgs("--forward", a.port, "--json")...)
	p.ready()
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	script := w.run(0, "trigger", "repo.update", "--curl").stdout.text()
	run("WEBHOOK_SECRET=" + secret + "\n" + script)
	p.wait(p.stdout, `"verdict":"ok"`)
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestASessionThatEndsInTheMiddleIsSaid(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs signals")
	}
	for _, how := range []os.Signal{os.Interrupt, os.Kill} {
		w := newWorld(t)
		held := make(chan struct{})
		got := make(chan struct{}, 100)
		app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got <- struct{}{}
			select {
			case <-held:
			case <-r.Context().Done():
			}
		}))
		p := w.start(listenArgs("--forward", app.URL)...)
		p.ready()
		trigger := w.start("trigger", "repo.update", "--repeat", "20", "--json")
		<-got
		waitFor(t, w, func() bool {
			return strings.Count(w.run(0, "events", "ls").stdout.text(), "repo.update") == 20
		})
		p.signal(how)
		if how == os.Interrupt {
			p.wait(p.stderr, "Ctrl+C leaves at once")
		}
		trigger.ends(1)
		if said := trigger.stderr.text(); !regexp.MustCompile(`error: the session \w+ (ended after it had delivered|delivered only) \d+ of 20 events[^\n]*\nhint: hf-tap events replay --pending --session \w+`).MatchString(said) {
			t.Errorf("%v: it says %s", how, said)
		}
		if events := trigger.events(); len(events) != 20 || events[0].Phase != "pending" && events[19].Phase != "pending" {
			t.Errorf("%v: %d were printed", how, len(events))
		}
		close(held)
		<-p.exited
		app.Close()
	}
}

func TestATargetThatIsNotThereOrHangsIsSaid(t *testing.T) {
	w := newWorld(t)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	hangs := w.run(4, "trigger", "repo.update", "--to", ln.Addr().String(), "--timeout", "100ms", "--fail-on-error")
	says(t, "one that hangs", hangs.stdout.text(), "FAIL no answer within 100ms")
	ln.Close()
	down := w.run(4, "trigger", "repo.update", "--to", ln.Addr().String(), "--fail-on-error")
	says(t, "one that is down", down.stdout.text(), "FAIL connection refused")
	says(t, "one that is down", down.stderr.text(), "error: a target failed\nhint: hf-tap events replay --failed")
	if _, port, _ := net.SplitHostPort(ln.Addr().String()); port != "" {
		w.run(0, "trigger", "repo.update", "--to", port)
	}
}

func TestCtrlCEndsATriggerThatWaits(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs signals")
	}
	w := newWorld(t)
	got := make(chan struct{}, 1)
	held := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- struct{}{}
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}))
	defer app.Close()
	defer close(held)
	p := w.start("trigger", "repo.update", "--to", app.URL)
	<-got
	p.signal(os.Interrupt)
	p.ends(130)
}

func TestAnswersOfTargetsArePrinted(t *testing.T) {
	w := newWorld(t)
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, "thank you\x1b[2J for it\nand more")
	}))
	defer app.Close()
	other := newApp(t, "127.0.0.1:0")
	out := w.run(0, "trigger", "repo.update", "--to", app.URL, "--to", other.port).stdout.text()
	says(t, "the first", out, "\n  "+strings.TrimPrefix(app.URL, "http://127.0.0.1")+" said: thank you")
	says(t, "the first", out, "for it …")
	says(t, "both", out, ":"+other.port+" 200 in ")
	if strings.Contains(out, "\x1b") {
		t.Errorf("a terminal would obey: %q", out)
	}
}

func TestWrongUseOfTriggerIsSaidBeforeAnythingIsSent(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	for line, want := range map[string]string{
		"":                                       "error: name one kind, or choose --all or --file\nhint: hf-tap trigger discussion.comment.create",
		"repo.update --all":                      "name one kind, or choose",
		"discusion.create":                       "error: \"discusion.create\" is not a kind that the Hub documents\nhint: hf-tap trigger discussion.create",
		"repo.update --repo user:me":             "error: \"user:me\" is not a repo, and an event needs one\nhint: hf-tap trigger repo.update --repo model:me/my-model",
		"repo.update --repo modle:me/m":          "hint: hf-tap trigger repo.update --repo model:me/m",
		"discussion.create --repo bucket:a/b":    "the Hub sends no discussion.create for a bucket\nhint: hf-tap trigger discussion.create --repo model:me/my-model",
		"repo.update --variant tag":              "has no variant \"tag\"",
		"discussion.create --variant pull":       "hint: hf-tap trigger discussion.create --variant pull-request",
		"repo.update --repeat 0":                 "--repeat must be 1 or more",
		"repo.update --rate fast":                "\"fast\" is not a rate: want a number of events and s, m or h, like 10/s",
		"repo.update --rate 0/s":                 "is not a rate",
		"repo.update --rate 5/y":                 "is not a rate",
		"repo.update --rate NaN":                 "is not a rate",
		"repo.update --to nonsense":              "target \"nonsense\"",
		"repo.update --to repo.*=7860":           "must be a target without a match\nhint: hf-tap trigger repo.update --to http://127.0.0.1:7860",
		"repo.update --no-secret --wrong-secret": "--no-secret and --wrong-secret exclude each other",
		"repo.update --dry-run --curl":           "--dry-run and --curl exclude each other",
		"repo.update --to 1 --session abc":       "--to and --session exclude each other",
		"repo.update --to 1 --through-tunnel":    "--to and --through-tunnel exclude each other",
		"--all --edit":                           "--all and --edit exclude each other",
		"--file x --repo model:me/m":             "--file and --repo exclude each other",
		"repo.update --edit --to 7860":           "error: --edit needs a terminal\nhint: hf-tap trigger repo.update --dry-run",
		"repo.update --set repo.name":            "has no value",
		"repo.update extra":                      "error: one argument too many: \"extra\"",
	} {
		says(t, line, w.run(2, append([]string{"trigger"}, strings.Fields(line)...)...).stderr.text(), want)
	}
	w.run(2, "trigger", "repo.update", "--repo", "")
	out := w.run(0, "trigger", "repo.update", "--to", a.port, "--dry-run", "--repeat", "3", "--fail-on-error")
	says(t, "no effect", out.stderr.text(), "--repeat, --fail-on-error have no effect where nothing is sent")
	if len(a.ids()) != 0 {
		t.Errorf("%d were sent", len(a.ids()))
	}
}
