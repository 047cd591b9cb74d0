package history

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

// corpus is a history file in all of its pages, and what is in it.
type corpus struct {
	content []byte
	events  map[int64]*event.Event
}

// makeCorpus makes a history with long and short rows in every table.
func makeCorpus(t *testing.T, events, longBody int) corpus {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.StartSession(t.Context(), Session{ID: "session"}))
	for i := range events {
		size := 300
		if i%8 == 0 {
			size = longBody
		}
		e := keep(t, s, delivery("session", i, size))
		for _, u := range handedOver(e.N) {
			s.Update(u)
		}
		must(t, s.AppendState(t.Context(), event.State{Session: "session", At: safeTime, State: fmt.Sprint("state ", i)}))
		if i%10 == 0 {
			keep(t, s, &event.Event{Session: "session", Source: event.SourceReplay, ReplayOf: e.N, Targets: []string{"t"}, Attempts: []event.Attempt{
				{N: 1, Target: "t", Status: 500, Body: bytes.Repeat([]byte("long answer "), 1000)},
			}})
		}
	}
	flush(t, s)
	c := corpus{events: map[int64]*event.Event{}}
	for _, n := range list(t, s, Query{}) {
		c.events[n] = get(t, s, n)
	}
	must(t, s.Close())
	c.content, err = os.ReadFile(path)
	must(t, err)
	return c
}

// damaged writes the corpus with one page spoilt.
func (c corpus) damaged(t *testing.T, path string, page int, spoil func([]byte)) {
	t.Helper()
	content := slices.Clone(c.content)
	spoil(content[(page-1)*pageSize : page*pageSize])
	must(t, errors.Join(removeLog(path), os.RemoveAll(path)))
	writeFile(t, path, content)
}

func (c corpus) pages() int { return len(c.content) / pageSize }

// kind is the type of a page: 2 and 5 in trees above the leaves, 10 and 13 for
// leaves of indexes and tables, 0 for the rest of long rows.
func (c corpus) kind(page int) byte {
	if page == 1 {
		return c.content[100]
	}
	return c.content[(page-1)*pageSize]
}

var spoils = map[string]func([]byte){
	"flipped": func(page []byte) {
		for i := range page[:64] {
			page[i] ^= 0xff
		}
	},
	"zeroed": func(page []byte) { clear(page) },
	"garbled": func(page []byte) {
		for i := range page {
			page[i] = byte(i*7 + 3)
		}
	},
}

func TestAStartNoticesEveryDamagedPage(t *testing.T) {
	c := makeCorpus(t, 100, 6000)
	path := filepath.Join(t.TempDir(), "history.db")
	for name, spoil := range spoils {
		for page := 1; page <= c.pages(); page++ {
			if name == "zeroed" && c.kind(page) == 0 {
				continue // the end of a body, which may consist of zeros
			}
			c.damaged(t, path, page, spoil)
			s, err := Open(t.Context(), path)
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d (type %d) is %s: Open: %v", page, c.kind(page), name, err)
			}
		}
	}
}

// TestWhatAStartOverlooksLosesNothingNew damages pages of a file that is too
// large to be checked whole at every start.
func TestWhatAStartOverlooksLosesNothingNew(t *testing.T) {
	c := makeCorpus(t, 200, 400_000)
	if len(c.content) <= smallFile {
		t.Fatalf("the file has %d bytes", len(c.content))
	}
	path := filepath.Join(t.TempDir(), "history.db")
	noticed, refused, overlooked := 0, 0, 0
	for page := 1; page <= c.pages(); page++ {
		if c.kind(page) == 0 && page%100 > 0 || testing.Short() && page%5 > 0 {
			continue
		}
		c.damaged(t, path, page, spoils["flipped"])
		s, err := Open(t.Context(), path)
		if err != nil {
			noticed++
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d: Open: %v", page, err)
			}
			continue
		}
		e := delivery("another", 1000+page, 5000)
		if err := s.Append(t.Context(), e); err != nil {
			refused++
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d: Append: %v", page, err)
			}
			_ = s.Close()
			continue
		}
		overlooked++
		_ = s.Close()
		r, err := OpenReader(t.Context(), path)
		must(t, err)
		rows, err := r.List(t.Context(), Query{})
		if len(rows) == 0 || rows[0].N != e.N || err != nil && !isUnreadable(err) {
			t.Errorf("page %d (type %d): what was acknowledged is not listed: %d rows, %v", page, c.kind(page), len(rows), err)
		}
		if whole, err := r.Get(t.Context(), e.N); err != nil || !bytes.Equal(whole.Body, e.Body) {
			t.Errorf("page %d (type %d): what was acknowledged is not there: %v", page, c.kind(page), err)
		}
		must(t, r.Close())
	}
	if noticed == 0 || overlooked == 0 {
		t.Errorf("%d were noticed, %d refused, %d overlooked", noticed, refused, overlooked)
	}
}

func isUnreadable(err error) bool {
	_, ok := errors.AsType[*UnreadableError](err)
	return ok && errors.Is(err, ErrDamaged)
}

func TestDamageThatIsMetIsLookedForEverywhere(t *testing.T) {
	c := makeCorpus(t, 200, 400_000)
	path := filepath.Join(t.TempDir(), "history.db")
	middle := int64(60)
	for page := 2; page <= c.pages(); page++ {
		if c.kind(page) != 0x0d {
			continue
		}
		c.damaged(t, path, page, spoils["flipped"])
		s, err := Open(t.Context(), path)
		if err != nil {
			continue
		}
		must(t, s.StartSession(t.Context(), Session{ID: "s"}))
		f := s.Follow("s")
		s.Update(event.Update{N: middle, Answer: event.Answer{Status: 201}})
		if err := s.Flush(t.Context()); errors.Is(err, ErrDamaged) {
			if detail := readUntil(t, f, "damaged"); !strings.Contains(detail, "Tree") && !strings.Contains(detail, "page") {
				t.Errorf("the damage of page %d is described as %q", page, detail)
			}
			_ = s.Close()
			return
		}
		must(t, s.Close())
	}
	t.Error("no damage was met")
}

func TestWhatIsReadableOfADamagedHistoryIsRead(t *testing.T) {
	c := makeCorpus(t, 60, 6000)
	path := filepath.Join(t.TempDir(), "history.db")
	for page := 2; page <= c.pages(); page++ {
		c.damaged(t, path, page, spoils["flipped"])
		r, err := OpenReader(t.Context(), path)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d: OpenReader: %v", page, err)
			}
			continue // a page of the schema
		}
		rows, err := r.List(t.Context(), Query{Limit: 50})
		all := rows
		for err == nil && len(rows) == 50 || isUnreadable(err) && len(rows) == 50 {
			rows, err = r.List(t.Context(), Query{Limit: 50, Before: rows[49].N})
			all = append(all, rows...)
		}
		if err != nil && !isUnreadable(err) {
			t.Errorf("page %d: List: %v", page, err)
		}
		unreadable := 0
		var searched []int64
		err = r.Search(t.Context(), Query{}, func(row *event.Row) error { searched = append(searched, row.N); return nil })
		if part, ok := errors.AsType[*UnreadableError](err); ok {
			unreadable = part.Events
		} else if err != nil {
			t.Errorf("page %d: Search: %v", page, err)
		}
		if len(searched)+unreadable != len(c.events) || len(all) != len(searched) {
			t.Errorf("page %d (type %d): %d are listed, %d found, %d unreadable, of %d", page, c.kind(page), len(all), len(searched), unreadable, len(c.events))
		}
		// An index may be whole where the rows are not.
		if n, err := r.Count(t.Context(), Query{}); n < len(searched) || n < len(c.events) && !isUnreadable(err) {
			t.Errorf("page %d: Count = %d, %v", page, n, err)
		}
		for _, n := range searched {
			e, err := r.Get(t.Context(), n)
			switch {
			case err == nil:
				if c.kind(page) == 0 { // nothing shows that bytes in the middle of a body are wrong
					continue
				}
				if !reflect.DeepEqual(c.events[n], e) { // cmp is slow with bodies
					t.Errorf("page %d: event %d (-stored +read):\n%s", page, n, cmp.Diff(c.events[n], e))
				}
			case !errors.Is(err, ErrDamaged) || e == nil || e.Kind != c.events[n].Kind:
				t.Errorf("page %d: event %d: %+v, %v", page, n, e, err)
			}
		}
		must(t, r.Close())
	}
}

func TestRecoverSavesAllThatIsLeft(t *testing.T) {
	c := makeCorpus(t, 60, 6000)
	folder := t.TempDir()
	path, to := filepath.Join(folder, "history.db"), filepath.Join(folder, "recovered.db")
	for name, spoil := range spoils {
		for page := 1; page <= c.pages(); page++ {
			if name != "flipped" && page%4 > 0 && c.kind(page) == 0 || testing.Short() && page%4 > 1 {
				continue
			}
			c.damaged(t, path, page, spoil)
			before, err := os.ReadFile(path)
			must(t, err)
			got, err := Recover(t.Context(), path, to)
			if err != nil {
				t.Fatalf("page %d is %s: %v", page, name, err)
			}
			c.compare(t, fmt.Sprintf("page %d (type %d) is %s", page, c.kind(page), name), to, got, c.kind(page))
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Fatalf("the damaged file was changed, %v", err)
			}
			must(t, os.Remove(to))
		}
	}
	if left := slices.Sorted(maps.Keys(names(t, folder))); !slices.Equal(left, []string{"history.db"}) {
		t.Errorf("%q are left", left)
	}
}

// compare looks at what was recovered of the corpus, of which a page of a kind
// was damaged.
func (c corpus) compare(t *testing.T, what, path string, got Recovered, kind byte) {
	t.Helper()
	s := openAt(t, path)
	defer s.Close()
	sound(t, s)
	bodies, differ := 0, 0
	for n, want := range c.events {
		e, err := s.Get(t.Context(), n)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		must(t, err)
		if e.BodyCut {
			bodies++
			continue
		}
		if !reflect.DeepEqual(want, e) { // cmp is slow with bodies
			differ++
		}
	}
	missing := len(c.events) - got.Events
	inTree := kind == 0x02 || kind == 0x05 // of these, only attempts are also in the pages above the leaves
	switch {
	case got.Lost != missing, got.WithoutBody != bodies:
		t.Errorf("%s: %+v, but %d events are missing and %d have no body", what, got, missing, bodies)
	case inTree && missing+bodies > 0, kind == 0 && missing > 0, missing > 25, bodies > 25, differ > 40:
		t.Errorf("%s: %+v; %d are missing, %d have no body, %d differ", what, got, missing, bodies, differ)
	case got.DamagedPages == 0 && !(kind == 0 && strings.HasSuffix(what, "zeroed")):
		t.Errorf("%s: no page is said to be damaged", what)
	}
	if got.Sessions > 1 || got.States > 100 {
		t.Errorf("%s: %+v", what, got)
	}
	if e := keep(t, s, &event.Event{}); e.N <= slices.Max(slices.Collect(maps.Keys(c.events))) && missing == 0 {
		t.Errorf("%s: the next event has the number %d", what, e.N)
	}
}

func names(t *testing.T, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	content := map[string]string{}
	for _, entry := range entries {
		read, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		must(t, err)
		content[entry.Name()] = string(read)
	}
	return content
}

func TestRecoverReadsTheLogAndNoDeletedEvents(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "live.db")
	s := openAt(t, path)
	must(t, s.StartSession(t.Context(), Session{ID: "s", StartedAt: safeTime}))
	for i := range 60 {
		keep(t, s, delivery("s", i, 3000))
	}
	var gone []int64
	for n := int64(10); n < 50; n++ {
		gone = append(gone, n)
	}
	if _, err := s.Delete(t.Context(), gone...); err != nil {
		t.Fatal(err)
	}
	s.Update(event.Update{N: 5, Phase: event.PhaseSettled})
	flush(t, s)
	// A file cut to its first page, and all in the log; then without the log.
	copied := filepath.Join(folder, "copied.db")
	must(t, copyFile(path+"-wal", copied+"-wal"))
	must(t, copyFile(path, copied))
	must(t, os.Truncate(copied, 0))
	got, err := Recover(t.Context(), copied, filepath.Join(folder, "a.db"))
	if err != nil || got.Events != 20 || got.Lost != 0 || got.WithoutBody != 0 || got.Undeleted || got.Sessions != 1 {
		t.Errorf("from the log: %+v, %v", got, err)
	}
	a := openAt(t, filepath.Join(folder, "a.db"))
	if e := get(t, a, 5); e.Phase != event.PhaseSettled || len(e.Body) != 3000 {
		t.Errorf("event 5 is %s with %d bytes", e.Phase, len(e.Body))
	}
	if e := keep(t, a, &event.Event{}); e.N != 61 {
		t.Errorf("the next event has the number %d", e.N)
	}
}

func TestRecoverRefusesWhatIsNoHistoryAndWhatIsThere(t *testing.T) {
	folder := t.TempDir()
	path, to := filepath.Join(folder, "history.db"), filepath.Join(folder, "to.db")
	if _, err := Recover(t.Context(), path, to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	writeFile(t, path, bytes.Repeat([]byte("no database "), 10_000))
	if _, err := Recover(t.Context(), path, to); !errors.Is(err, ErrDamaged) {
		t.Errorf("garbage: %v", err)
	}
	writeFile(t, to, []byte("mine"))
	if _, err := Recover(t.Context(), path, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if left := names(t, folder); left["to.db"] != "mine" || len(left) != 2 {
		t.Errorf("%d files are left", len(left))
	}
}

// TestALiveHistoryGoesOnInWhatWasRecovered puts a recovered file in the place of
// the damaged one, while a store has that open.
func TestALiveHistoryGoesOnInWhatWasRecovered(t *testing.T) {
	if testing.Short() && os.PathSeparator == '\\' {
		t.Skip("Windows does not let files be moved that are open")
	}
	folder := t.TempDir()
	path, to := filepath.Join(folder, "history.db"), filepath.Join(folder, "recovered.db")
	s, f := live(t, path)
	for i := range 20 {
		keep(t, s, delivery("s", i, 3000))
	}
	must(t, os.Truncate(path, 12*pageSize)) // all events are in the log
	if err := s.Append(t.Context(), delivery("s", 20, 10)); !errors.Is(err, ErrDamaged) {
		t.Errorf("Append to a file that was cut: %v", err)
	}
	got, err := Recover(t.Context(), path, to)
	if err != nil || got.Events != 20 {
		t.Fatalf("%+v, %v", got, err)
	}
	must(t, os.Rename(to, path))
	e := keep(t, s, delivery("s", 21, 10))
	if got := list(t, s, Query{}); e.N <= 20 || len(got) != 21 {
		t.Errorf("the next event is %d of %d", e.N, len(got))
	}
	readUntil(t, f, "healed")
	sound(t, s)
}
