package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/rogpeppe/go-internal/robustio"
)

// readiness publishes the public URL of a session: in a line, and in the ready file if
// the user named one. The start of the session and a change of its URL are noticed by
// different goroutines, which may publish at the same time.
//
// The file's path is the user's, and others may get at it before: what is not a
// ready file is not replaced, what another session has written is not touched,
// and no link is followed.
type readiness struct {
	notes *lines.Notes
	file  string // "" for none

	mu      sync.Mutex
	written string // what the file holds of this session; "" before
}

// publish calls url when it is its turn, so that the latest address is published last.
// It writes the file before the line: a program that waits for the line may read the
// file.
func (r *readiness) publish(url func() string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := url()
	if err := r.writeLocked(at + "\n"); err != nil {
		return err
	}
	r.notes.Print("ready: %s", at)
	return nil
}

// writeLocked writes the whole file at once: a program that waits for it never finds
// half of it. A file that another session has written since stays.
func (r *readiness) writeLocked(text string) error {
	if r.file == "" {
		return nil
	}
	if held, err := readReady(r.file); r.written != "" && err == nil && held != r.written {
		return nil
	}
	tmp, err := r.temporary(text)
	if err == nil {
		if err = robustio.Rename(tmp, r.file); err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}
	if err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	r.written = text
	return nil
}

// temporary creates a file beside the ready file, with a name that others cannot
// predict.
func (r *readiness) temporary(text string) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(r.file), "."+filepath.Base(r.file)+".*") // 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// prepare removes the file of an earlier run, which would be taken for this
// one's, and makes sure that the file can be written, before there is a webhook
// to be ready.
func (r *readiness) prepare() error {
	if r.file == "" {
		return nil
	}
	held, err := readReady(r.file)
	if err == nil && held != "" && !readyText.MatchString(held) {
		err = errNotReadyFile
	}
	if errors.Is(err, errNotReadyFile) {
		return hint.With(fmt.Errorf("write the ready file %q: %w", r.file, err), "name another file, or remove that one: --ready-file ready.txt")
	}
	if err == nil {
		err = robustio.RemoveAll(r.file)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		var tmp string
		if tmp, err = r.temporary(""); err == nil {
			err = robustio.RemoveAll(tmp)
		}
	}
	if err != nil {
		return hint.With(fmt.Errorf("write the ready file: %w", err), "name a file in an existing, writable folder: --ready-file ready.txt")
	}
	return nil
}

// remove removes the file if it still holds what this session wrote.
func (r *readiness) remove() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.written == "" {
		return nil
	}
	if held, err := readReady(r.file); err != nil || held != r.written {
		return nil
	}
	if err := robustio.RemoveAll(r.file); err != nil {
		return fmt.Errorf("remove the ready file: %w", err)
	}
	return nil
}

// readyText is what ready files hold.
var readyText = regexp.MustCompile(`^https?://\S+\r?\n?$`)

// errNotReadyFile says that at the path of the ready file is something that no
// session has written.
var errNotReadyFile = errors.New("it exists, and is not a ready file")

// maxReady is more than any ready file holds, in bytes.
const maxReady = 16 << 10

// readReady reads a ready file, without following a link.
func readReady(file string) (string, error) {
	info, err := os.Lstat(file)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxReady {
		return "", errNotReadyFile
	}
	text, err := robustio.ReadFile(file)
	return string(text), err
}
