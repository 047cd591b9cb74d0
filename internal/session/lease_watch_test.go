package session

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// damage is what happens to the state folder of a live session.
type damage struct {
	name   string
	strike func(dir Dir, id string) error
}

var damages = []damage{
	{"the folder is moved", func(dir Dir, _ string) error { return os.Rename(string(dir), string(dir)+".moved") }},
	{"the folder is removed", func(dir Dir, _ string) error { return os.RemoveAll(string(dir)) }},
	{"the folder is moved and made anew", func(dir Dir, _ string) error {
		return errors.Join(os.Rename(string(dir), string(dir)+".moved"), dir.Make())
	}},
	{"the leases are removed", func(dir Dir, _ string) error { return os.RemoveAll(dir.leases()) }},
	{"the record is removed", func(dir Dir, id string) error { return os.Remove(dir.recordPath(id)) }},
	{"the record is cut short", func(dir Dir, id string) error { return os.Truncate(dir.recordPath(id), 40) }},
	{"the record is empty", func(dir Dir, id string) error { return os.Truncate(dir.recordPath(id), 0) }},
	{"the record is overwritten", func(dir Dir, id string) error { return os.WriteFile(dir.recordPath(id), []byte("{}"), 0o600) }},
	{"the record is a folder", func(dir Dir, id string) error {
		return errors.Join(os.Remove(dir.recordPath(id)), os.Mkdir(dir.recordPath(id), 0o700))
	}},
	{"the record is a link", func(dir Dir, id string) error {
		moved := dir.recordPath(id) + ".moved"
		return errors.Join(os.Rename(dir.recordPath(id), moved), os.Symlink(moved, dir.recordPath(id)))
	}},
	{"the lock is removed", func(dir Dir, id string) error { return os.Remove(dir.lockPath(id)) }},
	{"the lock is replaced", func(dir Dir, id string) error {
		return errors.Join(os.Remove(dir.lockPath(id)), os.WriteFile(dir.lockPath(id), nil, 0o600))
	}},
	{"lock and record are removed", func(dir Dir, id string) error {
		return errors.Join(os.Remove(dir.lockPath(id)), os.Remove(dir.recordPath(id)))
	}},
}

func TestASessionIsBackOnRecordWhateverHappensToItsFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows moves and removes no file that is open")
	}
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			w, r, live := watched(t)
			before, err := os.ReadFile(w.dir.recordPath(live.ID))
			if err != nil {
				t.Fatal(err)
			}
			if err := d.strike(w.dir, live.ID); err != nil {
				t.Logf("the session was quicker: %v", err)
			}
			for times := 1; ; times++ { // of two steps it may see the first by itself
				s := r.states(live, event.SubjectSession, stateRestored, times)
				after, err := os.ReadFile(w.dir.recordPath(live.ID))
				lives, lockErr := w.dir.lives(live.ID)
				if err == nil && bytes.Equal(before, after) && lockErr == nil && lives {
					if !strings.Contains(s.Detail, "; made again") {
						t.Errorf("it says %q", s.Detail)
					}
					break
				}
			}
			r.stop()
			w.nothingLeft()
			if _, err := os.Lstat(w.dir.lockPath(live.ID)); err == nil {
				t.Error("its lock is left")
			}
		})
	}
}

// watched is a session that looks at its folder all the time.
func watched(t *testing.T) (*world, *running, *Live) {
	t.Helper()
	w := newWorld(t, sandbox.Config{})
	cfg := w.config()
	cfg.Times.Look = time.Millisecond
	r := w.start(cfg)
	return w, r, r.live()
}

// A sweep takes a session without its lock for dead, and deletes its webhook.
func TestASessionThatWasSweptAliveMakesItsWebhookAgain(t *testing.T) {
	w, r, live := watched(t)
	gate, err := w.dir.gate() // nobody takes a lock meanwhile
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(w.dir.lockPath(live.ID)); err != nil {
		t.Fatal(err)
	}
	sweeps := &lock{flock.New(w.dir.lockPath(live.ID))}
	if ok, err := sweeps.TryLock(); !ok || err != nil {
		t.Fatal(err)
	}
	if err := gate.Close(); err != nil {
		t.Fatal(err)
	}
	if s := r.state(live, event.SubjectSession, stateUnrecorded); !strings.Contains(s.Detail, "another process holds the new one") {
		t.Errorf("it says %q", s.Detail)
	}
	rec, err := w.dir.record(live.ID)
	if err != nil {
		t.Fatal(err)
	}
	done := undo(t.Context(), w.client(w.token), []*Record{rec})
	if err := w.dir.finishSwept(rec, sweeps); err != nil || len(done[0].deleted) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	r.state(live, event.SubjectSession, stateRestored)
	r.state(live, event.SubjectWebhook, "made again")
	if hooks := w.Webhooks("me"); len(hooks) != 1 || hooks[0].URL != live.URL() {
		t.Errorf("the Hub has %+v", hooks)
	}
	r.stop()
	w.nothingLeft()
}

// looked is a watch without its timer, and what it says.
func looked(t *testing.T) (w *leaseWatch, said func() []string) {
	t.Helper()
	dir := Dir(filepath.Join(t.TempDir(), "state"))
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	h, err := dir.hold(newID())
	if err != nil {
		t.Fatal(err)
	}
	store, err := history.Open(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil { // what it cannot keep is told
		t.Fatal(err)
	}
	rec := &Record{Version: recordVersion, ID: h.id, Machine: machineHash(), Started: time.Now(), Endpoint: "http://127.0.0.1:1", Token: newToken(), Doubt: true}
	if err := h.save(rec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.release(&Record{ID: h.id}) })
	var all told
	w = &leaseWatch{run: &run{Config: Config{Tell: all.tell, Log: slog.New(slog.DiscardHandler)}, holding: h, store: store, wake: make(chan struct{}, 1),
		cancel: func(err error) { all.tell("ends: " + err.Error()) }}}
	return w, func() []string {
		lines := all.lines
		all.lines = nil
		return lines
	}
}

func TestAFolderThatIsBackIsSaid(t *testing.T) {
	w, said := looked(t)
	dir := string(w.holding.dir)
	if err := errors.Join(os.Rename(dir, dir+".moved"), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	w.look(t.Context())
	w.look(t.Context())
	if lines := said(); len(lines) != 1 || !strings.Contains(lines[0], stateUnrecorded) {
		t.Errorf("it says %q", lines)
	}
	if err := errors.Join(os.Remove(dir), os.Rename(dir+".moved", dir)); err != nil {
		t.Fatal(err)
	}
	w.look(t.Context())
	w.look(t.Context())
	if lines := said(); len(lines) != 1 || !strings.Contains(lines[0], stateRestored) || !strings.Contains(lines[0], "as before") {
		t.Errorf("it says %q", lines)
	}
}

// A burst of deliveries may use up all files that a process may open, while the
// record is as it was.
func TestATroubleThatPassesEndsNoSession(t *testing.T) {
	w, said := looked(t)
	for _, c := range []struct {
		err  error
		ends bool
	}{
		{&os.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}, false},
		{&os.PathError{Op: "open", Path: "x", Err: syscall.ENFILE}, false},
		{fmt.Errorf("its lock was missing: %w", errHeld), false},
		{&os.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, true},
	} {
		w.lost = 0
		for range 2 * maxLost {
			w.notRestored(c.err)
		}
		if ends := strings.Contains(strings.Join(said(), "\n"), "ends: "); ends != c.ends {
			t.Errorf("%v ends the session: %t", c.err, ends)
		}
	}
}

func TestASessionThatCannotBeKeptOnRecordEndsInOrder(t *testing.T) {
	w, r, live := watched(t)
	moved := string(w.dir) + ".moved"
	if err := errors.Join(os.Rename(string(w.dir), moved), os.WriteFile(string(w.dir), nil, 0o600)); err != nil {
		t.Logf("the session was quicker: %v", err)
		_ = os.RemoveAll(string(w.dir))
		if err := os.WriteFile(string(w.dir), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	<-r.done
	if r.err == nil || !strings.Contains(r.err.Error(), "cannot be kept on record") || strings.Count(r.err.Error(), "\n") != 1 { // the history cannot be ended either
		t.Errorf("it ended with %v", r.err)
	}
	if hooks := w.Webhooks("me"); len(hooks) > 0 || !slices.Equal(r.sum.Deleted, []string{live.Webhook()}) {
		t.Errorf("left are %+v; the summary is %+v", hooks, r.sum)
	}
}

func TestAFolderThatCannotBeWrittenToIsReportedAndStopsNothing(t *testing.T) {
	if os.Getuid() <= 0 {
		t.Skip("root writes everywhere; a test of the program does this as another user")
	}
	w, r, live := watched(t)
	if err := os.Chmod(w.dir.leases(), 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(w.dir.leases(), 0o700) })
	r.state(live, event.SubjectSession, stateUnwritable)
	if err := os.Chmod(w.dir.leases(), 0o700); err != nil {
		t.Fatal(err)
	}
	r.state(live, event.SubjectSession, stateWritable)
	r.stop()
	w.nothingLeft()
}

// The folder may be moved at any moment, that of a change of the record too: no
// record is written to a folder in which the session holds no lock.
func TestARecordIsWrittenOnlyUnderALockThatOthersSee(t *testing.T) {
	dir := Dir(filepath.Join(t.TempDir(), "state"))
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	id := newID()
	h, err := dir.hold(id)
	if err != nil {
		t.Fatal(err)
	}
	rec := &Record{Version: recordVersion, ID: id, Machine: machineHash(), Started: time.Now(), Endpoint: "http://127.0.0.1:1", Token: newToken(), Doubt: true}
	if err := os.Rename(string(dir), string(dir)+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := h.save(rec); err != nil {
		t.Fatal(err)
	}
	for _, place := range []Dir{dir, dir + ".moved"} {
		if lives, err := place.lives(id); err != nil || !lives {
			t.Errorf("in %s it passes for dead: %v", place, err)
		}
	}
	if _, err := dir.record(id); err != nil {
		t.Error(err)
	}
	if made, err := h.restore(); err != nil || !strings.Contains(made, "was missing") {
		t.Errorf("what was made again is not reported: %q, %v", made, err)
	}
	if err := h.release(&Record{ID: id}); err != nil {
		t.Fatal(err)
	}
	if dir.alive(id) || (dir + ".moved").alive(id) {
		t.Error("it passes for alive")
	}
}
