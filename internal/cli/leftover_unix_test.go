//go:build unix

package cli_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// nobody is a user without rights.
const nobody = 65534

// startAsUser runs the program as a user whom rights of files stop: root reads
// and writes everywhere.
func (w *world) startAsUser(args ...string) *process {
	w.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env, cmd.Dir = w.env, "/"
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := os.Chmod(filepath.Dir(binary), 0o755); err != nil {
			w.t.Fatal(err)
		}
		w.giveAway()
	}
	return startProcess(w.t, cmd)
}

func (w *world) runAsUser(code int, args ...string) *process {
	w.t.Helper()
	p := w.startAsUser(args...)
	p.ends(code)
	return p
}

// giveAway gives the folder in which the state is to that user.
func (w *world) giveAway() {
	w.t.Helper()
	within := filepath.Dir(w.state) // the test's own, as is the folder above it
	if err := os.Chmod(filepath.Dir(within), 0o755); err != nil {
		w.t.Fatal(err)
	}
	err := filepath.WalkDir(within, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// readOnly takes the right to write from the state folder.
func (w *world) readOnly(readOnly bool) {
	w.t.Helper()
	mode := fs.FileMode(0o700)
	if readOnly {
		mode = 0o500
	}
	for _, folder := range []string{w.leases(), w.state} {
		if err := os.Chmod(folder, mode); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestWebhooksInAFolderThatIsReadOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	live := w.startAsUser(listenArgs()...)
	live.ready()
	dead := w.startAsUser(listenArgs()...)
	dead.ready()
	dead.kill()
	doubt, record := filepath.Join(w.leases(), "00000000000000aa.json"), map[string]any{}
	rewrite(t, doubt, record, map[string]any{"v": 1, "id": "00000000000000aa", "machine": "another", "endpoint": w.endpoint, "user": "me",
		"token": strings.Repeat("1", 32), "doubt": true, "started": "2026-01-02T15:04:05Z"})
	gone := filepath.Join(w.leases(), "00000000000000bb.json") // of a sandbox that is
	b, err := os.ReadFile(w.records()[1])
	if err := errors.Join(err, json.Unmarshal(b, &record)); err != nil {
		t.Fatal(err)
	}
	rewrite(t, gone, record, map[string]any{"id": "00000000000000bb", "token": strings.Repeat("2", 32), "webhook_id": "", "doubt": true, "endpoint": "http://" + porttest.Addr(t), "started": "2026-01-02T15:04:05Z"})
	w.giveAway()
	w.readOnly(true)
	t.Cleanup(func() { w.readOnly(false) })
	ls := w.runAsUser(0, "webhooks", "ls").stdout.text()
	if strings.Count(ls, ", live") != 1 || strings.Count(ls, ", left behind") != 1 {
		t.Errorf("ls shows %s", ls)
	}
	prune := w.runAsUser(1, "webhooks", "prune")
	if s := prune.stderr.text(); strings.Count(s, "error: ") != 1 || !strings.Contains(s, "permission denied") || !strings.Contains(s, "hint: make the folder writable") {
		t.Errorf("prune says %s", s)
	}
	if strings.Contains(prune.stderr.text(), "dropped") {
		t.Errorf("prune says %s", prune.stderr.text())
	}
	if out := prune.stdout.text(); !strings.Contains(out, "00000000000000aa") || !strings.Contains(out, "another machine") || !strings.Contains(out, "00000000000000bb") {
		t.Errorf("prune lists %s", out)
	}
	if f := live.wait(live.stdout, "session unwritable: "); !strings.Contains(f, "permission denied") {
		t.Errorf("the live session says %s", f)
	}
	w.readOnly(false)
	live.wait(live.stdout, "session writable again")
	w.runAsUser(0, "webhooks", "prune", "--forget", "00000000000000aa")
	if s := w.runAsUser(0, "webhooks", "prune").stderr.text(); !strings.Contains(s, "dropped the record of session 00000000000000bb") {
		t.Errorf("prune says %s", s)
	}
	if ids := w.left(); len(ids) != 1 {
		t.Errorf("the account has %v", ids)
	}
	live.signal(os.Interrupt)
	live.ends(0)
	w.nothingLeft()
}

// A folder that may not even be looked into keeps a session from knowing that it
// is on record, and it ends; it is on record all the same.
func TestASessionWhoseFolderIsClosedEndsInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.startAsUser(listenArgs()...)
	p.ready()
	if err := os.Chmod(w.state, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(w.state, 0o700) })
	p.wait(p.stdout, "session unrecorded: ")
	p.ends(1)
	if ids := w.left(); len(ids) != 0 {
		t.Errorf("the account has %v", ids)
	}
	if s := p.stderr.text(); !strings.Contains(s, "cannot be kept on record") || !strings.Contains(s, "hint: make the folder writable") {
		t.Errorf("it says %s", s)
	}
}

func TestARecordThatMayNotBeReadIsReported(t *testing.T) {
	w := newWorld(t)
	dead := w.startAsUser(listenArgs()...)
	dead.ready()
	dead.kill()
	path := w.records()[0]
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"webhooks", "ls"}, {"webhooks", "prune"}, listenArgs("--wait", "1ms")} {
		if s := w.runAsUser(0, args...).stderr.text(); !strings.Contains(s, filepath.Base(path)) || !strings.Contains(s, "permission denied") {
			t.Errorf("%v says %s", args, s)
		}
	}
}

func TestLooseModesAreReportedByDoctorAndTightenedByListen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(0, listenArgs("--wait", "1ms")...)
	loosen := func() {
		t.Helper()
		for name, mode := range map[string]fs.FileMode{"": 0o755, "secret": 0o644, "hf-tap.log": 0o664, "leases": 0o755, "leases/.lock": 0o644} {
			if err := os.Chmod(filepath.Join(w.state, name), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	mode := func(name string) string {
		t.Helper()
		info, err := os.Stat(filepath.Join(w.state, name))
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatUint(uint64(info.Mode().Perm()), 8)
	}
	loosen()
	f := w.doctor(0)["state"]
	for _, want := range []string{"the state folder (0755)", "secret (0644)", "hf-tap.log (0664)", "leases (0755)", "leases/.lock (0644)"} {
		if !strings.Contains(f.Detail, want) {
			t.Errorf("%q is not in %+v", want, f)
		}
	}
	if f.Status != "warning" || f.Hint == "" || mode("secret") != "644" {
		t.Errorf("%+v; the secret is %s", f, mode("secret"))
	}
	const says = "made private, others had access: the state folder (0755), secret (0644), hf-tap.log (0664), leases (0755), 1 file in leases"
	for _, args := range [][]string{listenArgs("--wait", "1ms"), {"secret"}} {
		loosen()
		p := w.run(0, args...)
		if s := p.stderr.text(); strings.Count(s, says) != 1 || strings.Count(s, "others had access") != 1 {
			t.Errorf("%v says %s", args, s)
		}
		if all := mode("") + mode("secret") + mode("hf-tap.log") + mode("leases") + mode("leases/.lock"); all != "700600600700600" {
			t.Errorf("after %v they are %s", args, all)
		}
		if s := w.run(0, args...).stderr.text(); strings.Contains(s, "others") {
			t.Errorf("%v says once more %s", args, s)
		}
	}
}
