package cli_test

import (
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// client is another client of the same account: somebody else on the web page.
func (w *world) client() *hub.Client {
	token := ""
	for _, kv := range w.env {
		if value, ok := strings.CutPrefix(kv, "HF_TOKEN="); ok {
			token = value
		}
	}
	c, err := hub.NewClient(hub.ClientConfig{Endpoint: w.endpoint, Token: token})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

// change changes a webhook as somebody else would.
func (w *world) change(id string, change func(*hub.WebhookSpec)) {
	w.t.Helper()
	spec := w.hook(id).Spec()
	spec.Secret = w.secretOf(id)
	change(&spec)
	if _, err := w.client().UpdateWebhook(w.t.Context(), id, spec); err != nil {
		w.t.Fatal(err)
	}
}

func TestAnUpdateLeavesAllElseAsItIs(t *testing.T) {
	w := newWorld(t)
	id := w.create("--url", exampleURL+"?secret=in-the-url", "--domain", "repo")
	p := w.run(0, "webhooks", "update", id, "--watch", "user:me")
	if h := w.hook(id); h.URL != exampleURL+"?secret=in-the-url" || !slices.Equal(h.Domains, []hub.Domain{"repo"}) || len(h.Watched) != 1 || h.Watched[0].String() != "user:me" {
		t.Errorf("it is %+v", h)
	}
	if p.stdout.text() != id || strings.Contains(p.stderr.text(), "in-the-url") {
		t.Errorf("it says %s", p.stderr.text())
	}
	w.run(0, "webhooks", "update", id, "--domain", "discussions", "--domain", "repo", "--url", "https://example.com/new", "--secret-file", w.secretFile("s3cret"))
	if h := w.hook(id); h.URL != "https://example.com/new" || len(h.Domains) != 2 || w.secretOf(id) != "s3cret" {
		t.Errorf("it is %+v with %q", h, w.secretOf(id))
	}
}

// Whether the real Hub keeps a secret that is left out is unknown: nothing may
// depend on it.
func TestAnUpdateOfAWebhookWithASecretSaysWhatBecomesOfIt(t *testing.T) {
	for name, modes := range map[string]sandbox.Modes{"cleared": {}, "kept": {UpdateKeepsSecret: true}} {
		t.Run("left out is "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, modes)
			id := w.create("--url", exampleURL, "--secret-file", w.secretFile("s3cret"))
			p := w.run(2, "webhooks", "update", id, "--watch", "user:me")
			p.says("webhook "+id+" has a secret, .*", "add --use-kept-secret, --secret-file FILE or --clear-secret")
			if n := w.CallCount("POST /api/settings/webhooks/*"); n != 0 || w.secretOf(id) != "s3cret" {
				t.Errorf("%d updates, the secret is %q", n, w.secretOf(id))
			}
			w.run(0, "webhooks", "update", id, "--watch", "user:me", "--secret-file", w.secretFile("another"))
			if s := w.secretOf(id); s != "another" {
				t.Errorf("the secret is %q", s)
			}
			kept := w.run(0, "secret").stdout.text()
			w.run(0, "webhooks", "update", id, "--use-kept-secret")
			if s := w.secretOf(id); s != kept {
				t.Errorf("the secret is %q", s)
			}
			w.run(0, "webhooks", "update", id, "--clear-secret")
			if s := w.secretOf(id); s != "" || w.hook(id).HasSecret {
				t.Errorf("the secret is %q", s)
			}
			w.run(0, "webhooks", "update", id, "--domain", "repo") // nothing is to be said of none
		})
	}
}

func TestAJobIsNeverSentBack(t *testing.T) {
	w := newWorld(t)
	source := w.create("--job-id", "687f911eaea852de79c4a50a")
	p := w.run(2, "webhooks", "update", source, "--domain", "repo")
	p.says("webhook "+source+" starts a Job, .*", "add --job-id 687f911eaea852de79c4a50a")
	made, err := w.client().CreateWebhook(t.Context(), hub.WebhookSpec{
		Job: []byte(`{"dockerImage":"python:3.12","flavor":"cpu-basic","attempts":3}`), Watched: []hub.Watch{modelM.Watch()}, Domains: []hub.Domain{hub.DomainRepo}})
	if err != nil {
		t.Fatal(err)
	}
	w.run(2, "webhooks", "update", made.ID, "--domain", "repo").says("webhook "+made.ID+" starts a Job, .*", "add --job with .*, or --url .*")
	if n := w.CallCount("POST /api/settings/webhooks/*"); n != 0 {
		t.Errorf("%d updates were sent", n)
	}
	w.run(0, "webhooks", "update", source, "--domain", "repo", "--job-id", "687f911eaea852de79c4a50b")
	if h := w.hook(source); h.JobSourceID != "687f911eaea852de79c4a50b" || !slices.Equal(h.Domains, []hub.Domain{"repo"}) {
		t.Errorf("it is %+v", h)
	}
	w.run(0, "webhooks", "update", made.ID, "--url", exampleURL)
	if h := w.hook(made.ID); h.URL != exampleURL || len(h.Job) > 0 {
		t.Errorf("it is %+v", h)
	}
}

// Somebody else changes the webhook once the Hub has carried out the update.
func TestWhatSomebodyElseChangesMeanwhileIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world, id string)
		want   string
	}{
		"watches": {func(w *world, id string) {
			w.change(id, func(s *hub.WebhookSpec) { s.Watched = []hub.Watch{modelM.Watch()} })
		}, `watches: model:me/m, asked for was user:me`},
		"domains": {func(w *world, id string) {
			w.change(id, func(s *hub.WebhookSpec) { s.Domains = []hub.Domain{"discussion"} })
		}, `domains: discussion, before it was repo, discussion`},
		"URL": {func(w *world, id string) {
			w.change(id, func(s *hub.WebhookSpec) { s.URL = "https://x.example/?token=a" })
		}, `target: https://x.example/\?token=\*+, before it was https://example.com/hook`},
		"a Job":    {func(w *world, id string) { w.change(id, func(s *hub.WebhookSpec) { s.URL, s.JobSourceID = "", "1" }) }, `target: a Job 1, before it was https://example.com/hook`},
		"secret":   {func(w *world, id string) { w.change(id, func(s *hub.WebhookSpec) { s.Secret = "" }) }, `secret: none, asked for was set`},
		"suspends": {func(w *world, id string) { _ = w.SuspendWebhook(id) }, `state: SUSPENDED, before it was enabled`},
		"two things": {func(w *world, id string) {
			w.change(id, func(s *hub.WebhookSpec) { s.Domains = []hub.Domain{"repo"} })
			_ = w.DisableWebhook(id)
		}, `domains: repo, before it was repo, discussion; state: disabled, before it was enabled`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.create("--url", exampleURL, "--use-kept-secret")
			sent := w.Hold("POST /api/settings/webhooks/*", sandbox.After)
			p := w.start("webhooks", "update", id, "--watch", "user:me", "--use-kept-secret")
			<-sent.Reached()
			reads := w.Hold("GET /api/settings/webhooks/*", sandbox.Before)
			sent.Release()
			<-reads.Reached()
			c.change(w, id)
			reads.Release()
			p.ends(1)
			p.says("webhook "+id+" differs from what was asked for: "+c.want, "see all of it: hf-tap webhooks info "+id)
		})
	}
}

func TestAnUpdateThatCannotBeReadAgainSaysThatItWasDone(t *testing.T) {
	w := newWorld(t)
	id := w.create("--url", exampleURL)
	w.Fault("POST /api/settings/webhooks/*", sandbox.Fault{When: sandbox.After, Times: 1, Drop: true})
	w.run(0, "webhooks", "update", id, "--domain", "repo") // an update may be sent twice
	hold := w.Hold("POST /api/settings/webhooks/*", sandbox.After)
	p := w.start("webhooks", "update", id, "--watch", "user:me")
	<-hold.Reached()
	w.Fault("GET /api/settings/webhooks/*", sandbox.Fault{Status: http.StatusInternalServerError})
	hold.Release()
	p.ends(1)
	p.says("webhook "+id+" was updated, but its new settings are unknown: .*500.*", ".+")
}

func TestCtrlCAfterAnUpdateSaysThatItWasDone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such signals")
	}
	w := newWorld(t)
	id := w.create("--url", exampleURL)
	sent := w.Hold("POST /api/settings/webhooks/*", sandbox.After)
	p := w.start("webhooks", "update", id, "--watch", "user:me")
	<-sent.Reached()
	reads := w.Hold("GET /api/settings/webhooks/*", sandbox.Before)
	sent.Release()
	<-reads.Reached()
	p.signal(os.Interrupt)
	p.ends(130)
	reads.Release()
	p.has(p.stderr, "updated webhook "+id+"; interrupted before it was read again: hf-tap webhooks info "+id)
}

func TestAWebhookThatIsDeletedDuringAnUpdateIsNotMadeAgain(t *testing.T) {
	w := newWorld(t)
	id := w.create("--url", exampleURL)
	hold := w.Hold("POST /api/settings/webhooks/*", sandbox.Before)
	p := w.start("webhooks", "update", id, "--watch", "user:me")
	<-hold.Reached()
	if err := w.RemoveWebhook(id); err != nil {
		t.Fatal(err)
	}
	hold.Release()
	p.ends(1)
	p.says("cannot update webhook "+id+": not found on the Hub .*", ".*hf-tap webhooks ls.*")
	if len(w.left()) > 0 {
		t.Error("it is there again")
	}
}
