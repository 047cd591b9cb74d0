package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// lineTypes returns the type and number of each line of JSON.
func (p *process) lineTypes() []string {
	var types []string
	for line := range strings.Lines(p.stdout.text()) {
		var l struct {
			Type string
			N    int64
		}
		if json.Unmarshal([]byte(line), &l) == nil && l.Type != "state" {
			types = append(types, fmt.Sprintf("%s %d", l.Type, l.N))
		}
	}
	return types
}

func TestAnEventThatDoesNotSettleIsAnnounced(t *testing.T) {
	for _, output := range []string{"--json", "--plain"} {
		t.Run(output, func(t *testing.T) {
			w := newWorld(t)
			port := porttest.Port(t)
			p := w.start(listenArgs("--forward", port, output)...)
			p.ready()
			w.happen("repo.create")
			if output == "--json" {
				p.wait(p.stdout, `{"type":"arrival","v":1,"n":1,`)
			} else {
				p.wait(p.stdout, "… waiting for :"+port)
			}
			newApp(t, "127.0.0.1:"+port)
			if output == "--json" {
				p.wait(p.stdout, `{"type":"event","v":1,"n":1,`)
			} else {
				p.wait(p.stdout, ":"+port+" 200 in ")
			}
			w.happen("repo.update") // settles at once: it is not announced
			p.wait(p.stdout, "repo.update")
			p.signal(os.Interrupt)
			p.ends(0)
			if got := p.lineTypes(); output == "--json" && !slices.Equal(got, []string{"arrival 1", "event 1", "event 2"}) {
				t.Errorf("the lines are %v", got)
			}
			if got := strings.Count(p.stdout.text(), "#1 "); output == "--plain" && got != 2 {
				t.Errorf("event 1 has %d lines:\n%s", got, p.stdout.text())
			}
		})
	}
}

func TestADeliveryThatSucceedsLaterHasNotFailed(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	a.answer(func(n int) int { return map[bool]int{true: 500, false: 200}[n == 1] })
	// In relay the Hub sees the 500 and delivers again.
	p := w.start(listenArgs("--forward", a.port, "--json", "--respond", "relay", "--count", "2", "--fail-on-error")...)
	p.ready()
	w.happen("repo.create")
	p.ends(0)
	if last := p.stderr.text(); strings.Contains(last, "failed") {
		t.Errorf("the last line counts a failure: %s", last)
	}
	if got := w.run(0, "events", "ls", "--failed").stdout.text(); got != "" {
		t.Errorf("listed as failed: %s", got)
	}
	if got := w.run(0, "events", "ls").stdout.text(); !strings.Contains(got, "FAIL 500") || !strings.Contains(got, "delivered by #2") {
		t.Errorf("the history shows\n%s", got)
	}
}

func TestRepeatedFailuresOfADeliveryAreOne(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	a.answer(func(int) int { return 500 })
	p := w.start(listenArgs("--forward", a.port, "--json", "--respond", "relay", "--count", "3", "--fail-on-error")...)
	p.ready()
	w.happen("repo.create") // and the Hub delivers it again twice
	p.ends(4)
	if last := p.stderr.text(); !strings.Contains(last, "3 events kept · 1 failed: hf-tap events replay --failed") {
		t.Errorf("the last line: %s", last)
	}
	a.answer(func(int) int { return 200 })
	before := len(a.ids())
	w.run(0, "events", "replay", "--failed")
	if got := len(a.ids()) - before; got != 1 {
		t.Errorf("the replay called the app %d times, want once", got)
	}
	w.run(0, "events", "replay", "--failed")
	if got := len(a.ids()) - before; got != 1 {
		t.Errorf("a second replay called the app again: %d times in all", got)
	}
}

func TestASessionIsReplayedWithoutItsReplays(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port, "--json")...)
	p.ready()
	w.happen("repo.create")
	w.happen("repo.update")
	p.wait(p.stdout, `"type":"event","v":1,"n":2,`)
	w.run(0, "events", "replay", "1")
	p.wait(p.stdout, `"replay_of":1`)
	session := p.events()[0].Session
	replayed := w.run(0, "events", "replay", "--session", session, "--json")
	if got := len(replayed.events()); got != 2 {
		t.Errorf("%d events were sent again, want the 2 originals:\n%s", got, replayed.stdout.text())
	}
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestDismissedEventsDoNotCount(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	a.answer(func(int) int { return 500 })
	p := w.start(listenArgs("--forward", a.port, "--count", "2")...)
	p.ready()
	w.happen("repo.create")
	w.happen("repo.update")
	p.ends(0)
	if got := w.run(0, "events", "dismiss", "1").stdout.text(); got != "dismissed 1 event" {
		t.Errorf("it says %q", got)
	}
	if got := w.run(0, "events", "ls", "--failed").stdout.text(); strings.Count(got, "\n") > 0 || !strings.Contains(got, "#2") {
		t.Errorf("listed as failed:\n%s", got)
	}
	w.run(0, "events", "dismiss", "--failed")
	if got := w.run(0, "events", "ls", "--failed").stdout.text(); got != "" {
		t.Errorf("listed as failed:\n%s", got)
	}
	if got := w.run(0, "events", "ls").stdout.text(); strings.Count(got, "dismissed") != 2 {
		t.Errorf("the history shows\n%s", got)
	}
	for _, args := range [][]string{{}, {"1", "--failed"}, {"--session", "x"}, {"nonsense"}} {
		w.run(2, append([]string{"events", "dismiss"}, args...)...)
	}
	w.run(1, "events", "dismiss", "77")
}

func TestWithoutATargetAKillLeavesNothingPending(t *testing.T) {
	w := newWorld(t)
	p := w.start(listenArgs("--json")...)
	url := p.ready()
	secret := w.run(0, "secret").stdout.text()
	for i := range 10 {
		if got := post(t, url, secret, fmt.Sprintf(`{"i":%d}`, i)); got != http.StatusOK {
			t.Fatalf("answered %d", got)
		}
	}
	p.signal(os.Kill)
	<-p.exited
	next := w.start(listenArgs("--json")...)
	next.ready()
	next.signal(os.Interrupt)
	next.ends(0)
	if got := next.stderr.text(); strings.Contains(got, "handed over") {
		t.Errorf("the next start says\n%s", got)
	}
	if got := w.run(0, "events", "ls", "--pending").stdout.text(); got != "" {
		t.Errorf("pending:\n%s", got)
	}
}

func TestAHistoryRemovedWhileItRunsIsMadeAnew(t *testing.T) {
	for name, remove := range map[string]func(state string) error{
		"the file":    func(state string) error { return os.Remove(filepath.Join(state, "history.db")) },
		"the folder":  os.RemoveAll,
		"all of it":   func(state string) error { return removeGlob(filepath.Join(state, "history.db*")) },
		"moved away":  func(state string) error { return os.Rename(state, state+".moved") },
		"the log too": func(state string) error { return removeGlob(filepath.Join(state, "history.db-*")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.start(listenArgs("--json")...)
			url := p.ready()
			secret := w.run(0, "secret").stdout.text()
			for range 3 {
				post(t, url, secret, `{}`)
			}
			p.wait(p.stdout, `"type":"event","v":1,"n":3,`)
			if err := remove(w.state); err != nil {
				t.Fatal(err)
			}
			if got := post(t, url, secret, `{}`); got != http.StatusOK {
				t.Errorf("answered %d", got)
			}
			if name != "the log too" {
				p.wait(p.stdout, `"subject":"history","state":"made anew"`)
			}
			p.wait(p.stdout, `"type":"event","v":1,"n":4,`)
			p.signal(os.Interrupt)
			p.ends(0)
			kept := 1
			if name == "the log too" {
				kept = 4
			}
			if got := p.stderr.text(); !strings.Contains(got, fmt.Sprintf("%d event", kept)) {
				t.Errorf("%d are in the file, and the last line is\n%s", kept, got)
			}
			if got := len(w.run(0, "events", "ls", "--json").events()); got != kept {
				t.Errorf("%d events are listed, want %d", got, kept)
			}
			if ids := w.left(); len(ids) > 0 { // the folder of leases may not be back yet
				t.Errorf("webhooks are left: %v", ids)
			}
		})
	}
}

func removeGlob(pattern string) error {
	names, err := filepath.Glob(pattern)
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return err
}

func TestAReplacedHistoryTakesNothing(t *testing.T) {
	w := newWorld(t)
	p := w.start(listenArgs("--json")...)
	url := p.ready()
	secret := w.run(0, "secret").stdout.text()
	post(t, url, secret, `{}`)
	p.wait(p.stdout, `"type":"event","v":1,"n":1,`)
	other, path := filepath.Join(w.state, "other"), filepath.Join(w.state, "history.db")
	if err := os.WriteFile(other, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if got := post(t, url, secret, `{}`); got != http.StatusServiceUnavailable {
		t.Errorf("answered %d, want 503", got)
	}
	p.wait(p.stdout, `"subject":"history","state":"failing"`)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := post(t, url, secret, `{}`); got != http.StatusOK {
		t.Errorf("answered %d after the other file is gone", got)
	}
	p.wait(p.stdout, `"subject":"history","state":"healed","detail":"after `)
	p.signal(os.Interrupt)
	p.ends(0)
}

func TestEventsAreListedInTheOrderOfTheirNumbersWhateverTheirTargetsDo(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	var n atomic.Int64
	release := make(chan struct{})
	a.answer(func(int) int {
		if n.Add(1)%3 == 0 {
			<-release // slow ones
		}
		return 200
	})
	p := w.start(listenArgs("--forward", a.port, "--json", "--concurrency", "16")...)
	url := p.ready()
	secret := w.run(0, "secret").stdout.text()
	done := make(chan struct{})
	for i := range 40 {
		go func() { post(t, url, secret, fmt.Sprintf(`{"i":%d}`, i)); done <- struct{}{} }()
	}
	for range 40 {
		<-done
	}
	close(release)
	for i := range 40 {
		p.wait(p.stdout, fmt.Sprintf(`"type":"event","v":1,"n":%d,`, i+1))
	}
	p.signal(os.Interrupt)
	p.ends(0)
	var numbers []int64
	for line := range strings.Lines(w.run(0, "events", "ls", "--json").stdout.text()) {
		var e struct{ N int64 }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, e.N)
	}
	if len(numbers) != 40 || !slices.IsSorted(numbers) {
		t.Errorf("the numbers are %v", numbers)
	}
}

// damageEvents spoils the page of the file in which an event's kind stands.
func damageEvents(t *testing.T, state, marker string) {
	t.Helper()
	path := filepath.Join(state, "history.db")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(b), marker)
	if at < 0 {
		t.Fatalf("%q is not in the file", marker)
	}
	page := at / 4096 * 4096
	for i := range b[page : page+64] {
		b[page+i] ^= 0xff
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOfADamagedHistoryWhatCanBeReadIsListedAndRecovered(t *testing.T) {
	w := newWorld(t)
	p := w.start(listenArgs("--json")...)
	url := p.ready()
	secret := w.run(0, "secret").stdout.text()
	const events = 100
	for i := range events {
		post(t, url, secret, fmt.Sprintf(`{"event":{"scope":"number%d","action":"x"},"text":%q}`, i, strings.Repeat("x", 500)))
	}
	p.wait(p.stdout, fmt.Sprintf(`"type":"event","v":1,"n":%d,`, events))
	p.signal(os.Interrupt)
	p.ends(0)
	damageEvents(t, w.state, "number50.x")

	ls := w.run(1, "events", "ls", "--json", "-n", "0")
	listed := len(ls.events()) // which fails when a line is cut
	if listed == 0 || listed >= events {
		t.Errorf("%d events are listed", listed)
	}
	if got := ls.stderr.text(); !strings.Contains(got, "events cannot be read") || !strings.Contains(got, "hint: hf-tap events recover") {
		t.Errorf("it says\n%s", got)
	}
	out := filepath.Join(t.TempDir(), "recovered.db") // the example of the help has a relative one
	w.run(0, "events", "recover", "--to", out)
	w.run(1, "events", "recover", "--to", out) // it exists
	recovered := w.run(0, "events", "recover").stdout.text()
	if !strings.Contains(recovered, "recovered ") || !strings.Contains(recovered, "1 page with damage") || !strings.Contains(recovered, "history.db.damaged-") {
		t.Errorf("it says\n%s", recovered)
	}
	if got := len(w.run(0, "events", "ls", "--json", "-n", "0").events()); got < listed || got >= events {
		t.Errorf("%d events are listed, %d were before", got, listed)
	}
	if got := w.run(0, "events", "recover").stdout.text(); !strings.Contains(got, "has no damage") {
		t.Errorf("of a good file it says %q", got)
	}
	next := w.start(listenArgs("--json")...)
	url = next.ready()
	post(t, url, secret, `{}`)
	next.wait(next.stdout, fmt.Sprintf(`"n":%d,`, events+1)) // no number is used twice
	live := w.run(1, "events", "recover")
	if got := live.stderr.text(); !strings.Contains(got, "1 running session uses the history") {
		t.Errorf("while a session runs it says\n%s", got)
	}
	next.signal(os.Interrupt)
	next.ends(0)
}

func TestAHistoryThatIsReadOnlyIsListedAndShown(t *testing.T) {
	w := newWorld(t)
	p := w.start(listenArgs("--json")...)
	url := p.ready()
	post(t, url, w.run(0, "secret").stdout.text(), `{"a":1}`)
	p.wait(p.stdout, `"type":"event"`)
	p.signal(os.Kill)
	<-p.exited
	if err := os.Chmod(filepath.Join(w.state, "history.db"), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(w.state, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(w.state, 0o700) })
	if got := len(w.run(0, "events", "ls", "--json").events()); got != 1 {
		t.Errorf("%d events are listed", got)
	}
	if got := w.run(0, "events", "show", "1", "--raw").stdout.text(); got != `{"a":1}` {
		t.Errorf("shown is %q", got)
	}
	if info, err := os.Stat(filepath.Join(w.state, "history.db")); err != nil || info.Mode().Perm() != 0o444 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
}

func TestAHistoryThatOthersCouldReadIsMadePrivateAndSaid(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	w := newWorld(t)
	w.run(0, append(listenArgs("--wait", "1ms"), "--json")...)
	if err := os.Chmod(filepath.Join(w.state, "history.db"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := w.run(0, append(listenArgs("--wait", "1ms"), "--json")...).stderr.text(); !strings.Contains(got, "made private, others had access: ") || !strings.Contains(got, "history.db") {
		t.Errorf("it says\n%s", got)
	}
}

func TestListingMakesNoHistory(t *testing.T) {
	w := newWorld(t)
	if got := w.run(0, "events", "ls").stderr.text(); !strings.Contains(got, "no events") {
		t.Errorf("it says %q", got)
	}
	w.run(1, "events", "show", "1")
	if _, err := os.Stat(w.state); !os.IsNotExist(err) {
		t.Errorf("a folder was made: %v", err)
	}
}
