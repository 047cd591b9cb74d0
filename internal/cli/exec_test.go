//go:build unix

package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// exits are the exit statuses in a line of JSON, by target.
func exits(t *testing.T, line string) map[string][]int {
	t.Helper()
	var e struct {
		Attempts []struct {
			Target string
			Status int
			Exit   *int
		}
	}
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	got := map[string][]int{}
	for _, a := range e.Attempts {
		if a.Status != 0 || a.Exit == nil {
			t.Errorf("it is told as an HTTP status: %s", line)
			continue
		}
		got[a.Target] = append(got[a.Target], *a.Exit)
	}
	return got
}

func TestCommandsGetTheirEventsAndTheirExitStatusIsShown(t *testing.T) {
	w := newWorld(t)
	out := filepath.Join(t.TempDir(), "out")
	p := w.start(listenArgs("--exec", "repo.*=cat > '"+out+"'; echo said", "--exec", "default=exit 3", "--count", "2", "--json", "--retry", "1", "--fail-on-error")...)
	p.ready()
	p.has(p.stderr, "handing to exec:exit 3, events that no other target gets")
	if strings.Contains(p.stderr.text(), "your app checks the secret") {
		t.Error("it speaks of an app that is not there")
	}
	w.happen("repo.update")
	w.happen("discussion.create")
	p.ends(4)
	for line := range strings.Lines(p.stdout.text()) {
		if !strings.Contains(line, `"type":"event"`) {
			continue
		}
		got := exits(t, line)
		if strings.Contains(line, `"kind":"repo.update"`) != slices.Equal(got["exec:cat > '"+out+"'; echo said"], []int{0}) ||
			strings.Contains(line, `"kind":"discussion.create"`) != slices.Equal(got["exec:exit 3"], []int{3, 3}) || len(got) != 1 {
			t.Errorf("got %v of %s", got, line)
		}
	}
	if b, err := os.ReadFile(out); err != nil || !json.Valid(b) || !strings.Contains(string(b), `"repo"`) {
		t.Errorf("the command read %q %v", b, err)
	}
	list := w.run(0, "events", "ls").stdout.text()
	if !strings.Contains(list, "exit 0 in ") || !strings.Contains(list, "exec:exit 3 FAIL exit 3 in ") || strings.Contains(list, " 200 in") {
		t.Errorf("the list is %s", list)
	}
	shown := ""
	for _, n := range []string{"1", "2"} {
		shown += w.run(0, "events", "show", n).stdout.text()
	}
	if !strings.Contains(shown, "exit 0 in ") || !strings.Contains(shown, "\nsaid\n") {
		t.Errorf("it shows %s", shown)
	}
	w.nothingLeft()
}

func TestTheHubIsToldWhetherACommandSucceeded(t *testing.T) {
	for command, want := range map[string]int{"true": 200, "exit 3": 502, "sleep 1000": 504} {
		w := newWorld(t)
		p := w.start(listenArgs("--exec", command, "--respond", "relay", "--timeout", "500ms", "--count", "1", "--json")...)
		p.ready()
		w.happen("repo.update")
		p.ends(0)
		if e := p.events()[0]; e.Answer.Status != want {
			t.Errorf("%s: answered %d, %+v", command, e.Answer.Status, e.Attempts)
		}
	}
}

func TestACommandIsRunAgainOnlyWhenItIsGiven(t *testing.T) {
	w := newWorld(t)
	mark := filepath.Join(t.TempDir(), "mark")
	command := fmt.Sprintf("printf x >>'%s'; exit 1", mark)
	runs := func(want int) {
		t.Helper()
		if b, _ := os.ReadFile(mark); len(b) != want {
			t.Errorf("it ran %d times, want %d", len(b), want)
		}
	}
	p := w.start(listenArgs("--exec", command, "--json")...)
	p.ready()
	w.happen("repo.update")
	p.wait(p.stdout, `"n":1`)
	runs(1)
	// In the session that has the command.
	w.run(0, "events", "replay", "1").has(w.run(0, "events", "ls").stdout, "replay of 1")
	runs(2)
	p.signal(os.Interrupt)
	p.ends(0)

	r := w.run(1, "events", "replay", "1")
	r.says(`event 1 went to the command "exec:printf .*", which is not run again by itself`, `hf-tap events replay 1 --exec '.*'`)
	runs(2)
	w.run(1, "events", "replay", "--failed").says(".* went to the command .*", `hf-tap events replay --failed --exec '.*'`)
	// The hint can be typed.
	_, hint, _ := strings.Cut(r.stderr.text(), "hint: hf-tap ")
	w.typed(hint, 0).has(w.run(0, "events", "ls").stdout, "FAIL exit 1")
	runs(3)
	w.run(0, "events", "replay", "--failed", "--exec", "repo.*=true").has(w.run(0, "events", "ls").stdout, "exec:true exit 0")
	runs(3)
	w.run(2, "events", "replay", "1", "--exec", "repo.*=").says(`command "repo\.\*=": the command is empty`, "hf-tap events replay 12 --exec 'python train.py'")
	w.nothingLeft()
}

// typed runs what a user types behind "hf-tap", by a shell.
func (w *world) typed(line string, code int) *process {
	w.t.Helper()
	p := w.startTyped(line)
	p.ends(code)
	return p
}

func (w *world) startTyped(line string) *process {
	w.t.Helper()
	cmd := exec.Command("sh", "-c", "exec "+binary+" "+line)
	cmd.Env, cmd.Dir = w.env, w.t.TempDir()
	return startProcess(w.t, cmd)
}

func TestTheEndOfASessionEndsItsCommands(t *testing.T) {
	w := newWorld(t)
	p, child := w.runsForLong()
	p.signal(os.Interrupt)
	p.ends(0)
	if lives(child) {
		t.Errorf("what the command started lives on")
	}
	p.has(p.stdout, `"error":"interrupted, the receiver stopped"`)
	w.nothingLeft()
}

// runsForLong starts a session with a command that runs, and gives a process that the
// command has started.
func (w *world) runsForLong() (p *process, child int) {
	w.t.Helper()
	pid := filepath.Join(w.t.TempDir(), "pid")
	p = w.start(listenArgs("--exec", "(sleep 1000; true) & echo $! >'"+pid+".new'; mv '"+pid+".new' '"+pid+"'; wait", "--json")...)
	p.ready()
	w.happen("repo.update")
	waitFor(w.t, w, func() bool {
		b, err := os.ReadFile(pid)
		if err != nil {
			return false
		}
		_, err = fmt.Sscan(string(b), &child)
		return err == nil
	})
	return p, child
}

// lives reports whether a process has not ended; one that nobody has waited for yet
// has.
func lives(pid int) bool {
	stat, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
	return err == nil && !strings.HasPrefix(string(stat), "Z")
}

// TestAJobRunsHereInTheEnvironmentThatItHasOnTheHub does the Jobs page of Python's
// guide: a webhook with a Job, and the same Job on this machine.
func TestAJobRunsHereInTheEnvironmentThatItHasOnTheHub(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	seen := filepath.Join(dir, "seen")
	job := filepath.Join(dir, "job.yaml")
	text := fmt.Sprintf(`dockerImage: python:3.12
flavor: cpu-basic
command: [sh, -c]
arguments: ["env >'%s'; echo \"it's $EPOCHS for $WEBHOOK_REPO_ID\""]
environment: {EPOCHS: "3 of them", WEBHOOK_KIND: repo}
secrets: {JOB_TOKEN: of-the-job}
timeoutSeconds: 60
`, seen)
	if err := os.WriteFile(job, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	id := w.create("--job", job, "--domain", "repo", "--use-kept-secret")
	info := w.run(0, "webhooks", "info", id)
	for _, want := range []string{"image python:3.12, on cpu-basic", "EPOCHS, WEBHOOK_KIND", "JOB_TOKEN", "1m0s", "hf-tap webhooks job " + id} {
		info.has(info.stdout, want)
	}
	if strings.Contains(info.stdout.text(), "of-the-job") {
		t.Error("the value of a secret is shown")
	}

	here := w.run(0, "webhooks", "job", id)
	here.has(here.stderr, "image python:3.12, on cpu-basic")
	here.has(here.stderr, "export them first: JOB_TOKEN")
	here.has(here.stderr, "--mute "+id)
	line, ok := strings.CutPrefix(here.stdout.text(), "hf-tap ")
	if !ok {
		t.Fatalf("it prints %s", line)
	}
	w.env = append(w.env, "JOB_TOKEN=of-the-job")
	p := w.startTyped(line + " --count 1 --json")
	p.ready()
	w.happen("repo.content.update")
	p.ends(0)
	got := exits(t, p.wait(p.stdout, `"type":"event"`))
	if len(got) != 1 || !slices.Equal(slices.Collect(maps.Values(got))[0], []int{0}) {
		t.Errorf("it ended with %v", got)
	}
	shown := w.run(0, "events", "show", "1")
	shown.has(shown.stdout, "it's 3 of them for me/m")

	jobs, err := w.Jobs("me")
	if err != nil || len(jobs) != 1 {
		t.Fatalf("the Hub started %v %v", jobs, err)
	}
	there := jobs[0].Environment
	there["JOB_TOKEN"] = "of-the-job"
	b, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{}
	for variable := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(variable, "\n"), "=")
		if _, own := there[name]; own || strings.HasPrefix(name, "WEBHOOK_") {
			environment[name] = value
		}
	}
	// There are two webhooks, and so two deliveries.
	ids := regexp.MustCompile(`"webhook":\{"id":"[0-9a-f]{24}"`)
	for _, env := range []map[string]string{there, environment} {
		if !regexp.MustCompile(`^[0-9a-f]{24}$`).MatchString(env["WEBHOOK_ID"]) || !ids.MatchString(env["WEBHOOK_PAYLOAD"]) {
			t.Errorf("the delivery is not named in %v", env)
		}
		env["WEBHOOK_ID"] = ""
		env["WEBHOOK_PAYLOAD"] = ids.ReplaceAllString(env["WEBHOOK_PAYLOAD"], "")
	}
	if !maps.Equal(there, environment) {
		t.Errorf("on the Hub it is\n%v\nhere it is\n%v", there, environment)
	}
	if there["WEBHOOK_SECRET"] == "" || there["WEBHOOK_REPO_TYPE"] != "model" {
		t.Errorf("on the Hub it is %v", there)
	}
	if h := w.hook(id); h.ID != id {
		t.Error("the webhook is gone")
	}
}

func TestAJobIsCheckedBeforeTheHubIsAsked(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	typo := file("typo.yaml", "flavour: cpu-basic\n")
	for name, c := range map[string]struct {
		args       []string
		what, hint string
	}{
		"key":     {[]string{"--job", typo}, `the Job in ".*": "flavour" is not a key that a Job has: .*`, `write "flavor" in .*typo.yaml`},
		"value":   {[]string{"--job", file("value.json", `{"flavor":"cpu-basc","dockerImage":"a"}`)}, `.*"flavor" must be one of .*`, `write "cpu-basic" in .*`},
		"both":    {[]string{"--job", file("both.yaml", "flavor: cpu-basic\ndockerImage: a\nspaceId: me/s\n")}, `.*both a dockerImage and a spaceId.*`, `change it in .*`},
		"secret":  {[]string{"--job", file("secret.yaml", "flavor: cpu-basic\ndockerImage: a\nsecrets: {MY-TOKEN: hidden}\n")}, `.*the name "MY-TOKEN" in "secrets" must match .*`, `change it in .*`},
		"fifo":    {[]string{"--job", fifo}, `.*it is not a regular file`, `write one: .*`},
		"missing": {[]string{"--job", filepath.Join(dir, "no")}, `the Job in ".*": no such file or directory`, `write one: .*`},
		"large":   {[]string{"--job", file("large.yaml", strings.Repeat("#", 10<<20))}, `.*it has more than 256 KiB`, `write one: .*`},
		"empty":   {[]string{"--job", ""}, "--job is empty", "leave it out, .*"},
		"URL too": {[]string{"--job", typo, "--url", exampleURL}, "a webhook has a URL or a Job, not both", "leave .*"},
		"id too":  {[]string{"--job", typo, "--job-id", "1"}, "a webhook has one Job", "leave .*"},
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.t = t
			p := v.run(2, append([]string{"webhooks", "create", "--watch", "model:me/m"}, c.args...)...)
			p.says(c.what, c.hint)
			if strings.Contains(p.stderr.text(), "hidden") {
				t.Error("the value of a secret is shown")
			}
		})
	}
	if calls := w.Calls(); len(calls) > 0 {
		t.Errorf("the Hub was asked %v", calls)
	}
}

func TestAnUpdateSendsAWholeJob(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "job.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"flavor":"cpu-basic","dockerImage":"one","attempts":3}`)
	p := w.run(0, "webhooks", "create", "--watch", "model:me/m", "--job", file)
	id := p.stdout.text()
	p.has(p.stderr, "hf-tap webhooks update "+id+" --use-kept-secret --job "+file)
	write(`{"flavor":"cpu-basic","dockerImage":"two","command":["a"]}`)
	w.run(0, "webhooks", "update", id, "--job", file, "--use-kept-secret")
	if h := w.hook(id); !strings.Contains(string(h.Job), `"two"`) || !h.HasSecret {
		t.Errorf("it is %s", h.Job)
	}
	w.run(2, "webhooks", "update", id, "--domain", "repo", "--use-kept-secret").says("webhook "+id+" starts a Job, .*", "add --job with .*")
	w.run(0, "webhooks", "update", id, "--url", exampleURL, "--use-kept-secret")
	w.run(1, "webhooks", "job", id).says("webhook "+id+" calls a URL and starts no Job", "hf-tap listen --like "+id+" --forward 7860")
}

func TestWhatCannotBeRunHereSaysWhy(t *testing.T) {
	w := newWorld(t)
	for job, want := range map[string]string{
		`{"flavor":"cpu-basic","spaceId":"me/s"}`:                                              "the Hub returns no command of .*",
		`{"flavor":"cpu-basic","dockerImage":"a","arguments":["-v"]}`:                          ".* has arguments only: its image has the command",
		`{"flavor":"cpu-basic","dockerImage":"a","command":["printf","\u001b]0;title\u0007"]}`: ".* has characters that a terminal does not show",
	} {
		file := filepath.Join(t.TempDir(), "job.json")
		if err := os.WriteFile(file, []byte(job), 0o600); err != nil {
			t.Fatal(err)
		}
		w.run(1, "webhooks", "job", w.create("--job", file)).says(want, "hf-tap .*")
	}
	w.run(1, "webhooks", "job", w.create("--job-id", "687f911eaea852de79c4a50a")).says("the Hub returns no command of .*", "hf-tap listen --like [0-9a-f]{24} --exec 'python train.py'")
}

func TestAnAppGetsEventsBesideACommand(t *testing.T) {
	w := newWorld(t)
	p := w.start(listenArgs("--json", "--exec", "env", "--count", "1", "--", "sh", "-c", "exec "+binary+" sandbox --port $PORT")...)
	p.ready()
	w.happen("repo.update")
	p.ends(0)
	targets := map[string]bool{}
	for _, a := range p.events()[0].Attempts {
		targets[a.Target] = true
	}
	if len(targets) != 2 || !targets["exec:env"] {
		t.Errorf("it went to %v", targets)
	}
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	shown := w.run(0, "events", "show", "1").stdout.text()
	if !strings.Contains(shown, "WEBHOOK_SECRET=") || strings.Contains(shown, secret) {
		t.Errorf("what the command writes is shown with the secret: %s", shown)
	}
}

func TestAMisspeltMatchInFrontOfACommandIsNamed(t *testing.T) {
	w := newWorld(t)
	p := w.run(0, listenArgs("--exec", "discusion.*=./x", "--exec", "FOO=bar ./x", "--exec", "ls *.txt --sort=size", "--wait", "1ms")...)
	p.has(p.stderr, `"discusion.*" fits no kind of event`)
	p.has(p.stderr, "so that it is a part of the command")
	if n := strings.Count(p.stderr.text(), "a part of the command"); n != 1 {
		t.Errorf("it says so %d times: %s", n, p.stderr.text())
	}
}
