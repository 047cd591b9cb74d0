package house

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// field is a row of a table in docs/events.md.
type field struct {
	typ    string
	always bool
	seen   bool
}

var fieldRow = regexp.MustCompile("^\\| `([a-z0-9_.\\[\\]]+)` \\| (\\w+) \\| .+ \\| (.+) \\|$")

// documentedFields reads the tables under "## Events" and "## States".
func documentedFields(t *testing.T) map[string]map[string]*field {
	t.Helper()
	b, err := os.ReadFile("docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]map[string]*field{"event": {}, "state": {}}
	var table map[string]*field
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			table = tables[map[string]string{"Events": "event", "States": "state"}[title]]
		}
		if m := fieldRow.FindStringSubmatch(line); m != nil && table != nil {
			table[m[1]] = &field{typ: m[2], always: m[3] == "never"}
		}
	}
	for name, table := range tables {
		if len(table) < 5 {
			t.Fatalf("docs/events.md: the table of an %s has %d rows: its layout is another one", name, len(table))
		}
	}
	return tables
}

// checkObject compares an object with a table. The path is "" or ends in ".".
func checkObject(t *testing.T, table map[string]*field, prefix string, object map[string]any) {
	t.Helper()
	for key, value := range object {
		f := table[prefix+key]
		if f == nil {
			t.Errorf("docs/events.md does not tell of %q: add a row", prefix+key)
			continue
		}
		f.seen = true
		checkValue(t, table, prefix+key, f.typ, value)
	}
	for key, f := range table {
		name, direct := strings.CutPrefix(key, prefix)
		if _, there := object[name]; direct && f.always && !there && !strings.ContainsAny(name, ".[") {
			t.Errorf("docs/events.md says that %q is never absent; it is in %v", key, object)
		}
	}
}

func checkValue(t *testing.T, table map[string]*field, key, typ string, value any) {
	t.Helper()
	real := map[string]string{"string": "string", "float64": "number", "bool": "boolean", "[]interface {}": "array", "map[string]interface {}": "object"}[fmt.Sprintf("%T", value)]
	if typ != "any" && typ != real {
		t.Errorf("docs/events.md says that %q is of the type %s; it is %s: %v", key, typ, real, value)
	}
	if typ == "any" {
		return // somebody else's JSON
	}
	switch v := value.(type) {
	case map[string]any:
		checkObject(t, table, key+".", v)
	case []any:
		for _, item := range v {
			if o, ok := item.(map[string]any); ok {
				checkObject(t, table, key+"[].", o)
			}
		}
	}
}

// Secrets that appear in the session of linesOfAll, beside the webhook's own.
const (
	secretOfTarget = "hunter2"
	secretOfQuery  = "from-a-query"
	wrongSecret    = "a-wrong-one"
)

// linesOfAll runs a session in which every documented field appears, and gives
// all lines of it, the secret of its webhook, and the examples of the docs.
func (w *world) linesOfAll() (lines []string, secret string) {
	w.t.Helper()
	r := w.hfTap("listen", "user:me", "--json", "--count", "5", "--wait-target", "1ms",
		"--forward", "discussion.*="+w.app+"/fail?token="+secretOfTarget, "--forward", "repo.config.update="+porttest.Port(w.t), "--exec", "repo.config.update=exit 3", "--forward", "default="+w.app)
	url := r.ready()
	event := func(part string) string {
		w.t.Helper()
		return r.wait(&r.out, func(line string) bool {
			return strings.HasPrefix(line, `{"type":"event"`) && strings.Contains(line, part)
		})
	}
	w.happen("repo.content.update", "model:me/m", 1)
	first := event(`"kind":"repo.content.update"`)
	w.happen("discussion.create", "space:me/s", 1)
	event(`"kind":"discussion.create"`)
	w.happen("repo.config.update", "dataset:me/d", 1)
	event(`"error":`)
	if status, answer := w.post(url+"?secret="+secretOfQuery, strings.Repeat("x", 20<<10), "X-Webhook-Secret", wrongSecret); status != http.StatusForbidden {
		w.t.Errorf("a wrong secret was answered %d %s", status, answer)
	}
	event(`"body_cut":true`)
	secret = strings.TrimSpace(w.output("secret"))
	if status, answer := w.post(url, "no JSON", "X-Webhook-Secret", secret); status != http.StatusOK {
		w.t.Errorf("the right secret was answered %d %s", status, answer)
	}
	event(`"body_base64":"bm8gSlNPTg=="`)
	var e struct{ N int64 }
	if err := json.Unmarshal([]byte(first), &e); err != nil {
		w.t.Fatal(err)
	}
	replayed := w.output("events", "replay", fmt.Sprint(e.N), "--json") // the fifth with the right secret
	event(fmt.Sprintf(`"replay_of":%d`, e.N))
	r.mustEnd(0)

	w.keepPinned()

	lines = slices.Collect(strings.Lines(r.out.text() + replayed + w.output("events", "ls", "--json") + w.output("events", "show", "1", "--json")))
	for _, b := range codeBlocks(w.t, "docs/events.md") {
		if b.language == "json" {
			lines = append(lines, b.text())
		}
	}
	return lines, secret
}

// keepPinned puts events into the history that the user has edited, keeps at
// hand or has dismissed, one that was delivered later, and an answer that no app
// here gives: that is done on the screen, or takes long.
func (w *world) keepPinned() {
	w.t.Helper()
	var dir session.Dir
	for _, e := range w.env { // of two, the last one counts
		if state, ok := strings.CutPrefix(e, "HF_TAP_STATE="); ok {
			dir = session.Dir(state)
		}
	}
	store, err := history.Open(w.t.Context(), dir.History())
	if err != nil {
		w.t.Fatal(err)
	}
	const target = "http://127.0.0.1:1"
	add := func(e *event.Event) int64 {
		if err := store.Append(w.t.Context(), e); err != nil {
			w.t.Error(err)
		}
		return e.N
	}
	add(&event.Event{Pinned: true, Edited: true})
	failed := []event.Attempt{{N: 1, Target: target, Status: 500, Body: []byte("the beginning"), BodyCut: true}}
	first := add(&event.Event{Targets: []string{target}, Attempts: failed})
	add(&event.Event{ReplayOf: first, Targets: []string{target}, Attempts: []event.Attempt{{N: 1, Target: target, Status: 200, Body: []byte(`{"error":"incorrect secret"}`)}}})
	if _, err := store.Dismiss(w.t.Context(), add(&event.Event{Targets: []string{target}, Attempts: failed})); err != nil {
		w.t.Error(err)
	}
	if err := store.Close(); err != nil {
		w.t.Error(err)
	}
}

// testSchema compares each line with the tables, and the tables with all lines.
func testSchema(t *testing.T, p *program) {
	tables := documentedFields(t)
	w := newWorld(t, p)
	lines, secret := w.linesOfAll()
	for _, line := range lines {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%q is no line of JSON: %v", line, err)
		}
		table := tables[strings.Replace(fmt.Sprint(object["type"]), "arrival", "event", 1)]
		if table == nil {
			t.Errorf("docs/events.md does not tell of the type %q", object["type"])
			continue
		}
		checkObject(t, table, "", object)
		for _, s := range []string{secret, secretOfTarget, secretOfQuery, wrongSecret} {
			if strings.Contains(line, s) {
				t.Errorf("the secret %q is not masked in %s", s, line)
			}
		}
	}
	for name, table := range tables {
		for key, f := range table {
			if !f.seen {
				t.Errorf("docs/events.md: no line of type %s has the key %q: take the row out, or let this test show it", name, key)
			}
		}
	}
	w.nothingLeft()
}
