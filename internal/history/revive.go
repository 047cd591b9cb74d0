package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/rogpeppe/go-internal/robustio"
)

// Check compares the files with what is at their paths, and makes a missing
// history anew. It also lets followers know when other processes have written.
// The errors are those of Append.
func (s *Store) Check(ctx context.Context) error {
	return s.fault("check", s.write(ctx, newWrite(0, func(*transaction) error { return nil })))
}

// errFile marks a failure that has nothing to do with what was to be written.
var errFile = errors.New("the file cannot be used")

// ready opens the files again if the last try failed.
func (s *Store) ready(ctx context.Context) error {
	if !s.writer.closed {
		return nil
	}
	defer lockFolder(s.path)()
	if err := s.openFiles(ctx); err != nil {
		return fmt.Errorf("%w: %w", errFile, err)
	}
	return nil
}

// revive repairs the history after a transaction has failed. If it returns nil, the
// transaction can be run again; otherwise the error is the failure, or why there is
// no repair. Processes that share the history take turns here: the first repairs it,
// and the others find the repaired file.
func (s *Store) revive(failure error) error {
	if !isFinding(failure) && s.writer.guard.check() == nil {
		return failure
	}
	defer lockFolder(s.path)()
	if err := s.repair(); err != nil {
		return fmt.Errorf("%w: %w", errFile, err)
	}
	return nil
}

// repair repairs what the guard found, and returns nil if it could:
//
//	the file is missing               make a new one, and store what is in memory
//	a repaired copy is in its place   open that
//	another file is in its place      an error; the log is kept from that file
//	another process began a new log   open the file again
//	the log was removed               move everything into a new file
//	the log is shorter                see repairLog
//	the file is shorter               accept that after a VACUUM, else it is damaged
//
// The caller holds the lock of the folder.
func (s *Store) repair() error {
	found := s.writer.guard.check() // another process may have repaired it
	switch {
	case found == nil:
	case errors.Is(found, errMissing):
		s.writer.checkpointAll() // it may have been renamed
		s.writer.recoverLastNumber()
		return s.reopen()
	case errors.Is(found, ErrReplaced):
		if next, err := identify(s.path); err == nil && next.succeeds(s.writer.id) {
			s.writer.checkpointAll()
			return s.reopen()
		}
		if s.writer.guard.ownsLog() { // SQLite would apply this log to the other file
			s.writer.checkpointAll()
			_ = removeLog(s.path)
		}
	case errors.Is(found, errLogOther):
		return s.reopen()
	case errors.Is(found, errLogGone):
		return s.salvage()
	case errors.Is(found, errLogShrunk):
		return s.repairLog()
	case errors.Is(found, errShrunk):
		// VACUUM makes the file smaller, and counts as a change of the schema.
		version, err := s.writer.schemaVersion()
		if err == nil && version != s.writer.schema && quickCheck(context.Background(), s.writer.conn) == nil {
			s.writer.schema = version
			return s.writer.guard.acceptSizes()
		}
		s.writer.guard.damage = found
	default:
		s.writer.guard.damage = found
	}
	return found
}

// repairLog handles a log that has become shorter. That is normal if another process
// has emptied it and begun it again. Otherwise the data is moved into a new file.
func (s *Store) repairLog() error {
	release, err := s.writer.stopOthers()
	if err != nil {
		return err
	}
	// Another process may have emptied the log and begun it anew.
	found := s.writer.guard.check()
	pages, _, err := s.writer.checkpoint()
	complete := err == nil && s.writer.guard.logHolds(pages)
	release()
	switch {
	case found == nil:
		return nil
	case complete:
		return s.writer.guard.acceptSizes()
	case err == nil:
		err = s.salvage()
	}
	if classify(err) == ErrDamaged {
		s.writer.guard.damage = found
	}
	return err
}

// salvage copies everything that the open connection still reads into a new file, and
// puts that in the place of the old one. Without it, other processes would open the
// old file with another log or with none, and miss what the removed log holds.
func (s *Store) salvage() error {
	release, err := s.writer.stopOthers()
	if err != nil {
		return err
	}
	err = s.replaceFile()
	release()
	if err != nil {
		return err
	}
	if err := s.reopen(); err != nil {
		return err
	}
	s.report("restored", "its write-ahead log was removed or cut; its content is in a new file")
	return nil
}

func (s *Store) replaceFile() error {
	fresh, err := newFile(s.path)
	if err != nil {
		return err
	}
	defer os.Remove(fresh)
	if err := s.writer.copyTo(fresh); err != nil {
		return err
	}
	if err := removeLog(s.path); err != nil {
		return err
	}
	return robustio.Rename(fresh, s.path)
}

// reopen closes all connections and opens what is at the path, or makes it.
func (s *Store) reopen() error {
	_ = s.closeFiles() // errors of files that are gone are of no interest
	return s.openFiles(context.Background())
}

// resume stores the last event number and the open sessions of the store in a newly
// opened file. If a session is missing there, the old file is gone. Then kept is false,
// and resume also stores the rows of unsettled events; their payloads are lost.
func (s *Store) resume(w *writer, n int64) (kept bool, err error) {
	kept = true
	_, err = w.transact(func(tx *transaction) error {
		tx.n = max(tx.n, n)
		if _, err := tx.once(sqlKeepNumbers, tx.n); err != nil {
			return err
		}
		underWay := slices.Sorted(maps.Keys(w.underWay))
		first := slices.Min(append(underWay, tx.n+1))
		for _, session := range s.sessions {
			var found int
			err := w.conn.QueryRowContext(context.Background(), `SELECT count(*) FROM sessions WHERE id = ?`, session.ID).Scan(&found)
			if err != nil {
				return err
			}
			kept = kept && found > 0
			if err := tx.startSession(session, first); err != nil {
				return err
			}
		}
		if kept {
			return nil
		}
		for _, n := range underWay {
			row := *w.underWay[n]
			row.Rev, row.BodyCut = tx.nextRev(), true
			if err := tx.insertRow(&row); err != nil {
				return err
			}
		}
		return nil
	})
	return kept, err
}

// setFailing records whether the history can be written; nil means that it can. When
// that changes, it reports the state "failing" or "healed".
func (s *Store) setFailing(err error) {
	s.failing.Lock()
	err = s.fault("write", err)
	was, since := s.failing.err, s.failing.since
	s.failing.err = err
	if err != nil && was == nil {
		s.failing.since = time.Now()
	}
	s.failing.Unlock()
	if errors.Is(err, ErrDamaged) && !s.explained && s.ctx.Err() == nil {
		s.explained = true
		sessions := slices.Collect(maps.Keys(s.sessions))
		s.workers.Go(func() { s.explain(sessions) })
	}
	switch {
	case err != nil && was == nil:
		s.report("failing", err.Error())
	case err == nil && was != nil:
		s.report("healed", fmt.Sprintf("after %s: %v", time.Since(since).Round(time.Millisecond), was))
	}
}

// explain checks the whole file after some damage was found, and reports the result as
// a state of each session.
func (s *Store) explain(sessions []string) {
	err := s.CheckAll(s.ctx)
	for _, id := range sessions {
		if err != nil && s.ctx.Err() == nil { // which AppendState shows even if it cannot store it
			_ = s.AppendState(s.ctx, event.State{Session: id, At: time.Now(), Subject: event.SubjectHistory, State: "damaged", Detail: err.Error()})
		}
	}
}

// Err returns why the history cannot be written at present, nil when all is well.
func (s *Store) Err() error {
	s.failing.Lock()
	defer s.failing.Unlock()
	return s.failing.err
}

// report shows a state of the history in the sessions of this store at once, and
// stores it when that is possible.
func (s *Store) report(state, detail string) {
	for id := range s.sessions {
		s.show(event.State{Session: id, At: time.Now(), Subject: event.SubjectHistory, State: state, Detail: detail})
	}
}

// show publishes a state that is not stored yet, and has it stored later. It
// needs the turn.
func (s *Store) show(state event.State) {
	s.writer.rev = max(s.writer.rev+1, time.Now().UnixNano())
	c := event.Change{Rev: s.writer.rev, State: &state}
	s.feed.publish([]event.Change{c}, true)
	s.queue.enqueueBackground(&write{apply: func(tx *transaction) error { return tx.insertState(c) }})
}
