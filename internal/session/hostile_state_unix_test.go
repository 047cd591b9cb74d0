//go:build unix

package session

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/plainfile"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	"golang.org/x/sys/unix"
)

func madeDir(t *testing.T) Dir {
	t.Helper()
	dir := Dir(filepath.Join(t.TempDir(), "state"))
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func asItIs(s string) string { return s }

func TestTheLogIsWrittenThroughNoLink(t *testing.T) {
	dir, victim := madeDir(t), filepath.Join(t.TempDir(), "victim")
	log := filepath.Join(string(dir), "hf-tap.log")
	content := bytes.Repeat([]byte("x"), maxLog+1) // as much as lets a log be begun anew
	if err := errors.Join(os.WriteFile(victim, content, 0o600), os.Symlink(victim, log)); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.OpenLog(asItIs); !errors.Is(err, plainfile.ErrNotPlain) {
		t.Errorf("it was opened: %v", err)
	}
	if now, err := os.ReadFile(victim); err != nil || !bytes.Equal(now, content) {
		t.Errorf("the file behind the link has %d bytes, %v", len(now), err)
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	if err := errors.Join(os.Remove(log), os.Symlink(nowhere, log)); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.OpenLog(asItIs); err == nil {
		t.Error("it was opened through a broken link")
	}
	if _, err := os.Lstat(nowhere); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made where the broken link leads: %v", err)
	}
}

// Opening a pipe waits for its other end, and no signal ends that.
func TestAPipeInPlaceOfAFileIsNotWaitedFor(t *testing.T) {
	id := newID()
	for name, use := range map[string]func(Dir) error{
		"hf-tap.log": func(d Dir) error { _, err := d.OpenLog(asItIs); return err },
		"secret":     func(d Dir) error { _, err := d.Secret(false); return err },
		"gradio-name": func(d Dir) error {
			_, err := d.holdGradioName(false)
			return err
		},
		"leases/" + id + ".json": func(d Dir) error { _, err := d.record(id); return err },
		// A pipe can be locked as well as a file.
		"leases/" + id + ".lock": func(d Dir) error {
			_, err := d.lives(id)
			_, takeErr := d.lock(id)
			return errors.Join(err, takeErr)
		},
		"leases/.lock":     func(d Dir) error { _, err := d.lives(id); _, gateErr := d.gate(); return errors.Join(err, gateErr) },
		"gradio-name.lock": func(d Dir) error { _, err := d.holdGradioName(false); return err },
	} {
		t.Run(name, func(t *testing.T) {
			dir := madeDir(t)
			if err := unix.Mkfifo(filepath.Join(string(dir), name), 0o600); err != nil {
				t.Fatal(err)
			}
			if err, isLock := use(dir), strings.HasSuffix(name, ".lock"); (err == nil) != isLock {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestALockIsMadeThroughNoLink(t *testing.T) {
	dir, nowhere := madeDir(t), filepath.Join(t.TempDir(), "nowhere")
	if err := os.Symlink(nowhere, dir.gatePath()); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.gate(); err == nil {
		t.Error("it was locked")
	}
	if _, err := os.Lstat(nowhere); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made where the link leads: %v", err)
	}
}

func TestAGateThatIsNeverOpenedIsNotWaitedForForEver(t *testing.T) {
	dir := madeDir(t)
	held := flock.New(dir.gatePath())
	if err := held.Lock(); err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	synctest.Test(t, func(t *testing.T) {
		if _, err := dir.lock(newID()); err == nil || !strings.Contains(err.Error(), "another process has had it locked") {
			t.Errorf("the lock: %v", err)
		}
		if !dir.alive(newID()) {
			t.Error("a session of which nothing is known was taken for dead")
		}
	})
}

// Another user could have put a record into a folder that everybody may write to.
func TestARecordOfAnotherUserIsNotActedOn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a file of another user")
	}
	w := newWorld(t, sandbox.Config{})
	r := w.dead(nil)
	if err := os.Chown(w.dir.recordPath(r.ID), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	swept, err := w.sweep(w.token)
	if err != nil || len(swept.Damaged) != 1 || len(swept.Deleted) != 0 || len(w.Webhooks("me")) != 1 {
		t.Errorf("swept %+v, %v", swept, err)
	}
}

func TestNoEventIsSentToAnAddressElsewhere(t *testing.T) {
	dir := madeDir(t)
	for _, local := range []string{"203.0.113.7:80", "evil.example:80", "127.0.0.1", "127.0.0.1@evil.example:80", "127.0.0.1:80"} {
		r := &Record{Version: recordVersion, ID: newID(), Machine: machineHash(), Started: time.Now(), Endpoint: "http://127.0.0.1:1", Token: newToken(), Local: local}
		l, err := dir.lock(r.ID)
		if err := errors.Join(err, dir.save(r)); err != nil {
			t.Fatal(err)
		}
		live, err := LiveAt(dir)
		host, port, _ := net.SplitHostPort(local)
		if good := host == "127.0.0.1" && port != ""; len(live) > 0 != good || err != nil {
			t.Errorf("%q: %v, %v", local, live, err)
		}
		if err := dir.remove(r.ID, l); err != nil {
			t.Fatal(err)
		}
	}
}

// Somebody gave the webhook another address, or the record another webhook.
func TestASweepDeletesNoWebhookThatLeadsElsewhere(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	for _, url := range []string{"https://prod.example/hook", "https://prod.example/hf-tap/" + newToken()} {
		r := w.dead(nil)
		spec := hub.WebhookSpec{URL: url, Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}}
		if _, err := w.client(w.token).UpdateWebhook(t.Context(), r.Webhook, spec); err != nil {
			t.Fatal(err)
		}
		swept, err := w.sweep(w.token)
		if err == nil || len(swept.Deleted) != 0 || len(swept.Kept) != 1 || !strings.Contains(swept.Kept[0].Why, "prod.example") {
			t.Errorf("swept %+v, %v", swept, err)
		}
		if !slices.ContainsFunc(w.Webhooks("me"), func(h hub.Webhook) bool { return h.ID == r.Webhook }) {
			t.Errorf("the webhook that leads to %s is gone", url)
		}
		survey, err := Look(t.Context(), w.dir, w.client(w.token))
		if err != nil || !slices.ContainsFunc(survey.Webhooks, func(s Surveyed) bool { return s.ID == r.Webhook && strings.Contains(s.Origin, "leads elsewhere") }) {
			t.Errorf("%+v, %v", survey, err)
		}
		if _, err := Forget(w.dir, r.ID); err != nil {
			t.Error(err)
		}
	}
}
