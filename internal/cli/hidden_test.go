package cli_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// keeps reports whether a file of the state folder holds a text.
func (w *world) keeps(text string) bool {
	w.t.Helper()
	found := false
	err := filepath.WalkDir(w.state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(text))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func TestTheSecretOfATargetIsNotKeptAndAReplayAsksForIt(t *testing.T) {
	for _, c := range []struct{ target, recorded, fill string }{
		{"http://me:hunter2@127.0.0.1:PORT/hook", "http://me:***@127.0.0.1:PORT/hook", "http://me:PASSWORD@127.0.0.1:PORT/hook"},
		{"http://127.0.0.1:PORT/hook?v=1&secret=hunter2", "http://127.0.0.1:PORT/hook?v=1&secret=***", "http://127.0.0.1:PORT/hook?v=1&secret=VALUE"},
	} {
		w := newWorld(t)
		a := newApp(t, "127.0.0.1:0")
		at := func(s string) string { return strings.ReplaceAll(s, "PORT", a.port) }
		a.answer(func(n int) int { return map[bool]int{true: 500, false: 200}[n == 1] })
		p := w.start(listenArgs("--forward", at(c.target), "--json", "--count", "1")...)
		p.ready()
		w.happen("repo.update")
		p.ends(0)
		if e := p.events()[0]; e.Attempts[0].Target != at(c.recorded) || e.Attempts[0].Status != 500 {
			t.Errorf("recorded as %+v", e)
		}
		w.run(1, "events", "replay", "1").says(regexp.QuoteMeta("event 1 went to "+at(c.recorded)+", and its password or secret is not recorded"),
			regexp.QuoteMeta("hf-tap events replay 1 --forward '"+at(c.fill)+"'"))
		w.run(1, "events", "replay", "--failed").says(".* is not recorded", ".*"+regexp.QuoteMeta(at(c.fill))+"'")
		if len(a.ids()) != 1 {
			t.Errorf("the app got %d requests", len(a.ids()))
		}
		r := w.run(0, "events", "replay", "--failed", "--json", "--forward", at(c.target))
		if e := r.events(); len(e) != 1 || e[0].Attempts[0].Target != at(c.recorded) || e[0].Attempts[0].Status != 200 {
			t.Errorf("the replay is %+v", e)
		}
		if s := w.run(0, "events", "replay", "--failed").stderr.text(); !strings.Contains(s, "nothing to send again") {
			t.Errorf("what was delivered to the same target still counts as failed: %s", s)
		}
		if w.keeps("hunter2") {
			t.Errorf("the state folder keeps the secret of %s", c.target)
		}
		w.run(2, "listen", "--forward", at(c.recorded)).says(".* is not recorded: write it out, as in "+regexp.QuoteMeta(at(c.fill)), ".*")
		w.nothingLeft()
	}
}
