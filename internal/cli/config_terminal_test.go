//go:build !windows

package cli_test

import "testing"

func TestAnUntrustedFileIsAskedAboutOnATerminal(t *testing.T) {
	for name, c := range map[string]struct {
		keys    []string
		code    string
		trusted bool
	}{
		"no":     {[]string{"n", "Enter"}, "code 1.", false},
		"enter":  {[]string{"Enter"}, "code 1.", false},
		"ctrl+c": {[]string{"C-c"}, "code 130.", false},
		"yes":    {[]string{"y", "Enter"}, "code 0.", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path := w.project("watch = ['model:me/m']\nexec = ['true']\n")
			p := w.inTerminal(200, 20, "listen", "--plain", "--wait", "1ms")
			p.shows(path+" is not trusted:", "  | watch = ['model:me/m']", "it runs a command when events come: true", "trust it? [y/N]")
			p.keys(c.keys...)
			p.shows(c.code)
			if !c.trusted {
				w.nothingDone()
				w.failsWith(1, []string{"listen"}, "is not trusted")
				return
			}
			w.nothingLeft()
			w.write(path, "watch = ['model:me/m']\n")
			p = w.inTerminal(200, 20, "config", "trust")
			p.shows("has changed since it was trusted", "trust it? [y/N]")
			p.keys("y", "Enter")
			p.shows("is trusted until it changes", "code 0.")
			w.run(0, "listen", "--wait", "1ms")
		})
	}
}
