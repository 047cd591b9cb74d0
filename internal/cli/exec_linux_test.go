package cli_test

import (
	"os"
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
