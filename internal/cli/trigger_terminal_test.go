//go:build !windows

package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// editorThat is an editor that runs a shell script on the file.
func (w *world) editorThat(script string) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "editor")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nset -e\n"+script+"\n"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.env = append(w.env, "EDITOR="+path, "VISUAL=")
}

func TestAPayloadIsEditedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	// The file is for people: a line for each key.
	w.editorThat(`grep -q '^    "name": "me/example",$' "$1"; sed 's/me.example/me\/edited/' "$1" > "$1.new"; mv "$1.new" "$1"`)
	p := w.inTerminal(120, 20, "trigger", "repo.update", "--edit", "--to", a.port)
	p.shows("model:me/edited", " 200 in ", "code 0.")
	if body := string(a.body(a.ids()[0])); !strings.Contains(body, `"name":"me/edited"`) {
		t.Errorf("the handler got %s", body)
	}
}

func TestAPayloadThatIsNotJSONIsEditedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	w.editorThat(`if test -e "$1.second"; then echo '{"event":{"scope":"repo","action":"update"}}' > "$1"; else echo '{"a":' > "$1"; touch "$1.second"; fi`)
	p := w.inTerminal(120, 20, "trigger", "repo.update", "--edit", "--to", a.port)
	p.shows("line 2: invalid JSON", "edit it again? [y/N]")
	p.keys("y", "Enter")
	p.shows(" 200 in ", "code 0.")

	for key, want := range map[string]string{"Enter": "error: the payload cannot be sent: line 2: invalid JSON", "C-c": "code 130."} {
		w := newWorld(t)
		w.editorThat(`echo '{"a":' > "$1"`)
		p := w.inTerminal(120, 20, "trigger", "repo.update", "--edit", "--to", a.port)
		p.shows("edit it again? [y/N]")
		p.keys(key)
		p.shows(want)
	}
	w = newWorld(t)
	w.editorThat(`: > "$1"`)
	w.inTerminal(120, 20, "trigger", "repo.update", "--edit", "--to", a.port).shows("error: the payload is empty: nothing was sent", "code 1.")
	w = newWorld(t)
	w.editorThat(`exit 3`)
	w.inTerminal(120, 20, "trigger", "repo.update", "--edit", "--to", a.port).shows("error: edit the payload with ", "code 1.")
	if n := len(a.ids()); n != 1 {
		t.Errorf("%d were sent", n)
	}
}

func TestATriggerThatTakesLongSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(app.Close)
	p := w.inTerminal(120, 30, "trigger", "repo.update", "--repeat", "12", "--to", app.URL)
	p.shows("trigger: 0 of 12 (0%)")
	close(held)
	if screen := p.shows("code 0."); strings.Contains(screen, "of 12") || strings.Count(screen, " 200 in ") != 12 {
		t.Errorf("in the end it shows\n%s", screen)
	}
}
