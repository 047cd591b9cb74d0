//go:build unix

package plainfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hf-tap/hf-tap/internal/plainfile"
	"golang.org/x/sys/unix"
)

func TestOnlyARegularFileIsOpened(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	plain := at("plain")
	err := errors.Join(os.WriteFile(plain, []byte("text"), 0o600), os.Mkdir(at("folder"), 0o700), unix.Mkfifo(at("pipe"), 0o600),
		os.Symlink(plain, at("link")), os.Symlink(at("nowhere"), at("broken")), os.Symlink(at("pipe"), at("link to a pipe")))
	if err != nil {
		t.Fatal(err)
	}
	for name, readable := range map[string]bool{"folder": false, "pipe": false, "link": true, "broken": false, "link to a pipe": false} {
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY | os.O_CREATE, os.O_RDWR | os.O_APPEND} {
			f, err := plainfile.Open(at(name), flag, 0o600)
			if !errors.Is(err, plainfile.ErrNotPlain) {
				t.Errorf("%s: open it with %#x: %v", name, flag, err)
				_ = f.Close()
			}
		}
		if _, err := plainfile.Read(at(name), 100); (err == nil) != readable {
			t.Errorf("%s: read it: %v", name, err)
		}
	}
	if _, err := os.Lstat(at("nowhere")); err == nil {
		t.Error("a file was made where the broken link leads")
	}
	if _, err := plainfile.Read(plain, 3); err == nil {
		t.Error("a file that is too large was read")
	}
	f, err := plainfile.Open(at("new"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.WriteString("x"); errors.Join(err, f.Close()) != nil {
		t.Error(err)
	}
}
