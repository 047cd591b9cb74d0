package examples_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// fault is a mistake in an example, or in the server below it.
type fault struct {
	file, is, becomes string // the file's name from the repository's root
}

// The faults, as people make them.
var (
	secretNotChecked = []fault{{"webhooks/serve.go", "switch s.secret.Check(req.Header, req.URL.RawQuery) {", "switch event.VerdictOK {"}}
	takesGET         = []fault{{"webhooks/serve.go", "case req.Method != http.MethodPost:", `case req.Method == "PUT":`}}
	diesOnAScope     = []fault{{"webhooks/serve.go", "return &Delivery{", "if payload.Event.Scope == \"collection\" {\nos.Exit(3)\n}\nreturn &Delivery{"}}
	answersItself    = []fault{{"examples/discussionbot/main.go", "if d.Comment.Author.ID == b.me.ID {", "if false {"}}
	// Go has no event loop: a lock around all that the server does is the same.
	blocks = []fault{
		{"webhooks/serve.go", "path, isEndpoint := ", "oneAtATime <- struct{}{}\ndefer func() { <-oneAtATime }()\npath, isEndpoint := "},
		{"webhooks/serve.go", "// ServeHTTP serves the endpoints", "var oneAtATime = make(chan struct{}, 1)\n\n// ServeHTTP serves the endpoints"},
		{"examples/retrain/main.go", "webhooks.AnswerFirst(1), ", ""},
		{"examples/retrain/main.go", "cmd := exec.CommandContext(ctx, t.command[0]", "time.Sle" + "ep(blockedTime)\ncmd := exec.CommandContext(ctx, t.command[0]"},
		{"examples/retrain/main.go", "// trainer trains a model", "const blockedTime = 3 * time.Second\n\n// trainer trains a model"},
	}
)

func forgetsRepeats(example string) []fault {
	return []fault{{"examples/" + example + "/main.go", ", webhooks.DropRepeats()", ""}}
}

// buildWith builds an example with a fault in it, and hf-tap.
func buildWith(t *testing.T, example string, faults []fault) (program string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	texts := map[string]string{}
	for _, f := range faults {
		file := filepath.Join(root, filepath.FromSlash(f.file))
		if texts[file] == "" {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[file] = string(b)
		}
		if !strings.Contains(texts[file], f.is) {
			t.Fatalf("%s does not have %q: the fault is for another version of it", f.file, f.is)
		}
		texts[file] = strings.Replace(texts[file], f.is, f.becomes, 1)
	}
	overlay := map[string]string{}
	for file, text := range texts {
		changed := filepath.Join(dir, strings.ReplaceAll(file, string(filepath.Separator), "_"))
		if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[file] = changed
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, example)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", list, "-o", program, "./"+example).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return program
}

// hfTap builds hf-tap once.
var hfTap = sync.OnceValues(func() (string, error) {
	file := filepath.Join(bin, "hf-tap")
	out, err := exec.Command("go", "build", "-o", file, "..").CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return file, nil
})

// checkLine is what hf-tap check says of one check.
type checkLine struct{ Type, Name, Result, Says string }

// checks checks an example with hf-tap, which starts it, and returns its exit code and
// what it says.
func checks(t *testing.T, program string, example []string, path string, flags ...string) (code int, said []checkLine) {
	t.Helper()
	tap, err := hfTap()
	if err != nil {
		t.Fatalf("build hf-tap: %v\n%s", err, tap)
	}
	args := append([]string{"check", porttest.Port(t) + path, "--sandbox", "--json"}, flags...)
	cmd := exec.CommandContext(t.Context(), tap, append(append(args, "--", program), example...)...)
	home := t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "HF_TAP_STATE=" + filepath.Join(home, "state"), "WEBHOOK_SECRET=" + secret}
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		var l checkLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if l.Type == "check" {
			said = append(said, l)
		}
	}
	if len(said) == 0 {
		t.Fatalf("%v\n%s", err, errors.String())
	}
	return cmd.ProcessState.ExitCode(), said
}

func results(said []checkLine, result string) (names []string) {
	for _, l := range said {
		if l.Result == result {
			names = append(names, l.Name)
		}
	}
	return names
}

// theExamples are the examples with what they need to be checked.
var theExamples = map[string]struct {
	args       []string
	path       string
	repo       string
	cannotTell []string // what no answer shows of a healthy one
}{
	"retrain":        {[]string{"-model", "me/m", "true"}, "/webhooks/retrain", "dataset:me/d", []string{"own-comment"}},
	"discussionbot":  {nil, "/webhooks/answer", "model:me/m", nil},
	"metadatareview": {nil, "/webhooks/review", "model:me/m", []string{"own-comment"}},
}

func TestTheExamplesPassTheChecks(t *testing.T) {
	needsSignals(t)
	for name, e := range theExamples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, said := checks(t, buildWith(t, name, nil), e.args, e.path, "--repo", e.repo)
			if code != 0 || len(results(said, "warn")) > 0 || !slices.Equal(results(said, "cannot_tell"), e.cannotTell) {
				t.Errorf("exit %d, cannot tell %q: %+v", code, results(said, "cannot_tell"), said)
			}
		})
	}
}

func TestFaultsInTheExamplesAreFound(t *testing.T) {
	needsSignals(t)
	for name, c := range map[string]struct {
		example string
		faults  []fault
		only    []string // the checks that are made
		fail    []string
	}{
		"retrain does not check the secret":        {"retrain", secretNotChecked, []string{"secret"}, []string{"wrong-secret", "missing-secret", "empty-secret", "longer-secret"}},
		"retrain blocks":                           {"retrain", blocks, []string{"repo.content.update", "two-at-once", "answer-time", "--timeout", "1s"}, []string{"repo.content.update", "two-at-once", "answer-time"}},
		"retrain trains for repeats":               {"retrain", forgetsRepeats("retrain"), []string{"dataset", "repeat"}, []string{"repeat"}},
		"discussionbot answers itself":             {"discussionbot", answersItself, []string{"writes"}, []string{"own-comment"}},
		"discussionbot answers repeats":            {"discussionbot", forgetsRepeats("discussionbot"), []string{"repeat"}, []string{"repeat"}},
		"discussionbot dies on an unknown scope":   {"discussionbot", diesOnAScope, []string{"payload"}, []string{"unknown-scope"}},
		"metadatareview takes GET":                 {"metadatareview", takesGET, []string{"request"}, []string{"get"}},
		"metadatareview does not check the secret": {"metadatareview", secretNotChecked, []string{"secret"}, []string{"wrong-secret", "missing-secret", "empty-secret", "longer-secret"}},
		"metadatareview dies on an unknown scope":  {"metadatareview", diesOnAScope, []string{"unknown-*"}, []string{"unknown-scope"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := theExamples[c.example]
			flags := []string{"--repo", e.repo}
			for i, word := range c.only {
				if strings.HasPrefix(word, "--") {
					flags = append(flags, c.only[i:]...)
					break
				}
				flags = append(flags, "--only", word)
			}
			code, said := checks(t, buildWith(t, c.example, c.faults), e.args, e.path, flags...)
			if fail := results(said, "fail"); code != 4 || !slices.Equal(fail, c.fail) {
				t.Errorf("exit %d, %q failed, want %q: %+v", code, fail, c.fail, said)
			}
		})
	}
}

func needsSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs are ended by an interrupt")
	}
}
