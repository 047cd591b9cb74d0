package house

import (
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// example is a command line that some text tells users to type, or a script.
type example struct {
	from   string // where it stands
	text   string
	script bool // a block that is run as a whole
}

var hfTapCommand = regexp.MustCompile(`(^|[\s(|;])hf-tap `)

// examplesOf returns what is to be run of README.md and docs/: each line with
// hf-tap of a block of "sh", each block of "bash" as a whole. In other blocks
// no line may begin with hf-tap and go unchecked, except in a list of commands.
func examplesOf(t *testing.T, commands []command) []example {
	t.Helper()
	var all []example
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append([]string{"README.md"}, documents...) {
		for _, b := range codeBlocks(t, file) {
			for _, l := range b.lines {
				if b.language == "sh" && hfTapCommand.MatchString(l.text) {
					all = append(all, example{file + ":" + strconv.Itoa(l.at), l.text, false})
				}
				if !slices.Contains([]string{"sh", "bash", "text"}, b.language) && strings.HasPrefix(strings.TrimPrefix(l.text, "$ "), "hf-tap ") {
					t.Errorf("%s:%d: %q is not run: put it into a block of sh", file, l.at, l.text)
				}
			}
			if b.language == "bash" && !slices.Contains([]string{guide, pageOfCI}, filepath.ToSlash(file)) { // they have tests of their own
				all = append(all, example{file + ":" + strconv.Itoa(b.lines[0].at), b.text(), true})
			}
		}
	}
	for _, c := range commands {
		for _, text := range c.examples {
			all = append(all, example{c.path + " --help", text, false})
		}
	}
	return all
}

// The ports and addresses of texts, for which those of the test are put in.
var (
	portsOfApps   = regexp.MustCompile(`\b(7860|3000|8000|9000)\b`)
	portOfTunnel  = regexp.MustCompile(`\b4567\b`)
	portOfSandbox = regexp.MustCompile(`--port 4000\b`)
)

const (
	addressOfTunnel = "https://tunnel.example.com"
	idOfWebhook     = "65a14fd933eca76f4639fc84"
	idOfDelivery    = "65a2c0ffee33eca76f4639fc"
	idOfSession     = "5e55ab01c0ffee42"
)

// makeWebhook puts the ids of a new webhook and of a delivery of it in the place
// of those in an example.
func (w *world) makeWebhook(text string) string {
	w.t.Helper()
	if !strings.Contains(text, idOfWebhook) {
		return text
	}
	aim := []string{"--url", "http://127.0.0.1:" + w.app}
	if strings.Contains(text, "hf-tap webhooks job") {
		aim = []string{"--job", jobInExamples}
	}
	id := strings.TrimSpace(w.output(append([]string{"webhooks", "create", "-q", "--watch", "model:me/m"}, aim...)...))
	if strings.Contains(text, idOfDelivery) {
		_, answer := w.post(w.endpoint+"/sandbox/events", `{"kind":"repo.update","repo":"model:me/m"}`, "Authorization", "Bearer "+w.token)
		found := regexp.MustCompile(`"logId":\s*"(\w+)"`).FindStringSubmatch(answer)
		if found == nil {
			w.t.Fatalf("no delivery in %s", answer)
		}
		text = strings.ReplaceAll(text, idOfDelivery, found[1])
	}
	return strings.ReplaceAll(text, idOfWebhook, id)
}

// nameSession puts the id of a session in the history in the place of that in an
// example.
func (w *world) nameSession(text string) string {
	w.t.Helper()
	if !strings.Contains(text, idOfSession) {
		return text
	}
	found := regexp.MustCompile(`"session":"(\w+)"`).FindStringSubmatch(w.output("events", "ls", "--json", "--limit", "1"))
	if found == nil {
		w.t.Fatal("the history has no session")
	}
	return strings.ReplaceAll(text, idOfSession, found[1])
}

// filledIn is the example with this test's ports and addresses.
func (w *world) filledIn(text string) string {
	tunnel := porttest.Port(w.t)
	text = strings.ReplaceAll(text, addressOfTunnel, "http://127.0.0.1:"+tunnel)
	text = portOfTunnel.ReplaceAllString(text, tunnel)
	text = portOfSandbox.ReplaceAllString(text, "--port "+porttest.Port(w.t))
	return portsOfApps.ReplaceAllString(text, w.app)
}

// testExamplesRun runs all that users are told to type, against a sandbox, in
// the order of the texts.
func testExamplesRun(t *testing.T, p *program, commands []command) {
	if runtime.GOOS == "windows" {
		t.Skip("the examples are for a POSIX shell, and end by signals")
	}
	w := newWorld(t, p)
	w.makeHistory()
	done := map[string]bool{}
	ran := 0
	for _, e := range examplesOf(t, commands) {
		if done[e.text] {
			continue
		}
		done[e.text] = true
		t.Run(e.from+" "+strings.SplitN(e.text, "\n", 2)[0], func(t *testing.T) {
			for _, tool := range []string{"jq", "curl"} {
				if strings.Contains(e.text, tool+" ") {
					peertest.Need(t, tool, tool)
				}
			}
			ran++
			(&world{w.with(t, w.env...), w.endpoint, w.token, w.app}).run(e)
		})
	}
	if ran < 20 {
		t.Errorf("only %d examples ran: the search for them is broken", ran)
	}
	w.nothingLeft()
}

// makeHistory fills the history with events of which some failed and one was
// never handed over, because its session was killed; the next one cleans up.
func (w *world) makeHistory() {
	w.t.Helper()
	r := w.hfTap("listen", "user:me", "--forward", "discussion.*="+w.app+"/fail",
		"--forward", "repo.update="+porttest.Port(w.t), "--forward", "default="+w.app)
	r.ready()
	w.happen("repo.content.update", "model:me/m", 9)
	w.happen("discussion.comment.create", "model:me/my-model", 5)
	r.wait(&r.out, has("#14 "))
	w.happen("repo.update", "model:me/m", 1)
	r.wait(&r.out, has("down: connection refused"))
	r.signal(os.Kill)
	<-r.ended

	next := w.hfTap("listen", "model:me/m", "--wait", "1ms")
	next.mustEnd(0)
	for _, promise := range []string{"deleted the webhook ", "1 event may not have been handed over: hf-tap events replay --pending"} {
		if !strings.Contains(next.err.text(), promise) {
			w.t.Errorf("the start after a kill does not say %q:\n%s", promise, next.err.text())
		}
	}
	w.nothingLeft()
}

// deleteWebhooks deletes what an example has created.
func (w *world) deleteWebhooks() {
	w.t.Helper()
	for id := range strings.FieldsSeq(w.output("webhooks", "ls", "-q")) {
		w.output("webhooks", "delete", "--yes", id)
	}
}

// appInExamples is the app under development that examples start.
const appInExamples = "./my-app"

// makeApp puts it into the folder of an example: this test's own program, which
// answers on PORT. See TestMain.
func (w *world) makeApp() {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec %q\n", beTheApp, self)
	if err := os.WriteFile(filepath.Join(w.dir, appInExamples), []byte(script), 0o700); err != nil {
		w.t.Fatal(err)
	}
}

// serveHandler puts a handler that checks the secret in the place of the app that takes
// all.
func (w *world) serveHandler() {
	w.t.Helper()
	secret := strings.TrimSpace(w.output("secret"))
	s := httptest.NewServer(handlerWithSecret(secret))
	w.t.Cleanup(s.Close)
	_, w.app, _ = net.SplitHostPort(s.Listener.Addr().String())
}

// jobInExamples is the file with a Job that examples name.
const jobInExamples = "job.yaml"

func (w *world) makeJob() {
	w.t.Helper()
	const job = "flavor: cpu-basic\ndockerImage: python:3.12\ncommand: [python, train.py]\n"
	if err := os.WriteFile(filepath.Join(w.dir, jobInExamples), []byte(job), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// makeExports puts into the folder of an example what others have exported.
func (w *world) makeExports() {
	w.t.Helper()
	for _, args := range [][]string{{"--output", "events.ndjson"}, {"--format", "fixtures", "--output", "fixtures"}} {
		w.output(append([]string{"events", "export", "--filter", "n:1..3"}, args...)...)
	}
}

// makeConfig puts a project's file into the folder of an example.
func (w *world) makeConfig() {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, ".hf-tap.toml"), []byte("forward = [\""+w.app+"\"]\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// run runs one example and checks that it works.
func (w *world) run(e example) {
	w.t.Helper()
	if strings.Contains(e.text, "hf-tap check") {
		w.serveHandler()
	}
	text := w.nameSession(w.filledIn(e.text))
	if strings.Contains(text, "hf-tap webhooks") {
		w.makeJob()
		text = w.makeWebhook(text)
		defer w.deleteWebhooks()
	}
	if strings.Contains(text, appInExamples) {
		w.makeApp()
	}
	if strings.HasPrefix(text, "hf-tap events import") {
		w.makeExports()
	}
	if strings.HasPrefix(text, "hf-tap config") {
		w.makeConfig()
	}
	listens := strings.Contains(text, "hf-tap listen")
	switch {
	case e.script:
		w.start("bash", "-euo", "pipefail", "-c", text).mustEnd(0)
	case listens:
		w.runListen(text)
	case strings.HasPrefix(text, "hf-tap sandbox"):
		r := w.start("sh", "-c", "exec "+text)
		r.wait(&r.out, has("export HF_TOKEN="))
		r.wait(&r.err, has("stop with Ctrl+C"))
		r.endInOrder()
	default:
		pipefail := "-o"
		if strings.Contains(text, "| head") { // which reads no further, so that what writes to it may end by SIGPIPE
			pipefail = "+o"
		}
		r := w.start("bash", pipefail, "pipefail", "-c", text)
		r.mustEnd(0)
		shows := strings.Contains(text, "hf-tap events") && !strings.Contains(text, ">")
		if shows && strings.TrimSpace(r.out.text()) == "" {
			w.t.Errorf("%s shows nothing\nstderr:\n%s", text, r.err.text())
		}
	}
}

var (
	watchOf = regexp.MustCompile(`\b(model|dataset|space):\S+/\S+\b`)
	countOf = regexp.MustCompile(`--count (\d+)`)
)

// runListen runs a listen, lets something happen once it is ready, and ends it
// by Ctrl+C unless it ends by itself.
func (w *world) runListen(text string) {
	w.t.Helper()
	piped := strings.Contains(text, "|")
	if !piped {
		text = "exec " + text // so that the signal is for it
	}
	r := w.start("bash", "-o", "pipefail", "-c", text)
	r.ready()
	repo, count := "model:me/m", 1
	if found := watchOf.FindString(text); found != "" && !strings.Contains(found, "*") {
		repo = found
	}
	if m := countOf.FindStringSubmatch(text); m != nil {
		count, _ = strconv.Atoi(m[1])
	}
	byItself := piped || strings.Contains(text, "--count ") || strings.Contains(text, "--until ")
	w.happen("discussion.comment.create", repo, count)
	if !byItself {
		line := r.wait(&r.out, func(line string) bool { return strings.Contains(line, "discussion.comment.create") })
		if strings.Contains(text, appInExamples) && !strings.Contains(line, " 200 in ") {
			w.t.Errorf("the app that was started did not take the event: %s", line)
		}
		r.endInOrder()
	} else {
		if strings.Contains(text, "--until repo.content.update") {
			w.happen("repo.content.update", repo, 1)
		}
		r.mustEnd(0)
	}
	if !strings.Contains(r.err.text(), " deleted · ") {
		w.t.Errorf("the last line does not say that the webhook was deleted:\n%s", r.err.text())
	}
}

// endInOrder ends a process as a user would, and checks that it is content.
func (r *running) endInOrder() {
	r.t.Helper()
	r.signal(os.Interrupt)
	r.mustEnd(0)
}
