//go:build !windows

package cli_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
)

func TestDeleteAsksOnATerminal(t *testing.T) {
	for name, c := range map[string]struct {
		keys []string
		code string
		gone bool
	}{
		"no":     {[]string{"n", "Enter"}, "code 1.", false},
		"enter":  {[]string{"Enter"}, "code 1.", false},
		"ctrl+d": {[]string{"C-d"}, "code 1.", false},
		"ctrl+c": {[]string{"C-c"}, "code 130.", false},
		"yes":    {[]string{"y", "Enter"}, "code 0.", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.create("--url", exampleURL)
			p := w.inTerminal(120, 20, "webhooks", "delete", id)
			p.shows("webhook "+id+" watches model:me/m", exampleURL, "delete it? [y/N]")
			p.keys(c.keys...)
			p.shows(c.code)
			if gone := len(w.left()) == 0; gone != c.gone {
				t.Errorf("gone: %t", gone)
			}
		})
	}
}

func TestDeleteSaysThatALiveSessionMakesItsWebhookAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.start(listenArgs()...)
	session.ready()
	id := w.left()[0]
	p := w.inTerminal(120, 20, "webhooks", "delete", id)
	p.shows(id+" is the webhook of the live session ", "which makes it again", "[y/N]")
	p.keys("Enter")
	p.shows("was not deleted", "code 1.")
}

func TestUpdateAsksForTheSecretOnATerminal(t *testing.T) {
	for name, c := range map[string]struct {
		keys []string
		code string
		want func(w *world) string // the secret afterwards
	}{
		"kept":   {[]string{"k", "Enter"}, "code 0.", func(w *world) string { return w.run(0, "secret").stdout.text() }},
		"clear":  {[]string{"c", "Enter"}, "code 0.", func(*world) string { return "" }},
		"enter":  {[]string{"Enter"}, "code 1.", func(*world) string { return "s3cret" }},
		"ctrl+c": {[]string{"C-c"}, "code 130.", func(*world) string { return "s3cret" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.create("--url", exampleURL, "--secret-file", w.secretFile("s3cret"))
			p := w.inTerminal(120, 20, "webhooks", "update", id, "--domain", "repo")
			p.shows("webhook "+id+" has a secret", "c  clear it", ">")
			// What somebody else changes until the answer is not overwritten.
			w.change(id, func(s *hub.WebhookSpec) { s.URL = "https://example.com/meanwhile" })
			p.keys(c.keys...)
			p.shows(c.code)
			h := w.hook(id)
			if changed := slices.Equal(h.Domains, []hub.Domain{"repo"}); changed != (c.code == "code 0.") || h.URL != "https://example.com/meanwhile" {
				t.Errorf("it is %+v", h)
			}
			if got, want := w.secretOf(id), c.want(w); got != want {
				t.Errorf("the secret is %q, want %q", got, want)
			}
		})
	}
}

// With the token on standard input there is nobody to ask.
func TestNobodyIsAskedWhenTheTokenComesFromStandardInput(t *testing.T) {
	w := newWorld(t)
	id := w.create("--url", exampleURL)
	p := w.inTerminal(120, 20, "webhooks", "delete", id, "--token", "-")
	if s := p.shows("webhooks delete needs --yes", "code 2."); strings.Contains(s, "[y/N]") {
		t.Errorf("it asks:\n%s", s)
	}
}
