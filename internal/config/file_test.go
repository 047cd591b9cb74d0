package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder makes a folder with files, which have 0600 and the text behind the "=". A
// name that ends with a slash is a folder.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name, text, _ := strings.Cut(file, "=")
		path := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o700)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTheProjectsFileIsTheNearestUpToTheRootOfTheRepository(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		from  string
		want  string
	}{
		{"in the folder", []string{".hf-tap.toml", "a/"}, ".", ".hf-tap.toml"},
		{"above, without a repository", []string{".hf-tap.toml", "a/"}, "a", ""},
		{"above, in a repository", []string{".git/", ".hf-tap.toml", "a/b/"}, "a/b", ".hf-tap.toml"},
		{"above, in a worktree", []string{".git=gitdir: x", ".hf-tap.toml", "a/"}, "a", ".hf-tap.toml"},
		{"the nearest", []string{".git/", ".hf-tap.toml", "a/.hf-tap.toml", "a/b/"}, "a/b", "a/.hf-tap.toml"},
		{"above the repository", []string{".hf-tap.toml", "a/.git/", "a/b/"}, "a/b", ""},
		{"nowhere", []string{".git/", "a/"}, "a", ""},
	} {
		dir := folder(t, c.files...)
		want := c.want
		if want != "" {
			want = filepath.Join(dir, filepath.FromSlash(want))
		}
		if got := FindProject(filepath.Join(dir, filepath.FromSlash(c.from))); got != want {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
}

func TestThePathOfTheUsersFileIsWhereTheSystemKeepsThem(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"HOME": dir, "XDG_CONFIG_HOME": "relative", "AppData": dir, "HF_TAP_CONFIG": "~/mine.toml"}
	getenv := func(name string) string { return env[name] }
	if got := OwnPath(getenv); got != filepath.Join(dir, "mine.toml") {
		t.Errorf("HF_TAP_CONFIG is %q", got)
	}
	if _, err := ReadOwn(getenv); !refusedFor(err, "does not exist, and HF_TAP_CONFIG names it") {
		t.Errorf("the file that HF_TAP_CONFIG names does not exist: %v", err)
	}
	delete(env, "HF_TAP_CONFIG")
	path := OwnPath(getenv)
	if !strings.HasPrefix(path, dir) || filepath.Base(path) != "config.toml" || filepath.Base(filepath.Dir(path)) != "hf-tap" {
		t.Errorf("it is %q", path)
	}
	if f, err := ReadOwn(getenv); f != nil || err != nil {
		t.Errorf("without a file: %v, %v", f, err)
	}
	if f, err := ReadOwn(func(string) string { return "" }); f != nil || err != nil {
		t.Errorf("without a home: %v, %v", f, err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("retry = 2"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if f, err := ReadOwn(getenv); err != nil || f.Values["retry"].Texts[0] != "2" || !f.Own {
		t.Errorf("with a file: %v, %v", f, err)
	}
}

func refusedFor(err error, reason string) bool {
	var refused *RefusedError
	return errors.As(err, &refused) && strings.Contains(refused.Error(), reason) && refused.Hint != ""
}

func TestAFileThatIsNoneIsRefused(t *testing.T) {
	dir := folder(t, "folder/", "large="+strings.Repeat("#", 10<<20), "full="+strings.Repeat("#", maxFile))
	for name, reason := range map[string]string{"folder": "is a folder", "large": "is larger than 64 KiB"} {
		path := filepath.Join(dir, name)
		if _, err := ReadProject(path); !refusedFor(err, path+" "+reason) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ReadOwn(func(string) string { return path }); !refusedFor(err, path+" "+reason) {
			t.Errorf("%s as the user's: %v", name, err)
		}
	}
	if _, err := ReadProject(filepath.Join(dir, "full")); err != nil {
		t.Errorf("64 KiB: %v", err)
	}
}
