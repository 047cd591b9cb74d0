package promises

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// readyFile waits until the ready file exists, as scripts do, and returns what is
// in it; "" when the program has ended.
func (w *world) readyFile(p *process, file string) string {
	w.t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		text, err := os.ReadFile(file)
		switch {
		case err == nil:
			// It is never there in part.
			if !strings.HasPrefix(string(text), "http") || !strings.HasSuffix(string(text), "\n") {
				w.t.Errorf("the ready file holds %q", text)
			}
			return strings.TrimSpace(string(text))
		case !errors.Is(err, fs.ErrNotExist):
			w.t.Fatal(err)
		}
		select {
		case <-again.C:
		case <-p.exited:
			return ""
		}
	}
}

func TestTheReadyFileIsThereWhileTheSessionIsReady(t *testing.T) {
	t.Parallel()
	needsSignals(t)
	w := newWorld(t)
	file := filepath.Join(w.home, "ready")
	s := newSender(t)
	for _, end := range []string{"SIGKILL", "SIGINT"} { // a killed session leaves its file to the next start
		held := w.hold("POST", hooks, true)
		p := w.listen("--ready-file", file, "--json")
		held.wait(t, p)
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the session is not ready, and its ready file exists: %v", err)
		}
		held.release()
		url := w.readyFile(p, file)
		if url == "" {
			t.Fatalf("it ended with %d before it was ready\n%s", p.code, p.said())
		}
		// Ready means that the webhook is there, and that what comes is recorded.
		if ids := w.webhooks(); len(ids) != 1 {
			t.Errorf("the session is ready and the account has %v", ids)
		}
		s.mustPost(t, url, "after-"+end, []byte(`{"a":1}`))
		p.wait(t, p.stdout, `"after-`+end+`"`)
		if said := p.ready(t); said != url {
			t.Errorf("it said ready: %s, and the file holds %s", said, url)
		}
		if end == "SIGKILL" {
			p.kill()
			w.quiet()
			continue
		}
		w.interrupt(p)
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the session has ended, and its ready file exists: %v", err)
		}
	}
}

func TestTheReadyFileNeverAppearsWhenTheStartFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := filepath.Join(w.home, "ready")
	if err := os.WriteFile(file, []byte("http://127.0.0.1:1/of-an-earlier-run\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.extra = []string{"HF_TOKEN=hf_wrong"}
	p := w.listen("--ready-file", file)
	p.ends(t, 1)
	if text, err := os.ReadFile(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing is ready, and the ready file holds %q, %v", text, err)
	}
	if _, ok := p.stderr.find(func(s string) bool { return strings.HasPrefix(s, "ready: ") }); ok {
		t.Errorf("it says that it is ready\n%s", p.said())
	}
}
