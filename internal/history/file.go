package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/robustio"
)

// create makes the folder, readable by the user alone, and a history in it
// when there is none. It returns the file, and the names of those that others
// could read until now.
//
// A file that exists is not opened here: closing it again would drop the
// POSIX locks that other connections of this process hold on it
// (https://sqlite.org/howtocorrupt.html, 2.2).
func create(ctx context.Context, path string, id identity) (info fs.FileInfo, tightened []string, err error) {
	if err := makeFolder(path); err != nil {
		return nil, nil, err
	}
	info, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createFile(ctx, path, id); err != nil {
			return nil, nil, err
		}
		info, err = os.Stat(path)
	}
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%w: it is not a regular file", ErrUnwritable)
	}
	tightened, err = restrict(path)
	return info, tightened, err
}

// createFile makes a history under another name first: where SQLite finds an
// empty file, it removes the log, which may be another connection's already.
// SQLite gives the companion files the permissions of this one.
func createFile(ctx context.Context, path string, id identity) error {
	fresh, err := newFile(path)
	if err != nil {
		return err
	}
	defer os.Remove(fresh)
	db, err := openPool(fresh, "rw", 1, "synchronous(OFF)") // it is written to the disk at once, below
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(makeTables(ctx, conn, id), useLog(ctx, conn), conn.Close(), db.Close(), syncFile(fresh)); err != nil {
		return err
	}
	// The log of a file that was removed is not that of a new one.
	if err := removeLog(path); err != nil {
		return err
	}
	if os.Link(fresh, path) == nil { // never in the place of another file
		return nil
	}
	return robustio.Rename(fresh, path)
}

// syncFile writes a file that nothing has open to the disk.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// newFile makes an empty file that is to replace the history.
func newFile(path string) (fresh string, err error) {
	fresh = path + "-new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	f, err := os.OpenFile(fresh, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	return fresh, f.Close()
}

// makeFolder creates the folder of a file.
func makeFolder(path string) error { return os.MkdirAll(filepath.Dir(path), 0o700) }

// lockFolder locks the folder, so that only one process at a time opens or repairs a
// history. On Windows, which locks no folders, a file stands for it. Where there are no
// locks, SQLite's own have to do.
func lockFolder(path string) (unlock func()) {
	lock := flock.New(filepath.Dir(path), flock.SetFlag(os.O_RDONLY))
	if runtime.GOOS == "windows" {
		lock = flock.New(path+"-lock", flock.SetPermissions(0o600))
	}
	if makeFolder(path) != nil || lock.Lock() != nil {
		return func() {}
	}
	return func() { _ = lock.Close() }
}

// removeLog removes the log of a history and its index by name.
func removeLog(path string) error {
	for _, name := range []string{path + "-wal", path + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// restrict makes files that others could read private: they hold secrets as they
// came. It returns the names of those. Where that is not allowed, as on a file
// system without permissions, a file stays as its owner has it.
func restrict(path string) (tightened []string, err error) {
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		look := os.Lstat // SQLite follows no link in their place, and where it leads is not ours
		if name == path {
			look = os.Stat
		}
		info, err := look(name)
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 || runtime.GOOS == "windows" {
			continue
		}
		switch err := os.Chmod(name, info.Mode().Perm()&0o700); {
		case err == nil:
			tightened = append(tightened, name)
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
			return tightened, err
		}
	}
	return tightened, nil
}

// address returns the URI that SQLite opens (https://sqlite.org/uri.html): only
// there do paths with "?" or "%" in them survive, and the mode is obeyed: ro, rw,
// rwc, or immutable, which reads the file alone and locks nothing.
func address(path, mode string, pragmas ...string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/Users/me
	}
	query := url.Values{"mode": {mode}, "_pragma": pragmas, "_dqs": {"0"}, "_error_rc": {"1"}}
	if mode == "immutable" {
		query["mode"], query["immutable"] = []string{"ro"}, []string{"1"}
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: query.Encode()}
	return u.String()
}

// patiently runs open until the file is not locked any more. SQLite does not
// wait by itself where waiting could be a deadlock, as when two processes turn
// a new file into WAL mode.
func patiently(ctx context.Context, patience time.Duration, open func() error) error {
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := open()
		if err == nil || !errors.Is(classify(err), ErrBusy) || time.Now().After(deadline) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		case <-timer.C:
		}
	}
}

// prepareFile checks what is in the file before it changes anything, then makes
// the tables when there are none, and puts the file into WAL mode.
func prepareFile(ctx context.Context, conn *sql.Conn, id identity) error {
	// Before anything is read: to read, SQLite makes companion files, which a
	// connection that may not write cannot take away again.
	if err := writable(conn); err != nil {
		return err
	}
	if err := makeTables(ctx, conn, id); err != nil {
		return err
	}
	if err := useLog(ctx, conn); err != nil {
		return err
	}
	// The log is never cut, so that one that is has lost something; see guard.
	settings := fmt.Sprintf("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = %d", lastCheckpoint)
	_, err := conn.ExecContext(ctx, settings)
	return err
}

// useLog turns a file into WAL mode, if it is not.
func useLog(ctx context.Context, conn *sql.Conn) error {
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("%w: its file system does not let processes share memory (journal mode %q)", ErrUnwritable, mode)
	}
	return nil
}

// writable returns an error if SQLite may only read the file: SQLite opens a read-only
// file, and begins transactions on it, without an error.
func writable(conn *sql.Conn) error {
	return conn.Raw(func(driverConn any) error {
		asked, ok := driverConn.(interface {
			IsReadOnly(schema string) (bool, error)
		})
		if !ok {
			return fmt.Errorf("the driver's connection %T has no method that says whether it is read-only", driverConn)
		}
		readOnly, err := asked.IsReadOnly("main")
		if err == nil && readOnly {
			err = fmt.Errorf("%w: it is read-only", ErrUnwritable)
		}
		return err
	})
}
