package cli_test

import (
	"os"
	"strings"
	"testing"
)

func TestADeliveryThatIsTooLargeIsShownAndNeitherCountedNorSentAgain(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port, "--json", "--count", "1", "--until", "answer:413", "--fail-on-error")...)
	url := p.ready()
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	if status := post(t, url, secret, strings.Repeat("x", 33<<20)); status != 413 {
		t.Errorf("answered %d", status)
	}
	w.happen("repo.update")
	p.ends(0) // by --count: the large one is not the event that was waited for
	events := p.events()
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	large := events[0]
	if large.Answer.Status != 413 || large.Phase != "settled" || large.Verdict != "ok" || !large.BodyCut || large.Size != 33<<20 ||
		len(large.BodyBase64) != 16<<10 || len(large.Attempts) != 0 {
		t.Errorf("the large one is written as %+v", large)
	}
	w.run(1, "events", "replay", "1").says("event 1 cannot be sent again: its body is incomplete: only the beginning was kept", "hf-tap events show 1")
	for _, which := range []string{"--failed", "--pending"} {
		if s := w.run(0, "events", "replay", which).stderr.text(); !strings.Contains(s, "nothing to send again") {
			t.Errorf("with %s: %s", which, s)
		}
	}
	w.run(0, "events", "replay", "--session", large.Session)
	if len(a.ids()) != 2 { // the small one, twice
		t.Errorf("the app got %d requests", len(a.ids()))
	}
	for _, args := range [][]string{{"events", "ls"}, {"events", "show", "1"}} {
		if out := w.run(0, args...).stdout.text(); !strings.Contains(out, "answered 413  REFUSED: the body is too large") {
			t.Errorf("%v: %s", args, out)
		}
	}
}

func TestAKillRightAfterADeliveryLeavesNothingPendingWithoutATarget(t *testing.T) {
	w := newWorld(t)
	p := w.start(listenArgs("--json")...)
	url := p.ready()
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	for range 10 {
		post(t, url, secret, `{"event":{"scope":"repo","action":"update"}}`)
		post(t, url, "wrong", "{}")
	}
	p.signal(os.Kill)
	<-p.exited
	p = w.start(listenArgs("--json")...)
	p.ready()
	p.signal(os.Interrupt)
	p.ends(0)
	if s := p.stderr.text(); strings.Contains(s, "may not have been handed over") {
		t.Errorf("the next start says %s", s)
	}
	w.nothingLeft()
}
