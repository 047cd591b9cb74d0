package cli_test

import (
	"strings"
	"testing"
)

// An error names what it is about, and a password or a secret may stand in that.
func TestNoErrorPrintsAPasswordThatItWasGiven(t *testing.T) {
	const password = "hunter2"
	w := newWorld(t)
	for _, bad := range []string{
		"http://me:hunter2@h ost:1/", "http://me:hunter2@127.0.0.1:x/", "me:hunter2@host:3000", "me:hunter2@host", "http://me:hunter2@[::1", "ftp://me:hunter2@h/", "http://h:1/?token=hunter2#%zz", "http://me:hun%zzhunter2@h:1/",
		"http://h.example:99999/?secret=hunter2", "https://hunter2@h.example:x/", "http://me:a@hunter2@h ost/", "http://h ost/?pwd=hunter2", "http://h/?sig=hunter2&x=\x7f", "x=*=http://me:hunter2@h", "http://h ost/?a=b&hunter2",
	} {
		for _, args := range [][]string{
			{"listen", "--no-webhook", "--tunnel", "loopback", "--wait", "1ms", "--forward", bad}, {"listen", "--no-webhook", "--wait", "1ms", "--tunnel", "public", "--public-url", bad}, {"doctor", "--tunnel", "loopback", "--forward", bad},
			{"doctor", "--tunnel", "public", "--public-url", bad}, {"listen", "--no-webhook", "--wait", "1ms", "--gradio-server", bad, "--tunnel", "gradio"}, {"listen", "--no-webhook", "--wait", "1ms", "--tunnel", bad},
			{"webhooks", "create", "--watch", "model:me/m", "--url", bad}, {"listen", bad, "--tunnel", "loopback"},
		} {
			if p := w.runAny(args...); strings.Contains(p.stdout.text()+p.stderr.text(), password) {
				t.Errorf("%q prints\n%s%s", args, p.stdout.text(), p.stderr.text())
			}
		}
		for _, name := range []string{"HF_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY", "HF_TOKEN"} {
			for _, args := range [][]string{{"webhooks", "ls"}, {"doctor", "--tunnel", "loopback"}} {
				if p := w.with(name + "=" + bad).runAny(args...); strings.Contains(p.stdout.text()+p.stderr.text(), password) {
					t.Errorf("%s=%s %q prints\n%s%s", name, bad, args, p.stdout.text(), p.stderr.text())
				}
			}
		}
	}
	if w.keeps(password) {
		t.Error("the state folder keeps a password")
	}
}

// runAny runs the program to its end, whatever that is.
func (w *world) runAny(args ...string) *process {
	w.t.Helper()
	p := w.start(args...)
	<-p.exited
	return p
}
