package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenReader opens the history at path for reading, and changes nothing: the file and
// its folder may be read-only, other processes may write at the same time, and a
// damaged history is read as far as possible. The error is fs.ErrNotExist if there is
// no history, and otherwise like those of Open.
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fault(path, "open", err)
	}
	r := &Reader{path: absolute}
	// The last writer that closes locks the whole file for a moment.
	err = patiently(ctx, lockPatience, func() error {
		err := r.open(ctx)
		if err != nil {
			err = errors.Join(err, r.release())
		}
		return err
	})
	if err != nil {
		return nil, r.fault("open", errors.Join(err, r.Close()))
	}
	return r, nil
}

func (r *Reader) open(ctx context.Context) error {
	info, err := os.Stat(r.path)
	if err != nil {
		return err
	}
	folder, err := os.Stat(filepath.Dir(r.path))
	if err != nil {
		return err
	}
	if info.Mode()&folder.Mode()&0o200 != 0 {
		err := r.openWithLog(ctx, info)
		if err == nil || classify(err) != ErrUnwritable {
			return err
		}
	}
	if log, err := os.Stat(r.path + "-wal"); err == nil && log.Size() > 0 {
		return r.openCopy(ctx)
	}
	return r.openPool(ctx, r.path, "immutable")
}

// openWithLog reads the file beside others that may write. SQLite makes a log and
// its index for that; the connection that may write removes them in the end.
func (r *Reader) openWithLog(ctx context.Context, info fs.FileInfo) error {
	defer lockFolder(r.path)()
	keeper, err := openPool(r.path, "rw", 1, "query_only(1)")
	if err != nil {
		return err
	}
	conn, err := keeper.Conn(ctx)
	if err == nil {
		err = writable(conn)
	}
	if err == nil {
		err = isHistory(ctx, conn)
	}
	if err == nil {
		err = r.openPool(ctx, r.path, "ro")
	}
	r.after = func() error {
		var closed error
		if conn != nil {
			if now, err := os.Stat(r.path); err != nil || !same(now, info) {
				keepLog(conn)
			}
			closed = conn.Close()
		}
		return errors.Join(closed, keeper.Close())
	}
	if err != nil {
		return errors.Join(err, r.release())
	}
	return nil
}

// openCopy reads a copy, with the log that SQLite cannot use where it may not
// write.
func (r *Reader) openCopy(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "hf-tap")
	if err != nil {
		return err
	}
	r.after = func() error { return os.RemoveAll(folder) }
	copied := filepath.Join(folder, "history.db")
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(r.path+suffix, copied+suffix); err != nil {
			return err
		}
	}
	return r.openPool(ctx, copied, "ro")
}

// openPool opens the connections that read.
func (r *Reader) openPool(ctx context.Context, path, mode string) error {
	db, err := openReaders(path, mode)
	if err != nil {
		return err
	}
	r.db = db
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	return errors.Join(isHistory(ctx, conn), conn.Close())
}

func isHistory(ctx context.Context, conn *sql.Conn) error {
	is, err := known(ctx, conn)
	if err == nil && !is {
		return fmt.Errorf("%w: it is empty", fs.ErrNotExist)
	}
	return err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
