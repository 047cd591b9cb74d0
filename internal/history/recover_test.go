package history

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

// full makes a history with large and small bodies, attempts and states, and
// returns its events.
func full(t *testing.T, path string, events int) map[int64]*event.Event {
	t.Helper()
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.StartSession(t.Context(), Session{ID: "session", StartedAt: safeTime}))
	for i := range events {
		e := delivery("session", i, []int{0, 10, 1000, 3900, 5000, 20_000}[i%6])
		keep(t, s, e)
		for _, u := range handedOver(e.N) {
			s.Update(u)
		}
		must(t, s.AppendState(t.Context(), event.State{Session: "session", State: fmt.Sprint(i)}))
	}
	keep(t, s, oddEvent())
	_, err = s.Delete(t.Context(), 2)
	must(t, err)
	flush(t, s)
	all := map[int64]*event.Event{}
	for _, n := range list(t, s, Query{Limit: 1 << 20}) {
		all[n] = get(t, s, n)
	}
	must(t, s.Close())
	return all
}

// recovered recovers a file and returns what is in the new one, which is sound.
func recovered(t *testing.T, path string) (map[int64]*event.Event, Recovered) {
	t.Helper()
	before, err := os.ReadFile(path)
	must(t, err)
	to := filepath.Join(t.TempDir(), "recovered.db")
	report, err := Recover(t.Context(), path, to)
	must(t, err)
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the damaged file was changed")
	}
	s := openAt(t, to)
	must(t, s.CheckAll(t.Context()))
	all := map[int64]*event.Event{}
	for _, n := range list(t, s, Query{Limit: 1 << 20}) {
		all[n] = get(t, s, n)
	}
	if report.Events != len(all) {
		t.Errorf("the report counts %d events, %d are there", report.Events, len(all))
	}
	return all, report
}

func TestRecoverTakesAllOfAGoodFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	want := full(t, path, 60)
	got, report := recovered(t, path)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if want := (Recovered{Events: 60, Attempts: 61, States: 60, Sessions: 1}); report != want {
		t.Errorf("the report is %+v, want %+v", report, want)
	}
}

func TestRecoverTakesWhatStandsInTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path)
	for i := range 30 {
		keep(t, s, delivery("session", i, 2000))
	}
	copied := filepath.Join(t.TempDir(), "history.db")
	for _, suffix := range []string{"", "-wal"} { // as a kill leaves them
		b, err := os.ReadFile(path + suffix)
		must(t, err)
		writeFile(t, copied+suffix, b)
	}
	if got, _ := recovered(t, copied); len(got) != 30 {
		t.Errorf("%d events came back", len(got))
	}
	// A log that breaks off keeps its whole transactions.
	info, err := os.Stat(copied + "-wal")
	must(t, err)
	must(t, os.Truncate(copied+"-wal", info.Size()-2000))
	if got, _ := recovered(t, copied); len(got) < 28 || len(got) > 29 {
		t.Errorf("%d events came back of a log without its end", len(got))
	}
}

func TestRecoverLosesNoMoreThanTheDamagedPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	want := full(t, path, 20)
	whole, err := os.ReadFile(path)
	must(t, err)
	for offset := 0; offset < len(whole); offset += pageSize4K {
		for name, damage := range map[string]func([]byte){
			"zeros": func(page []byte) { clear(page) },
			"flipped": func(page []byte) {
				for i := range page[:128] {
					page[i] ^= 0xff
				}
			},
			"noise": func(page []byte) {
				for i := range page {
					page[i] = byte(i*i>>3 ^ offset)
				}
			},
		} {
			damaged := filepath.Join(t.TempDir(), "history.db")
			b := bytes.Clone(whole)
			damage(b[offset : offset+pageSize4K])
			writeFile(t, damaged, b)
			got, _ := recovered(t, damaged)
			if len(got) < len(want)-16 { // the events of a page
				t.Errorf("%s in page %d: %d of %d events came back", name, offset/pageSize4K+1, len(got), len(want))
			}
			for n := range got {
				if want[n] == nil {
					t.Errorf("%s in page %d: event %d came out of nowhere", name, offset/pageSize4K+1, n)
				}
			}
		}
	}
}

func TestRecoverNeedsNoHeader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	want := full(t, path, 60)
	overwrite(t, path, 0, make([]byte, pageSize4K))
	if got, _ := recovered(t, path); !cmp.Equal(want, got) && len(got) < len(want) {
		t.Errorf("%d of %d events came back", len(got), len(want))
	}
	info, err := os.Stat(path)
	must(t, err)
	must(t, os.Truncate(path, info.Size()*3/4+17))
	if got, _ := recovered(t, path); len(got) == 0 {
		t.Error("nothing came back of a file without its end")
	}
}

func TestRecoverRefusesWhatItMustNotDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	full(t, path, 3)
	if _, err := Recover(t.Context(), path, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("into itself: %v", err)
	}
	if _, err := Recover(t.Context(), path+".none", path+".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
	garbage := path + ".garbage"
	writeFile(t, garbage, bytes.Repeat([]byte("no database "), 5000))
	if _, err := Recover(t.Context(), garbage, path+".new"); !errors.Is(err, ErrDamaged) {
		t.Errorf("of something else: %v", err)
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("it left a file")
	}
}

// Whatever stands in a file, recovering it ends, and the result is sound.
func FuzzRecover(f *testing.F) {
	path := filepath.Join(f.TempDir(), "history.db")
	s, err := Open(f.Context(), path)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 10 {
		if err := s.Append(f.Context(), delivery("session", i, 3000)); err != nil {
			f.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(100), []byte{1, 2, 3})
	f.Add(uint32(5*pageSize4K), []byte{0x0d, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, offset uint32, content []byte) {
		damaged := filepath.Join(t.TempDir(), "history.db")
		b := bytes.Clone(whole)
		copy(b[int(offset)%len(b):], content)
		writeFile(t, damaged, b)
		to := damaged + ".new"
		if _, err := Recover(t.Context(), damaged, to); err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		r, err := OpenReader(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.CheckAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAHistoryIsReadWhereNothingCanBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("permissions do not stop root; that nothing is written is checked all the same")
	}
	for name, closed := range map[string]bool{"closed": true, "as a kill leaves it": false} {
		t.Run(name, func(t *testing.T) {
			source := filepath.Join(t.TempDir(), "history.db")
			s := openAt(t, source)
			want := keep(t, s, oddEvent())
			path := filepath.Join(t.TempDir(), "folder", "history.db")
			must(t, os.Mkdir(filepath.Dir(path), 0o700))
			if closed {
				must(t, s.Close())
			}
			for _, suffix := range []string{"", "-wal"} {
				if b, err := os.ReadFile(source + suffix); err == nil {
					writeFile(t, path+suffix, b)
					must(t, os.Chmod(path+suffix, 0o400))
				}
			}
			must(t, os.Chmod(filepath.Dir(path), 0o500))
			t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o700) })
			r, err := OpenReader(t.Context(), path)
			must(t, err)
			defer r.Close()
			got, err := r.Get(t.Context(), want.N)
			must(t, err)
			if string(got.Body) != odd {
				t.Errorf("the body is %q", got.Body)
			}
			if rows, err := r.List(t.Context(), Query{}); err != nil || len(rows) != 1 {
				t.Errorf("List = %d rows, %v", len(rows), err)
			}
		})
	}
	if _, err := OpenReader(t.Context(), filepath.Join(t.TempDir(), "history.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
