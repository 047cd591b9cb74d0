package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

func (w *world) leases() string { return filepath.Join(w.state, "leases") }

// records returns the paths of the lease records.
func (w *world) records() []string {
	w.t.Helper()
	paths, err := filepath.Glob(filepath.Join(w.leases(), "*.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	return paths
}

// killed runs a session and kills it, and gives its record: the path and what
// stands in it.
func (w *world) killed() (path string, record map[string]any) {
	w.t.Helper()
	before := w.records()
	p := w.start(listenArgs()...)
	p.ready()
	for _, r := range w.records() {
		if !slices.Contains(before, r) {
			path = r
		}
	}
	p.kill()
	b, err := os.ReadFile(path)
	if err := errors.Join(err, json.Unmarshal(b, &record)); err != nil {
		w.t.Fatal(err)
	}
	return path, record
}

func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.exited
}

// rewrite makes a record anew with other values.
func rewrite(t *testing.T, path string, record map[string]any, values map[string]any) {
	t.Helper()
	changed := map[string]any{}
	for k, v := range record {
		changed[k] = v
	}
	for k, v := range values {
		changed[k] = v
	}
	b, err := json.Marshal(changed)
	if err := errors.Join(err, os.WriteFile(path, b, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// A session is on record whatever happens to its folder: killed then, it is
// swept by the next start.
func TestASessionThatIsKilledAfterItsFolderWasDamagedIsSwept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows moves and removes no file that is open")
	}
	type strike = func(w *world, record string) error
	lockOf := func(record string) string { return strings.TrimSuffix(record, ".json") + ".lock" }
	for name, strike := range map[string]strike{
		"folder moved":   func(w *world, _ string) error { return os.Rename(w.state, w.state+".moved") },
		"folder removed": func(w *world, _ string) error { return os.RemoveAll(w.state) },
		"folder made anew": func(w *world, _ string) error {
			return errors.Join(os.Rename(w.state, w.state+".moved"), os.Mkdir(w.state, 0o700))
		},
		"leases removed":     func(w *world, _ string) error { return os.RemoveAll(w.leases()) },
		"record removed":     func(_ *world, record string) error { return os.Remove(record) },
		"record cut short":   func(_ *world, record string) error { return os.Truncate(record, 40) },
		"record overwritten": func(_ *world, record string) error { return os.WriteFile(record, []byte("{}\n"), 0o600) },
		"lock removed":       func(_ *world, record string) error { return os.Remove(lockOf(record)) },
		"lock replaced": func(_ *world, record string) error {
			return errors.Join(os.Remove(lockOf(record)), os.WriteFile(lockOf(record), nil, 0o600))
		},
		"lock, record, moved": func(_ *world, record string) error {
			return errors.Join(os.Rename(record, record+".moved"), os.Rename(lockOf(record), record+".lock"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.start(listenArgs()...)
			p.ready()
			if err := strike(w, w.records()[0]); err != nil {
				t.Fatal(err)
			}
			if s := p.wait(p.stdout, "session restored: "); !strings.Contains(s, "made again") {
				t.Errorf("it says %s", s)
			}
			p.kill()
			next := w.start(listenArgs()...)
			next.ready()
			if said := strings.Count(next.stderr.text(), "left behind when it was killed"); said != 1 {
				t.Errorf("it swept %d webhooks:\n%s", said, next.stderr.text())
			}
			if ids := w.left(); len(ids) != 1 {
				t.Errorf("the account has %v", ids)
			}
			next.signal(os.Interrupt)
			next.ends(0)
			if ids := w.left(); len(ids) != 0 {
				t.Errorf("the account has %v", ids)
			}
		})
	}
}

// While a session has no lock, another start takes it for dead. It is back on
// record afterwards, with a webhook.
func TestASessionThatLostItsLockIsBackAfterAnotherStart(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows moves and removes no file that is open")
	}
	t.Parallel()
	w := newWorld(t)
	p := w.start(listenArgs()...)
	p.ready()
	record := w.records()[0]
	if err := os.Remove(strings.TrimSuffix(record, ".json") + ".lock"); err != nil {
		t.Fatal(err)
	}
	other := w.start(listenArgs("--count", "1")...)
	other.ready()
	p.wait(p.stdout, "session restored: ")
	waitFor(t, w, func() bool { return len(w.left()) == 2 })
	w.happen("repo.update")
	p.wait(p.stdout, "repo.update")
	other.ends(0)
	p.signal(os.Interrupt)
	p.ends(0)
	w.nothingLeft()
}

func TestASessionThatCannotBeOnRecordEndsInOrder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows moves and removes no file that is open")
	}
	t.Parallel()
	w := newWorld(t)
	p := w.start(listenArgs()...)
	p.ready()
	if err := errors.Join(os.Rename(w.state, w.state+".moved"), os.WriteFile(w.state, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	p.wait(p.stdout, "session unrecorded: ")
	p.ends(1)
	if ids := w.left(); len(ids) != 0 {
		t.Errorf("the account has %v", ids)
	}
	if s := p.stderr.text(); !strings.Contains(s, "error: the session cannot be kept on record") || !strings.Contains(s, "hint: ") || !strings.Contains(s, "HF_TAP_STATE to another") {
		t.Errorf("it says %s", s)
	}
}

func TestADamagedRecordStopsNoCommand(t *testing.T) {
	w := newWorld(t)
	damaged, record := w.killed()
	// Both stay for now: the next start is to find them.
	other := filepath.Join(w.leases(), "00000000000000aa.json")
	rewrite(t, other, record, map[string]any{"id": "00000000000000aa", "webhook_id": "", "doubt": true, "token": strings.Repeat("1", 32)})
	if err := os.Truncate(damaged, 100); err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(damaged)
	id := strings.TrimSuffix(name, ".json")

	ls := w.run(0, "webhooks", "ls")
	if out := ls.stdout.text(); !strings.Contains(out, w.left()[0]) || !strings.Contains(out, "no record here") {
		t.Errorf("ls shows %s", out)
	}
	if s := ls.stderr.text(); !strings.Contains(s, name) || !strings.Contains(s, "hf-tap webhooks prune --forget "+id) {
		t.Errorf("ls says %s", s)
	}
	p := w.start(listenArgs()...)
	p.ready()
	if s := p.stderr.text(); strings.Count(s, name) != 1 || !strings.Contains(s, "1 webhook may still exist: hf-tap webhooks prune") {
		t.Errorf("listen says %s", s)
	}
	p.signal(os.Interrupt)
	p.ends(0)

	prune := w.run(0, "webhooks", "prune")
	if s := prune.stderr.text(); !strings.Contains(s, name) || !strings.Contains(s, "hf-tap webhooks prune "+w.left()[0]) {
		t.Errorf("prune says %s", s)
	}
	if out := prune.stdout.text(); !strings.Contains(out, "00000000000000aa") {
		t.Errorf("prune lists %s", out)
	}
	w.run(0, "webhooks", "prune", w.left()[0])
	w.run(0, "webhooks", "prune", "--forget", id, "--forget", "00000000000000aa")
	w.nothingLeft()
	if s := w.run(0, "webhooks", "prune").stderr.text(); !strings.Contains(s, "nothing was left behind") {
		t.Errorf("prune says %s", s)
	}
}

// kept makes n records that stay: of creates in doubt, on several endpoints.
func (w *world) kept(n int) (ids []string) {
	w.t.Helper()
	path, record := w.killed()
	w.run(0, "webhooks", "prune")
	for i := range n {
		id := fmt.Sprintf("%016x", i)
		values := map[string]any{"id": id, "webhook_id": "", "doubt": true, "token": fmt.Sprintf("%032x", i), "started": time.Now()}
		switch i % 3 {
		case 1:
			values["endpoint"] = "https://hub.invalid"
		case 2:
			values["user"], values["webhook_id"], values["doubt"] = "you", fmt.Sprintf("%024x", i), false
		}
		rewrite(w.t, filepath.Join(filepath.Dir(path), id+".json"), record, values)
		ids = append(ids, id)
	}
	return ids
}

func TestWhatMayBeLeftIsOneLineAtTheStartAndAListInPrune(t *testing.T) {
	w := newWorld(t)
	ids := w.kept(40)
	lists := w.CallCount("GET /api/settings/webhooks")
	p := w.start(listenArgs()...)
	p.ready()
	if n := w.CallCount("GET /api/settings/webhooks") - lists; n != 1 {
		t.Errorf("the webhooks were listed %d times", n)
	}
	if s := p.stderr.text(); strings.Count(s, "may still exist") != 1 || !strings.Contains(s, "40 webhooks may still exist: hf-tap webhooks prune\n") {
		t.Errorf("it says %s", s)
	}
	p.signal(os.Interrupt)
	p.ends(0)

	list := w.run(0, "webhooks", "prune").stdout.text()
	for i, id := range ids {
		j := strings.Index(list, id+" ")
		if j < 0 {
			t.Fatalf("%s is not in\n%s", id, list)
		}
		row, _, _ := strings.Cut(list[j:], "\n")
		want := []string{"unknown", w.endpoint, "me", "the Hub never said"}
		switch i % 3 {
		case 1:
			want = []string{"unknown", "https://hub.invalid", "HF_ENDPOINT=https://hub.invalid"}
		case 2:
			want = []string{fmt.Sprintf("%024x", i), w.endpoint, "you", `it belongs to the user "you"`}
		}
		for _, s := range want {
			if !strings.Contains(row, s) {
				t.Errorf("%q is not in %q", s, row)
			}
		}
	}
	// Without a token, too, and as an error: nothing could be pruned.
	w.env = append(w.env, "HF_TOKEN=", "HF_HUB_DISABLE_IMPLICIT_TOKEN=1")
	if out := w.run(1, "webhooks", "prune").stdout.text(); strings.Count(out, "\n") != 40 {
		t.Errorf("without a token prune lists %s", out)
	}
	// By the session's id and by the webhook's; it asks no Hub.
	forget := w.run(0, "webhooks", "prune", "--forget", ids[0], "--forget", fmt.Sprintf("%024x", 2)).stderr.text()
	if !strings.Contains(forget, ids[0]) || !strings.Contains(forget, ids[2]+"; its webhook "+fmt.Sprintf("%024x", 2)+" may still exist on "+w.endpoint) {
		t.Errorf("it says %s", forget)
	}
	if n := len(w.records()); n != 38 {
		t.Errorf("%d records are left", n)
	}
	w.run(1, "webhooks", "prune", "--forget", ids[0])
	w.run(2, "webhooks", "prune", "--forget", ids[1], strings.Repeat("0", 24))
}

func TestARecordOfASandboxThatIsGoneIsDroppedAfterADay(t *testing.T) {
	w := newWorld(t)
	path, record := w.killed()
	w.run(0, "webhooks", "prune")
	for id, age := range map[string]time.Duration{"00000000000000aa": 25 * time.Hour, "00000000000000bb": 23 * time.Hour} {
		rewrite(t, filepath.Join(filepath.Dir(path), id+".json"), record, map[string]any{
			"id": id, "endpoint": "http://" + porttest.Addr(t), "started": time.Now().Add(-age)})
	}
	p := w.start(listenArgs()...)
	p.ready()
	if s := p.stderr.text(); !strings.Contains(s, "1 webhook may still exist: hf-tap webhooks prune\n") {
		t.Errorf("it says %s", s)
	}
	p.signal(os.Interrupt)
	p.ends(0)
	if all := w.records(); len(all) != 1 || !strings.Contains(all[0], "00000000000000bb") {
		t.Errorf("left are %v", all)
	}
}

func TestTwoPrunesAtOnceAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := w.Hold("DELETE /api/settings/webhooks/*", sandbox.After)
	w.killed()
	first := w.start("webhooks", "prune")
	<-hold.Reached() // it is deleted, and still on record
	second := w.run(0, "webhooks", "prune")
	hold.Release()
	first.ends(0)
	if s := first.stderr.text(); !strings.Contains(s, "left behind by a session that was killed") {
		t.Errorf("the first says %s", s)
	}
	if s := second.stderr.text(); strings.Contains(s, "no record here") || strings.Contains(s, "left behind by") {
		t.Errorf("the second says %s", s)
	}
	w.nothingLeft()
}

func TestWebhooksOfAFolderThatDoesNotExistAreListed(t *testing.T) {
	w := newWorld(t)
	w.run(0, "webhooks", "ls")
	w.run(0, "webhooks", "prune")
	w.run(1, "webhooks", "prune", "--forget", "00000000000000aa")
	if _, err := os.Stat(w.state); err == nil {
		t.Error("looking made the folder")
	}
}
