package session

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// hook makes a webhook of the user's that leads to an address.
func (w *world) hook(url string) hub.Webhook {
	w.t.Helper()
	h, err := w.client(w.token).CreateWebhook(w.t.Context(), hub.WebhookSpec{
		URL: url, Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func TestASurveyShowsWhereWebhooksComeFrom(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	r := w.start(w.config())
	live := r.live()
	dead := w.dead(nil)
	theirs := w.dead(func(r *Record) { r.Machine = "another" })
	stray, own := w.hook("https://x.example/hf-tap/"+newToken()), w.hook("https://x.example")
	muted, foreign := w.hook("https://y.example"), w.hook("https://z.example")
	enabled := w.hook("https://e.example")
	for _, id := range []string{muted.ID, foreign.ID} {
		if _, err := w.client(w.token).DisableWebhook(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	muting := w.dead(func(r *Record) { r.Muted = []string{muted.ID, enabled.ID} })
	elsewhere := w.dead(func(r *Record) {
		r.Muted, r.Endpoint = []string{foreign.ID}, "https://hub.example" // ids are an endpoint's
	})
	want := map[string]string{
		muted.ID: "muted by hf-tap session " + muting.ID + ", left behind", foreign.ID: "", enabled.ID: "",
		muting.Webhook: "hf-tap session " + muting.ID + ", left behind", elsewhere.Webhook: "hf-tap session " + elsewhere.ID + ", left behind",
		live.Webhook(): "hf-tap session " + live.ID + ", live", dead.Webhook: "hf-tap session " + dead.ID + ", left behind",
		theirs.Webhook: "hf-tap session " + theirs.ID + ", of another machine", stray.ID: "hf-tap, no record here", own.ID: "",
	}
	look := func() {
		t.Helper()
		survey, err := Look(t.Context(), w.dir, w.client(w.token))
		if err != nil || survey.Err != nil || len(survey.Webhooks) != len(want) {
			t.Fatalf("%+v, %v", survey, err)
		}
		for _, h := range survey.Webhooks {
			if h.Origin != want[h.ID] || h.Stray != (h.ID == stray.ID) {
				t.Errorf("%s is %q, stray %t; want %q", h.ID, h.Origin, h.Stray, want[h.ID])
			}
			if (h.Live == live.ID) != (h.ID == live.Webhook()) || h.Muted != (h.ID == muted.ID) {
				t.Errorf("%s is of the live session %q, muted %t", h.ID, h.Live, h.Muted)
			}
			if one := LookAt(w.dir, w.endpoint, h.Webhook); one.Err != nil || one.Webhooks[0].Origin != h.Origin {
				t.Errorf("looked at alone, %s is %+v", h.ID, one)
			}
		}
	}
	look()
	// A webhook whose address somebody changed is known by its id.
	if _, err := w.client(w.token).UpdateWebhook(t.Context(), dead.Webhook, hub.WebhookSpec{
		URL: "https://elsewhere.example", Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}}); err != nil {
		t.Fatal(err)
	}
	want[dead.Webhook] = "hf-tap session " + dead.ID + ", which leads elsewhere now"
	look()
	r.stop()
}

// Sessions and sweeps come and go while the list is on its way.
func TestASurveyCallsNothingAStrayThatWasOnRecordAMomentAgo(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	dead := w.dead(nil)
	hold := w.Hold("GET "+webhooksPath, sandbox.After)
	done := make(chan Survey)
	go func() {
		survey, err := Look(t.Context(), w.dir, w.client(w.token))
		if err != nil {
			t.Error(err)
		}
		done <- survey
	}()
	<-hold.Reached()
	if err := os.Remove(w.dir.recordPath(dead.ID)); err != nil {
		t.Fatal(err)
	}
	hold.Release()
	if survey := <-done; len(survey.Webhooks) != 1 || survey.Webhooks[0].Stray {
		t.Errorf("it is a stray: %+v", survey)
	}
}

func TestWithoutRecordsToReadNothingIsAStray(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	stray := w.hook("https://x.example/hf-tap/" + newToken())
	if err := errors.Join(os.Mkdir(string(w.dir), 0o700), os.WriteFile(w.dir.leases(), nil, 0o600)); err != nil { // not a folder
		t.Fatal(err)
	}
	survey, err := Look(t.Context(), w.dir, w.client(w.token))
	if err != nil || survey.Err == nil || len(survey.Webhooks) != 1 {
		t.Fatalf("%+v, %v", survey, err)
	}
	if h := survey.Webhooks[0]; h.ID != stray.ID || h.Stray || !strings.Contains(h.Origin, "unknown") {
		t.Errorf("%+v", h)
	}
}

func TestARecordIsForgottenByEitherIDUnlessItsSessionLives(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	r := w.start(w.config())
	live := r.live()
	for _, id := range []string{live.ID, live.Webhook()} {
		if _, err := Forget(w.dir, id); !errors.Is(err, errHeld) {
			t.Errorf("a live session's record: %v", err)
		}
	}
	for _, byWebhook := range []bool{false, true} {
		dead := w.dead(nil)
		id := dead.ID
		if byWebhook {
			id = dead.Webhook
		}
		if rec, err := Forget(w.dir, id); err != nil || rec == nil || rec.ID != dead.ID {
			t.Errorf("%+v, %v", rec, err)
		}
		if _, err := os.Stat(w.dir.lockPath(dead.ID)); err == nil {
			t.Error("its lock is left")
		}
		if _, err := Forget(w.dir, id); !errors.Is(err, errNoRecord) {
			t.Errorf("once more: %v", err)
		}
	}
	if len(w.Webhooks("me")) != 3 {
		t.Error("webhooks are gone, too")
	}
	for _, id := range []string{"", ".", "..", "../secret", "*"} {
		if _, err := Forget(w.dir, id); !errors.Is(err, errNoRecord) {
			t.Errorf("%q: %v", id, err)
		}
	}
	r.stop()
}

func TestAnEventOfAnEndpointsOwnAddressIsSentThereAgain(t *testing.T) {
	to := LocalAccess{URL: "http://127.0.0.1:1/hf-tap/new"}
	for path, want := range map[string]string{
		"/hf-tap/old":                         to.URL,
		"/hf-tap/old?secret=s":                to.URL + "?secret=s",
		"/hf-tap/old/webhooks/bot":            to.URL + "/webhooks/bot",
		"/hf-tap/old/webhooks/a/b?x=/hf-tap/": to.URL + "/webhooks/a/b?x=/hf-tap/",
		"/elsewhere/a/b/c":                    to.URL,
		"/":                                   to.URL,
		"":                                    to.URL,
	} {
		if got := to.For(&event.Event{Path: path}); got != want {
			t.Errorf("%q is sent to %q, want %q", path, got, want)
		}
	}
}

func TestARunningSessionSaysWhatItsWebhookWatches(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	older := w.start(w.config())
	olderLive := older.live()
	cfg := w.config()
	cfg.NoWebhook = true
	cfg.Watches = nil
	newer := w.start(cfg)
	live := newer.live()
	running, err := RunningAt(w.dir)
	if err != nil || len(running) != 2 {
		t.Fatalf("%+v, %v", running, err)
	}
	if r := running[0]; r.ID != live.ID || len(r.Watches) != 0 || r.Webhook != "" || r.URL != live.URL() || !r.Watched(hub.Repo{Type: "space", Name: "you/any"}) {
		t.Errorf("the newest is %+v", r)
	}
	r := running[1]
	if r.ID != olderLive.ID || r.Webhook != olderLive.Webhook() || !slices.Equal(r.Watches, olderLive.Watches) || r.Endpoint != w.endpoint {
		t.Errorf("the older is %+v", r)
	}
	newer.stop()
	if running, err := RunningAt(w.dir); err != nil || len(running) != 1 || running[0].ID != r.ID {
		t.Errorf("after one has ended: %+v, %v", running, err)
	}
	older.stop()
}

func TestAWatchIsOfARepoOrOfAllOfAnAccount(t *testing.T) {
	for _, c := range []struct {
		watch, repo string
		want        bool
	}{
		{"model:me/m", "model:me/m", true},
		{"model:Me/M", "model:me/m", true},
		{"model:me/m", "dataset:me/m", false},
		{"model:me/m", "model:me/m2", false},
		{"user:me", "space:me/any", true},
		{"user:me", "space:you/any", false},
		{"org:us", "bucket:us/b", true},
		{"org:huggingface", "model:gpt2", true},
		{"user:gpt2", "model:gpt2", false},
	} {
		watch, err := hub.ParseWatch(c.watch)
		repo, errRepo := hub.ParseRepo(c.repo)
		if err != nil || errRepo != nil {
			t.Fatal(err, errRepo)
		}
		if got := (Running{Watches: []hub.Watch{watch}}).Watched(repo); got != c.want {
			t.Errorf("%s watches %s: %t", c.watch, c.repo, got)
		}
	}
}
