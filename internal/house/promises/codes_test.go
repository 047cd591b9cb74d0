package promises

import (
	"net/http"
	"strings"
	"testing"
)

// TestExitCodes ends the program with each of its exit codes, and checks after
// each that nothing is left on the account, that an error says what to type next,
// and that nothing but data is on standard output.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	fails, down := newTarget(t, answering(http.StatusInternalServerError)).addr, downAddress(t)
	for _, c := range []struct {
		name string
		code int
		args []string
		env  []string
		send bool // an event comes when it is ready
	}{
		{name: "the version", code: 0, args: []string{"version"}},
		{name: "the help", code: 0, args: []string{"listen", "--help"}},
		{name: "the awaited event came", code: 0, args: []string{"listen", "model:me/m", "--json", "--count", "1", "--wait", "10m"}, send: true},
		{name: "an event that matches came", code: 0, args: []string{"listen", "model:me/m", "--json", "--until", "kind:repo.update"}, send: true},
		{name: "nothing was awaited", code: 0, args: []string{"listen", "model:me/m", "--json", "--wait", "1ms"}},
		{name: "a target failed, and nobody asked", code: 0, args: []string{"listen", "model:me/m", "--json", "--count", "1", "--forward", fails}, send: true},
		{name: "an empty history", code: 0, args: []string{"events", "ls"}},
		{name: "no webhooks", code: 0, args: []string{"webhooks", "ls", "--json"}},
		{name: "nothing to prune", code: 0, args: []string{"webhooks", "prune"}},

		{name: "a token that the Hub refuses", code: 1, args: []string{"listen", "model:me/m"}, env: []string{"HF_TOKEN=hf_wrong"}},
		{name: "no token", code: 1, args: []string{"listen", "model:me/m"}, env: []string{"HF_TOKEN="}},
		{name: "a Hub that is down", code: 1, args: []string{"listen", "model:me/m"}, env: []string{"HF_ENDPOINT=http://" + down}},
		{name: "offline", code: 1, args: []string{"listen", "model:me/m"}, env: []string{"HF_HUB_OFFLINE=1"}},
		{name: "a state folder that is a file", code: 1, args: []string{"listen", "model:me/m"}, env: []string{"HF_TAP_STATE=" + program}},
		{name: "an event that does not exist", code: 1, args: []string{"events", "show", "4711"}},

		{name: "an unknown command", code: 2, args: []string{"lisen"}},
		{name: "an unknown flag", code: 2, args: []string{"listen", "--forwrad", "7860"}},
		{name: "a flag without its value", code: 2, args: []string{"listen", "--forward"}},
		{name: "an app that does not exist", code: 2, args: []string{"listen", "model:me/m", "--", "./no-such-app"}},
		{name: "a watch that is none", code: 2, args: []string{"listen", "me/m/x"}},
		{name: "a target that is none", code: 2, args: []string{"listen", "model:me/m", "--forward", "ftp://x"}},
		{name: "two formats", code: 2, args: []string{"listen", "model:me/m", "--plain", "--json"}},
		{name: "a filter with an error", code: 2, args: []string{"events", "ls", "status:>=x"}},
		{name: "an event number that is none", code: 2, args: []string{"events", "show", "abc"}},
		{name: "nothing to replay named", code: 2, args: []string{"events", "replay"}},

		{name: "the awaited event did not come", code: 3, args: []string{"listen", "model:me/m", "--json", "--count", "1", "--wait", "1ms"}},
		{name: "none that matches came", code: 3, args: []string{"listen", "model:me/m", "--json", "--until", "kind:repo.delete", "--wait", "300ms"}, send: true},
		{name: "fewer came, and a target failed", code: 3, args: []string{"listen", "model:me/m", "--json", "--count", "9", "--wait", "300ms", "--fail-on-error", "--forward", fails}, send: true},

		{name: "a target failed", code: 4, args: []string{"listen", "model:me/m", "--json", "--count", "1", "--fail-on-error", "--forward", fails}, send: true},
		{name: "a target was down", code: 4, args: []string{"listen", "model:me/m", "--json", "--count", "1", "--fail-on-error", "--wait-target", "0", "--forward", down}, send: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.extra = c.env
			p := w.start(c.args...)
			if c.send {
				p.ready(t)
				w.happen("repo.update", 1)
			}
			p.ends(t, c.code)
			w.quiet()
			w.clean(t)
			switch {
			case c.code == 1 || c.code == 2:
				saysWhatToType(t, p)
			case c.send:
				p.events(t) // are JSON
			}
		})
	}
}

// saysWhatToType checks the two lines of an error, at the end of the messages.
func saysWhatToType(t *testing.T, p *process) {
	t.Helper()
	if out := p.stdout.text(); out != "" {
		t.Errorf("hf-tap %q failed, and printed %q", p.cmd.Args[1:], out)
	}
	text := strings.TrimSpace(p.stderr.text())
	if !strings.Contains("\n"+text, "\nerror: ") {
		t.Errorf("hf-tap %q: there is no error in %q", p.cmd.Args[1:], text)
	}
	if last := p.stderr.last(); !strings.HasPrefix(last, "hint: ") {
		t.Errorf("hf-tap %q: the last line %q is no hint", p.cmd.Args[1:], last)
	}
}

func TestExitCodesOfReplays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	works, fails := newTarget(t), newTarget(t, answering(http.StatusTeapot))
	p := w.listen("--json", "--forward", fails.addr)
	s := newSender(t)
	s.mustPost(t, p.ready(t), "first", []byte(`{"a":1}`))
	p.wait(t, p.stdout, `"first"`)
	w.interruptOrKill(p)

	w.run(4, "events", "replay", "--failed", "--fail-on-error", "--json")
	w.run(0, "events", "replay", "--failed", "--json")
	w.run(4, "events", "replay", "1", "--fail-on-error", "--forward", downAddress(t))
	w.run(1, "events", "replay", "4711")
	w.run(0, "events", "replay", "1", "--fail-on-error", "--forward", works.addr)
	if got := works.all(); len(got) != 1 || got[0].id != "first" {
		t.Errorf("the target that works got %+v", got)
	}
	w.clean(t)
}
