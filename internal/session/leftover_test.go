package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// told is what a session tells people.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (l *told) tell(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

// startTold starts a session and gives what it told until it was up.
func (w *world) startTold() (*running, []string) {
	w.t.Helper()
	var l told
	cfg := w.config()
	cfg.Tell = l.tell
	r := w.start(cfg)
	r.live()
	l.mu.Lock()
	defer l.mu.Unlock()
	return r, slices.Clone(l.lines)
}

// doubt makes the record of a create that was never answered.
func (w *world) doubt(change func(*Record)) *Record {
	w.t.Helper()
	r := &Record{Version: recordVersion, ID: newID(), Machine: machineHash(), Started: time.Now(), Endpoint: w.endpoint, User: "me",
		PublicURL: "https://dead.example", Token: newToken(), Doubt: true, Asked: time.Now()}
	if change != nil {
		change(r)
	}
	if err := errors.Join(w.dir.Make(), w.dir.save(r)); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func TestFortyCreatesInDoubtAreOneLineAndOneCall(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	for i := range 40 {
		w.doubt(func(r *Record) {
			switch i % 4 {
			case 1:
				r.Endpoint = "https://huggingface.co"
			case 2:
				r.User = "you"
			case 3:
				r.Machine = "another"
			}
		})
	}
	r, lines := w.startTold()
	said := slices.DeleteFunc(slices.Clone(lines), func(s string) bool { return !strings.Contains(s, "exist") })
	if want := []string{"40 webhooks may still exist: hf-tap webhooks prune"}; !slices.Equal(said, want) {
		t.Errorf("it says %q", lines)
	}
	if n := w.CallCount("GET " + webhooksPath); n != 1 {
		t.Errorf("the webhooks were listed %d times", n)
	}
	r.stop()
}

func TestFortyDeadSessionsAreSweptByOneList(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	for i := range 40 {
		dead := w.dead(nil)
		if i%4 == 0 { // somebody has deleted it
			if err := w.RemoveWebhook(dead.Webhook); err != nil {
				t.Fatal(err)
			}
		}
	}
	swept, err := w.sweep(w.token)
	if err != nil || len(swept.Deleted) != 30 || len(swept.Kept) != 0 {
		t.Errorf("swept %+v, %v", swept, err)
	}
	if lists, gets, deletes := w.CallCount("GET "+webhooksPath), w.CallCount("GET "+webhooksPath+"/*"), w.CallCount("DELETE "+webhooksPath+"/*"); lists != 1 || gets != 0 || deletes != 30 {
		t.Errorf("%d lists, %d looks, %d deletes", lists, gets, deletes)
	}
	w.nothingLeft()
}

// A Hub that does not answer leaves all records, and is one error.
func TestASweepThatTheHubRefusesKeepsAllRecords(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	for range 3 {
		w.dead(nil)
	}
	heal := w.Fault("GET "+webhooksPath, sandbox.Fault{Status: 503})
	swept, err := w.sweep(w.token)
	if err == nil || strings.Contains(err.Error(), "\n") || len(swept.Left()) != 3 {
		t.Errorf("swept %+v, %v", swept, err)
	}
	heal()
	if swept, err := w.sweep(w.token); err != nil || len(swept.Deleted) != 3 {
		t.Errorf("swept %+v, %v", swept, err)
	}
	w.nothingLeft()
}

func TestASessionWithoutTheHubSaysWhatIsLeft(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.doubt(nil)
	w.dead(func(r *Record) { r.Webhook, r.Muted = "", []string{"65a100000000000000000001"} })
	var l told
	cfg := w.config()
	cfg.Hub, cfg.NoWebhook, cfg.Tell = nil, true, l.tell
	r := w.start(cfg)
	r.live()
	r.stop()
	for _, want := range []string{"1 webhook may still exist: hf-tap webhooks prune", "1 muted webhook may still be disabled: hf-tap webhooks prune"} {
		if !slices.Contains(l.lines, want) {
			t.Errorf("it says %q", l.lines)
		}
	}
}

func TestARecordOfASandboxThatIsGoneIsForgottenAfterADay(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	open, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	gone, stays := "http://"+porttest.Addr(t), "http://"+open.Addr().String()
	for name, c := range map[string]struct {
		endpoint string
		age      time.Duration
		change   func(*Record)
		forgets  bool
	}{
		"nobody listens":                 {gone, 25 * time.Hour, nil, true},
		"nobody listens, since just now": {gone, 23 * time.Hour, nil, false},
		"its webhook is known":           {gone, 25 * time.Hour, func(r *Record) { r.Webhook, r.Doubt = "65a100000000000000000001", false }, true},
		"another user's":                 {gone, 25 * time.Hour, func(r *Record) { r.User = "you" }, true},
		"by name":                        {strings.Replace(gone, "127.0.0.1", "localhost", 1), 25 * time.Hour, nil, true},
		"somebody listens":               {stays, 25 * time.Hour, nil, false},
		"not on this machine":            {"https://hub.invalid", 25 * time.Hour, nil, false},
		"another machine's loopback":     {gone, 25 * time.Hour, func(r *Record) { r.Machine = "another" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			rec := w.doubt(func(r *Record) {
				r.Endpoint, r.Started = c.endpoint, time.Now().Add(-c.age)
				r.Asked = r.Started
				if c.change != nil {
					c.change(r)
				}
			})
			// Without a token, too.
			swept, err := Sweep(t.Context(), w.dir, nil, w.endpoint, "")
			if err != nil || (len(swept.Forgotten) == 1) != c.forgets || (len(swept.Left()) == 1) == c.forgets {
				t.Errorf("swept %+v, %v", swept, err)
			}
			if _, err := w.dir.record(rec.ID); (err != nil) != c.forgets {
				t.Errorf("the record: %v", err)
			}
			if err := removeFile(w.dir.recordPath(rec.ID)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A create that a session sent late is looked for as long as any other, however
// long the session has been running.
func TestTheDayOfACreateInDoubtBeginsWithTheCreate(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.doubt(func(r *Record) { r.Started = time.Now().Add(-100 * time.Hour) })
	if swept, err := w.sweep(w.token); err != nil || len(swept.Left()) != 1 {
		t.Errorf("swept %+v, %v", swept, err)
	}
}

// spoils are ways in which a record's file may be damaged.
var spoils = map[string]func(path string, whole []byte) error{
	"cut short":  func(path string, whole []byte) error { return os.WriteFile(path, whole[:len(whole)/2], 0o600) },
	"empty":      func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
	"not JSON":   func(path string, _ []byte) error { return os.WriteFile(path, []byte("\x00\x01"), 0o600) },
	"other JSON": func(path string, _ []byte) error { return os.WriteFile(path, []byte("[1]"), 0o600) },
	"null":       func(path string, _ []byte) error { return os.WriteFile(path, []byte("null"), 0o600) },
	"endless": func(path string, _ []byte) error {
		return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<20))
	},
	"newer":               set("v", 99),
	"older":               set("v", 0),
	"of another session":  set("id", "ffff"),
	"without an id":       set("id", ""),
	"without a token":     set("token", ""),
	"with half a token":   set("token", "0123"),
	"without an endpoint": set("endpoint", ""),
	"without a machine":   set("machine", ""),
	"a folder":            func(path string, _ []byte) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	"a link to itself":    func(path string, _ []byte) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) },
	"a link to the record": func(path string, _ []byte) error {
		return errors.Join(os.Rename(path, path+".moved"), os.Symlink(path+".moved", path))
	},
	"a pipe":     func(path string, _ []byte) error { return errors.Join(os.Remove(path), makePipe(path)) },
	"unreadable": func(path string, _ []byte) error { return os.Chmod(path, 0) },
}

// set changes one value of a record.
func set(key string, value any) func(string, []byte) error {
	return func(path string, whole []byte) error {
		var o map[string]any
		if err := json.Unmarshal(whole, &o); err != nil {
			return err
		}
		o[key] = value
		b, err := json.Marshal(o)
		return errors.Join(err, os.WriteFile(path, b, 0o600))
	}
}

func TestADamagedRecordIsReportedByItsNameAndEverythingElseGoesOn(t *testing.T) {
	for name, spoil := range spoils {
		t.Run(name, func(t *testing.T) {
			if name == "unreadable" && os.Getuid() <= 0 || name == "a pipe" && runtime.GOOS == "windows" {
				t.Skip("needs a user who is not root, on Unix")
			}
			w := newWorld(t, sandbox.Config{})
			own := w.hook("https://mine.example") // the user's, which no damage may lead to
			orphan, dead := w.dead(func(r *Record) { r.Doubt = true }), w.dead(nil)
			path := w.dir.recordPath(orphan.ID)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := spoil(path, whole); err != nil {
				t.Fatal(err)
			}
			survey, err := Look(t.Context(), w.dir, w.client(w.token))
			if err != nil || len(survey.Webhooks) != 3 || len(survey.Damaged) != 1 || survey.Damaged[0].ID != orphan.ID {
				t.Errorf("%+v, %v", survey, err)
			}
			r, lines := w.startTold()
			if !slices.ContainsFunc(lines, func(s string) bool {
				return strings.Contains(s, filepath.Base(path)) && strings.Contains(s, "hf-tap webhooks prune")
			}) {
				t.Errorf("it says %q", lines)
			}
			if !slices.Contains(lines, fmt.Sprintf("deleted the webhook %s that a session left behind when it was killed", dead.Webhook)) {
				t.Errorf("the other dead session is not swept: %q", lines)
			}
			r.stop()
			var left []string
			for _, h := range w.Webhooks("me") {
				left = append(left, h.ID)
			}
			if want := []string{own.ID, orphan.Webhook}; !slices.Equal(left, want) {
				t.Errorf("left are %v, want %v", left, want)
			}
			if rec, err := Forget(w.dir, orphan.ID); err != nil || rec != nil {
				t.Errorf("%+v, %v", rec, err)
			}
			if _, err := os.Lstat(path); err == nil {
				t.Error("the file is left")
			}
		})
	}
}

func TestManyDamagedRecordsAreOneLine(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	if err := w.dir.Make(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c"} {
		if err := os.WriteFile(w.dir.recordPath(id), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, lines := w.startTold()
	r.stop()
	said := slices.DeleteFunc(lines, func(s string) bool { return !strings.Contains(s, "cannot be read") })
	if len(said) != 1 || !strings.Contains(said[0], "3 lease records") || !strings.Contains(said[0], `("a.json", "b.json", "c.json")`) {
		t.Errorf("it says %q", said)
	}
}
