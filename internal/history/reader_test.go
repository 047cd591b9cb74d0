package history

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

func TestAReaderChangesNothing(t *testing.T) {
	for _, test := range []struct {
		name         string
		file, folder fs.FileMode
		log, index   bool // the log of a session that was killed is there, and its index
	}{
		{"all may be written", 0o600, 0o700, false, false},
		{"a read-only file", 0o444, 0o700, false, false},
		{"a read-only folder", 0o600, 0o555, false, false},
		{"a read-only file and folder", 0o444, 0o555, false, false},
		{"a read-only file with a log", 0o444, 0o700, true, false},
		{"a read-only folder with a log", 0o600, 0o555, true, false},
		{"a read-only file and folder with a log", 0o444, 0o555, true, false},
		{"a read-only file and folder with a log and its index", 0o444, 0o555, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			from := openAt(t, filepath.Join(t.TempDir(), "history.db"))
			for i := range 30 {
				keep(t, from, delivery("s", i, 3000))
			}
			flush(t, from)
			folder := filepath.Join(t.TempDir(), "state")
			must(t, os.Mkdir(folder, 0o700))
			path := filepath.Join(folder, "history.db")
			if test.log {
				must(t, copyFile(from.Path()+"-wal", path+"-wal"))
				must(t, os.Chmod(path+"-wal", test.file))
			}
			if test.index {
				must(t, copyFile(from.Path()+"-shm", path+"-shm"))
				must(t, os.Chmod(path+"-shm", test.file))
			}
			if !test.log {
				must(t, from.Close())
			}
			must(t, copyFile(from.Path(), path))
			must(t, os.Chmod(path, test.file))
			before := names(t, folder)
			must(t, os.Chmod(folder, test.folder))
			t.Cleanup(func() { must(t, os.Chmod(folder, 0o700)) })

			r, err := OpenReader(t.Context(), path)
			must(t, err)
			rows, err := r.List(t.Context(), Query{})
			if err != nil || len(rows) != 30 || r.Path() != path {
				t.Errorf("List of %s: %d events, %v", r.Path(), len(rows), err)
			}
			if e, err := r.Get(t.Context(), 7); err != nil || len(e.Body) != 3000 {
				t.Errorf("Get: %v", err)
			}
			must(t, r.Close())
			if _, err := r.List(t.Context(), Query{}); !errors.Is(err, ErrClosed) {
				t.Errorf("List after Close: %v", err)
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(names(t, folder)))); diff != "" {
				t.Errorf("the folder (-before +after):\n%s", diff)
			}
			if after := names(t, folder); !maps.Equal(before, after) {
				t.Error("a file was changed")
			}
		})
	}
}

func TestAReaderReadsBesideAStoreThatWrites(t *testing.T) {
	s := open(t)
	keep(t, s, delivery("s", 1, 10))
	r, err := OpenReader(t.Context(), s.Path())
	must(t, err)
	for i := range 20 {
		e := keep(t, s, delivery("s", 2+i, 10))
		if got, err := r.Get(t.Context(), e.N); err != nil || got.Delivery != e.Delivery {
			t.Errorf("event %d: %v", e.N, err)
		}
	}
	must(t, s.Close()) // before the reader
	if rows, err := r.List(t.Context(), Query{}); err != nil || len(rows) != 21 {
		t.Errorf("%d events, %v", len(rows), err)
	}
	must(t, r.Close())
	if left := names(t, filepath.Dir(s.Path())); len(left) != 1 {
		t.Errorf("%q are left", slices.Sorted(maps.Keys(left)))
	}
}

func TestAReaderSaysWhatIsNotThere(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "history.db")
	expect := func(what string, want error) {
		t.Helper()
		before := names(t, folder)
		r, err := OpenReader(t.Context(), path)
		if err == nil {
			_ = r.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if after := names(t, folder); !maps.Equal(before, after) {
			t.Errorf("%s: the folder holds %q, and held %q", what, slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
		}
	}
	expect("a missing file", fs.ErrNotExist)
	writeFile(t, path, nil)
	expect("an empty file", fs.ErrNotExist)
	writeFile(t, path, []byte("no database, and longer than a header of SQLite, which has a hundred bytes: that is why this goes on"))
	expect("another file", ErrDamaged)
	must(t, os.Remove(path))
	fill(t, path)
	alter(t, path, "PRAGMA user_version = 1000")
	expect("a newer file", ErrNewer)
	must(t, os.Remove(path))
	script, err := os.ReadFile(filepath.Join("testdata", "before-release.sql"))
	must(t, err)
	alter(t, path, string(script))
	expect("an old file", ErrOld)
	must(t, os.RemoveAll(folder))
	if _, err := OpenReader(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	var _ event.Event
}
