package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// guard checks that the paths of the history, its write-ahead log and the log's index
// still lead to the open files. SQLite does not: it goes on writing to files that were
// removed, renamed or cut short.
type guard struct {
	db, log, index openFile
	content        *os.File // of the log
	damage         error    // found once: a file that lost its end may grow again
}

// openFile is a file as it was when it was last looked at.
type openFile struct {
	path string
	info fs.FileInfo
}

// The results of a guard besides ErrReplaced.
var (
	errMissing   = errors.New("the file is gone")
	errLogGone   = errors.New("its write-ahead log was removed")
	errLogOther  = errors.New("another process has begun a new write-ahead log")
	errShrunk    = fmt.Errorf("%w: it has lost its end", ErrDamaged)
	errLogShrunk = fmt.Errorf("%w: its write-ahead log has lost its end", ErrDamaged)
	errLogHole   = fmt.Errorf("%w: its write-ahead log has a hole", ErrDamaged)
)

// isFinding reports whether err is a result of a guard.
func isFinding(err error) bool {
	for _, found := range []error{errMissing, ErrReplaced, errLogGone, errLogOther, errShrunk, errLogShrunk, errLogHole} {
		if errors.Is(err, found) {
			return true
		}
	}
	return false
}

// The write-ahead log begins with a header, and holds a page in each frame
// (https://sqlite.org/fileformat2.html#the_write_ahead_log).
const (
	logHeader = 32
	logFrame  = 24 + pageSize
	pageSize  = 4096
)

// newGuard notes the files as they are. They have to be open; before is the
// history as it was when it was not.
func newGuard(path string, before fs.FileInfo) (*guard, error) {
	g := &guard{db: openFile{path: path}, log: openFile{path: path + "-wal"}, index: openFile{path: path + "-shm"}}
	for _, f := range []*openFile{&g.db, &g.log, &g.index} {
		info, err := os.Stat(f.path)
		if err != nil {
			return nil, err
		}
		f.info = info
	}
	if !os.SameFile(before, g.db.info) {
		return nil, ErrReplaced
	}
	if runtime.GOOS != "windows" { // where SQLite could not remove it while it is open here
		content, err := os.Open(g.log.path)
		if err != nil {
			return nil, err
		}
		g.content = content
	}
	return g, nil
}

// close closes what the guard reads.
func (g *guard) close() error {
	if g == nil || g.content == nil {
		return nil
	}
	return g.content.Close()
}

// check returns nil when each file is at its path and has not lost its end
// since the last check.
func (g *guard) check() error {
	db, log := g.db, g.log
	switch now, err := os.Stat(db.path); {
	case errors.Is(err, fs.ErrNotExist):
		return errMissing
	case err != nil:
		return err
	case !same(now, db.info):
		return ErrReplaced
	case g.damage != nil:
		return g.damage
	case now.Size() < db.info.Size():
		return fmt.Errorf("%w: %d of %d bytes are left", errShrunk, now.Size(), db.info.Size())
	default:
		db.info = now
	}
	switch now, err := os.Stat(log.path); {
	case errors.Is(err, fs.ErrNotExist), err == nil && !same(now, log.info) && now.Size() <= logHeader:
		return errLogGone
	case err != nil:
		return err
	case !same(now, log.info):
		return errLogOther
	case now.Size() < log.info.Size():
		return fmt.Errorf("%w: %d of %d bytes are left", errLogShrunk, now.Size(), log.info.Size())
	default:
		log.info = now
	}
	if !g.hasFrame(g.log.info.Size()) {
		return errLogHole
	}
	switch now, err := os.Stat(g.index.path); {
	case errors.Is(err, fs.ErrNotExist):
		return errLogGone
	case err != nil:
		return err
	case !same(now, g.index.info):
		return errLogOther
	}
	g.db, g.log = db, log
	return nil
}

// hasFrame reports whether the last frame of a log of that size is still there.
// One that was cut and then written to has a hole instead.
func (g *guard) hasFrame(size int64) bool {
	frames := (size - logHeader) / logFrame
	if g.content == nil || frames < 1 {
		return true
	}
	var page [4]byte // the number of the page, which is not 0
	_, err := g.content.ReadAt(page[:], logHeader+(frames-1)*logFrame)
	return err == nil && page != [4]byte{}
}

// logHolds reports whether the log is long enough for so many pages.
func (g *guard) logHolds(pages int64) bool {
	now, err := os.Stat(g.log.path)
	return err == nil && (pages == 0 || now.Size() >= logHeader+pages*logFrame)
}

// acceptSizes records file sizes that became smaller on purpose.
func (g *guard) acceptSizes() error {
	for _, f := range []*openFile{&g.db, &g.log} {
		info, err := os.Stat(f.path)
		if err != nil {
			return err
		}
		f.info = info
	}
	return nil
}

// ownsLog reports whether the log at its path is the one that is open.
func (g *guard) ownsLog() bool {
	now, err := os.Stat(g.log.path)
	return err == nil && os.SameFile(now, g.log.info)
}

// same reports whether two files are one. Windows does not let an open file be
// replaced, and comparing files is slow there.
func same(a, b fs.FileInfo) bool { return runtime.GOOS == "windows" || os.SameFile(a, b) }
