package mcp_test

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheUsersOwnFileCountsWithoutItsCommands(t *testing.T) {
	w := newWorld(t)
	h := newHandler(t)
	ran := filepath.Join(t.TempDir(), "ran")
	config := filepath.Join(t.TempDir(), "config.toml")
	must(t, os.WriteFile(config, []byte("forward = \""+h.port+"/hook\"\nwatch = \"model:me/m\"\nexec = \"touch "+ran+"\"\nuntil = \"repo.*\"\n"), 0o600))
	w.env = append(w.env, "HF_TAP_CONFIG="+config)
	c := w.connect()
	c.call("session_status", nil).key("targets").is([]string{"http://127.0.0.1:" + h.port + "/hook"})
	c.call("start_listening", nil).key("session", "watches").is([]string{"model:me/m"})
	sent := c.call("trigger_event", args{"kind": "repo.update", "repo": "model:me/m"})
	if n := sent.key("sent", 0, "attempts").len(); n != 1 || h.got() != 1 {
		t.Errorf("%d attempts, and the handler got %d", n, h.got())
	}
	c.call("session_status", nil).key("sessions", 0, "own").is(true) // --until is for listen
	if _, err := os.Stat(ran); err == nil {
		t.Error("the command was run")
	}
}

func TestAProjectsFileDoesNotCount(t *testing.T) {
	w := newWorld(t)
	must(t, os.WriteFile(filepath.Join(w.folder, ".hf-tap.toml"), []byte("forward = \"http://evil.example/\"\nexec = \"touch ran\"\n"), 0o600))
	c := w.connect()
	c.call("session_status", nil).key("targets").is("[]")
	c.fails("trigger_event", args{"kind": "repo.update", "target": "http://evil.example/"}, "not on this machine")
	if _, has := c.call("start_listening", args{"watches": []string{"model:me/m"}}).key("session").v.(map[string]any)["targets"]; has {
		t.Error("the session has targets")
	}
}
