package session

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// dead makes a webhook and the record of a session that was killed with it.
func (w *world) dead(change func(*Record)) *Record {
	w.t.Helper()
	r := &Record{Version: recordVersion, ID: newID(), Machine: machineHash(), Started: time.Now(),
		Endpoint: w.endpoint, User: "me", PublicURL: "https://dead.example", Token: newToken()}
	h, err := w.client(w.token).CreateWebhook(w.t.Context(), hub.WebhookSpec{
		URL: r.URL(), Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}})
	if err != nil {
		w.t.Fatal(err)
	}
	r.Webhook = h.ID
	if change != nil {
		change(r)
	}
	if err := errors.Join(w.dir.Make(), w.dir.save(r)); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) sweep(token string) (Swept, error) {
	return Sweep(w.t.Context(), w.dir, w.client(token), w.endpoint, "me")
}

func TestASweepDeletesTheDeadAndNothingElse(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	r := w.start(w.config())
	live := r.live()
	mine, err := w.client(w.token).CreateWebhook(t.Context(), hub.WebhookSpec{
		URL: "https://mine.example/hf-tap/" + newToken(), Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}})
	if err != nil {
		t.Fatal(err)
	}
	dead := w.dead(nil)
	swept, err := w.sweep(w.token)
	if err != nil || !slices.Equal(swept.Deleted, []string{dead.Webhook}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	var left []string
	for _, h := range w.Webhooks("me") {
		left = append(left, h.ID)
	}
	if want := []string{live.Webhook(), mine.ID}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
	if i := slices.IndexFunc(swept.Kept, func(k Kept) bool { return k.Live && k.ID == live.ID }); i < 0 {
		t.Errorf("the live session is not among the kept: %+v", swept.Kept)
	}
	r.stop()
}

func TestRecordsOfOthersStayAndAreNamed(t *testing.T) {
	for name, change := range map[string]func(*Record){
		"machine":  func(r *Record) { r.Machine = "another" },
		"endpoint": func(r *Record) { r.Endpoint = "https://huggingface.co" },
		"user":     func(r *Record) { r.User = "you" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sandbox.Config{})
			r := w.dead(change)
			swept, err := w.sweep(w.token)
			if err != nil || len(swept.Deleted) != 0 || len(swept.Kept) != 1 || swept.Kept[0].Why == "" {
				t.Errorf("swept %+v, %v", swept, err)
			}
			if _, err := w.dir.record(r.ID); err != nil || len(w.Webhooks("me")) != 1 {
				t.Errorf("the record or the webhook is gone: %v", err)
			}
		})
	}
}

// Another account's token gets a 404, or a 400, for a webhook that is there.
func TestAnUnknownWebhookIsGoneOnlyIfTheListSaysSo(t *testing.T) {
	for _, modes := range []sandbox.Modes{{}, {DeleteUnknownIs400: true}} {
		w := newWorld(t, sandbox.Config{Modes: modes})
		r := w.dead(nil)
		if err := w.RemoveWebhook(r.Webhook); err != nil {
			t.Fatal(err)
		}
		if swept, err := w.sweep(w.token); err != nil || len(swept.Deleted) != 0 || len(swept.Kept) != 0 {
			t.Errorf("%+v: swept %+v, %v", modes, swept, err)
		}
		w.nothingLeft()

		r = w.dead(nil)
		w.Fault("DELETE "+webhooksPath+"/*", sandbox.Fault{Status: 404, Body: `{"error":"not found"}`})
		if _, err := w.sweep(w.token); err == nil {
			t.Error("a 404 for a webhook that the list holds went for its end")
		}
		if _, err := w.dir.record(r.ID); err != nil {
			t.Errorf("the record is gone: %v", err)
		}
	}
}

func TestAnUnansweredCreateIsLookedForForADay(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	doubt := func(age time.Duration) *Record {
		r := w.dead(func(r *Record) { r.Started, r.Doubt = time.Now().Add(-age), true })
		if err := w.RemoveWebhook(r.Webhook); err != nil {
			t.Fatal(err)
		}
		r.Webhook = ""
		if err := w.dir.save(r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	young := doubt(23 * time.Hour)
	doubt(25 * time.Hour)
	swept, err := w.sweep(w.token)
	if err != nil || len(swept.Kept) != 1 || swept.Kept[0].ID != young.ID {
		t.Fatalf("swept %+v, %v", swept, err)
	}
	// It was carried out late: the next sweep finds it by its token.
	late, err := w.client(w.token).CreateWebhook(t.Context(), hub.WebhookSpec{
		URL: young.URL(), Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}})
	if err != nil {
		t.Fatal(err)
	}
	// Another hf-tap's beside it is like it, and no more.
	other, err := w.client(w.token).CreateWebhook(t.Context(), hub.WebhookSpec{
		URL: "https://dead.example/hf-tap/" + newToken(), Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}})
	if err != nil {
		t.Fatal(err)
	}
	if swept, err := w.sweep(w.token); err != nil || !slices.Equal(swept.Deleted, []string{late.ID}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	if hooks := w.Webhooks("me"); len(hooks) != 1 || hooks[0].ID != other.ID {
		t.Errorf("left are %+v", hooks)
	}
}

func TestASweepEnablesWhatADeadSessionMuted(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	muted, err := w.client(w.token).CreateWebhook(t.Context(), hub.WebhookSpec{
		URL: "https://app.example", Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DisableWebhook(muted.ID); err != nil {
		t.Fatal(err)
	}
	w.dead(func(r *Record) { r.Muted = []string{muted.ID} })
	swept, err := w.sweep(w.token)
	if err != nil || !slices.Equal(swept.Enabled, []string{muted.ID}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	if hooks := w.Webhooks("me"); len(hooks) != 1 || hooks[0].State != hub.StateEnabled {
		t.Errorf("the Hub has %+v", hooks)
	}
}

func TestTwoSweepsAtOnceDeleteEachWebhookOnce(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	const n = 8
	for range n {
		w.dead(nil)
	}
	var wg sync.WaitGroup
	deleted := make(chan int, 3)
	for range 3 {
		wg.Go(func() {
			swept, err := w.sweep(w.token)
			if err != nil {
				t.Error(err)
			}
			deleted <- len(swept.Deleted)
		})
	}
	wg.Wait()
	close(deleted)
	sum := 0
	for d := range deleted {
		sum += d
	}
	if sum != n {
		t.Errorf("%d of %d were deleted", sum, n)
	}
	w.nothingLeft()
}

func TestADamagedRecordIsNamedAndStopsNoOther(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	r := w.dead(nil)
	damaged := filepath.Join(string(w.dir), "leases", "0000.json")
	newer := filepath.Join(string(w.dir), "leases", "ffff.json")
	if err := errors.Join(os.WriteFile(damaged, []byte("{"), 0o600), os.WriteFile(newer, []byte(`{"v":99,"id":"ffff"}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	swept, err := w.sweep(w.token)
	if err != nil || len(swept.Damaged) != 2 || !strings.Contains(swept.Damaged[0].Error(), "0000.json") || !strings.Contains(swept.Damaged[1].Error(), "newer") {
		t.Errorf("got %+v, %v", swept.Damaged, err)
	}
	if !slices.Equal(swept.Deleted, []string{r.Webhook}) {
		t.Errorf("swept %+v", swept)
	}
}

// A lock is a file that others remove when its holder is dead. However the two
// meet, a session that has its lock must hold the file that others look at.
func TestALockIsNeverOfAFileThatIsGone(t *testing.T) {
	dir := Dir(t.TempDir())
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var sweeps sync.WaitGroup
	sweeps.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := dir.tidy(); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 300 {
		id := newID()
		l, err := dir.lock(id)
		if err != nil {
			t.Fatal(err)
		}
		if !dir.alive(id) {
			t.Error("a session that holds its lock passes for dead")
		}
		if err := dir.removeLock(l); err != nil {
			t.Fatal(err)
		}
		if dir.alive(id) {
			t.Error("a session without its lock passes for alive")
		}
	}
	close(stop)
	sweeps.Wait()
}

func TestOnlyOurAddressesHaveAToken(t *testing.T) {
	token := newToken()
	for url, want := range map[string]string{
		"https://a.example/hf-tap/" + token:              token,
		"https://a.example/base/hf-tap/" + token:         token,
		"https://a.example/hf-tap/" + token + "/check":   "",
		"https://a.example/hf-tap/" + token[:30]:         "",
		"https://a.example/hf-tap/":                      "",
		"https://a.example/?/hf-tap/" + token:            "",
		"https://a.example/hf-tap/" + token[:31] + "%2F": "",
		"": "",
	} {
		if got := tokenOf(url); got != want {
			t.Errorf("tokenOf(%q) = %q", url, got)
		}
	}
}
