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
)

// create makes the folder, readable by the user alone, and an empty file in
// it, which is an empty database to SQLite. SQLite gives its companion files
// the permissions of this one.
//
// A file that is there is not opened here: closing it again would drop the
// POSIX locks that other connections of this process hold on it
// (https://sqlite.org/howtocorrupt.html, 2.2).
func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return nil // another process was first, or it is a link to nothing: SQLite will tell
		}
		if err != nil {
			return err
		}
		return f.Close()
	}
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is no regular file", ErrUnwritable)
	}
	return restrict(path, info.Mode())
}

// restrict takes a file that others could read away from them: it holds
// secrets as they came. Where that is not allowed, as on a file system without
// permissions, the file stays as its owner has it.
func restrict(path string, mode fs.FileMode) error {
	if mode.Perm()&0o077 == 0 || runtime.GOOS == "windows" {
		return nil
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		err := os.Chmod(name, 0o600)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// address gives the URI that SQLite opens (https://sqlite.org/uri.html): only
// there do paths with "?" or "%" in them survive, and the mode is obeyed.
func address(path, mode string, pragmas ...string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/Users/me
	}
	query := url.Values{"mode": {mode}, "_pragma": pragmas, "_dqs": {"0"}, "_error_rc": {"1"}}
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

// prepareFile checks what is in the file before it changes anything, then puts
// it into WAL mode and brings its schema up to date.
func prepareFile(ctx context.Context, conn *sql.Conn) error {
	// Before anything is read: to read, SQLite makes companion files, which a
	// connection that may not write cannot take away again.
	if err := writable(conn); err != nil {
		return err
	}
	if _, err := version(ctx, conn, len(steps)); err != nil {
		return err
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("%w: its file system does not let processes share memory (journal mode %q)", ErrUnwritable, mode)
	}
	// The log grows while somebody reads for long; it need not stay large.
	settings := fmt.Sprintf("PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = %d", lastCheckpoint)
	if _, err := conn.ExecContext(ctx, settings); err != nil {
		return err
	}
	return migrate(ctx, conn, steps)
}

// writable asks SQLite, which opens a file that it may only read without a
// word, and lets a transaction begin on it too.
func writable(conn *sql.Conn) error {
	return conn.Raw(func(driverConn any) error {
		asked, ok := driverConn.(interface {
			IsReadOnly(schema string) (bool, error)
		})
		if !ok {
			return fmt.Errorf("the driver's connection %T does not tell whether it may write", driverConn)
		}
		readOnly, err := asked.IsReadOnly("main")
		if err == nil && readOnly {
			err = fmt.Errorf("%w: it is read-only", ErrUnwritable)
		}
		return err
	})
}
