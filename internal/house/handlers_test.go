package house

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// handlersPage is docs/handlers.md: each program there is a handler to copy.
const handlersPage = "docs/handlers.md"

// handler is a program of a document, and what it may leave open.
type handler struct {
	name, file, language string
	nth                  int // of the blocks in that language, from 0
	path                 string
	command              func(t *testing.T, file string) []string
	cannotTell           []string // the checks that its answers do not show
	bot                  bool     // it answers comments
}

// What the answers of a handler do not show: whether it did its work.
var (
	aboutRefs    = []string{"pull-request-ref", "new-branch", "deleted-branch", "tag"}
	aboutRepeats = []string{"repeat", "repeat-at-once"}
)

const ownComment = "own-comment"

func testHandlers(t *testing.T, p *program) {
	if runtime.GOOS == "windows" {
		t.Skip("the handlers are ended by an interrupt")
	}
	w := newWorld(t, p)
	for _, h := range []handler{
		{name: "the README's", file: "README.md", language: "python", path: "/webhook", command: uvicorn,
			cannotTell: slices.Concat(aboutRefs, aboutRepeats, []string{ownComment})},
		{name: "FastAPI", file: handlersPage, language: "python", path: "/webhook", command: uvicorn, cannotTell: []string{ownComment}, bot: true},
		{name: "WebhooksServer", file: handlersPage, language: "python", nth: 1, path: "/webhooks/trigger_training", command: webhooksServer, cannotTell: []string{ownComment}},
		{name: "Express", file: handlersPage, language: "js", path: "/webhook", command: node, cannotTell: []string{ownComment}, bot: true},
		{name: "Hono", file: handlersPage, language: "js", nth: 1, path: "/webhook", command: node, cannotTell: []string{ownComment}, bot: true},
		{name: "Go", file: handlersPage, language: "go", path: "/webhooks/webhook", command: built, cannotTell: append(slices.Clone(aboutRefs), ownComment), bot: true},
	} {
		t.Run(h.name, func(t *testing.T) {
			command := h.command(t, h.program(t))
			w.in(t).isRight(h, command)
			if h.file == handlersPage {
				w.in(t, "BOT_USER_ID="+botID).worksOnce(h, command)
			}
		})
	}
}

// The page's JavaScript that answers discussions replaces the function of the Express
// handler. The bot answers a comment of somebody else and none of its own.
func testTheBotOfThePageIgnoresItself(t *testing.T, p *program) {
	if runtime.GOOS == "windows" {
		t.Skip("the handlers are ended by an interrupt")
	}
	file := handler{file: handlersPage, language: "js"}.program(t)
	answer, err := os.ReadFile(handler{file: handlersPage, language: "js", nth: 2}.program(t))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	placeholder := regexp.MustCompile(`(?s)async function answer\(.*?\n}\n`)
	if len(placeholder.FindAll(text, -1)) != 1 {
		t.Fatal("the Express handler has no function answer to replace")
	}
	if err := os.WriteFile(file, placeholder.ReplaceAllLiteral(text, answer), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, p)
	args := append([]string{"check", porttest.Port(t) + "/webhook", "--json", "--sandbox", "--only", "discussion.comment.create," + ownComment,
		"--comment", "@my-bot help", "--"}, node(t, file)...)
	r := w.hfTap(args...)
	r.mustEnd(0)
	if !regexp.MustCompile(`"name":"own-comment".*"result":"pass"`).MatchString(r.out.text()) {
		t.Errorf("own-comment does not pass:\n%s\n%s", r.out.text(), r.err.text())
	}
}

// program writes the handler's text to a file and returns its path.
func (h handler) program(t *testing.T) string {
	t.Helper()
	var texts []string
	for _, b := range codeBlocks(t, h.file) {
		if b.language == h.language {
			texts = append(texts, b.text())
		}
	}
	if len(texts) <= h.nth {
		t.Fatalf("%s has %d blocks of %s", h.file, len(texts), h.language)
	}
	file := filepath.Join(t.TempDir(), map[string]string{"python": "app.py", "js": "app.mjs", "go": "main.go"}[h.language])
	if err := os.WriteFile(file, []byte(texts[h.nth]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// pythonWith returns a Python that can import the modules, "" if there is none.
func pythonWith(t *testing.T, modules string) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import "+modules).Run() == nil {
			return python
		}
	}
	return ""
}

func uvicorn(t *testing.T, file string) []string {
	python := pythonWith(t, "fastapi, uvicorn")
	if python == "" {
		peertest.Missing(t, "FastAPI and uvicorn: apt-get install python3-fastapi python3-uvicorn")
	}
	return []string{python, "-m", "uvicorn", "--app-dir", filepath.Dir(file), "app:app"}
}

func webhooksServer(t *testing.T, file string) []string {
	python := pythonWith(t, "huggingface_hub, gradio")
	if python == "" {
		t.Skip(`needs WebhooksServer: pip install huggingface_hub gradio`) // not in Debian
	}
	return []string{python, file}
}

func node(t *testing.T, file string) []string {
	const how = `node, Express and Hono: HF_TAP_HANDLERS_JS="$(.ci/handlers-js)" go test ./internal/house`
	dir := os.Getenv("HF_TAP_HANDLERS_JS")
	if _, err := exec.LookPath("node"); err != nil || dir == "" {
		peertest.Missing(t, how)
	}
	if err := os.Symlink(filepath.Join(dir, "node_modules"), filepath.Join(filepath.Dir(file), "node_modules")); err != nil {
		t.Fatal(err)
	}
	return []string{"node", file}
}

func built(t *testing.T, file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return []string{buildText(t, string(text))}
}

// isRight runs hf-tap check on a handler: all passes but what answers cannot show.
func (w *world) isRight(h handler, command []string) {
	w.t.Helper()
	args := append([]string{"check", porttest.Port(w.t) + h.path, "--json", "--comment", "@my-bot help", "--"}, command...)
	r := w.hfTap(args...)
	r.mustEnd(0)
	var unclear []string
	for line := range strings.Lines(r.out.text()) {
		var c struct{ Type, Name, Result, Says string }
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			w.t.Fatal(err)
		}
		switch {
		case c.Type != "check" || c.Result == "pass":
		case c.Result == "cannot_tell":
			unclear = append(unclear, c.Name)
		default:
			w.t.Errorf("%s %s: %s", c.Result, c.Name, c.Says)
		}
	}
	if !slices.Equal(slices.Sorted(slices.Values(unclear)), slices.Sorted(slices.Values(h.cannotTell))) {
		w.t.Errorf("the answers do not show %q, want %q", unclear, h.cannotTell)
	}
}

const botID = "65f1c0de8a2b4c6d8e0f1a2b"

var aJob = regexp.MustCompile(`(train on|answer discussion) .*`)

// worksOnce runs a handler behind hf-tap listen: it works for a push to main and for a
// comment that mentions it, once, and for nothing else.
func (w *world) worksOnce(h handler, command []string) {
	w.t.Helper()
	l := w.hfTap(append([]string{"listen", "model:me/m", "--forward", h.path, "--"}, command...)...)
	l.ready()
	push := func(args ...string) {
		w.output(append([]string{"trigger", "repo.content.update", "--fail-on-error"}, args...)...)
	}
	comment := func(args ...string) {
		w.output(append([]string{"trigger", "discussion.comment.create", "--fail-on-error", "--set", "comment.content=@my-bot help"}, args...)...)
	}
	push("--set", "updatedRefs.0.newSha=c0ffee", "--repeat", "2", "--same-id", "--rate", "10/s")
	for _, variant := range []string{"new-branch", "deleted-branch", "pull-ref"} {
		push("--variant", variant)
	}
	push("--set", `updatedRefs=[{"ref":"refs/tags/v1","oldSha":null,"newSha":"c0ffee"}]`)
	want := []string{"train on me/m at c0ffee"}
	if h.bot {
		comment("--set", "comment.author.id="+botID, "--set", "discussion.num=1")
		comment("--set", "discussion.num=2")
		want = append(want, "answer discussion 2 of me/m")
	}
	push("--set", "updatedRefs.0.newSha=decade")
	want = append(want, "train on me/m at decade")
	l.wait(&l.err, has("decade"))
	l.endInOrder()
	if got := aJob.FindAllString(l.err.text(), -1); !slices.Equal(got, want) {
		w.t.Errorf("it worked on %q, want %q", got, want)
	}
}
