package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

// inHistory opens the history beside the program.
func (w *world) inHistory(use func(*history.Store)) {
	w.t.Helper()
	store, err := history.Open(w.t.Context(), session.Dir(w.state).History())
	if err != nil {
		w.t.Fatal(err)
	}
	use(store)
	if err := store.Close(); err != nil {
		w.t.Fatal(err)
	}
}

const secretInFiles = "a-secret-of-the-webhook"

// recorded is an event as one that a handler has answered.
func recorded(i int, body string) *event.Event {
	at := time.Date(2026, 11, 23, 12, 0, i, i, time.UTC)
	const target = "http://127.0.0.1:1/hook"
	return &event.Event{
		Session: "5e55ab01c0ffee42", Source: event.SourceHub, WebhookID: "65a14fd933eca76f4639fc84", Delivery: fmt.Sprintf("delivery-%d", i),
		Kind: "discussion.comment.create", Repo: modelM, ReceivedAt: at, Verdict: event.VerdictOK, Method: "POST", Path: "/hf-tap/x?secret=" + secretInFiles,
		Header: http.Header{"X-Webhook-Secret": {secretInFiles}, "Content-Type": {"application/json"}, "Host": {"tap.example"}, "Webhook-Id": {fmt.Sprintf("delivery-%d", i)}},
		Body:   []byte(body), Size: int64(len(body)), Phase: event.PhaseSettled, Answer: event.Answer{Status: 200, Duration: time.Millisecond},
		Targets: []string{target},
		Attempts: []event.Attempt{{N: 1, Target: target, StartedAt: at, Duration: time.Millisecond, Status: 200,
			Header: http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {secretInFiles}}, Body: []byte(`{"ok":true,"secret":"` + secretInFiles + `"}`)}},
	}
}

// mentions checks the two lines of an error for parts of them.
func (p *process) mentions(what, hint string) {
	p.t.Helper()
	lines := strings.Split(p.stderr.text(), "\n")
	for i, want := range []string{"error: ", "hint: "} {
		part := []string{what, hint}[i]
		if at := len(lines) - 2 + i; at < 0 || !strings.HasPrefix(lines[at], want) || !strings.Contains(lines[at], part) {
			p.t.Errorf("standard error does not end with %s… %s …\nbut is\n%s", want, part, p.stderr.text())
		}
	}
}

// record appends events.
func (w *world) record(events ...*event.Event) {
	w.t.Helper()
	w.inHistory(func(s *history.Store) {
		for _, e := range events {
			if err := s.Append(w.t.Context(), e); err != nil {
				w.t.Fatal(err)
			}
		}
	})
}

// file writes a file of the test's own, and returns its path.
func (w *world) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func TestWhatIsExportedIsImportedAsItWas(t *testing.T) {
	w := newWorld(t)
	w.run(1, "events", "export", "12").mentions("there is no event 12", "hf-tap events ls")
	w.record(recorded(1, `{"a":1}`), recorded(2, "\x00\xff binary"), recorded(3, ""))
	exported := w.run(0, "events", "export").stdout.text()
	if strings.Contains(exported, secretInFiles) || strings.Count(exported, "\n") != 2 {
		t.Errorf("exported:\n%s", exported)
	}
	fixtures := filepath.Join(t.TempDir(), "fixtures")
	w.run(0, "events", "export", "--format", "fixtures", "--output", fixtures)
	first := names(t, fixtures)
	if len(first) != 3 || !strings.HasPrefix(first[0], "discussion.comment.create-me-m-") {
		t.Errorf("the fixtures are %q", first)
	}
	w.run(1, "events", "export", "--format", "fixtures", "--output", fixtures).mentions("exists", "--force")
	w.run(0, "events", "export", "--format", "fixtures", "--output", fixtures, "--force")

	other := newWorld(t) // another machine
	got := other.run(0, "events", "import", w.file("events.ndjson", exported), fixtures).stdout.text()
	if got != "imported 6 events, #1 to #6" {
		t.Errorf("it says %q", got)
	}
	// Of each only the number and the source are others, and fixtures come in the order of the events.
	again := strings.Split(other.run(0, "events", "export").stdout.text(), "\n")
	for i, line := range strings.Split(exported, "\n") {
		for j, n := range []int{i, i + 3} {
			want := strings.Replace(strings.Replace(line, fmt.Sprintf(`"n":%d`, i+1), fmt.Sprintf(`"n":%d`, n+1), 1), `"source":"hub"`, `"source":"import"`, 1)
			if again[n] != want {
				t.Errorf("event %d became, %d:\n%s\nwant\n%s", i+1, j, again[n], want)
			}
		}
	}
	moved := filepath.Join(t.TempDir(), "moved")
	other.run(0, "events", "export", "--format", "fixtures", "--output", moved, "--filter", "source:import")
	if second := names(t, moved); !slices.Equal(first, second) {
		t.Errorf("on another machine the fixtures are %q, want %q", second, first)
	}
	if ls := other.run(0, "events", "ls", "--session", "5e55ab01c0ffee42").stdout.text(); strings.Count(ls, "#") != 6 {
		t.Errorf("the session has %s", ls)
	}
}

// names are those of the files in a folder.
func names(t *testing.T, folder string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil || bytes.Contains(b, []byte(secretInFiles)) {
			t.Errorf("%s: %v %s", e.Name(), err, b)
		}
		all = append(all, e.Name())
	}
	return all
}

// TestAnImportThatCannotBeFinishedKeepsWhatIsWhole has a file of 10,000 lines.
func TestAnImportThatCannotBeFinishedKeepsWhatIsWhole(t *testing.T) {
	var file strings.Builder
	for i := range 10_000 {
		body := fmt.Sprintf(`{"i":%d}`, i)
		if i%10 == 0 {
			body = "\x00\xfe\xff"
		}
		e := recorded(i, body)
		e.N = int64(i + 1)
		line, err := e.JSONLine(event.LineEvent)
		if err != nil {
			t.Fatal(err)
		}
		file.Write(line)
		file.WriteString("\n")
	}
	whole := file.String()
	last := strings.LastIndex(whole[:len(whole)-1], "\n") + 1
	newer := strings.Replace(whole[last:], `"v":1`, `"v":2`, 1)
	for name, c := range map[string]struct{ text, says, hint string }{
		"cut off":              {whole[:len(whole)-100], "it is cut off in the middle of value 10000", "hf-tap events rm --filter 'source:import n:1..9999'"},
		"cut off behind a tie": {whole[:last] + `{"type":"event"`, "it is cut off in the middle of value 10000", "to undo that"},
		"newer":                {whole[:last] + newer, "written by a newer hf-tap: version 2", "update hf-tap"},
		"garbage":              {whole[:last] + "garbage\n", "value 10000: invalid character", "to undo that"},
		"a list that ends":     {whole[:last] + "[{},", "it is cut off in the middle of value 10000", "to undo that"},
		"not ours":             {whole[:last] + `{"a":1}` + "\n", `value 10000: not a line of hf-tap`, "to undo that"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.run(1, "events", "import", w.file("events.ndjson", c.text))
			p.mentions(c.says, c.hint)
			if got := p.stdout.text(); got != "imported 9,999 events, #1 to #9999" {
				t.Errorf("it says %q", got)
			}
			w.inHistory(func(s *history.Store) {
				if n, err := s.Count(t.Context(), history.Query{}); n != 9999 || err != nil {
					t.Errorf("%d events are kept, %v", n, err)
				}
				if e, err := s.Get(t.Context(), 9991); err != nil || string(e.Body) != "\x00\xfe\xff" || string(e.Attempts[0].Body) == "" {
					t.Errorf("event 9991: %+v, %v", e, err)
				}
			})
		})
	}
	w := newWorld(t)
	w.run(1, "events", "import", w.file("newer", newer)).mentions("written by a newer hf-tap", "update hf-tap")
	w.run(1, "events", "import", "/nonexistent").mentions(`cannot read "/nonexistent": no such file`, "hf-tap events import events.ndjson")
	w.run(1, "events", "import", t.TempDir()).mentions("has no fixtures", "hf-tap events export --format fixtures")
}

func TestWhatListenPrintsIsImported(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port, "--json", "--count", "2")...)
	p.ready()
	w.happen("repo.create")
	w.happen("repo.update")
	p.ends(0)
	cmd := exec.Command(binary, "events", "import", "-")
	cmd.Env, cmd.Dir, cmd.Stdin = w.env, t.TempDir(), strings.NewReader(p.stdout.text()+"\n")
	im := startProcess(t, cmd)
	im.ends(0)
	if got := im.stdout.text(); got != "imported 2 events, #3 to #4" {
		t.Errorf("it says %q", got)
	}
	im.has(im.stderr, "left out ")
	// What is imported has no secret, and is sent with today's.
	w.run(0, "events", "replay", "3", "--forward", a.port)
	if ids := a.ids(); len(ids) != 3 || a.secret(ids[2]) != w.run(0, "secret").stdout.text() {
		t.Errorf("the app got %q", ids)
	}
	w.nothingLeft()
}

func TestOneEventIsSavedAndNothingIsOverwritten(t *testing.T) {
	w := newWorld(t)
	w.record(recorded(1, "{ \"a\": 1 }\n"))
	path := filepath.Join(t.TempDir(), "event.json")
	w.run(0, "events", "save", "1", path)
	if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), "\n  \"n\": 1,\n") || strings.Contains(string(b), secretInFiles) {
		t.Errorf("%v, %s", err, b)
	}
	w.run(1, "events", "save", "1", path, "--body").mentions("exists", "hf-tap events save 1 "+path+" --force")
	w.run(0, "events", "save", "1", path, "--body", "--force")
	if b, err := os.ReadFile(path); err != nil || string(b) != "{ \"a\": 1 }\n" {
		t.Errorf("%v, %s", err, b)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside it are %v, %v", entries, err)
	}
	w.run(1, "events", "save", "1", filepath.Dir(path)).mentions("is a folder", "name a file in it")
	w.run(1, "events", "save", "2", path).mentions("there is no event 2", "hf-tap events ls")
	w.run(1, "events", "save", "1", filepath.Join(path, "x")).mentions("not a directory", "name a file in a folder")
}

func TestACurlScriptSendsWhatItSays(t *testing.T) {
	peertest.Need(t, "curl", "curl")
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	untrusted := recorded(2, "{}")
	untrusted.Verdict = event.VerdictWrong
	w.record(recorded(1, `{"a":"it's"}`), untrusted, recorded(3, "\x00\xff"))
	script := w.file("again.sh", w.run(0, "events", "export", "--format", "curl", "--to", a.port).stdout.text())
	run := func(code int, env ...string) *process {
		cmd := exec.Command("sh", script)
		cmd.Env = append(slices.Clone(w.env), env...)
		p := startProcess(t, cmd)
		p.ends(code)
		return p
	}
	p := run(0, "WEBHOOK_SECRET=s e'c\"ret")
	if got := p.stdout.text(); got != "event 1: 200\nevent 3: 200" {
		t.Errorf("the script prints %q\n%s", got, p.stderr.text())
	}
	if ids := a.ids(); !slices.Equal(ids, []string{"delivery-1", "delivery-3"}) {
		t.Errorf("the app got %q", ids)
	}
	if body := a.body("delivery-3"); string(body) != "\x00\xff" || a.secret("delivery-1") != `s e'c"ret` {
		t.Errorf("the app got %q with the secret %q", body, a.secret("delivery-1"))
	}
	if p := run(2); !strings.Contains(p.stderr.text(), "export WEBHOOK_SECRET=$(hf-tap secret)") {
		t.Errorf("without a secret it says %s", p.stderr.text())
	}
	if text := w.run(0, "events", "export", "2", "--format", "curl").stdout.text(); strings.Contains(text, "curl -sS") {
		t.Errorf("what a stranger sent is sent again:\n%s", text)
	}
}

func TestAnArchiveIsOneOfHAR12(t *testing.T) {
	w := newWorld(t)
	empty := w.run(0, "events", "export", "--format", "har") // no history at all
	if empty.stdout.text() != "" {
		t.Errorf("without a history: %s", empty.stdout.text())
	}
	unanswered := recorded(2, "\x00\xff")
	unanswered.Attempts, unanswered.Targets = nil, nil
	refused := recorded(3, "{}")
	refused.Attempts[0] = event.Attempt{N: 1, Target: refused.Targets[0], StartedAt: refused.ReceivedAt, Err: "connection refused"}
	w.record(recorded(1, `{"a":1}`), unanswered, refused)
	path := filepath.Join(t.TempDir(), "events.har")
	w.run(0, "events", "export", "--format", "har", "--output", path)
	b, err := os.ReadFile(path)
	if err != nil || bytes.Contains(b, []byte(secretInFiles)) {
		t.Errorf("%v, %s", err, b)
	}
	var har struct {
		Log struct{ Entries []json.RawMessage }
	}
	if err := json.Unmarshal(b, &har); err != nil || len(har.Log.Entries) != 3 {
		t.Errorf("%d entries, %v", len(har.Log.Entries), err)
	}
	validateHAR(t, path)
}

const howToGetTheValidator = `node and an npm package that validates archives: HF_TAP_HAR_VALIDATOR="$(.ci/har-validator)" go test ./internal/cli`

// validateHAR lets a program that is not ours read an archive.
func validateHAR(t *testing.T, path string) {
	t.Helper()
	node, err := exec.LookPath("node")
	folder := os.Getenv("HF_TAP_HAR_VALIDATOR")
	if err == nil && folder == "" {
		err = errors.New("HF_TAP_HAR_VALIDATOR is not set")
	}
	if err != nil {
		peertest.Missing(t, howToGetTheValidator)
		return
	}
	const script = `
const validate = require('har-validator')
const har = JSON.parse(require('fs').readFileSync(process.argv[1], 'utf8'))
validate.har(har).then(() => console.log(har.log.entries.length + ' entries are valid'),
  err => { console.log(JSON.stringify(err.errors || String(err))); process.exit(1) })`
	cmd := exec.CommandContext(t.Context(), node, "-e", script, path)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(folder, "node_modules"))
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "3 entries are valid" {
		t.Errorf("the validator says %s, %v", out, err)
	}
}
