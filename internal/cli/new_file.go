package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/robustio"
)

// newFile is a file that a command writes for the user. It appears at its path when it
// is complete. A pipe or another file that is not regular is written directly.
type newFile struct {
	*bufio.Writer
	f     *os.File
	path  string // where the complete file goes; "" if it is written directly
	force bool   // replace an existing file
}

// createFile begins a file at path. One that exists is only replaced with force.
// command is what the hint of that begins with.
func createFile(path string, force bool, command string) (*newFile, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, withHint(fmt.Errorf("%q is a folder", path), "name a file in it")
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, notWritten(path, err)
		}
		return &newFile{Writer: bufio.NewWriter(f), f: f}, nil
	case err == nil && !force:
		return nil, fileExists(path, command)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, notWritten(path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return nil, notWritten(path, err)
	}
	return &newFile{Writer: bufio.NewWriterSize(f, 64<<10), f: f, path: path, force: force}, nil
}

// notWritten is the error of a file that cannot be written. It does not name the
// temporary file.
func notWritten(path string, err error) error {
	return withHint(fmt.Errorf("cannot write %q: %w", path, bare(err)), "name a file in a folder that exists and that you may write to")
}

// bare is the cause of an error about a file, without the operation and the path.
func bare(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}

func fileExists(path, command string) error {
	return withHint(fmt.Errorf("%q exists", path), "name another one, or replace it: "+command+" --force")
}

// finish moves the complete file to its path, or removes it if failed is an error.
func (n *newFile) finish(failed error, command string) error {
	err := errors.Join(failed, n.Flush(), n.f.Close())
	if n.path == "" {
		return err
	}
	if err == nil && !n.force {
		// Never replace a file that was created since.
		if linked := os.Link(n.f.Name(), n.path); linked == nil || errors.Is(linked, fs.ErrExist) {
			if linked != nil {
				err = fileExists(n.path, command)
			}
			return errors.Join(err, os.Remove(n.f.Name()))
		}
	}
	if err == nil {
		err = robustio.Rename(n.f.Name(), n.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(n.f.Name()))
	}
	return nil
}
