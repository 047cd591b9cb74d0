// Package history keeps every event, every attempt to hand one over, and the
// states of the tunnel, the webhook and the targets, in one SQLite file that
// all runs of hf-tap share.
//
// # What is safe when
//
// Append and AppendState return when the operating system has the data (SQLite's
// WAL mode with synchronous=NORMAL). From then on it survives the death of this
// process. A power cut may lose the last moments, but never damages the file.
// Update does not wait: its data is in the file a few milliseconds later.
//
// # How it writes
//
// A store has one connection that writes, and no goroutine for it. A caller that
// finds the queue idle stores its own write. Writes that arrive in the meantime
// share the next transaction. If that transaction fails, each write is tried again
// in a transaction of its own. Processes take turns at BEGIN IMMEDIATE, so that
// event numbers follow the order of recording across all of them.
//
//	Append ─► queue ─► Store.write (whose turn?) ─► commit ─► transact ─► feed
//
// SQLite goes on writing to a file that was removed or renamed. To notice that,
// guard compares the open files with those at their paths, right before and right
// after each commit. If they differ, revive repairs the history, and the write is
// acknowledged only when it is in the repaired one.
//
// # How it is read
//
// Readers have connections of their own, and see a snapshot. Each commit gives a
// new revision to every event and state that it changed, and publishes these
// changes in memory. A Follower reads them there. A follower that has fallen too far
// behind reads them from the file instead.
package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Store is an open history. Its methods may be called from any goroutine.
type Store struct {
	*Reader
	queue   queue
	feed    feed
	workers sync.WaitGroup
	ctx     context.Context // ends when the store is closed
	cancel  context.CancelFunc

	// Guarded by the queue's turn.
	writer   *writer
	sessions sessions

	tightened []string // files that others could read before they were opened
	explained bool     // CheckAll was run because of damage
	failing   struct {
		sync.Mutex
		err   error // nil: all is well
		since time.Time
	}
}

// Open opens the history at path and makes its folder (0700) and file (0600)
// when they are missing. ctx ends the wait for other processes that hold the
// file. The errors are ErrDamaged, ErrOld, ErrNewer, ErrUnwritable, ErrFull and
// ErrBusy; a file that cannot be used is left as it is.
func Open(ctx context.Context, path string) (*Store, error) {
	if strings.ContainsRune(path, 0) {
		return nil, fmt.Errorf("open the history %q: %w: its path contains a NUL", path, ErrUnwritable)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fault(path, "open", err)
	}
	s := &Store{Reader: &Reader{path: absolute}, sessions: sessions{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.queue.init()
	unlock := lockFolder(absolute)
	err = s.openFiles(ctx)
	unlock()
	if err != nil {
		s.cancel()
		return nil, s.fault("open", err)
	}
	if err := s.checkStart(ctx); err != nil {
		s.cancel()
		return nil, s.fault("open", errors.Join(err, s.closeFiles()))
	}
	s.workers.Go(s.storeInBackground)
	return s, nil
}

// Tightened returns the names of files that others could read before Open made
// them private.
func (s *Store) Tightened() []string { return s.tightened }

// openFiles opens all connections, and makes the file when it is missing. It
// needs the lock of the folder. A store that was open before goes on in a file
// that continues the one it had, and no other.
func (s *Store) openFiles(ctx context.Context) error {
	lost := s.writer
	var id identity
	if lost != nil {
		id = lost.id
		id.generation++
		if _, err := os.Stat(s.path); !errors.Is(err, fs.ErrNotExist) {
			if found, err := identify(s.path); found != lost.id && !found.succeeds(lost.id) {
				return errors.Join(ErrReplaced, err)
			}
		}
	}
	info, tightened, err := create(ctx, s.path, id)
	if err != nil {
		return err
	}
	s.tightened = append(s.tightened, tightened...)
	w, err := openWriter(ctx, s.path, info, id, s.sessions)
	if err != nil {
		return err
	}
	readers, err := openReaders(s.path, "ro")
	if err == nil {
		err = warm(readers, readerLimit())
	}
	if err != nil {
		return errors.Join(err, closePool(readers), w.checkpointer.close(), w.close())
	}
	kept := true
	if lost != nil {
		w.rev, w.touched, w.underWay = lost.rev, lost.touched, lost.underWay
		if kept, err = s.resume(w, lost.n); err != nil {
			return errors.Join(err, closePool(readers), w.checkpointer.close(), w.close())
		}
	}
	s.writer = w
	s.swap(readers)
	if !kept {
		s.report("made anew", fmt.Sprintf("%q was missing: its events are lost", s.path))
	}
	return nil
}

// closeFiles closes all connections. A log that belongs to another file stays.
func (s *Store) closeFiles() error {
	if s.writer.closed {
		return nil
	}
	err := errors.Join(s.writer.checkpointer.close(), s.swap(nil))
	if s.writer.guard.check() != nil {
		keepLog(s.writer.conn)
	}
	return errors.Join(err, s.writer.close())
}

// Close stores what is still waiting, empties the write-ahead log into the
// file when no other process needs it, and waits for the store's goroutines.
// The error says what could not be stored. Later calls do nothing.
func (s *Store) Close() error {
	last := newWrite(0, func(*transaction) error { return nil })
	last.needsEarlier, last.last = true, true
	mine, err := s.queue.enqueue(last)
	if err != nil {
		return nil
	}
	if !mine {
		<-last.turn
	}
	s.cancel()
	s.workers.Wait()
	for len(last.done) == 0 {
		s.commit(s.queue.take())
	}
	err = <-last.done
	if updates := s.queue.abandon(); updates > 0 {
		err = fmt.Errorf("%d updates could not be stored: %w", updates, err)
	}
	err = s.fault("close", err)
	s.feed.close()
	return errors.Join(err, s.fault("close", errors.Join(s.closeFiles(), s.Reader.Close())))
}

// Append stores e and sets its N; an empty Phase becomes open. It returns when
// the event survives the death of the process. When ctx ends first, the error is
// its error, e is as it was, and the event may or may not be stored.
//
// DeliveryN counts arrivals: events of the Hub or a sandbox whose verdict is
// trusted, with the same Delivery and WebhookID. Of all others it is 1. Readers
// of the event learn it, like Rev and Family.
//
// e.Body must not be changed afterwards, not even when Append fails.
func (s *Store) Append(ctx context.Context, e *event.Event) error {
	stored, header := *e, encodeHeader(e.Header)
	stored.Header, stored.Family = nil, 0
	var row *event.Row
	err := s.write(ctx, newWrite(int64(len(e.Body))+rowSize, func(tx *transaction) (err error) {
		row, err = tx.insert(&stored, header)
		return err
	}))
	if err != nil {
		return s.fault("append to", err)
	}
	e.N, e.Phase = row.N, row.Phase
	return nil
}

// AppendState stores a state with the next revision. It returns as Append does.
// A state that cannot be stored now is shown to followers at once, and stored
// when that is possible again.
func (s *Store) AppendState(ctx context.Context, state event.State) error {
	c := newWrite(rowSize, func(tx *transaction) error { return tx.insertState(event.Change{State: &state}) })
	c.state = &state
	return s.fault("append a state to", s.write(ctx, c))
}

// Update adds u to what is known of its event, in the order of the calls. It
// does not wait for the file. When u cannot be stored it is kept and tried
// again, and when very many are waiting, Update waits for room.
//
// An update of an event that was deleted changes nothing. After Close an update
// is lost.
//
// The body of u.Attempt must not be changed afterwards.
func (s *Store) Update(u event.Update) {
	s.queue.enqueueBackground(&write{n: u.N, size: updateSize(&u), apply: func(tx *transaction) error { return tx.update(u) }})
}

// updateSize is how many bytes an update holds.
func updateSize(u *event.Update) int64 {
	size := int64(256)
	if u.Attempt != nil {
		size += rowSize + int64(len(u.Attempt.Body))
	}
	return size
}

// Flush waits until all Updates so far are stored. When they cannot be stored
// now the error says why; they are kept.
func (s *Store) Flush(ctx context.Context) error {
	nothing := newWrite(0, func(*transaction) error { return nil })
	nothing.needsEarlier = true
	return s.fault("update", s.write(ctx, nothing))
}
