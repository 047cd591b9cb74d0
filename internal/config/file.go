package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ProjectFile is the name of a project's file.
const ProjectFile = ".hf-tap.toml"

// maxFile is how large a file may be: all of it is shown before it is trusted.
const maxFile = 64 << 10

// RefusedError says that a file exists and is not read.
type RefusedError struct {
	Path   string
	Reason string // what it is, as in "is a folder"
	Hint   string // what to type
}

// Error is the path and the reason.
func (e *RefusedError) Error() string { return e.Path + " " + e.Reason }

// FindProject returns the path of the project's file for a working directory: the
// nearest one in it or above it, up to the root of its git repository. Without a
// repository, only the folder itself counts. It is empty if there is no file.
func FindProject(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real // "above" is what git takes for it, and a file has one path to be trusted by
	}
	found := ""
	for at := dir; ; at = filepath.Dir(at) {
		if path := filepath.Join(at, ProjectFile); found == "" && exists(path) {
			found = path
		}
		if found != "" && at == dir || exists(filepath.Join(at, ".git")) {
			return found
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// exists reports whether a path exists, which includes a dangling symbolic link.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// ReadProject reads a project's file. The error is a *RefusedError if it cannot be
// trusted whatever is in it, an *Error if its content is wrong.
func ReadProject(path string) (*File, error) {
	content, err := read(path, false)
	if err != nil {
		return nil, err
	}
	return Parse(path, content, false)
}

// OwnPath is the path of the user's own file: HF_TAP_CONFIG, else
// $XDG_CONFIG_HOME/hf-tap/config.toml or ~/.config/hf-tap/config.toml, on macOS
// ~/Library/Application Support/hf-tap/config.toml, on Windows
// %AppData%\hf-tap\config.toml. It is empty if there is no home folder.
func OwnPath(getenv func(string) string) string {
	home := getenv("HOME")
	if path := getenv("HF_TAP_CONFIG"); path != "" {
		if rest, ok := strings.CutPrefix(path, "~"); ok && rest != "" && os.IsPathSeparator(rest[0]) && home != "" {
			path = home + rest
		}
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return path
	}
	folder := ""
	switch xdg := getenv("XDG_CONFIG_HOME"); {
	case runtime.GOOS == "windows":
		folder = getenv("AppData")
	case runtime.GOOS == "darwin" && home != "":
		folder = filepath.Join(home, "Library", "Application Support")
	case filepath.IsAbs(xdg): // the XDG specification has relative paths ignored
		folder = xdg
	case home != "":
		folder = filepath.Join(home, ".config")
	}
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, "hf-tap", "config.toml")
}

// ReadOwn reads the user's own file. Without one it is nil, unless HF_TAP_CONFIG names
// it. The errors are those of ReadProject.
func ReadOwn(getenv func(string) string) (*File, error) {
	path := OwnPath(getenv)
	if path == "" {
		return nil, nil
	}
	content, err := read(path, true)
	switch {
	case errors.Is(err, fs.ErrNotExist) && getenv("HF_TAP_CONFIG") == "":
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, &RefusedError{path, "does not exist, and HF_TAP_CONFIG names it", "unset HF_TAP_CONFIG, or make the file"}
	case err != nil:
		return nil, err
	}
	return Parse(path, content, true)
}

// read reads a file that only its user, or root, can have written. A project's
// file must not be a link: it would be another file than the one that is trusted.
func read(path string, own bool) ([]byte, error) {
	stat := os.Lstat
	if own {
		stat = os.Stat // programs that manage configuration files make links
	}
	info, err := stat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if err := refused(path, info, own); err != nil {
		return nil, err
	}
	f, err := open(path, own)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	opened, err := f.Stat()
	if err != nil {
		return nil, unreadable(path, err)
	}
	if !os.SameFile(info, opened) {
		return nil, &RefusedError{path, "was replaced while it was read", "try again"}
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(content) > maxFile {
		return nil, tooLarge(path, own)
	}
	return content, nil
}

// unreadable is the error of an existing file that cannot be read.
func unreadable(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return &RefusedError{path, "cannot be read: " + err.Error(), "chmod u+r " + quoted(path)}
}

func tooLarge(path string, own bool) error {
	return &RefusedError{path, fmt.Sprintf("is larger than %d KiB", maxFile>>10), ignore(own)}
}

// refused is the reason not to read a file, nil if there is none.
func refused(path string, info fs.FileInfo, own bool) error {
	mode := info.Mode()
	switch {
	case mode&fs.ModeSymlink != 0:
		to, _ := os.Readlink(path)
		return &RefusedError{path, fmt.Sprintf("is a symbolic link, to %q: others may change the file that it leads to", to), ignore(own)}
	case mode.IsDir():
		return &RefusedError{path, "is a folder", ignore(own)}
	case !mode.IsRegular():
		return &RefusedError{path, "is not a regular file", ignore(own)}
	case info.Size() > maxFile:
		return tooLarge(path, own)
	}
	if owner, other := otherOwner(info, own); other {
		return &RefusedError{path, fmt.Sprintf("belongs to another user (%s)", owner), fmt.Sprintf("read it, and make it yours: sudo chown %d %s", os.Geteuid(), quoted(path))}
	}
	if runtime.GOOS != "windows" && mode.Perm()&0o022 != 0 {
		return &RefusedError{path, fmt.Sprintf("can be changed by other users (mode %04o)", mode.Perm()), "chmod go-w " + quoted(path)}
	}
	return nil
}

// ignore is the hint for a file that no command can repair.
func ignore(own bool) string {
	if own {
		return "put a file in its place, or name another one by HF_TAP_CONFIG"
	}
	return "put a file in its place, or go on without it: hf-tap listen --no-config"
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if !strings.ContainsAny(path, " '\"$`\\!&;()<>|*?[]{}~#") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
