package session

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// holding is a session's lock and record in the state folder. The lock shows that the
// session lives. The user may move or remove the folder at any time, so both are made
// again when they are missing. A record is written only while the lock is held at its
// path, where other processes look for it.
type holding struct {
	dir Dir
	id  string

	mu     sync.Mutex
	lock   *lock
	moved  []*lock  // earlier locks, in folders that were moved: they stay held, so that the session counts as alive there, too
	record []byte   // what the record's file has to hold; nil: there is none yet
	made   []string // what was made again and is not reported yet
}

// hold takes a session's lock, or fails with errHeld.
func (d Dir) hold(id string) (*holding, error) {
	l, err := d.lock(id)
	if err != nil {
		return nil, err
	}
	return &holding{dir: d, id: id, lock: l}, nil
}

// save writes the record.
func (h *holding) save(rec *Record) error {
	b, err := rec.encode()
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.relockLocked(); err != nil {
		return fmt.Errorf("write the lease record: %w", err)
	}
	if err := h.writeLocked(b); err != nil {
		return err
	}
	h.record = b
	return nil
}

// restore creates the lock and the record again if they are missing or changed. It
// returns a text about what it created since the last call.
func (h *holding) restore() (made string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.relockLocked(); err != nil {
		return "", err
	}
	if h.record != nil {
		if err := h.rewriteLocked(); err != nil {
			return "", err
		}
	}
	made = strings.Join(h.made, "; ")
	h.made = nil
	return made, nil
}

// relockLocked takes the lock again if its file is not at its path any more, in a
// folder that it creates again if necessary.
func (h *holding) relockLocked() error {
	if h.lock.atPath() {
		return nil
	}
	why := "its lock had been replaced"
	if _, err := os.Lstat(h.lock.Path()); errors.Is(err, fs.ErrNotExist) {
		why = "its lock was missing"
		if _, err := os.Lstat(h.dir.leases()); errors.Is(err, fs.ErrNotExist) {
			why = fmt.Sprintf("the folder %q was missing", h.dir.leases())
		}
	}
	if err := h.dir.Make(); err != nil {
		return err
	}
	l, err := h.dir.lock(h.id)
	if errors.Is(err, errHeld) {
		return fmt.Errorf("%s, and another process holds the new one: %w", why, err)
	}
	if err != nil {
		return err
	}
	h.moved = append(h.moved, h.lock)
	h.lock = l
	h.made = append(h.made, why)
	return nil
}

// rewriteLocked writes the record again if its file does not hold it.
func (h *holding) rewriteLocked() error {
	path := h.dir.recordPath(h.id)
	found, err := readSmallFile(path, maxRecord)
	if err == nil && bytes.Equal(found, h.record) {
		return nil
	}
	why := "its record was missing"
	if !errors.Is(err, fs.ErrNotExist) {
		why = "its record had been changed"
	}
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		_ = os.Remove(path) // an empty one, or the write says what is in its way
	}
	if err := h.writeLocked(h.record); err != nil {
		return err
	}
	h.made = append(h.made, why)
	return nil
}

func (h *holding) writeLocked(b []byte) error {
	if err := writeFile(h.dir.recordPath(h.id), b); err != nil {
		return fmt.Errorf("write the lease record: %w", err)
	}
	return nil
}

// writable reports why the record could not be written again, nil if it could.
func (h *holding) writable() error { return writable(h.dir.leases()) }

// release unlocks the session, and removes its record unless something is left to undo.
func (h *holding) release(rec *Record) error {
	var err error
	if rec.needsUndo() {
		err = h.save(rec)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if rec.needsUndo() {
		err = errors.Join(err, h.lock.Close())
	} else {
		err = errors.Join(h.removeLocked(), h.dir.removeLock(h.lock))
	}
	for _, l := range h.moved {
		err = errors.Join(err, l.Close())
	}
	return err
}

// removeLocked removes the record. Where the whole folder is out of reach, there
// is none to remove.
func (h *holding) removeLocked() error {
	path := h.dir.recordPath(h.id)
	err := removeFile(path)
	if _, there := os.Lstat(path); there != nil {
		return nil
	}
	return err
}
