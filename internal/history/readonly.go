package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenReader opens the history at path to read it, and changes and makes nothing
// there: the file and its folder may be read-only. The errors are those of Open,
// and fs.ErrNotExist when there is no file.
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fault(path, "open", err)
	}
	r := &Reader{path: absolute}
	if err := r.open(ctx); err != nil {
		return nil, r.fault("open", err)
	}
	return r, nil
}

func (r *Reader) open(ctx context.Context) error {
	info, err := os.Stat(r.path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is no regular file", ErrUnwritable)
	}
	if err = r.openAs(ctx, r.path, "ro"); classify(err) != ErrUnwritable {
		return err
	}
	// SQLite cannot make the log's index here. A copy can have one.
	if r.copied, err = os.MkdirTemp("", "hf-tap-history-"); err != nil {
		return err
	}
	copied := filepath.Join(r.copied, "history.db")
	if err = errors.Join(copyFile(r.path, copied), copyFile(r.path+"-wal", copied+"-wal")); err == nil {
		err = r.openAs(ctx, copied, "rw")
	}
	if err != nil {
		err = errors.Join(err, os.RemoveAll(r.copied))
	}
	return err
}

// openAs opens a file, if it is a history.
func (r *Reader) openAs(ctx context.Context, path, mode string) error {
	db, err := openPool(path, mode, readerLimit(), fmt.Sprintf("busy_timeout(%d)", lockPatience.Milliseconds()), "query_only(1)")
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		var is bool
		if is, err = known(ctx, conn); err == nil && !is {
			err = fmt.Errorf("%w: it is empty", ErrDamaged)
		}
		err = errors.Join(err, conn.Close())
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return r.swap(db)
}

// copyFile copies a file, if there is one.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
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
