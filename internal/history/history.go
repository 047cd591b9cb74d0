// Package history keeps every event, every attempt to hand one over, and the
// states of the tunnel, the webhook and the targets, in one SQLite file that
// all runs of hf-tap share.
//
// # What is safe when
//
// Append and AppendState return when what they stored survives the death of
// this process (SQLite's WAL mode with synchronous=NORMAL: the operating system
// has it, or a spool beside the file). A power cut may lose the last moments; it
// never damages the file.
// Update does not wait: it is safe in memory at once and in the file a few
// milliseconds later.
//
// # How it writes
//
// One writes at a time. A caller that finds nobody writing does it itself; what
// arrives meanwhile shares the next transaction, on the store's own goroutine,
// so that many callers cost little more than one. Updates come together in
// transactions of their own. Processes take turns at BEGIN IMMEDIATE. When a
// transaction fails, each of its parts gets another of its own, so that one bad
// event cannot take others with it.
//
// Arrivals that come in a burst are not stored one by one: they go to a spool,
// which is as safe, and from there to the file together, each once and as it is
// by then; see spool.
//
// SQLite's defaults for pages (4 KiB) and cache were measured against larger and
// smaller ones, and none was clearly faster. What costs time is the number of
// pages that a transaction touches; see the schema. Copying the log into the
// file waits for the disk, so that it happens beside the writer and not in
// somebody's Append; see checkpointer.
//
// # How it is read
//
// Readers have connections of their own, and see a snapshot. Who asks for an
// event, or for a list, waits until what this process appended before has come
// out of the spool; a list does without it after a second. Every change gets the
// next revision of its session, inside the transaction that makes it, so that
// revisions become visible in their order whatever process writes: a reader that
// asks for what came after the last revision it saw misses nothing.
package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// lockPatience is how long the store waits for another process to let go of
// the file before it gives up with ErrBusy.
const lockPatience = 10 * time.Second

// Config is how a history is opened. The zero value is what Open uses.
type Config struct {
	// OnError is called when Updates cannot be stored, with the reason, and
	// with nil once they are stored again. It runs on a goroutine of its own,
	// may use the store, and may miss a trouble that ended at once. Close
	// waits for it to return.
	OnError func(error)
}

// Store is an open history. Its methods may be called from any goroutine.
type Store struct {
	path    string
	queue   queue
	writer  *writer
	readers *reader
	copier  *checkpointer
	feed    feed
	trouble trouble
	workers sync.WaitGroup
}

// Open opens the history at path and makes its folder (0700) and file (0600)
// when they are not there. ctx ends the wait for other processes that hold the
// file. The errors are ErrDamaged, ErrNewer, ErrUnwritable, ErrFull and
// ErrBusy; a file that cannot be used is left as it is.
func Open(ctx context.Context, path string) (*Store, error) {
	return Config{}.Open(ctx, path)
}

// Open is Open with a configuration.
func (c Config) Open(ctx context.Context, path string) (*Store, error) {
	if strings.ContainsRune(path, 0) {
		return nil, fmt.Errorf("open the history %q: %w: its path has a NUL in it", path, ErrUnwritable)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fault(path, "open", err)
	}
	s := &Store{path: absolute}
	if err := create(absolute); err != nil {
		return nil, s.fault("create", err)
	}
	if s.writer, err = openWriter(ctx, absolute); err != nil {
		return nil, s.fault("open", err)
	}
	// SQLite takes a link for what it leads to.
	base, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return nil, s.fault("open", errors.Join(err, s.writer.close()))
	}
	adopted := s.writer.adopt(ctx, base)
	if s.readers, err = openReader(ctx, absolute); err != nil {
		return nil, s.fault("open", errors.Join(err, s.writer.close()))
	}
	if s.copier, err = openCheckpointer(absolute); err != nil {
		return nil, s.fault("open", errors.Join(err, s.readers.close(), s.writer.close()))
	}
	s.queue.init(base)
	s.trouble.init()
	s.trouble.set(s.fault("open", adopted)) // what is there can be used; the spools stay
	s.workers.Go(s.copier.run)
	s.workers.Go(func() { s.trouble.announce(c.OnError) })
	s.workers.Go(s.write)
	return s, nil
}

// Path is the absolute path of the file.
func (s *Store) Path() string { return s.path }

// Close stores what is still waiting, empties the write-ahead log into the
// file when no other process needs it, and waits for the store's goroutines.
// The error says what could not be stored. Later calls do nothing.
func (s *Store) Close() error {
	if !s.queue.close() {
		return nil
	}
	<-s.queue.drained
	updates, events, removed := s.queue.abandon()
	s.trouble.close()
	copied := s.copier.close()
	s.workers.Wait()
	var lost error
	if updates > 0 {
		lost = fmt.Errorf("close the history %q: %d updates could not be stored: %w", s.path, updates, s.Err())
	}
	if events > 0 {
		lost = errors.Join(lost, fmt.Errorf("close the history %q: %d events are left in its spool until it is opened again: %w", s.path, events, s.Err()))
	}
	s.feed.close()
	// The last connection to close empties the log, which a reader could not.
	return errors.Join(lost, s.fault("close", removed), s.fault("close", copied), s.fault("close", s.readers.close()), s.fault("close", s.writer.close()))
}

// Err tells why Updates cannot be stored at present, nil when all is well.
// What could not be stored is kept and tried again until it can.
func (s *Store) Err() error { return s.trouble.get() }

// Subscribe gives a channel that holds a value when something was stored since
// it was last received from: by this store, not by other processes. Nobody
// waits for a slow receiver. cancel ends it; Close closes the channel.
func (s *Store) Subscribe() (wake <-chan struct{}, cancel func()) {
	return s.feed.subscribe()
}

// openPool opens a pool of at most limit connections without using one.
func openPool(path, mode string, limit int, pragmas ...string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", address(path, mode, pragmas...))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(limit)
	db.SetMaxIdleConns(limit)
	return db, nil
}

// readerLimit is how many connections read at a time: enough that a screen, an
// export and a command do not wait for each other.
func readerLimit() int { return max(4, runtime.GOMAXPROCS(0)) }
