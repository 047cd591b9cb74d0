package mcp_test

import (
	"context"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/hf-tap/hf-tap/hub"
)

func TestAClientCallsEveryTool(t *testing.T) {
	w := newWorld(t)
	h := newHandler(t)
	c := w.connect()
	list, err := c.ListTools(t.Context(), nil)
	must(t, err)
	called := map[string]bool{}
	call := func(tool string, a args) value {
		t.Helper()
		called[tool] = true
		return c.call(tool, a)
	}

	call("list_events", nil).key("events").is("[]")
	call("session_status", nil).key("sessions").is("[]")
	started := call("start_listening", args{"watches": []string{"model:me/m"}, "targets": []string{h.port + "/hook"}})
	started.key("started").is(true)
	started.key("session", "webhook").is(w.Webhooks("me")[0].ID)
	call("list_webhooks", nil).key("webhooks", 0, "id").is(w.Webhooks("me")[0].ID)
	call("doctor", args{"targets": []string{h.port}}).key("works").is(true)

	w.happen("discussion.comment.create")
	came := call("wait_for_event", args{"after": 0, "filter": "discussion.*"})
	came.key("matched").is(true)
	came.key("event", "event", "source").is("sandbox")
	came.key("event", "untrusted", "answers", 0, "body", "text").is("thanks")
	n := came.key("event", "event", "n").number()

	h.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		_, _ = w.Write([]byte("KeyError: 'content'"))
	})
	sent := call("trigger_event", args{"kind": "repo.update", "repo": "model:me/m"})
	sent.key("via").is("session " + started.key("session", "id").text())
	sent.key("sent", 0, "attempts", 0, "status").is(500)
	sent.key("sent", 0, "untrusted", "answers", 0, "body", "text").is("KeyError: 'content'")

	h.answers(nil)
	again := call("replay_event", args{"n": n, "times": 2, "new_id": true})
	again.key("sent", 1, "event", "replay_of").is(n)
	again.key("sent", 1, "attempts", 0, "ok").is(true)
	call("get_event", args{"n": n}).key("untrusted", "body", "encoding").is("utf-8")
	if h.got() != 4 {
		t.Errorf("the handler got %d events", h.got())
	}
	status := call("session_status", nil)
	status.key("sessions", 0, "own").is(true)
	status.key("last_n").is(4)
	status.key("failed").is(1)

	call("diff_events", args{"before": n, "now": 3}).key("differ").is(false)
	call("check_handler", args{"target": h.port, "only": []string{"kinds"}}).key("passed").is(true)
	call("stop_listening", nil).key("stopped").is(true)
	w.nothingLeft()
	for _, tool := range list.Tools {
		if !called[tool.Name] {
			t.Errorf("%s was not called", tool.Name)
		}
		if tool.Description == "" || tool.Title == "" || tool.OutputSchema == nil || tool.Annotations == nil {
			t.Errorf("%s is not described", tool.Name)
		}
	}
	must(t, c.Close())
	c.ends(0)
}

func TestEventsAreResources(t *testing.T) {
	w := newWorld(t)
	h := newHandler(t)
	c := w.connect()
	c.call("trigger_event", args{"kind": "repo.update", "target": h.port})
	templates, err := c.ListResourceTemplates(t.Context(), nil)
	must(t, err)
	if len(templates.ResourceTemplates) != 2 {
		t.Errorf("%d templates", len(templates.ResourceTemplates))
	}
	for uri, want := range map[string]string{
		"hf-tap://events":        `"kind":"repo.update"`,
		"hf-tap://events/1":      `"notice":"Everything in a field`,
		"hf-tap://events/1/body": h.bodies[0],
	} {
		r, err := c.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		must(t, err)
		if got := r.Contents[0].Text; !strings.Contains(got, want) {
			t.Errorf("%s: %s", uri, got)
		}
	}
	for _, uri := range []string{"hf-tap://events/2", "hf-tap://events/x", "hf-tap://events/-1/body", "file:///etc/passwd"} {
		if _, err := c.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri}); err == nil {
			t.Errorf("%s was read", uri)
		}
	}
}

func TestWaitingTellsHowFarItIs(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	params := &sdk.CallToolParams{Name: "wait_for_event", Arguments: args{"timeout_seconds": 5}}
	params.SetProgressToken("token")
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err := c.CallTool(context.WithoutCancel(t.Context()), params)
		if err != nil || r.IsError {
			t.Errorf("%v %v", r, err)
			return
		}
		value{t, r.StructuredContent}.key("matched").is(false)
	}()
	if text := <-c.progress; !strings.Contains(text, "waiting") {
		t.Errorf("progress: %s", text)
	}
	within(t, done, "the wait does not end")
}

func TestWithoutPermissionTheAccountIsNotTouched(t *testing.T) {
	tools := func(c *client) []string {
		list, err := c.ListTools(t.Context(), nil)
		must(t, err)
		names := map[string]bool{}
		for _, tool := range list.Tools {
			names[tool.Name] = true
		}
		return slices.Sorted(maps.Keys(names))
	}
	touching := []string{"list_webhooks", "start_listening", "stop_listening"}
	w := newWorld(t)
	w.env = append(w.env, "HF_ENDPOINT=https://huggingface.co")
	for _, name := range tools(w.connect()) {
		if slices.Contains(touching, name) {
			t.Errorf("%s exists", name)
		}
	}
	allowed := tools(w.connect("--allow-webhooks"))
	sandboxed := tools(newWorld(t).connect())
	for _, name := range touching {
		if !slices.Contains(allowed, name) || !slices.Contains(sandboxed, name) {
			t.Errorf("%s does not exist", name)
		}
	}
}

func TestASessionOfTheUserIsUsed(t *testing.T) {
	w := newWorld(t)
	h := newHandler(t)
	user := w.listen("model:me/m", "--forward", h.port)
	c := w.connect()
	status := c.call("session_status", nil)
	id := status.key("sessions", 0, "id").text()
	status.key("sessions", 0, "own").is(false)
	c.call("start_listening", nil).key("started").is(false)
	sent := c.call("trigger_event", args{"kind": "repo.update", "repo": "model:me/m"})
	sent.key("via").is("session " + id)
	sent.key("sent", 0, "attempts", 0, "ok").is(true)
	c.call("replay_event", args{"n": 1}).key("via").is("session " + id)
	c.call("stop_listening", nil).key("stopped").is(false)
	if len(w.Webhooks("me")) != 1 {
		t.Errorf("%d webhooks", len(w.Webhooks("me")))
	}
	user.end()
	w.nothingLeft()
}

// listening is hf-tap listen as its user runs it.
type listening struct {
	t   *testing.T
	cmd *exec.Cmd
}

func (w *world) listen(args ...string) *listening {
	w.t.Helper()
	ready := filepath.Join(w.t.TempDir(), "ready")
	l := &listening{w.t, exec.Command(binary, append(append([]string{"listen"}, args...), "--json", "--ready-file", ready)...)}
	l.cmd.Env, l.cmd.Dir = w.env, w.t.TempDir()
	stderr, err := l.cmd.StderrPipe()
	must(w.t, err)
	must(w.t, l.cmd.Start())
	w.t.Cleanup(func() { _ = l.cmd.Process.Kill(); _ = l.cmd.Wait() })
	var all strings.Builder
	for b := make([]byte, 4096); !strings.Contains(all.String(), "ready: "); {
		n, err := stderr.Read(b)
		all.Write(b[:n])
		if err != nil {
			w.t.Fatalf("listen ended: %s", all.String())
		}
	}
	return l
}

func (l *listening) end() {
	l.t.Helper()
	must(l.t, l.cmd.Process.Signal(os.Interrupt))
	if err := l.cmd.Wait(); err != nil {
		l.t.Errorf("listen: %v", err)
	}
}

func TestARunningSessionServesWhatItWatches(t *testing.T) {
	w := newWorld(t)
	must(t, w.AddRepo(hub.Repo{Type: "dataset", Name: "me/d"}, false))
	h := newHandler(t)
	user := w.listen("model:me/m")
	c := w.connect()
	id := c.call("session_status", nil).key("sessions", 0, "id").text()
	served := c.call("start_listening", args{"watches": []string{"model:me/m"}})
	served.key("started").is(false)
	served.key("session", "id").is(id)
	served.key("session", "watches").is([]string{"model:me/m"})
	// What it does not watch, and where it may not forward, needs another one.
	own := c.call("start_listening", args{"watches": []string{"dataset:me/d"}, "targets": []string{h.port}})
	own.key("started").is(true)
	c.call("start_listening", args{"watches": []string{"dataset:me/d"}, "targets": []string{h.port}}).key("started").is(false)
	c.fails("start_listening", args{"watches": []string{"user:me"}}, "stop_listening")
	// The own one is taken, whatever the repo; another by its name.
	c.call("trigger_event", args{"kind": "repo.update"}).key("sent", 0, "event", "untrusted", "repo").is("dataset:me/d")
	c.call("trigger_event", args{"kind": "repo.update", "session": id}).key("sent", 0, "event", "untrusted", "repo").is("model:me/m")
	second := w.connect()
	second.fails("trigger_event", args{"kind": "repo.update"}, "several sessions run")
	second.call("trigger_event", args{"kind": "repo.update", "repo": "dataset:me/d"}).key("via").is("session " + own.key("session", "id").text())
	user.end()
}
