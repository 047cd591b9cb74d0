package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/hf-tap/hf-tap/internal/plainfile"
	"github.com/rogpeppe/go-internal/robustio"
)

// lock is the file lock that a session holds while it runs. The kernel releases it when
// the process ends, however it ends.
type lock struct{ *flock.Flock }

// ownLock returns the lock of a file, which it creates if necessary.
func ownLock(path string) *flock.Flock {
	return flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDONLY|plainfile.Flags), flock.SetPermissions(0o600))
}

// errHeld means that another process holds a session's lock: the session lives.
var errHeld = errors.New("the session is alive")

// atPath reports whether the locked file is the one at the lock's path. Where
// it was moved, removed or replaced, nobody else sees that it is held.
func (l *lock) atPath() bool {
	there, err := os.Stat(l.Path())
	if err != nil {
		return false
	}
	held, err := l.Stat()
	return err == nil && os.SameFile(there, held)
}

// lock locks a session, or fails with errHeld. Lock files are created and removed only
// while the gate is held. Otherwise a session could lock a file that a sweep has just
// removed.
func (d Dir) lock(id string) (*lock, error) {
	gate, err := d.gate()
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	l := ownLock(d.lockPath(id))
	ok, err := l.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("lock the session %s: %w", id, err)
	case !ok:
		return nil, errHeld
	}
	return &lock{l}, nil
}

// removeLock releases a lock and removes its file, unless the file at its path is
// another one.
func (d Dir) removeLock(l *lock) error {
	if !l.atPath() {
		return l.Close()
	}
	gate, err := d.gate()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer gate.Close()
	// Windows removes no file that is open, and the gate keeps others out.
	return errors.Join(l.Close(), removeFile(l.Path()))
}

func (d Dir) gatePath() string            { return filepath.Join(d.leases(), ".lock") }
func (d Dir) lockPath(id string) string   { return filepath.Join(d.leases(), id+lockExt) }
func (d Dir) recordPath(id string) string { return filepath.Join(d.leases(), id+recordExt) }

const (
	lockExt   = ".lock"
	recordExt = ".json"
)

// gate takes the lock of the folder. A process holds it only for the moment in which it
// creates, locks or removes a lock file.
func (d Dir) gate() (*flock.Flock, error) {
	gate := ownLock(d.gatePath())
	return gate, waitForGate(gate.TryLockContext)
}

// waitForGate waits until try has taken the gate. If that lasts for gateWait, the process
// that holds it was stopped (SIGSTOP), or is not an hf-tap.
func waitForGate(try func(ctx context.Context, again time.Duration) (bool, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), gateWait)
	defer cancel()
	_, err := try(ctx, time.Millisecond)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("another process has had it locked for %s", gateWait)
	}
	if err != nil {
		return fmt.Errorf("lock the folder of leases: %w", err)
	}
	return nil
}

// gateWait is how long the gate is waited for.
const gateWait = 10 * time.Second

// lives reports whether the session with this id holds its lock. It changes nothing, so
// that it works in a folder that is read-only. It looks behind the gate: nobody else
// sees a lock that is held only to find out.
func (d Dir) lives(id string) (bool, error) {
	gate := flock.New(d.gatePath(), flock.SetFlag(os.O_RDONLY|plainfile.Flags))
	switch err := waitForGate(gate.TryRLockContext); {
	case errors.Is(err, fs.ErrNotExist): // nobody has come through yet, or the folder is gone
	case err != nil:
		return false, err
	default:
		defer gate.Close()
	}
	l := flock.New(d.lockPath(id), flock.SetFlag(os.O_RDONLY|plainfile.Flags))
	free, err := l.TryRLock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look at the lock of the session %s: %w", id, err)
	}
	return !free, l.Close()
}

// alive reports whether a session lives. In doubt it does: nothing of it may be
// touched.
func (d Dir) alive(id string) bool {
	live, err := d.lives(id)
	return live || err != nil
}

// removeDeadLock removes the lock of a session if it is dead, all of it behind
// the gate, as in lives.
func (d Dir) removeDeadLock(id string) error {
	gate, err := d.gate()
	if err != nil {
		return err
	}
	defer gate.Close()
	l := flock.New(d.lockPath(id), flock.SetFlag(os.O_RDONLY|plainfile.Flags))
	if free, err := l.TryLock(); err != nil || !free {
		return nil // it lives, or it went just now
	}
	// Windows removes no file that is open.
	return errors.Join(l.Close(), removeFile(l.Path()))
}

// tidy removes the leftovers of dead sessions from the folder: locks without a record,
// and files that were cut short by a kill.
func (d Dir) tidy() error {
	entries, err := os.ReadDir(d.leases())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list leases: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		if id, isLock := strings.CutSuffix(entry.Name(), lockExt); isLock && id != "" {
			if _, err := os.Lstat(d.recordPath(id)); errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, d.removeDeadLock(id))
			}
		}
		// writeTemp's name for a record: a session holds its lock before it
		// writes one.
		if id, _, isTemp := strings.Cut(strings.TrimPrefix(entry.Name(), "."), recordExt+"."); isTemp && !d.alive(id) {
			errs = append(errs, removeFile(filepath.Join(d.leases(), entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// removeFile removes a file if there is one. On Windows others may have it open for
// a moment. A folder in its place is the user's: it is removed only if it is empty.
func removeFile(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && info.IsDir():
		return os.Remove(path)
	}
	return robustio.RemoveAll(path)
}
