package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAKilledSessionLeavesNoCommandBehind(t *testing.T) {
	w := newWorld(t)
	p, child := w.runsForLong()
	p.signal(os.Kill)
	<-p.exited
	waitFor(t, w, func() bool { return !lives(child) })
	next := w.run(0, listenArgs("--wait", "1ms")...)
	next.has(next.stderr, "1 event may not have been handed over: hf-tap events replay --pending")
	w.nothingLeft()
}

func TestTheNextStartRemovesThePayloadOfAKilledSession(t *testing.T) {
	w := newWorld(t)
	up := filepath.Join(t.TempDir(), "up")
	p := w.start(listenArgs("--exec", `echo "$WEBHOOK_PAYLOAD_FILE" >'`+up+`.new'; mv '`+up+`.new' '`+up+`'; sleep 1000`)...)
	p.ready()
	if _, err := w.Happen("discussion.comment.create", modelM, map[string]any{"comment.content": strings.Repeat("x", 200<<10)}); err != nil {
		t.Fatal(err)
	}
	var file string
	waitFor(t, w, func() bool {
		b, err := os.ReadFile(up)
		file = strings.TrimSpace(string(b))
		return err == nil
	})
	if _, err := os.Stat(file); err != nil || !strings.HasPrefix(file, w.state) {
		t.Errorf("the payload is in %q: %v", file, err)
	}
	p.signal(os.Kill)
	<-p.exited
	if _, err := os.Stat(file); err != nil {
		t.Errorf("a kill leaves no file, so that this test shows nothing: %v", err)
	}
	w.run(0, listenArgs("--wait", "1ms")...)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("after the next start the file is there: %v", err)
	}
	w.nothingLeft()
}
