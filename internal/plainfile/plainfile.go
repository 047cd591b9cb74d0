// Package plainfile opens regular files and nothing else. Something else may have
// been put in the place of a file: a named pipe, which would be waited for without
// an end, or a symbolic link, through which a file elsewhere would be written.
package plainfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/rogpeppe/go-internal/robustio"
)

// ErrNotPlain means that what is at the path of a file is not a regular file.
var ErrNotPlain = errors.New("it is not a regular file")

// Open is os.OpenFile for a regular file, and does not follow a symbolic link. The
// error is or wraps ErrNotPlain if name is something else.
func Open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if err := check(os.Lstat(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := os.OpenFile(name, flag|Flags, perm)
	if err != nil {
		return nil, err
	}
	if err := check(f.Stat()); err != nil { // it was replaced just now
		return nil, errors.Join(&fs.PathError{Op: "open", Path: name, Err: err}, f.Close())
	}
	return f, nil
}

// Check reports whether a file exists and is a regular one, or a symbolic link to one.
func Check(name string) error {
	if err := check(os.Stat(name)); err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return nil
}

// Read reads a regular file of at most this many bytes. It follows symbolic links.
func Read(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err := check(info, err); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if info.Size() > most {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("it has %d bytes", info.Size())}
	}
	return robustio.ReadFile(name)
}

func check(info fs.FileInfo, err error) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return path.Err
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%w but a folder", ErrNotPlain)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%w but a symbolic link", ErrNotPlain)
	case info.Mode()&fs.ModeNamedPipe != 0:
		return fmt.Errorf("%w but a named pipe", ErrNotPlain)
	case !info.Mode().IsRegular():
		return ErrNotPlain
	}
	return nil
}
