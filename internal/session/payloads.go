package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
)

// Payloads is the folder for payloads while commands read them. Each file is locked, or
// on Windows open, for as long as the process that made it needs it.
func (d Dir) Payloads() string { return filepath.Join(string(d), "payloads") }

// tidyPayloads removes the payloads that nobody holds: their process was killed.
func (d Dir) tidyPayloads() error {
	entries, err := os.ReadDir(d.Payloads())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list payloads: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			errs = append(errs, removeUnlocked(filepath.Join(d.Payloads(), entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// removeUnlocked removes a file unless somebody has locked it, or locks cannot be had. On
// Windows a file that is in use is open, and stays.
func removeUnlocked(path string) error {
	if runtime.GOOS == "windows" {
		_ = os.Remove(path)
		return nil
	}
	l := flock.New(path, flock.SetFlag(os.O_RDWR))
	if free, err := l.TryLock(); err != nil || !free {
		return nil
	}
	return errors.Join(removeFile(path), l.Close())
}
