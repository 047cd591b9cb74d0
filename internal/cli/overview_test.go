package cli_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// overview runs hf-tap alone, and compares its lines, as patterns, with those
// before the commands to go on with.
func (w *world) overview(want ...string) {
	w.t.Helper()
	p := w.with("HF_TOKEN=", "HF_ENDPOINT=http://"+porttest.Addr(w.t)).run(0) // no Hub is asked
	left, next, _ := strings.Cut(p.stdout.text(), "\n\n")
	if !regexp.MustCompile("^"+strings.Join(want, "\n")+"$").MatchString(left) || p.stderr.text() != "" {
		w.t.Errorf("want %q in\n%s\n%s", want, p.stdout.text(), p.stderr.text())
	}
	if lines := strings.Split(next, "\n"); len(lines) != 3 || strings.Count("\n"+next, "\nhf-tap ") != 3 {
		w.t.Errorf("these are not three commands:\n%s", next)
	}
}

func TestHfTapAloneShowsWhatRunsAndWhatIsLeft(t *testing.T) {
	w := newWorld(t)
	w.overview("nothing is running, and nothing is left")
	if _, err := os.Stat(w.state); err == nil {
		t.Error("it made the state folder")
	}
	addr := porttest.Addr(t)
	p := w.start(listenArgs("--forward", addr, "--wait-target", "0")...)
	p.ready()
	id := w.left()[0]
	running := `running  session \w{16} since [\d:]{8} · webhook ` + id + ` of me · http://127.0.0.1:\d+`
	w.overview(running)
	if _, err := w.Happen("repo.update", modelM, nil); err != nil {
		t.Fatal(err)
	}
	p.wait(p.stdout, "FAIL connection refused")
	const failed = `left     1 event failed: hf-tap events replay --failed`
	w.overview(running, failed)
	q := w.start(listenArgs("--forward", addr)...)
	q.ready()
	if _, err := w.Happen("repo.update", modelM, nil); err != nil {
		t.Fatal(err)
	}
	q.wait(q.stdout, "waiting for")
	w.overview(running, `running  session .*`, `left     \d events? failed: .*`)
	q.signal(os.Kill)
	<-q.exited
	p.signal(os.Kill)
	<-p.exited
	pending := `left     1 event may not have been handed over: hf-tap events replay --pending`
	w.overview(`left     \d events? failed: .*`, pending, `left     2 killed sessions may have left a webhook, or one that is muted: hf-tap webhooks prune`)
	// What it says to type does it.
	w.run(0, "webhooks", "prune")
	w.overview(`left     \d events? failed: .*`, pending)
	newApp(t, addr)
	w.run(0, "events", "replay", "--pending")
	w.run(0, "events", "replay", "--failed")
	w.overview("nothing is running, and nothing is left")
}

func TestHfTapAloneClaimsNothingOfAHistoryThatItCannotRead(t *testing.T) {
	w := newWorld(t)
	if err := errors.Join(os.MkdirAll(w.state, 0o700), os.WriteFile(filepath.Join(w.state, "history.db"), []byte(strings.Repeat("no database ", 1000)), 0o600)); err != nil {
		t.Fatal(err)
	}
	p := w.run(1)
	p.says(`open the history .*`, "hf-tap events recover.*")
	if out := p.stdout.text(); strings.Contains(out, "nothing is left") || !strings.Contains(out, "hf-tap events ls") {
		t.Errorf("it says\n%s", out)
	}
}
