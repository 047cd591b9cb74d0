package history

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"github.com/hf-tap/hf-tap/event"
)

// spoolInfix stands between the path of a history and the name of a spool.
const spoolInfix = "-spool-"

// spoolID is how many random bytes the name of a spool has.
const spoolID = 8

// spoolFile is a file of records. It begins with its generation, which its
// records have, too: to take them away it goes on to the next one. To write over
// what is there costs half of what it costs to make a file longer. The first one
// is random: what senders wrote is left behind the records, and must never be
// taken for one of them.
type spoolFile struct {
	f          *os.File
	generation uint64
	size       int64
}

// makeSpool makes the files of a spool, and locks it: its lock has the name of
// the spool, the files have it with an ending.
func makeSpool(base string) (*flock.Flock, [2]*spoolFile, error) {
	var name [spoolID]byte
	rand.Read(name[:]) // never fails
	path := base + spoolInfix + hex.EncodeToString(name[:])
	lock := flock.New(path, flock.SetPermissions(0o600))
	if locked, err := lock.TryLock(); err != nil || !locked {
		return nil, [2]*spoolFile{}, errors.Join(err, fmt.Errorf("lock %q", path))
	}
	var files [2]*spoolFile
	var errs []error
	// Somebody who cleans up may have found the lock before it was taken.
	if !isAt(lock) {
		errs = append(errs, fmt.Errorf("%q was removed", path))
	}
	for i, ending := range spoolEndings {
		f, err := os.OpenFile(path+ending, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			var first [8]byte
			rand.Read(first[:]) // never fails
			files[i] = &spoolFile{f: f, generation: binary.LittleEndian.Uint64(first[:])}
			err = files[i].empty()
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, files, errors.Join(err, closeSpool(lock, files, true))
	}
	return lock, files, nil
}

var spoolEndings = [2]string{".1", ".2"}

// isAt reports whether a lock's file is still the one with its name.
func isAt(lock *flock.Flock) bool {
	ours, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(ours, there)
}

// closeSpool lets go of a spool. What is empty is removed.
func closeSpool(lock *flock.Flock, files [2]*spoolFile, empty bool) error {
	var errs []error
	for _, f := range files {
		if f != nil {
			errs = append(errs, f.f.Close())
		}
	}
	if !empty {
		return errors.Join(append(errs, lock.Close())...)
	}
	return errors.Join(append(errs, removeSpool(lock))...)
}

// removeSpool removes a spool that is locked, the lock's name before it lets go
// of it: whoever has opened it meanwhile finds that it is not the one of that name
// any more. Windows removes no file that is open; there, what another one has open
// stays, and is removed by the next.
func removeSpool(lock *flock.Flock) error {
	var errs []error
	for _, ending := range spoolEndings {
		errs = append(errs, removeFile(lock.Path()+ending))
	}
	if runtime.GOOS == "windows" {
		errs = append(errs, lock.Close())
		_ = os.Remove(lock.Path())
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, removeFile(lock.Path()), lock.Close())...)
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// write puts an event's record at the end.
func (f *spoolFile) write(record []byte, n int64) error {
	finish(record, f.generation, n)
	if _, err := f.f.WriteAt(record, f.size); err != nil {
		return err
	}
	f.size += int64(len(record))
	return nil
}

// empty takes all records away. When that fails nothing may be written any more:
// records of another generation than the file's would not be found.
func (f *spoolFile) empty() error {
	next := f.generation + 1
	if _, err := f.f.WriteAt(binary.LittleEndian.AppendUint64(nil, next), 0); err != nil {
		return err
	}
	f.generation, f.size = next, generationSize
	return nil
}

// shrink gives the room of a file that is empty back to the disk.
func (f *spoolFile) shrink() error { return f.f.Truncate(generationSize) }

// spools lists the spools beside a history by the names of their locks.
func spools(base string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(base))
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		name, ours := strings.CutPrefix(e.Name(), filepath.Base(base)+spoolInfix)
		for _, ending := range spoolEndings { // also where the lock alone is missing
			name = strings.TrimSuffix(name, ending)
		}
		if id, err := hex.DecodeString(name); ours && err == nil && len(id) == spoolID {
			paths = append(paths, base+spoolInfix+name)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// adopt stores what killed processes left in their spools. What it fails at is
// left for the next who opens the history.
func (w *writer) adopt(ctx context.Context, base string) error {
	paths, err := spools(base)
	if err != nil {
		return err
	}
	adopted := false
	var errs []error
	for _, path := range paths {
		done, err := w.adoptSpool(ctx, path)
		if err != nil {
			errs = append(errs, fmt.Errorf("take over the spool %q: %w", path, err))
		}
		adopted = adopted || done
	}
	if !adopted {
		return errors.Join(errs...)
	}
	_, err = w.transact(ctx, func(tx *transaction) error {
		// Who takes numbers has locked its spool before.
		left, err := spools(base)
		if err != nil || len(left) > 0 {
			return err
		}
		_, err = tx.exec(sqlReserve, int64(0))
		return err
	})
	w.numbers = numbers{} // to be read anew
	return errors.Join(append(errs, err)...)
}

// adoptSpool reports false when the spool's process lives, or another one was
// faster.
func (w *writer) adoptSpool(ctx context.Context, path string) (bool, error) {
	lock := flock.New(path, flock.SetPermissions(0o600))
	if locked, err := lock.TryLock(); err != nil || !locked {
		return false, err
	}
	if !isAt(lock) {
		return false, lock.Close()
	}
	var rows []*eventRow
	for _, ending := range spoolEndings {
		more, err := readRecords(path + ending)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, errors.Join(err, lock.Close())
		}
		rows = append(rows, more...)
	}
	slices.SortFunc(rows, func(a, b *eventRow) int { return cmp.Compare(a.n, b.n) })
	_, err := w.transact(ctx, func(tx *transaction) error {
		for _, row := range rows {
			if err := tx.adoptRow(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, errors.Join(err, lock.Close())
	}
	return true, removeSpool(lock)
}

// adoptRow stores a row, if it is not there. That of a session that has been ended
// meanwhile is pending, as it would be if it had been there then.
func (tx *transaction) adoptRow(row *eventRow) error {
	var same, ended bool
	err := tx.w.conn.QueryRowContext(context.Background(), sqlAdopted,
		row.e.Session, row.e.Delivery, encodeTime(row.e.ReceivedAt), row.n, row.e.Session).Scan(&same, &ended)
	if err != nil || same {
		return err
	}
	if ended && (row.e.Phase == event.PhaseOpen || row.e.Phase == event.PhaseWaiting) {
		row.e.Phase = event.PhasePending
	}
	// Its number should be free. It is worth less than the event.
	_, used, err := tx.progress(row.n)
	if err != nil {
		return err
	}
	row.given = !used
	return row.insert(tx)
}

const sqlAdopted = `SELECT EXISTS (SELECT 1 FROM events WHERE session = ? AND delivery = ? AND received_at IS ? AND n = ?),
	EXISTS (SELECT 1 FROM sessions WHERE id = ? AND ended_at IS NOT NULL)`
