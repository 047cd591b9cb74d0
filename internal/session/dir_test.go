package session

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func env(pairs map[string]string) func(string) string {
	return func(key string) string { return pairs[key] }
}

func TestTheStateFolderIsFoundWhereThePlatformHasIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the cases are Linux's")
	}
	for _, c := range []struct {
		env  map[string]string
		want Dir
	}{
		{map[string]string{"HF_TAP_STATE": "/s", "XDG_STATE_HOME": "/x", "HOME": "/h"}, "/s"},
		{map[string]string{"HF_TAP_STATE": "~/s", "HOME": "/h"}, "/h/s"},
		{map[string]string{"HF_TAP_STATE": "/s/~/x", "HOME": "/h"}, "/s/~/x"},
		{map[string]string{"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/hf-tap"},
		{map[string]string{"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/hf-tap"},
		{map[string]string{"HOME": "/h"}, "/h/.local/state/hf-tap"},
	} {
		if got, err := FindDir(env(c.env)); err != nil || got != c.want {
			t.Errorf("%v: %q, %v", c.env, got, err)
		}
	}
	if _, err := FindDir(env(nil)); !errors.Is(err, ErrNoHome) {
		t.Errorf("without a home: %v", err)
	}
}

func TestAFolderThatCannotBeIsToldBeforeAnythingIsMade(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making symbolic links takes a right on Windows")
	}
	at := t.TempDir()
	path := func(name string) string { return filepath.Join(at, name) }
	for name, to := range map[string]string{"dangling": path("gone"), "loop": path("loop"), "fine": path("there")} {
		if err := os.Symlink(to, path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(path("there"), 0o700), os.WriteFile(path("file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{
		"dangling": "is a broken symbolic link to", "dangling/below/it": "is a broken symbolic link to", "loop": "is a broken symbolic link to",
		"file": "is not a folder", "file/below": "is not a folder", "fine": "", "fine/new": "", "new/and/below": "",
	} {
		dir, err := FindDir(env(map[string]string{"HF_TAP_STATE": path(folder)}))
		switch {
		case want == "" && (err != nil || dir != Dir(path(folder))):
			t.Errorf("%s: %q, %v", folder, dir, err)
		case want != "" && (!errors.Is(err, ErrFolder) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v", folder, err)
		}
	}
	if err := Dir("/proc/x").Make(); runtime.GOOS == "linux" && !errors.Is(err, ErrFolder) {
		t.Errorf("/proc/x: %v", err)
	}
}

func TestTheSecretIsMadeOnceAndKept(t *testing.T) {
	dir := Dir(filepath.Join(t.TempDir(), "state"))
	var wg sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = dir.Secret(false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range got {
		if s != got[0] || CheckSecret(s) != nil {
			t.Fatalf("eight first calls gave %q", got)
		}
	}
	renewed, err := dir.Secret(true)
	if err != nil || renewed == got[0] {
		t.Errorf("the renewed secret is %q, %v", renewed, err)
	}
	if again, err := dir.Secret(false); err != nil || again != renewed {
		t.Errorf("the renewed secret was not kept: %q, %v", again, err)
	}
	if info, err := os.Stat(filepath.Join(string(dir), "secret")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(string(dir)); len(entries) != 2 { // leases, secret
		t.Errorf("files are left: %v", entries)
	}
}

func TestASecretThatCannotBeSentIsRefused(t *testing.T) {
	for _, bad := range []string{"", " a", "a ", "a\tb", "ü", "a\nb", "a\x7f"} {
		if err := CheckSecret(bad); !errors.Is(err, ErrBadSecret) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("with a blank\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := ReadSecretFile(path); err != nil || s != "with a blank" {
		t.Errorf("%q, %v", s, err)
	}
}

func TestAStateFolderThatIsThereKeepsItsPermissions(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Dir(dir).Make(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o755 {
		t.Errorf("it is %v now, %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Join(dir, "leases")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("leases are %v, %v", info.Mode(), err)
	}
}
