//go:build unix

package session

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// state makes a state folder in which everything is there, with loose modes.
func looseState(t *testing.T) Dir {
	t.Helper()
	dir := Dir(filepath.Join(t.TempDir(), "state"))
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret", "gradio-name", "gradio-name.lock", "known_hosts", "id_ed25519", "hf-tap.log", "history.db", "leases/0000.json", "leases/.lock"} {
		chmodded(t, filepath.Join(string(dir), name), 0o664)
	}
	for _, folder := range []string{dir.leases(), string(dir)} {
		if err := os.Chmod(folder, 0o775); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func chmodded(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// modes returns the modes of everything in a folder but the history.
func modes(t *testing.T, dir Dir) map[string]fs.FileMode {
	t.Helper()
	all := map[string]fs.FileMode{}
	err := filepath.WalkDir(string(dir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || strings.HasPrefix(e.Name(), "history.db") {
			return err
		}
		info, err := e.Info()
		name, _ := filepath.Rel(string(dir), path)
		all[name] = info.Mode().Perm()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLooseModesAreTightenedAndReportedInOneLine(t *testing.T) {
	dir := looseState(t)
	loose, err := dir.Tighten()
	if err != nil {
		t.Fatal(err)
	}
	if want := "made private, others had access: the state folder (0775), secret (0664), gradio-name (0664), gradio-name.lock (0664), " +
		"known_hosts (0664), id_ed25519 (0664), hf-tap.log (0664), leases (0775), 2 files in leases"; LooseLine(loose) != want {
		t.Errorf("it says %q", LooseLine(loose))
	}
	for name, mode := range modes(t, dir) {
		if mode&0o077 != 0 {
			t.Errorf("%s is %04o", name, mode)
		}
	}
	if loose, err := dir.Tighten(); err != nil || LooseLine(loose) != "" {
		t.Errorf("once more it says %q, %v", LooseLine(loose), err)
	}
}

// The user's own rights are the user's to choose.
func TestTighteningTakesNothingFromTheOwner(t *testing.T) {
	dir := looseState(t)
	chmodded(t, filepath.Join(string(dir), "secret"), 0o444)
	if _, err := dir.Tighten(); err != nil {
		t.Fatal(err)
	}
	if mode := modes(t, dir)["secret"]; mode != 0o400 {
		t.Errorf("it is %04o", mode)
	}
}

func TestAFolderWithFilesOfOthersKeepsItsModeAndIsReported(t *testing.T) {
	dir := looseState(t)
	chmodded(t, filepath.Join(string(dir), "notes.txt"), 0o644)
	for range 2 { // each time, as it stays so
		loose, err := dir.Tighten()
		if err != nil || !strings.Contains(LooseLine(loose), "others have access: the state folder (0775), which holds files of others, too") {
			t.Errorf("it says %q, %v", LooseLine(loose), err)
		}
	}
	is := modes(t, dir)
	if is["."] != 0o775 || is["notes.txt"] != 0o644 || is["secret"] != 0o600 || is["leases"] != 0o700 {
		t.Errorf("they are %v", is)
	}
}

func TestTighteningFollowsNoLink(t *testing.T) {
	dir := looseState(t)
	elsewhere := filepath.Join(t.TempDir(), "public")
	chmodded(t, elsewhere, 0o644)
	secret := filepath.Join(string(dir), "secret")
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, secret); err != nil {
		t.Fatal(err)
	}
	loose, err := dir.Tighten()
	if err != nil || !strings.Contains(LooseLine(loose), "others have access: secret (0644), which is a symbolic link") {
		t.Errorf("it says %q, %v", LooseLine(loose), err)
	}
	if info, err := os.Stat(elsewhere); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("it is %v, %v", info.Mode(), err)
	}
}

func TestLookingTightensNothing(t *testing.T) {
	dir := looseState(t)
	before := modes(t, dir)
	if loose, err := dir.Loose(); err != nil || len(loose) != 10 {
		t.Errorf("%v, %v", loose, err)
	}
	for name, mode := range modes(t, dir) {
		if mode != before[name] {
			t.Errorf("%s was %04o and is %04o", name, before[name], mode)
		}
	}
}

func TestASessionBeginsByTightening(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	if err := w.dir.Make(); err != nil {
		t.Fatal(err)
	}
	chmodded(t, filepath.Join(string(w.dir), "secret"), 0o644)
	r, lines := w.startTold()
	r.stop()
	if len(lines) == 0 || !strings.Contains(lines[0], "secret (0644)") {
		t.Errorf("it says %q", lines)
	}
}
