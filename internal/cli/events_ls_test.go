package cli_test

import (
	"strings"
	"testing"
)

func TestAListSaysWhenItStopsAtItsLimit(t *testing.T) {
	w := newWorld(t)
	p := w.start(listenArgs("--plain", "--count", "3")...)
	p.ready()
	for range 3 {
		if _, err := w.Happen("repo.update", modelM, nil); err != nil {
			t.Fatal(err)
		}
	}
	p.ends(0)
	for args, want := range map[string]string{
		"-n 2":                     "stopped after the newest 2 events: --limit 0 lists all",
		"-n 1 --json":              "stopped after the newest 1 event: --limit 0 lists all",
		"-n 2 kind:repo.*":         "stopped after the newest 2 events: --limit 0 lists all",
		"-n 3":                     "",
		"":                         "",
		"--limit 0":                "",
		"-n 1 n:1":                 "",
		"-n 2 --failed":            "no events",
		"-n 2 discussion.* --json": "",
	} {
		if got := w.run(0, append([]string{"events", "ls"}, strings.Fields(args)...)...).stderr.text(); got != want {
			t.Errorf("events ls %s says %q, want %q", args, got, want)
		}
	}
}

func TestAnUnknownSessionIsSaid(t *testing.T) {
	w := newWorld(t)
	w.run(2, "events", "ls", "--session", "5e55").says(`there is no session "5e55"`, "hf-tap events ls")
	p := w.start(listenArgs("--plain", "--wait", "1ms")...)
	p.ends(0)
	p = w.start(listenArgs("--plain", "--count", "1")...)
	p.ready()
	if _, err := w.Happen("repo.update", modelM, nil); err != nil {
		t.Fatal(err)
	}
	p.ends(0)
	_, id, _ := strings.Cut(w.run(0, "events", "ls", "--json").stdout.text(), `"session":"`)
	id = id[:16]
	w.run(0, "events", "ls", "--session", id)
	for _, command := range []string{"events ls", "events replay", "events dismiss --failed"} {
		args := strings.Fields(command)
		w.run(2, append(args, "--session", id[:8])...).says(`there is no session "`+id[:8]+`"`, "hf-tap "+command+" --session "+id)
		w.run(2, append(args, "--session", "zz")...).says(`there is no session "zz"`, "the latest is: hf-tap "+command+" --session "+id)
	}
	// One without events is known all the same.
	w.run(0, "events", "ls", "--pending", "--session", id)
	w.run(0, "events", "replay", "--failed", "--session", id)
	w.run(0, "events", "dismiss", "--failed", "--session", id)
}
