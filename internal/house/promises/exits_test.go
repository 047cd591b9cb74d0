package promises

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// way is a way out of a session.
type way struct {
	name  string
	args  []string // further ones of listen
	app   string   // the status of the app behind "--", "" for none
	leave func(*running)
	code  int  // the exit code
	mute  bool // nobody reads its messages
	early bool // the session may end before a delivery comes
}

// running is a session that is about to end.
type running struct {
	*world
	*process
	t      *testing.T
	url    string
	sender sender
}

// deliver sends one more delivery.
func (r *running) deliver(id string) {
	r.t.Helper()
	r.sender.mustPost(r.t, r.url, id, []byte(`{"event":{"action":"update","scope":"repo"},"repo":{"type":"model","name":"me/m"}}`))
}

func bySignal(s syscall.Signal) func(*running) {
	return func(r *running) { r.signal(r.t, s) }
}

// waysOut are all ways but those of a terminal and of a panic.
var waysOut = []way{
	{name: "SIGINT", leave: bySignal(syscall.SIGINT)},
	{name: "SIGTERM", leave: bySignal(syscall.SIGTERM)},
	{name: "SIGQUIT", leave: bySignal(syscall.SIGQUIT)},
	{name: "SIGHUP", leave: bySignal(syscall.SIGHUP)},
	{name: "the count is reached", args: []string{"--count", "2"}, leave: func(r *running) { r.deliver("second") }},
	{name: "the awaited event comes", args: []string{"--until", "repo.update"}, leave: func(r *running) { r.happen("repo.update", 1) }},
	{name: "the time is over", args: []string{"--wait", "1ms"}, early: true, leave: func(*running) {}},
	{name: "the reader of its output goes away", leave: func(r *running) { r.stdout.close() }},
	{name: "the reader of its output goes away under deliveries", leave: func(r *running) {
		r.deliver("second")
		r.stdout.close()
		_, _ = r.sender.post(r.url, "third", nil) // the session may have ended
	}},
	{name: "the reader of its messages goes away, and then SIGINT", mute: true, leave: func(r *running) {
		r.stderr.close()
		r.deliver("second")
		r.signal(r.t, os.Interrupt)
	}},
	{name: "both readers go away", mute: true, leave: func(r *running) {
		r.stderr.close()
		r.stdout.close()
	}},
	{name: "its app ends with 0", app: "0", leave: func(*running) {}},
	{name: "its app ends with 7", app: "7", code: 7, leave: func(*running) {}},
}

func TestEveryWayOutDeletesTheWebhook(t *testing.T) {
	t.Parallel()
	needsSignals(t)
	for _, way := range waysOut {
		for _, format := range []string{"--plain", "--json"} {
			t.Run(way.name+" "+format, func(t *testing.T) {
				t.Parallel()
				way.take(t, format)
			})
		}
	}
}

func (way way) take(t *testing.T, format string) {
	w := newWorld(t)
	readyFile := filepath.Join(w.home, "ready")
	args := append([]string{format, "--ready-file", readyFile}, way.args...)
	if way.app != "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		w.extra = []string{appVariable + "=" + way.app}
		// A port that hf-tap chose might be somebody else's before the app listens.
		args = append(args, "--forward", downAddress(t), "--", self)
	} else {
		args = append(args, "--forward", newTarget(t).addr)
	}
	r := &running{world: w, process: w.listen(args...), t: t, sender: newSender(t)}
	r.url = r.ready(t)
	if !way.early {
		r.deliver("first")
		if way.app == "" { // or it may have ended
			r.wait(t, r.stdout, "repo.update") // what is closed later is not closed under a write
		}
	}
	way.leave(r)
	r.ends(t, way.code)
	w.clean(t)
	if _, err := os.Stat(readyFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ready file is left: %v", err)
	}
	if !way.mute && !saysDeleted(r.process) {
		t.Errorf("it does not say at its end that the webhook is deleted:\n%s", r.said())
	}
	if list := byDelivery(w.history(0))["first"]; len(list) != 1 && !way.early {
		t.Errorf("the history has %d of a delivery that was answered 200", len(list))
	}
}

// saysDeleted reports whether the last line of the messages says that the
// webhook is deleted. Only an error stands below it.
func saysDeleted(p *process) bool {
	if p.code != 0 {
		return strings.Contains(p.stderr.text(), "deleted")
	}
	return strings.Contains(p.stderr.last(), "deleted")
}

func TestASignalAtEachCallLeavesNothing(t *testing.T) {
	t.Parallel()
	needsSignals(t)
	for _, step := range steps {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			t.Run(step.name+" "+sig.String(), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				held := w.hold(step.method, step.path, step.answer)
				p := w.listen()
				if step.stopping {
					p.ready(t)
					p.signal(t, sig)
					held.wait(t, p)
				} else {
					held.wait(t, p)
					p.signal(t, sig)
				}
				held.release()
				p.ends(t, 0)
				w.clean(t)
			})
		}
	}
}

func TestASecondInterruptLeavesAtOnceAndTheNextStartSweeps(t *testing.T) {
	t.Parallel()
	needsSignals(t)
	w := newWorld(t)
	p := w.listen()
	p.ready(t)
	held := w.hold("DELETE", hooks+"/*", false)
	p.signal(t, os.Interrupt)
	held.wait(t, p)
	// One that comes at once is a wrapper's, and counts as the first one.
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for waiting := true; waiting; {
		select {
		case <-p.exited:
			waiting = false
		case <-again.C:
			_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended just now
		}
	}
	p.ends(t, 130)
	if ids := w.webhooks(); len(ids) != 1 {
		t.Errorf("the account has %v", ids)
	}
	held.release()
	w.quiet()
	w.sweeps()
}

func TestWithoutMessagesFromTheStartASessionWorksAndLeavesNothing(t *testing.T) {
	t.Parallel()
	needsSignals(t)
	w := newWorld(t)
	cmd := w.command("-c", `exec "$0" listen model:me/m --json --count 1 2>&-`, program)
	cmd.Path, cmd.Args[0] = "/bin/sh", "sh"
	p := w.launch(cmd)
	w.until(p, func() bool { return w.created > 0 })
	w.happen("repo.update", 1)
	p.ends(t, 0)
	if events := p.events(t); len(events) != 1 {
		t.Errorf("it printed %+v", events)
	}
	w.clean(t)
}

// TestWhatIsUnderWayAtTheEndIsHandedOver interrupts a session while a target is
// at work: the webhook is deleted first, and then the target gets a moment.
func TestWhatIsUnderWayAtTheEndIsHandedOver(t *testing.T) {
	t.Parallel()
	needsSignals(t)
	w := newWorld(t)
	goOn := make(chan struct{})
	a := newTarget(t, func(a *target) {
		a.status = func(request) int { <-goOn; return http.StatusAccepted }
	})
	p := w.listen("--json", "--forward", a.addr, "--concurrency", "1")
	url := p.ready(t)
	s := newSender(t)
	s.mustPost(t, url, "under-way", []byte(`{"a":1}`))
	s.mustPost(t, url, "queued", []byte(`{"a":2}`))
	a.requests(t, 1, p)
	p.signal(t, os.Interrupt)
	w.until(p, func() bool { return w.deleted > 0 })
	// As long as the target is at work, the session is there, and takes no more.
	for refused := 0; refused < 20; {
		status, err := s.post(url, "late", []byte(`{"a":3}`))
		switch {
		case err != nil:
			t.Errorf("the session closes before the target is done: %v", err)
			refused = 20
		case status != http.StatusOK: // until it has begun to stop
			refused++
		}
	}
	close(goOn)
	p.ends(t, 0)
	w.clean(t)
	events := byDelivery(w.history(0))
	for _, id := range []string{"under-way", "queued"} {
		list := events[id]
		if len(list) != 1 || list[0].Phase != "settled" || len(list[0].Attempts) != 1 || list[0].Attempts[0].Status != http.StatusAccepted {
			t.Errorf("delivery %s: the history has %+v", id, list)
		}
	}
}
