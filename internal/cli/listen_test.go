package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

func TestAFloodOfDeliveriesArrivesWhole(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port, "--json", "--count", "1000")...)
	p.ready()
	for i := range 1000 {
		if _, err := w.Happen("discussion.comment.create", modelM, map[string]any{"comment.content": fmt.Sprintf("%d \u202e\x1b[31m 你", i)}); err != nil {
			t.Fatal(err)
		}
	}
	p.ends(0)
	w.nothingLeft()
	for _, d := range w.Deliveries() {
		if !bytes.Equal(a.body(d.ID), d.Body) {
			t.Fatalf("the app got %q, the Hub sent %q", a.body(d.ID), d.Body)
		}
	}
	events := p.events()
	numbers := map[int64]bool{}
	for _, e := range events {
		numbers[e.N] = true
	}
	if len(events) != 1000 || len(numbers) != 1000 {
		t.Errorf("%d lines with %d numbers", len(events), len(numbers))
	}
	if out := p.stdout.text(); strings.ContainsAny(out, "\x1b\u202e") {
		t.Error("what a terminal would obey is in the output")
	}
}

func TestATargetThatRestartsInTheMiddleOfABurstMissesNothing(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port, "--json", "--count", "200")...)
	p.ready()
	restarted := make(chan struct{})
	a.answer(func(n int) int {
		if n == 50 {
			srv := a.Server
			go func() {
				defer close(restarted)
				srv.Close() // as a reloading server: requests in flight are dropped
			}()
		}
		return 200
	})
	for range 200 {
		w.happen("repo.update")
	}
	<-restarted
	p.wait(p.stdout, `"state":"down"`)
	a.serve(t, "127.0.0.1:"+a.port)
	p.ends(0)
	for _, d := range w.Deliveries() {
		if !bytes.Equal(a.body(d.ID), d.Body) {
			t.Errorf("the app never got %s", d.ID)
		}
	}
	if s := p.stderr.text(); !strings.Contains(s, "200 events kept") || strings.Contains(s, "failed") || strings.Contains(s, "never") {
		t.Errorf("the last line: %s", s)
	}
}

func TestAClosedOutputEndsTheSessionInOrder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows tells of a closed pipe at the next write")
	}
	for _, args := range [][]string{{}, {"--json"}} {
		w := newWorld(t)
		cmd := exec.Command(binary, listenArgs(args...)...)
		cmd.Env, cmd.Dir = w.env, t.TempDir()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil { // as head -c 1
			t.Fatal(err)
		}
		out.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, &stderr)
		}
		if !strings.Contains(stderr.String(), "deleted") || strings.Contains(stderr.String(), "error") {
			t.Errorf("standard error: %s", &stderr)
		}
		w.nothingLeft()
	}
}

func TestAllStandardFilesMayBeClosed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	w := newWorld(t)
	ready := filepath.Join(t.TempDir(), "ready")
	cmd := exec.Command("/bin/sh", "-c", `exec "$0" "$@" <&- >&- 2>&-`, binary, "listen", "model:me/m", "--count", "1", "--ready-file", ready)
	cmd.Env, cmd.Dir = w.env, t.TempDir()
	hold := w.Hold("GET /api/settings/webhooks/*", sandbox.Before) // it looks after its webhook once it is up
	p := startProcess(t, cmd)
	<-hold.Reached()
	hold.Release()
	w.happen("repo.update")
	p.ends(0)
	w.nothingLeft()
	if _, err := os.Stat(ready); err == nil {
		t.Error("the ready file is left")
	}
}

func TestCountUntilWaitAndTheirExitCodes(t *testing.T) {
	w := newWorld(t)
	failing := newApp(t, "127.0.0.1:0")
	failing.answer(func(int) int { return 500 })

	p := w.start(listenArgs("--until", "discussion.*")...)
	url := p.ready()
	post(t, url, "wrong", `{"event":{"scope":"discussion","action":"create"}}`) // a stranger's does not count
	p.wait(p.stdout, "BAD SECRET")
	w.happen("repo.update")
	p.wait(p.stdout, "repo.update")
	w.happen("discussion.create")
	p.ends(0)

	w.run(3, listenArgs("--count", "1", "--wait", "50ms")...).says("the wanted event did not come in time", ".*--wait.*")
	w.run(0, listenArgs("--wait", "50ms")...)

	p = w.start(listenArgs("--forward", failing.port, "--count", "1", "--fail-on-error")...)
	p.ready()
	w.happen("repo.update")
	p.ends(4)
	p.says("a target failed", "hf-tap events replay --failed --session .*")
	if !strings.Contains(p.stdout.text(), "FAIL 500") || !strings.Contains(p.stderr.text(), "1 failed: hf-tap events replay --failed") {
		t.Errorf("it says\n%s\n%s", p.stdout.text(), p.stderr.text())
	}
	w.nothingLeft()
}

func TestAnEventThatWaitsForItsTargetHasCome(t *testing.T) {
	hint := regexp.MustCompile(`events replay --pending --session [0-9a-f]+`)
	for args, want := range map[string]int{
		"--count 1": 0,
		"--until discussion.create --fail-on-error": 4,
		"--fail-on-error":           4,
		"--count 2 --fail-on-error": 3,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel() // what waits gets its seconds at the end
			w := newWorld(t)
			down := porttest.Addr(t)
			p := w.start(listenArgs(append(strings.Fields(args), "--forward", down, "--wait", "8s")...)...)
			p.ready()
			w.happen("discussion.create")
			p.ends(want)
			if want == 4 {
				p.says("an event was not handed over", "hf-tap "+hint.String())
				a := newApp(t, down)
				w.run(0, strings.Fields(hint.FindString(p.stderr.text()))...)
				if n := len(a.ids()); n != 1 {
					t.Errorf("the hint sent %d events", n)
				}
			}
			w.nothingLeft()
		})
	}
}

func TestAnAppThatEndsBeforeTheWantedEventIsNoSuccess(t *testing.T) {
	w := newWorld(t)
	w.run(3, listenArgs("--until", "discussion.*", "--", "true")...).says("your app ended before the wanted event came", ".*events ls.*")
	w.run(0, listenArgs("--", "true")...)
	w.nothingLeft()
}

func TestAnAppThatEndsIsStartedAgain(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "runs")
	p := w.run(0, listenArgs("--restart", "--wait", "4s", "--", "sh", "-c", "echo run >>"+file+"; [ $(wc -l <"+file+") -gt 1 ] && exec sleep 60; exit 3")...)
	if want := `the app "sh" ended with status 3: it is started again in 1s`; !strings.Contains(p.stderr.text(), want) {
		t.Errorf("it does not say %s:\n%s", want, p.stderr.text())
	}
	runs, err := os.ReadFile(file)
	if err != nil || string(runs) != "run\nrun\n" {
		t.Errorf("it ran %q, %v", runs, err)
	}
	w.nothingLeft()
}

func TestAWebhookMadeByHandIsItsMakersToDelete(t *testing.T) {
	w := newWorld(t)
	p := w.start("listen", "--no-webhook", "--wait", "50ms")
	p.ends(0)
	if said := p.stderr.text(); !strings.Contains(said, "made by hand is yours to delete: "+w.endpoint+"/settings/webhooks") || strings.Contains(said, "no webhook is left") {
		t.Errorf("it says %s", said)
	}
}

func TestAReadyFileThatCannotBeWrittenIsToldBeforeThereIsAWebhook(t *testing.T) {
	w := newWorld(t)
	w.run(1, listenArgs("--ready-file", filepath.Join(t.TempDir(), "nowhere", "ready"))...).says("write the ready file: .*", "name a file in .*--ready-file ready.txt")
	if n := w.CallCount("POST /api/settings/webhooks"); n != 0 {
		t.Errorf("%d webhooks were made", n)
	}
}

func TestTheReadyFileIsThereWhileItIsTrue(t *testing.T) {
	w := newWorld(t)
	ready := filepath.Join(t.TempDir(), "ready")
	if err := os.WriteFile(ready, []byte("https://of-yesterday.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hold := w.Hold("POST /api/settings/webhooks", sandbox.Before)
	p := w.start(listenArgs("--ready-file", ready)...)
	<-hold.Reached()
	if _, err := os.Stat(ready); err == nil {
		t.Error("an old ready file is there before the session is")
	}
	hold.Release()
	url := p.ready()
	p.wait(p.stdout, "created")
	w.happen("repo.update")
	p.wait(p.stdout, "repo.update")
	if b, err := os.ReadFile(ready); err != nil || string(b) != url+"\n" {
		t.Errorf("it holds %q, %v", b, err)
	}
	p.signal(os.Interrupt)
	p.ends(0)
	if _, err := os.Stat(ready); err == nil {
		t.Error("it is there after the session")
	}
}

func TestASessionTouchesNoReadyFileButItsOwn(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "ready")
	first := w.start(listenArgs("--ready-file", file)...)
	first.ready()
	second := w.start(listenArgs("--ready-file", file)...)
	url := second.ready()
	first.signal(os.Interrupt)
	first.ends(0)
	if b, err := os.ReadFile(file); err != nil || string(b) != url+"\n" {
		t.Errorf("the end of another session left %q, %v", b, err)
	}
	second.signal(os.Interrupt)
	second.ends(0)
	if _, err := os.Lstat(file); err == nil {
		t.Error("it is there after its session")
	}
}

func TestWhatIsNoReadyFileIsNotReplaced(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	content := []byte("export PATH\nhttps://x.example\n")
	if err := os.WriteFile(victim, content, 0o600); err != nil {
		t.Fatal(err)
	}
	unharmed := func() {
		t.Helper()
		if b, err := os.ReadFile(victim); err != nil || !bytes.Equal(b, content) {
			t.Errorf("the file of somebody holds %q, %v", b, err)
		}
	}
	no := []string{`write the ready file ".*": it exists, and is not a ready file`, `name another file, or remove that one: .*`}
	w.run(1, listenArgs("--ready-file", victim)...).says(no[0], no[1])
	w.run(1, listenArgs("--ready-file", dir)...).says(no[0], no[1])
	if n := w.CallCount("POST /api/settings/webhooks"); n != 0 {
		t.Errorf("%d webhooks were made", n)
	}
	empty := filepath.Join(dir, "empty") // as mktemp makes them
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(0, listenArgs("--wait", "1ms", "--ready-file", empty)...)
	if runtime.GOOS == "windows" {
		unharmed()
		return // where links need rights
	}
	link := filepath.Join(dir, "link")
	for _, name := range []string{link, link + ".tmp"} { // the second is the name of an earlier version's temporary file
		if err := os.Symlink(victim, name); err != nil {
			t.Fatal(err)
		}
	}
	w.run(1, listenArgs("--ready-file", link)...).says(no[0], no[1])
	unharmed()
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	w.run(0, listenArgs("--wait", "1ms", "--ready-file", link)...)
	unharmed()
}

func TestRelayTellsTheHubWhatTheTargetSaid(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	a.answer(func(n int) int {
		if n == 1 {
			return 503 // the Hub tries again
		}
		return 200
	})
	p := w.start(listenArgs("--forward", a.port, "--respond", "relay", "--json", "--count", "2")...)
	p.ready()
	w.happen("repo.update")
	p.ends(0)
	events := p.events()
	if len(events) != 2 || events[0].Answer.Status != 503 || events[1].Answer.Status != 200 || events[1].DeliveryN != 2 || events[0].Delivery != events[1].Delivery {
		t.Errorf("the events are %+v", events)
	}
}

func TestRoutesShareEventsOut(t *testing.T) {
	w := newWorld(t)
	talk, rest, all := newApp(t, "127.0.0.1:0"), newApp(t, "127.0.0.1:0"), newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", "discussion.*="+talk.port+"/bot", "--forward", "default="+rest.port, "--forward", "model:me/*,space:me/*="+all.port, "--json", "--count", "2")...)
	p.ready()
	w.happen("discussion.create")
	p.wait(p.stdout, `"kind":"discussion.create"`)
	w.happen("repo.update")
	p.ends(0)
	if len(talk.ids()) != 1 || len(rest.ids()) != 0 || len(all.ids()) != 2 {
		t.Errorf("talk got %d, the default %d, all %d", len(talk.ids()), len(rest.ids()), len(all.ids()))
	}
	// Sent again without a session that lives, each goes where it went.
	w.run(0, "events", "replay", "1", "2")
	if len(talk.ids()) != 2 || len(rest.ids()) != 0 || len(all.ids()) != 4 {
		t.Errorf("after the replay talk got %d, the default %d, all %d", len(talk.ids()), len(rest.ids()), len(all.ids()))
	}
}

func TestAUsersOwnTunnelLeadsToTheChosenPort(t *testing.T) {
	w := newWorld(t)
	port := porttest.Port(t)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: "127.0.0.1:" + port})
	}, Transport: &http.Transport{DisableKeepAlives: true}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}
	front, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: proxy}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(front) }()
	t.Cleanup(func() { srv.Close(); <-done })

	p := w.start(listenArgs("--public-url", "http://"+front.Addr().String(), "--port", port, "--count", "1")...)
	if got := p.ready(); !strings.HasPrefix(got, "http://"+front.Addr().String()+"/hf-tap/") {
		t.Errorf("ready at %s", got)
	}
	w.happen("repo.update")
	p.ends(0)
	if !strings.Contains(p.stderr.text(), "127.0.0.1:"+port) {
		t.Errorf("the port is not told: %s", p.stderr.text())
	}
	w.nothingLeft()
}

func TestWithoutAWebhookItPrintsWhatToPaste(t *testing.T) {
	w := newWorld(t).with("HF_TOKEN=")
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	p := w.start("listen", "--no-webhook", "--count", "1")
	url := p.ready()
	for _, want := range []string{w.endpoint + "/settings/webhooks", url, secret} {
		if !strings.Contains(p.stderr.text(), want) {
			t.Errorf("%q is not told: %s", want, p.stderr.text())
		}
	}
	if got := post(t, url, secret, `{}`); got != 200 {
		t.Errorf("the right secret was answered %d", got)
	}
	p.ends(0)
	if len(w.Calls()) != 0 {
		t.Errorf("the Hub was asked: %v", w.Calls())
	}
}

func TestTheRepoThatTheFolderIsFetchedFromIsWatched(t *testing.T) {
	git := peertest.Need(t, "git", "git")
	w := newWorld(t)
	if err := w.AddRepo(hub.Repo{Type: "space", Name: "me/s"}, false); err != nil {
		t.Fatal(err)
	}
	remote := strings.Replace(w.endpoint, "://", "://me:hf_password@", 1) + "/spaces/me/s"
	const elsewhere = "https://me:hf_password@github.example/me/s?token=hf_password"
	found, account := "watching space:me/s, the Hub repo of this folder", "watching your whole account: "
	for name, c := range map[string]struct {
		git  [][]string
		want string
	}{
		"one URL":                   {[][]string{{"remote", "add", "origin", remote}}, found},
		"a second one is pushed to": {[][]string{{"remote", "add", "origin", remote}, {"remote", "set-url", "--add", "origin", elsewhere}}, found},
		"another one to push to":    {[][]string{{"remote", "add", "origin", remote}, {"remote", "set-url", "--push", "origin", elsewhere}}, found},
		"an abbreviation":           {[][]string{{"remote", "add", "origin", "hub:spaces/me/s"}, {"config", "url." + w.endpoint + "/.insteadOf", "hub:"}}, found},
		"only pushed to":            {[][]string{{"remote", "add", "origin", elsewhere}, {"remote", "set-url", "--add", "origin", remote}}, account + `this folder's git remote origin is "https://github.example/me/s", which is not a repo on the Hub`},
		"no origin":                 {[][]string{{"remote", "add", "upstream", remote}}, account + `this folder's git repository has no remote "origin"`},
		"no repository":             {nil, account + "this folder is not a git repository"},
		"a broken configuration":    {[][]string{{"config", "core.repositoryformatversion", "99"}}, account + "git does not show the repo of this folder ("},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			env := append(slices.Clone(w.env), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
			if c.git != nil {
				c.git = append([][]string{{"init", "-q"}}, c.git...)
			}
			for _, args := range c.git {
				cmd := exec.Command(git, args...)
				cmd.Dir, cmd.Env = dir, env
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", args, out)
				}
			}
			cmd := exec.Command(binary, "listen", "--wait", "1ms")
			cmd.Env, cmd.Dir = env, dir
			p := startProcess(t, cmd)
			p.ends(0)
			if s := p.stderr.text(); !strings.Contains(s, c.want) || strings.Contains(s, "hf_password") {
				t.Errorf("want %q in %s", c.want, s)
			}
		})
	}
}

func TestReplaysTakeTheSameWay(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	a.answer(func(n int) int {
		if n <= 2 {
			return 500
		}
		return 200
	})
	p := w.start(listenArgs("--forward", a.port, "--json")...)
	p.ready()
	w.happen("repo.update")
	w.happen("discussion.create")
	p.wait(p.stdout, `"kind":"repo.update"`)
	p.wait(p.stdout, `"kind":"discussion.create"`)

	// Through the live session: the new event is the session's, too.
	r := w.run(0, "events", "replay", "1")
	if !strings.Contains(r.stdout.text(), "replay of 1") || !strings.Contains(r.stdout.text(), "200 in") {
		t.Errorf("it says %s", r.stdout.text())
	}
	p.wait(p.stdout, `"replay_of":1`)
	p.signal(os.Interrupt)
	p.ends(0)

	// By a session of its own: only what has not been made good.
	r = w.run(0, "events", "replay", "--failed", "--json", "--fail-on-error")
	events := r.events()
	if len(events) != 1 || events[0].ReplayOf != 2 || events[0].Source != "replay" || events[0].Verdict != "ok" || events[0].Attempts[0].Status != 200 {
		t.Errorf("the events are %+v", events)
	}
	if !strings.Contains(w.run(0, "events", "replay", "--failed").stderr.text(), "nothing to send again") {
		t.Error("what was made good is sent again")
	}
	bodies := map[string]bool{}
	for _, id := range a.ids() {
		bodies[string(a.body(id))] = true
	}
	if len(a.ids()) != 4 || len(bodies) != 2 {
		t.Errorf("the app got %d requests with %d bodies", len(a.ids()), len(bodies))
	}

	// With a new secret, and to another target.
	other := newApp(t, "127.0.0.1:0")
	secret := strings.TrimSpace(w.run(0, "secret", "--new-secret").stdout.text())
	w.run(0, "events", "replay", "#1", "--forward", other.port+"/x")
	if id := other.ids(); len(id) != 1 || other.secret(id[0]) != secret {
		t.Errorf("the other target got %v", id)
	}
	p = w.start(listenArgs("--forward", other.port)...)
	p.ready()
	w.run(0, "events", "replay", "1")
	if id := other.ids(); len(id) != 2 || other.secret(id[1]) != secret {
		t.Errorf("through a live session the other target got %v", id)
	}
	p.signal(os.Interrupt)
	p.ends(0)
	w.nothingLeft()
}

func TestWhatWasNeverHandedOverIsPendingAndCanBeSent(t *testing.T) {
	w := newWorld(t)
	addr := porttest.Addr(t)
	p := w.start(listenArgs("--forward", addr, "--fail-on-error")...)
	p.ready()
	w.happen("repo.update")
	p.wait(p.stdout, "down")
	p.signal(os.Interrupt)
	p.ends(4)
	if !strings.Contains(p.stdout.text(), "UNANSWERED") || !strings.Contains(p.stderr.text(), "1 never handed over: hf-tap events replay --pending") {
		t.Errorf("it says\n%s\n%s", p.stdout.text(), p.stderr.text())
	}
	p = w.run(0, listenArgs("--wait", "1ms")...)
	if !strings.Contains(p.stderr.text(), "1 event may not have been handed over: hf-tap events replay --pending") {
		t.Errorf("the next start says %s", p.stderr.text())
	}
	a := newApp(t, addr)
	w.run(0, "events", "replay", "--pending")
	if len(a.ids()) != 1 {
		t.Errorf("the app got %d requests", len(a.ids()))
	}
	if s := w.run(0, listenArgs("--wait", "1ms")...).stderr.text(); strings.Contains(s, "handed over") {
		t.Errorf("it is still pending: %s", s)
	}
}

func TestPruneDeletesWhatIsNamedAndNothingElse(t *testing.T) {
	w := newWorld(t)
	var env = map[string]string{}
	for _, kv := range w.env {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: w.endpoint, Token: env["HF_TOKEN"]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	elsewhere, err := client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: "https://x.example/hf-tap/" + strings.Repeat("0", 32),
		Watched: []hub.Watch{modelM.Watch()}, Domains: []hub.Domain{"repo"}})
	if err != nil {
		t.Fatal(err)
	}
	mine, err := client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: "https://mine.example/hook?secret=s3cret", Watched: []hub.Watch{modelM.Watch()}, Domains: []hub.Domain{"repo"}})
	if err != nil {
		t.Fatal(err)
	}
	live := w.start(listenArgs()...)
	live.ready()
	ls := w.run(0, "webhooks", "ls").stdout.text()
	for _, want := range []string{"hf-tap, no record here", ", live", "secret=***"} {
		if !strings.Contains(ls, want) {
			t.Errorf("%q is not in\n%s", want, ls)
		}
	}
	if s := w.run(0, "webhooks", "prune").stderr.text(); !strings.Contains(s, "hf-tap webhooks prune "+elsewhere.ID) || strings.Contains(s, mine.ID) {
		t.Errorf("prune says %s", s)
	}
	w.run(1, "webhooks", "prune", mine.ID)
	if ids := w.left(); len(ids) != 3 {
		t.Errorf("left are %v", ids)
	}
	w.run(0, "webhooks", "prune", elsewhere.ID)
	if ids := w.left(); len(ids) != 2 || slices.Contains(ids, elsewhere.ID) {
		t.Errorf("left are %v", ids)
	}
	var list []hub.Webhook
	if err := json.Unmarshal([]byte(w.run(0, "webhooks", "ls", "--json").stdout.text()), &list); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestAHandlerWithAnotherSecretIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	a.answer(func(int) int { return http.StatusForbidden })
	p := w.start(listenArgs("--forward", a.port)...)
	p.ready()
	for range 3 {
		w.happen("repo.update")
	}
	if s := p.wait(p.stdout, "unauthorized"); !strings.Contains(s, "export WEBHOOK_SECRET=$(hf-tap secret)") {
		t.Errorf("it says %s", s)
	}
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestEventsAreShownWithoutTheirSecrets(t *testing.T) {
	w := newWorld(t)
	p := w.start("listen", "model:me/m", "--count", "2", "--json")
	url := p.ready()
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	w.happen("repo.update")
	p.wait(p.stdout, "repo.update")
	post(t, url+"?secret="+secret+"&x=%1b", "", "not json \x1b[31m\xff")
	p.ends(0)
	for _, args := range [][]string{{"events", "ls"}, {"events", "ls", "--json"}, {"events", "show", "2"}, {"events", "show", "2", "--json"}} {
		if out := w.run(0, args...).stdout.text(); out == "" || strings.Contains(out, secret) || strings.Contains(out, "\x1b") {
			t.Errorf("%v: %q", args, out)
		}
	}
	cmd := exec.Command(binary, "events", "show", "2", "--raw")
	cmd.Env = w.env
	if out, err := cmd.Output(); err != nil || string(out) != "not json \x1b[31m\xff" {
		t.Errorf("the raw body is %q, %v", out, err)
	}
	if out := w.run(0, "events", "ls", "repo.*", "-n", "1").stdout.text(); !strings.Contains(out, "#1") || strings.Contains(out, "#2") {
		t.Errorf("the filtered list is %s", out)
	}
}

func TestTheDemoShowsEveryKindAndLeavesNothing(t *testing.T) {
	w := newWorld(t)
	tmp := t.TempDir()
	cmd := exec.Command(binary, "demo")
	// No HOME, and an environment that would break a real session.
	cmd.Env = []string{"TMPDIR=" + tmp, "TMP=" + tmp, "SYSTEMROOT=" + os.Getenv("SYSTEMROOT"), "HF_TOKEN=hf_wrong", "HF_ENDPOINT=http://127.0.0.1:1", "HF_HUB_OFFLINE=1",
		"WEBHOOK_SECRET=\t", "HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "HF_TAP_STATE=/nonexistent"}
	p := startProcess(t, cmd)
	p.ends(0)
	out := p.stdout.text()
	for _, kind := range []string{"repo.create", "repo.delete", "repo.update", "repo.move", "repo.content.update", "repo.config.update",
		"discussion.create", "discussion.delete", "discussion.update", "discussion.comment.create", "discussion.comment.update", "bucket:"} {
		if !strings.Contains(out, "  "+kind) {
			t.Errorf("%s is not shown", kind)
		}
	}
	if !strings.HasSuffix(p.stderr.text(), "no webhook is left · 12 events") || !strings.Contains(out, "FAIL 500") || !strings.Contains(out, "down") {
		t.Errorf("it says\n%s", out)
	}
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	if len(w.Calls()) != 0 {
		t.Error("it called another Hub")
	}
}

func TestTheDemoSaysWhatIsLeftAlsoBehindHead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	for _, args := range []string{"demo", "demo --json"} {
		cmd := exec.Command("sh", "-c", `"$0" `+args+` | head -3`, binary)
		cmd.Env = []string{"TMPDIR=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
		p := startProcess(t, cmd)
		p.ends(0)
		if lines := strings.Split(p.stdout.text(), "\n"); len(lines) != 3 {
			t.Errorf("%s prints %q", args, lines)
		}
		if err := p.stderr.text(); !regexp.MustCompile(`\nwebhook \w+ deleted · no webhook is left · \d+ events?$`).MatchString(err) {
			t.Errorf("%s ends with %q", args, err)
		}
	}
}

func TestTheSandboxStandsInForTheHub(t *testing.T) {
	cmd := exec.Command(binary, "sandbox", "--user", "ada", "--repo", "dataset:ada/notes")
	cmd.Env = []string{"SYSTEMROOT=" + os.Getenv("SYSTEMROOT")}
	box := startProcess(t, cmd)
	endpoint := strings.TrimPrefix(box.wait(box.stdout, "HF_ENDPOINT="), "export HF_ENDPOINT=")
	token := strings.TrimPrefix(box.wait(box.stdout, "HF_TOKEN="), "export HF_TOKEN=")
	w := newWorld(t).with("HF_ENDPOINT="+endpoint, "HF_TOKEN="+token)
	p := w.start("listen", "--json", "--count", "1")
	p.ready()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+"/sandbox/events",
		strings.NewReader(`{"kind":"discussion.create","repo":"dataset:ada/notes","set":{"discussion.title":"hello"}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("it answered %s: %s", resp.Status, body)
	}
	p.ends(0)
	if e := p.events(); len(e) != 1 || !strings.Contains(string(e[0].Body), `"title":"hello"`) {
		t.Errorf("the events are %+v", e)
	}
	box.wait(box.stdout, "DELETE")
	box.signal(os.Interrupt)
	box.ends(0)
	for _, want := range []string{"call     POST    /api/settings/webhooks", "attempt  discussion.create"} {
		if !strings.Contains(box.stdout.text(), want) {
			t.Errorf("%q is not in\n%s", want, box.stdout.text())
		}
	}
}
