//go:build unix

package config

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// own reads a path as that of the user's file.
func own(path string) (*File, error) { return ReadOwn(func(string) string { return path }) }

func TestAFileThatOthersMayHaveWrittenIsRefused(t *testing.T) {
	for mode, reason := range map[os.FileMode]string{0o620: "mode 0620", 0o602: "mode 0602", 0o666: "can be changed by other users (mode 0666)", 0o644: "", 0o400: ""} {
		path := filepath.Join(folder(t, ".hf-tap.toml=retry = 1"), ProjectFile)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for _, read := range []func(string) (*File, error){ReadProject, own} {
			if _, err := read(path); (err == nil) != (reason == "") || err != nil && !refusedFor(err, reason) {
				t.Errorf("mode %o: %v", mode, err)
			}
		}
	}
}

func TestAFileOfAnotherUserIsRefused(t *testing.T) {
	path := "/etc/passwd" // root's
	if os.Geteuid() == 0 {
		path = filepath.Join(folder(t, "x=retry = 1"), "x")
		if err := os.Chown(path, 4711, 4711); err != nil {
			t.Fatal(err)
		}
		if _, err := own(path); !refusedFor(err, "belongs to another user (user id 4711)") {
			t.Errorf("the user's own: %v", err)
		}
	}
	if _, err := ReadProject(path); !refusedFor(err, path+" belongs to another user (") {
		t.Errorf("got %v", err)
	}
}

func TestAFIFOIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), ProjectFile)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, read := range []func(string) (*File, error){ReadProject, own} {
		if _, err := read(path); !refusedFor(err, "is not a regular file") {
			t.Errorf("got %v", err)
		}
	}
	f, err := open(path, false) // it took the place of a file that was looked at
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestAProjectsFileIsNotReadThroughALink(t *testing.T) {
	dir := folder(t, "real=retry = 1", ".git/", "sub/")
	link := filepath.Join(dir, ProjectFile)
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	if got := FindProject(filepath.Join(dir, "sub")); got != link {
		t.Errorf("the link is passed over: %q", got)
	}
	if _, err := ReadProject(link); !refusedFor(err, `is a symbolic link, to "real"`) {
		t.Errorf("got %v", err)
	}
	if _, err := open(link, false); err == nil {
		t.Error("a link that took the place of a file is opened")
	}
	if f, err := own(link); err != nil || len(f.Values) != 1 {
		t.Errorf("the user's own file may be a link: %v, %v", f, err)
	}
	if err := os.Remove(filepath.Join(dir, "real")); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadProject(link); !refusedFor(err, "is a symbolic link") {
		t.Errorf("one that leads nowhere: %v", err)
	}
}

func TestAFolderThatIsALinkHasOnePath(t *testing.T) {
	dir := folder(t, "real/.hf-tap.toml", "real/.git/", "real/sub/")
	if err := os.Symlink("real/sub", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if got, want := FindProject(filepath.Join(dir, "link")), filepath.Join(dir, "real", ProjectFile); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
