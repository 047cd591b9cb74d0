package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hf-tap/hf-tap/event"
)

// limitPages lets the file grow by so many pages of 4 KiB and no more, as a
// full disk would.
func limitPages(t *testing.T, s *Store, more int) {
	t.Helper()
	must(t, s.write(t.Context(), newWrite(0, func(tx *transaction) error {
		var pages int
		if err := tx.w.conn.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
			return err
		}
		_, err := tx.once(fmt.Sprintf("PRAGMA max_page_count = %d", pages+more))
		return err
	})))
}

const unlimited = 1 << 20

func TestAFullDiskFailsOneAppendAndNotItsNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		keep(t, s, &event.Event{})
		limitPages(t, s, 50)
		unlock := lock(t, s.path) // so that they become one batch
		var wg sync.WaitGroup
		failures := make([]error, 10)
		for i := range failures {
			wg.Go(func() {
				e := &event.Event{Session: "s", Body: []byte("small")}
				if i == 5 {
					e.Body = make([]byte, 1<<20)
				}
				failures[i] = s.Append(t.Context(), e)
			})
		}
		synctest.Wait() // all are waiting
		unlock()
		wg.Wait()
		for i, err := range failures {
			if i == 5 && (!errors.Is(err, ErrFull) || !strings.Contains(err.Error(), fmt.Sprintf("%q", s.path))) {
				t.Errorf("the large event: %v, want ErrFull and the path", err)
			}
			if i != 5 && err != nil {
				t.Errorf("event %d: %v", i, err)
			}
		}
		if got := len(follow(t, s, "s")); got != 9 {
			t.Errorf("%d events are there, want 9", got)
		}
		sound(t, s)
	})
}

func TestUpdatesWaitForSpaceAndLoseNothing(t *testing.T) {
	s, f := live(t, filepath.Join(t.TempDir(), "history.db"))
	e := keep(t, s, &event.Event{})
	limitPages(t, s, 20)
	big := make([]byte, 1<<20)
	s.Update(event.Update{N: e.N, Attempt: &event.Attempt{N: 1, Status: 500}})
	s.Update(event.Update{N: e.N, Attempt: &event.Attempt{N: 2, Status: 200, Body: big}})
	s.Update(event.Update{N: e.N, Attempt: &event.Attempt{N: 3, Status: 200}, Phase: event.PhaseSettled})
	if err := s.Flush(t.Context()); !errors.Is(err, ErrFull) {
		t.Fatalf("Flush: %v, want ErrFull", err)
	}
	if detail := readUntil(t, f, "failing"); !strings.Contains(detail, ErrFull.Error()) && !strings.Contains(detail, "full") {
		t.Errorf("failing: %s", detail)
	}
	if err := s.Err(); !errors.Is(err, ErrFull) {
		t.Errorf("Err() = %v, want ErrFull", err)
	}
	// There is room for something small: the updates do not stand in its way.
	keep(t, s, &event.Event{})
	if got := get(t, s, e.N); got.Phase != event.PhaseOpen || len(got.Attempts) != 1 {
		t.Errorf("the event is %s with %d attempts, want the first update only", got.Phase, len(got.Attempts))
	}

	limitPages(t, s, unlimited)
	if detail := readUntil(t, f, "healed"); !strings.Contains(detail, "full") { // without another call
		t.Errorf("healed: %s", detail)
	}
	if err := s.Err(); err != nil {
		t.Errorf("Err() = %v after space is back", err)
	}
	got := get(t, s, e.N)
	if got.Phase != event.PhaseSettled || len(got.Attempts) != 3 || !bytes.Equal(got.Attempts[1].Body, big) {
		t.Errorf("the event is %s with %d attempts", got.Phase, len(got.Attempts))
	}
	for i, a := range got.Attempts {
		if a.N != i+1 {
			t.Errorf("attempt %d stands in place %d", a.N, i+1)
		}
	}
}

func TestWhatCanNeverBeStoredHoldsUpNothing(t *testing.T) {
	s, f := live(t, filepath.Join(t.TempDir(), "history.db"))
	e := keep(t, s, &event.Event{Session: "s"})
	limit := newWrite(0, func(tx *transaction) error {
		_, err := sqlite.Limit(tx.w.conn, sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
		return err
	})
	must(t, s.write(t.Context(), limit))
	unlock := lock(t, s.path) // so that they are stored together
	s.Update(event.Update{N: e.N, Attempt: &event.Attempt{N: 1}})
	s.Update(event.Update{N: e.N, Attempt: &event.Attempt{N: 2, Body: make([]byte, 200_000)}})
	s.Update(event.Update{N: e.N, Attempt: &event.Attempt{N: 3}, Phase: event.PhaseSettled})
	unlock()
	flush(t, s)
	if detail := readUntil(t, f, "lost"); !strings.Contains(detail, "event 1") {
		t.Errorf("lost: %s", detail)
	}
	if err := s.Append(t.Context(), &event.Event{Body: make([]byte, 200_000)}); err == nil {
		t.Error("an event that is too large was stored")
	}
	got := get(t, s, e.N)
	if got.Phase != event.PhaseSettled || len(got.Attempts) != 2 || got.Attempts[0].N != 1 || got.Attempts[1].N != 3 {
		t.Errorf("the event is %s with %d attempts", got.Phase, len(got.Attempts))
	}
	s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
	flush(t, s)
	if err := s.Err(); err != nil {
		t.Errorf("the history fails: %v", err)
	}
}

func TestCloseSaysWhatItCouldNotStore(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	e := keep(t, s, &event.Event{})
	limitPages(t, s, 1)
	s.Update(event.Update{N: e.N, Attempt: &event.Attempt{Body: make([]byte, 1<<20)}})
	err = s.Close()
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "1 updates could not be stored") {
		t.Errorf("Close: %v", err)
	}
}

func TestALockThatIsNeverReleasedEndsInErrBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := live(t, filepath.Join(t.TempDir(), "history.db"))
		e := keep(t, s, &event.Event{})
		unlock := lock(t, s.path)
		if err := s.Append(t.Context(), &event.Event{}); !errors.Is(err, ErrBusy) {
			t.Errorf("Append: %v, want ErrBusy", err)
		}
		s.Update(event.Update{N: e.N, Phase: event.PhaseSettled})
		if err := s.Flush(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("Flush: %v, want ErrBusy", err)
		}
		if err := s.AppendState(t.Context(), event.State{Session: "s", Subject: event.SubjectTunnel, State: "down"}); !errors.Is(err, ErrBusy) {
			t.Errorf("AppendState: %v, want ErrBusy", err)
		}
		// Followers see a state that could not be stored, once.
		want := []string{"failing", "down"}
		if got := words(read(t, f)); !slices.Equal(got, want) {
			t.Errorf("while it is locked a follower reads %q, want %q", got, want)
		}
		late := s.Follow("s")
		defer late.Close()
		if got := words(read(t, late)); !slices.Equal(got, want) {
			t.Errorf("a new follower reads %q, want %q", got, want)
		}
		unlock()
		flush(t, s)
		if got := get(t, s, e.N).Phase; got != event.PhaseSettled {
			t.Errorf("the phase is %q", got)
		}
		for _, f := range []*Follower{f, late} {
			if got := words(read(t, f)); !slices.Equal(got, []string{"healed"}) {
				t.Errorf("after that a follower reads %q", got)
			}
		}
		flush(t, s)
		if got := words(follow(t, s, "s")); !slices.Equal(got, []string{"failing", "down", "healed"}) {
			t.Errorf("the file holds %q", got)
		}
	})
}

func TestOpenWaitsForALockedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	writeFile(t, path, nil) // a file that has to be made a history of first
	unlock := lock(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open: %v, want the context's error", err)
	}
	opened := make(chan error)
	go func() {
		s, err := Open(t.Context(), path)
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	unlock()
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestFilesThatCannotBeUsedAreToldApart(t *testing.T) {
	garbage := func(t *testing.T, path string) { writeFile(t, path, bytes.Repeat([]byte("no database "), 1000)) }
	for _, test := range []struct {
		name string
		make func(t *testing.T, path string)
		want error
	}{
		{"garbage", garbage, ErrDamaged},
		{"a few bytes", func(t *testing.T, path string) { writeFile(t, path, []byte("hello")) }, ErrDamaged},
		{"truncated", func(t *testing.T, path string) {
			fill(t, path)
			must(t, os.Truncate(path, 9000))
		}, ErrDamaged},
		{"only zeros after the header", func(t *testing.T, path string) {
			fill(t, path)
			overwrite(t, path, 100, make([]byte, 3996))
		}, ErrDamaged},
		{"another program's", func(t *testing.T, path string) { alter(t, path, "CREATE TABLE recipes (name TEXT)") }, ErrDamaged},
		{"newer", func(t *testing.T, path string) {
			fill(t, path)
			alter(t, path, "PRAGMA user_version = 1000")
		}, ErrNewer},
		{"from before the first release", func(t *testing.T, path string) {
			script, err := os.ReadFile(filepath.Join("testdata", "before-release.sql"))
			must(t, err)
			alter(t, path, string(script))
		}, ErrOld},
		{"a folder", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, ErrUnwritable},
		{"a file where the folder should be", func(t *testing.T, path string) {
			must(t, os.Remove(filepath.Dir(path)))
			writeFile(t, filepath.Dir(path), nil)
		}, ErrUnwritable},
		{"read-only", func(t *testing.T, path string) {
			needPermissions(t)
			fill(t, path)
			must(t, os.Chmod(path, 0o400))
		}, ErrUnwritable},
		{"in a read-only folder", func(t *testing.T, path string) {
			needPermissions(t)
			must(t, os.Chmod(filepath.Dir(path), 0o500))
			t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o700) })
		}, ErrUnwritable},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "folder", "history.db")
			must(t, os.Mkdir(filepath.Dir(path), 0o700))
			test.make(t, path)
			before, _ := os.ReadFile(path)
			s, err := Open(t.Context(), path)
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, test.want) {
				t.Fatalf("Open: %v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), fmt.Sprintf("%q", path)) {
				t.Errorf("%v does not quote the path", err)
			}
			for _, other := range []error{ErrDamaged, ErrOld, ErrNewer, ErrUnwritable, ErrFull, ErrBusy} {
				if other != test.want && errors.Is(err, other) {
					t.Errorf("%v is also %v", err, other)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
			if _, err := os.Stat(path + "-wal"); err == nil {
				t.Error("a log was begun beside it")
			}
		})
	}
	t.Run("a NUL in the path", func(t *testing.T) {
		if _, err := Open(t.Context(), "a\x00b"); !errors.Is(err, ErrUnwritable) {
			t.Errorf("Open: %v", err)
		}
	})
}

func TestTheFileBelongsToTheUserAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	// A path with everything that has a meaning in a URI.
	dir := filepath.Join(t.TempDir(), "a b?c#d%41&e=é", "deeper")
	path := filepath.Join(dir, "history.db")
	mode := func(path string) os.FileMode {
		t.Helper()
		info, err := os.Stat(path)
		must(t, err)
		return info.Mode().Perm()
	}
	s := openAt(t, path)
	keep(t, s, oddEvent())
	if got := mode(dir); got != 0o700 {
		t.Errorf("the folder has %o", got)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if got := mode(name); got != 0o600 {
			t.Errorf("%s has %o", name, got)
		}
	}
	if got := s.Tightened(); len(got) > 0 {
		t.Errorf("%q were made private", got)
	}
	must(t, os.Chmod(path, 0o644))
	must(t, os.Chmod(path+"-wal", 0o660))
	tightened := openAt(t, path).Tightened()
	if want := []string{path, path + "-wal"}; !slices.Equal(tightened, want) || mode(path) != 0o600 || mode(path+"-wal") != 0o600 {
		t.Errorf("%q were made private, want %q; they have %o and %o", tightened, want, mode(path), mode(path+"-wal"))
	}
}

func TestAFileBehindALinkInPlaceOfTheLogKeepsItsMode(t *testing.T) {
	path, victim := filepath.Join(t.TempDir(), "history.db"), filepath.Join(t.TempDir(), "victim")
	fill(t, path)
	must(t, os.WriteFile(victim, []byte("text"), 0o644))
	must(t, os.Symlink(victim, path+"-wal"))
	if s, err := Open(t.Context(), path); err == nil {
		must(t, s.Close())
	}
	info, err := os.Stat(victim)
	must(t, err)
	content, err := os.ReadFile(victim)
	must(t, err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o644 || string(content) != "text" {
		t.Errorf("it has %o and holds %q", info.Mode(), content)
	}
}

// fill makes a history with something in every table.
func fill(t *testing.T, path string) {
	t.Helper()
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.StartSession(t.Context(), Session{ID: "session"}))
	must(t, s.AppendState(t.Context(), event.State{Session: "session"}))
	for i := range 20 {
		e := keep(t, s, delivery("session", i, 1000))
		for _, u := range handedOver(e.N) {
			s.Update(u)
		}
	}
	must(t, s.Close())
}

// alter runs a statement on a database by itself.
func alter(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", address(path, "rwc"))
	must(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	must(t, err)
	must(t, db.Close())
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	must(t, os.WriteFile(path, content, 0o600))
}

func overwrite(t *testing.T, path string, offset int64, content []byte) {
	t.Helper()
	whole, err := os.ReadFile(path)
	must(t, err)
	copy(whole[offset:], content)
	writeFile(t, path, whole)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// needPermissions skips where permissions stop nobody.
func needPermissions(t *testing.T) {
	t.Helper()
	if os.Geteuid() <= 0 {
		t.Skip("permissions do not stop root, and Windows has none of these")
	}
}

func TestEventsUnderWayGoOnInAFileMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s, f := live(t, path)
	e := delivery("s", 1, 10)
	e.Targets = []string{"http://127.0.0.1:1"}
	waiting, settled := keep(t, s, e), keep(t, s, delivery("s", 2, 10))
	s.Update(event.Update{N: settled.N, Phase: event.PhaseSettled})
	flush(t, s)
	read(t, f)

	for _, suffix := range []string{"", "-wal", "-shm"} {
		must(t, os.Remove(path+suffix))
	}
	s.Update(event.Update{N: waiting.N, Attempt: &event.Attempt{N: 1, Target: "http://127.0.0.1:1", Status: 500, Duration: 7}, Phase: event.PhaseSettled})
	flush(t, s)

	if got := words(read(t, f)); !slices.Contains(got, fmt.Sprintf("#%d settled", waiting.N)) {
		t.Errorf("a follower reads %q", got)
	}
	got := get(t, s, waiting.N)
	if got.Phase != event.PhaseSettled || len(got.Attempts) != 1 || !got.BodyCut || got.Refused() || got.Kind != e.Kind || !got.Failed() {
		t.Errorf("the event is %+v", got)
	}
	if body, err := s.Body(t.Context(), waiting.N); !errors.Is(err, ErrNotFound) {
		t.Errorf("its body is %q: %v", body, err)
	}
	if _, err := s.Get(t.Context(), settled.N); !errors.Is(err, ErrNotFound) {
		t.Errorf("an event that was over is there again: %v", err)
	}
	if next := keep(t, s, delivery("s", 3, 10)); next.N <= settled.N {
		t.Errorf("the next event has the number %d, after %d", next.N, settled.N)
	}
}

// The files go at any moment, so also between the last look at them and the commit.
func TestNoEventIsThereTwiceAfterTheFilesWereRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s, _ := live(t, path)
	stop, recorded := make(chan struct{}), make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		appendAll(t.Context(), s, "s", stop, func(r result) {
			if r.Err != "" {
				t.Errorf("an append has failed: %s", r.Err)
			}
			select {
			case recorded <- struct{}{}:
			default:
			}
		})
	})
	for range 100 {
		<-recorded
		<-recorded
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(path + suffix) // it may be between two files
		}
		times := map[string]int{}
		must(t, s.Check(t.Context()))
		rows, err := s.List(t.Context(), Query{})
		if err != nil {
			continue // it was removed again
		}
		for _, row := range rows {
			if times[row.Delivery]++; times[row.Delivery] == 2 {
				t.Errorf("the delivery %s is there twice, the second time as event %d", row.Delivery, row.N)
			}
		}
	}
	close(stop)
	wg.Wait()
}
