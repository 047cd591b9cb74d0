package promises

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestAPanicDeletesTheWebhook provokes a panic in the program as it is built,
// while it prints large bodies.
func TestAPanicDeletesTheWebhook(t *testing.T) {
	t.Parallel()
	names := readSymbols(t, program)
	w := newWorld(t)
	file := filepath.Join(w.home, "ready")
	p := w.listen("--json", "--ready-file", file, "--forward", newTarget(t).addr)
	url := p.ready(t)
	s := newSender(t)
	f := faulter{t: t, pid: p.cmd.Process.Pid, names: names, wanted: printsJSON, seen: map[string]int{}}
	body := largeJSON()
	sent := 0
	for faulted := false; !faulted; sent++ {
		if sent == 50 {
			t.Fatalf("no moment was found in which a fault becomes a panic: %v\n%s", f.seen, p.said())
		}
		id := fmt.Sprintf("large-%d.", sent)
		s.mustPost(t, url, id, body)
		printed := make(chan struct{})
		go func() {
			p.stdout.find(func(line string) bool { return strings.Contains(line, id) })
			close(printed)
		}()
		faulted = f.fault(printed)
	}
	p.ends(t, 1)
	w.clean(t)
	if !saysDeleted(p) {
		t.Errorf("it does not say that the webhook is deleted:\n%s", p.said())
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ready file is left: %v", err)
	}
	if events := byDelivery(w.history(0)); len(events) != sent {
		t.Errorf("%d deliveries were answered 200, and the history has %d", sent, len(events))
	}
}

// printsJSON reports whether a goroutine with this stack prints JSON and can
// panic.
func printsJSON(stack []string) bool {
	// The runtime does not panic in its own functions, of which those in assembly
	// have no package.
	inner := stack[0]
	if !strings.Contains(inner, ".") || startsWith(inner, "runtime.", "internal/", "sync.", "sync/", "syscall.") {
		return false
	}
	ours, json := false, false
	for _, f := range stack {
		// The database holds locks that a panic in its middle does not release, and
		// net/http recovers.
		if startsWith(f, "database/sql.", "modernc.org/", "net/http.") {
			return false
		}
		ours = ours || strings.HasPrefix(f, module)
		json = json || strings.Contains(strings.ToLower(f), "json")
	}
	return ours && json
}

func startsWith(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// largeJSON is a body that takes a while to print.
func largeJSON() []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range 600_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"a":` + strconv.Itoa(i) + `}`)
	}
	b.WriteByte(']')
	return b.Bytes()
}
