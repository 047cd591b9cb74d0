package cli_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// A handler takes POST at a path of its own, and not every app can be told its port: a
// path alone is enough for one that reads PORT.
func TestAPathAloneIsAPathOfTheApp(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	w := newWorld(t)
	app := []string{"--", "sh", "-c", "exec " + binary + " sandbox --port $PORT"} // answers 404 at most paths
	for name, c := range map[string]struct {
		args       []string
		path, hint string
	}{
		"none":           {nil, "", "--forward /webhook or --forward /webhooks/huggingface, or the path"},
		"a path":         {[]string{"--forward", "/webhook"}, "/webhook", "--forward /webhooks/huggingface, or the path"},
		"behind a match": {[]string{"--forward", "repo.*=/webhook?x=a=b"}, "/webhook?x=a=b", "--forward /webhooks/huggingface, or the path"},
	} {
		p := w.start(append(listenArgs(append([]string{"--json"}, c.args...)...), app...)...)
		line := p.wait(p.stderr, "sh | export HF_ENDPOINT=")
		address := line[strings.Index(line, "http://"):]
		w.happen("repo.update")
		if event := p.wait(p.stdout, `"type":"event"`); !strings.Contains(event, `"target":"`+address+c.path+`"`) {
			t.Errorf("%s: the app at %s got %s", name, address, event)
		}
		if state := p.wait(p.stdout, `"wrong path"`); !strings.Contains(state, `"detail":"`+c.hint) {
			t.Errorf("%s: the hint is %s", name, state)
		}
		p.signal(os.Interrupt)
		p.ends(0)
	}
	w.nothingLeft()

	// The port of another target on this machine is the app's.
	out := w.run(0, append(listenArgs("--forward", "default=/rest", "--forward", "discussion.*=127.0.0.1:4711/bot"), "--", "sh", "-c", "echo port $PORT")...).stderr.text()
	if !strings.Contains(out, "handing to http://127.0.0.1:4711/rest") || !strings.Contains(out, "sh | port 4711") {
		t.Errorf("it says\n%s", out)
	}
	w.run(2, listenArgs("--forward", "/webhook")...).says(`target "/webhook": want a port, .*`, "hf-tap listen --forward 7860/webhook")
	w.run(2, listenArgs("--forward", "repo.*=/webhook")...).says(`.*target "/webhook": want a port, .*`, `hf-tap listen --forward 'repo\.\*=7860/webhook'`)
}
