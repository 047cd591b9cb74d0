//go:build unix

package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"syscall"
	"testing"
)

// A replay through a session that is killed does not wait for it, and says that it
// was not handed over, also if another command was the first to find the session dead.
func TestAReplayThroughASessionThatIsKilledEnds(t *testing.T) {
	for _, name := range []string{"the replay finds it", "another command finds it"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := make(chan struct{}, 100)
			held := make(chan struct{})
			app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				got <- struct{}{}
				<-held
			}))
			defer app.Close()
			defer close(held)
			p := w.start(listenArgs("--forward", app.URL)...)
			p.ready()
			trigger := w.start("trigger", "repo.update")
			<-got
			replay := w.start("events", "replay", "1")
			<-got
			if name != "the replay finds it" {
				replay.signal(syscall.SIGSTOP)
			}
			p.signal(os.Kill)
			<-p.exited
			trigger.ends(1) // and says in the history that the session has ended
			if name != "the replay finds it" {
				replay.signal(syscall.SIGCONT)
			}
			replay.ends(1)
			if said := replay.stderr.text(); !regexp.MustCompile(`the session \w+ ended (before event 2 was handed over|while event 1 was sent)`).MatchString(said) {
				t.Errorf("the replay says %s", said)
			}
			says(t, "the replay", replay.stderr.text(), "hint: hf-tap events replay --pending --session ")
		})
	}
}
