package promises

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// steps are the calls of a session to the Hub at which tests kill or interrupt
// it.
var steps = []struct {
	name, method, path string
	answer             bool // the Hub has carried the call out
	stopping           bool // the call is one of the end
}{
	{"before it knows its user", "GET", "/api/whoami-v2", false, false},
	{"as it asks for the webhook", "POST", hooks, false, false},
	{"before it knows of the webhook", "POST", hooks, true, false},
	{"as it looks at the webhook", "GET", hooks + "/*", true, false},
	{"as it deletes the webhook", "DELETE", hooks + "/*", false, true},
	{"before it knows that the webhook is deleted", "DELETE", hooks + "/*", true, true},
}

func TestTheNextStartDeletesTheWebhookOfAKilledSessionAndNoOther(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			if step.stopping {
				needsSignals(t)
			}
			w := newWorld(t)
			byHand := w.foreign()
			look := w.hold("GET", hooks+"/*", true) // the neighbour's, so that no hold below stops it
			neighbour := w.listen("--json")
			look.wait(t, neighbour)
			look.release()
			url := neighbour.ready(t)
			others := w.webhooks()

			held := w.hold(step.method, step.path, step.answer)
			p := w.listen()
			if step.stopping {
				p.ready(t)
				p.signal(t, os.Interrupt)
			}
			held.wait(t, p)
			p.kill()
			held.release()
			<-held.over
			w.sweeps(others...)

			// The neighbour goes on as if nothing had happened.
			newSender(t).mustPost(t, url, "to-the-neighbour", []byte(`{}`))
			neighbour.wait(t, neighbour.stdout, `"to-the-neighbour"`)
			if runtime.GOOS == "windows" {
				return
			}
			w.interrupt(neighbour)
			if ids := w.webhooks(); len(ids) != 1 || ids[0] != byHand {
				t.Errorf("the account has %v, and the user made only %s", ids, byHand)
			}
		})
	}
}

// TestACrashIsSweptByTheNextStart ends sessions by the signals that end a Go
// program at once.
func TestACrashIsSweptByTheNextStart(t *testing.T) {
	t.Parallel()
	needsSignals(t)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGABRT, syscall.SIGSEGV} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.listen("--json")
			url := p.ready(t)
			newSender(t).mustPost(t, url, "before", []byte(`{"a":1}`))
			p.signal(t, sig)
			<-p.exited
			if p.code == 0 {
				t.Errorf("it ended with 0\n%s", p.said())
			}
			w.quiet()
			if ids := w.webhooks(); len(ids) != 1 {
				t.Errorf("the account has %v: the session has not crashed", ids)
			}
			w.sweeps()
			if events := w.history(0); len(events) != 1 || events[0].Delivery != "before" {
				t.Errorf("the history has %+v", events)
			}
		})
	}
}
