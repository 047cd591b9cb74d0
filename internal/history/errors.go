package history

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The kinds of errors of a history, for errors.Is. Every error of this package quotes
// the path of the file.
var (
	// ErrDamaged: the file is not a history, or its pages contradict each other. It is
	// left as it is; moving it away lets a new one begin.
	ErrDamaged = errors.New("the file is damaged or not an hf-tap history")
	// ErrOld: a build of hf-tap from before the first release wrote the file. It
	// is left as it is; moving it away lets a new one begin.
	ErrOld = errors.New("the file was written by an hf-tap from before its first release")
	// ErrReplaced: another file is in the place of the one that is open. What is
	// stored now would not be found later, so nothing is.
	ErrReplaced = errors.New("another file is in its place")
	// ErrNewer: a later version of hf-tap wrote the file. It is left as it is.
	ErrNewer = errors.New("the file was written by a newer hf-tap")
	// ErrUnwritable: permissions, a read-only file system, or something other than a
	// file at its path.
	ErrUnwritable = errors.New("the file cannot be written")
	// ErrFull: the disk, or the user's share of it, has no space left.
	ErrFull = errors.New("no space is left on the disk")
	// ErrBusy: another process kept the file locked for longer than this one
	// was ready to wait, which is lockPatience.
	ErrBusy = errors.New("another process keeps the file locked")
	// ErrNotFound: there is no event with that number.
	ErrNotFound = errors.New("no such event")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the history is closed")
)

// fault wraps err with the operation, the path and the sentinel that fits.
func (r *Reader) fault(doing string, err error) error {
	return fault(r.path, doing, err)
}

func fault(path, doing string, err error) error {
	if err == nil {
		return nil
	}
	kind := classify(err)
	if kind == nil || errors.Is(err, kind) {
		return fmt.Errorf("%s the history %q: %w", doing, path, err)
	}
	return fmt.Errorf("%s the history %q: %w: %w", doing, path, kind, err)
}

// classify returns the sentinel that err belongs to, nil if none.
func classify(err error) error {
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		return classifyCode(failure.Code())
	}
	for _, kind := range []error{ErrDamaged, ErrOld, ErrNewer, ErrReplaced, ErrUnwritable, ErrFull, ErrBusy} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return ErrFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS),
		errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, fs.ErrExist):
		return ErrUnwritable
	}
	return nil
}

// classifyCode maps SQLite's result codes (https://sqlite.org/rescode.html).
func classifyCode(code int) error {
	switch code {
	case sqlite3.SQLITE_IOERR_SHMSIZE:
		// The shared-memory file could not be made longer.
		return ErrFull
	case sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_SHORT_READ:
		return ErrDamaged
	}
	switch code & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return ErrDamaged
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return ErrUnwritable
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return ErrBusy
	}
	return nil
}

// isPermanent reports whether err is about what was to be stored rather than
// about the file, so that trying again cannot help.
func isPermanent(err error) bool {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
		return true
	}
	return false
}
