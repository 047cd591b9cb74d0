package house

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// guide is docs/guide.md, whose blocks tell one story: they run in their order,
// and later ones use what earlier ones made.
const guide = "docs/guide.md"

// testGuide runs all of ours that the guide shows.
func testGuide(t *testing.T, p *program) {
	if runtime.GOOS == "windows" {
		t.Skip("the guide is for a POSIX shell, and its servers are ended by an interrupt")
	}
	var managing, space, push, module string
	var programs []string
	for _, b := range codeBlocks(t, guide) {
		switch text := b.text(); {
		case b.language == "go":
			programs = append(programs, text)
		case b.language != "bash":
		case strings.Contains(text, "hf-tap webhooks"):
			managing += text + "\n"
		case strings.Contains(text, "go build"):
			space += text
		case strings.Contains(text, "go mod"):
			module += text
		case strings.Contains(text, "curl"):
			push += text
		default:
			t.Errorf("%s:%d: nothing runs this block", guide, b.lines[0].at)
		}
	}
	if len(programs) != 5 || space == "" || push == "" || module == "" {
		t.Fatalf("%s has %d programs: the search for them is broken", guide, len(programs))
	}
	w := newWorld(t, p)
	t.Run("webhooks are managed from the command line", func(t *testing.T) {
		w.in(t).start("bash", "-euo", "pipefail", "-c", managing).mustEnd(0)
		w.in(t).nothingLeft()
	})
	t.Run("webhooks are managed from a program", func(t *testing.T) {
		r := w.in(t).start(buildText(t, programs[0]))
		r.mustEnd(0)
		if !strings.HasPrefix(r.out.text(), "1 webhooks, the new one is ") {
			t.Errorf("it prints %q", r.out.text())
		}
		w.in(t).nothingLeft()
	})
	t.Run("a server gets the Hub's deliveries, also after a restart", func(t *testing.T) { w.in(t).followTheGuide(buildText(t, programs[1]), push) })
	t.Run("several endpoints", func(t *testing.T) {
		s := w.in(t).serve(buildText(t, programs[2]), porttest.Port(t))
		s.answers("trigger_training", "null")
		s.answers("trigger_evaluation", `{"ignored":"repo.content.update of dataset:me/d does not match this endpoint"}`)
		s.endInOrder()
	})
	t.Run("a development server", func(t *testing.T) { w.in(t).develop(buildText(t, programs[3])) })
	t.Run("a server of one's own", func(t *testing.T) {
		s := w.in(t, "MY_BOT_SECRET="+guideSecret).serve(buildText(t, programs[4]), porttest.Port(t))
		s.answers("say_hello", `{"message":"hello"}`)
		s.answers("goodbye", `{"message":"goodbye"}`)
		if status, answer := w.post(s.url+"goodbye", "{}", "X-Webhook-Secret", "guessed"); status != http.StatusForbidden {
			t.Errorf("a wrong secret is answered %d %s", status, answer)
		}
		s.endInOrder()
	})
	t.Run("a module of one's own", func(t *testing.T) { testModule(t, p, module, programs[3]) })
	t.Run("the files of a Space", func(t *testing.T) { testSpace(t, p, space) })
}

// in is the world for a subtest, in a folder of its own.
func (w *world) in(t *testing.T, env ...string) *world {
	return &world{w.with(t, append(slices.Clone(w.env), env...)...), w.endpoint, w.token, w.app}
}

// buildText builds a program of the guide.
func buildText(t *testing.T, text string) (file string) {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "program")
	for _, args := range [][]string{{"vet", source}, {"build", "-o", file, source}} {
		if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, text)
		}
	}
	return file
}

const guideSecret = "correct horse"

// server is a program of the guide that serves.
type server struct {
	*running
	w   *world
	url string // of its endpoints
}

func (w *world) serve(program, port string) server {
	w.t.Helper()
	w.program = w.with(w.t, append(slices.Clone(w.env), "PORT="+port)...)
	s := server{w.start(program), w, "http://127.0.0.1:" + port + "/webhooks/"}
	s.wait(&s.out, has("Configure webhooks at"))
	return s
}

// answers sends a push to an endpoint, as the Hub does, and checks the answer.
func (s server) answers(endpoint, want string) {
	s.t.Helper()
	const push = `{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"dataset","name":"me/d"},"updatedRefs":[{"ref":"refs/heads/main","oldSha":"ce9a46","newSha":"575db8"}]}`
	status, answer := s.w.post(s.url+endpoint, push, "X-Webhook-Secret", guideSecret)
	if status != http.StatusOK || strings.TrimSpace(answer) != want {
		s.t.Errorf("%s answers %d %s, want %s", endpoint, status, answer, want)
	}
}

// followTheGuide runs the first server of the guide with a session of listen,
// pushes a commit, restarts the server, and pushes another.
func (w *world) followTheGuide(program, push string) {
	w.t.Helper()
	port := porttest.Port(w.t)
	s := w.serve(program, port)
	shown := ""
	for _, b := range codeBlocks(w.t, guide) {
		if strings.HasPrefix(b.text(), "Webhook secret is not set") {
			shown = b.text() + "\n"
		}
	}
	if got := strings.ReplaceAll(s.out.text(), port, "7860"); got != shown {
		w.t.Errorf("the start prints\n%s\nand the guide shows\n%s", got, shown)
	}
	command := ""
	for _, b := range codeBlocks(w.t, guide) {
		if b.language == "sh" && strings.HasSuffix(b.text(), "7860/webhooks/trigger_training") {
			command = strings.ReplaceAll(b.text(), "7860", port)
		}
	}
	l := w.start("sh", "-c", "exec "+command)
	l.ready()
	trained := regexp.MustCompile(`^train on me/d at [0-9a-f]{40}$`).MatchString
	commit := func(n int) {
		w.start("bash", "-euo", "pipefail", "-c", strings.ReplaceAll(push, "1,2", fmt.Sprint("1,2,", n))).mustEnd(0)
		line := l.wait(&l.out, has(fmt.Sprintf("#%d ", n)))
		if !strings.Contains(line, "repo.content.update") || !strings.Contains(line, " 200 in ") {
			w.t.Errorf("listen says %q", line)
		}
		s.wait(&s.out, trained)
	}
	commit(1)
	s.endInOrder()
	s = w.serve(program, port)
	commit(2)
	s.endInOrder()
	l.endInOrder()
	w.nothingLeft()
}

var (
	anAddress = regexp.MustCompile(`https?://[^/ ]+/hf-tap/[0-9a-f]{32}`)
	aHub      = regexp.MustCompile(`https?://[^/ ]+/settings`)
	anID      = regexp.MustCompile(`\b[0-9a-f]{24}\b`)
)

// develop runs the development server of the guide: each endpoint gets its own events,
// and nothing is left.
func (w *world) develop(program string) {
	w.t.Helper()
	plain := func(text string) string {
		return anID.ReplaceAllString(aHub.ReplaceAllString(anAddress.ReplaceAllString(text, "ADDRESS"), "HUB/settings"), "ID")
	}
	r := w.start(program)
	url := r.ready()
	shown := ""
	for _, b := range codeBlocks(w.t, guide) {
		if strings.Contains(b.text(), "paste this URL into a webhook") {
			shown = plain(b.text() + "\n")
		}
	}
	if got, _, _ := strings.Cut(plain(r.err.text()), "  secret "); shown == "" || got != shown {
		w.t.Errorf("the start prints\n%s\nand the guide shows\n%s", got, shown)
	}
	w.happen("repo.content.update", "dataset:me/d", 1)
	r.wait(&r.out, has("trigger_training 200 in"))
	w.happen("discussion.create", "model:me/m", 1)
	r.wait(&r.out, has(" answer 200 in"))
	secret := strings.TrimSpace(strings.TrimPrefix(r.wait(&r.err, has("  secret  ")), "  secret  "))
	if status, answer := w.post(url+"/webhooks/by_hand", `{"discussion":{"title":"x"}}`, "X-Webhook-Secret", secret); status != http.StatusOK {
		w.t.Errorf("the endpoint's own URL answers %d %s", status, answer)
	}
	r.wait(&r.out, has("by_hand 200 in"))
	r.endInOrder()
	w.nothingLeft()
}

// testModule builds a program in a module of its user's, as the guide says.
func testModule(t *testing.T, p *program, text, program string) {
	q := inCheckout(t, p, "HOME="+t.TempDir())
	text += "\ncat > main.go <<'EOF'\n" + program + "\nEOF\ngo mod tidy\ngo vet .\n"
	q.start("bash", "-euo", "pipefail", "-c", text).mustEnd(0)
}

// testSpace builds the files of a Space in the checkout, as the guide says.
func testSpace(t *testing.T, p *program, text string) {
	r := inCheckout(t, p, "TMPDIR="+t.TempDir()).start("bash", "-euo", "pipefail", "-c", text)
	r.mustEnd(0)
	if got := strings.Fields(r.out.text()); !slices.Equal(got, []string{"Dockerfile", "README.md", "discussionbot"}) {
		t.Errorf("the Space has %q", got)
	}
}

// inCheckout is the program in the checkout, with Go's own folders.
func inCheckout(t *testing.T, p *program, env ...string) *program {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Split(string(out), "\n")
	q := p.with(t, append(env, "GOCACHE="+found[0], "GOMODCACHE="+found[1], "GOFLAGS="+found[2], "GOPROXY="+found[3])...)
	if q.dir, err = os.Getwd(); err != nil {
		t.Fatal(err)
	}
	return q
}
