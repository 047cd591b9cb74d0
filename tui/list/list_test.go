package list

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newTestList() *List {
	return New(time.UTC, func() time.Time { return noon }, func(s string) string { return s })
}

func rows(from, to int64) (changes []event.Change) {
	for n := from; n <= to; n++ {
		changes = append(changes, event.Change{Row: &event.Row{N: n, At: noon, Kind: "repo.create", Verdict: event.VerdictOK}})
	}
	return changes
}

func parse(t *testing.T, s string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func shown(l *List) (numbers []int64) {
	for i := range l.Shown() {
		numbers = append(numbers, l.store.at(i).row.N)
	}
	return numbers
}

func TestRowsAreDrawnOnceUntilTheyChange(t *testing.T) {
	drawn := 0
	l := New(time.UTC, func() time.Time { return noon }, func(s string) string { drawn++; return s }) // once for each row
	l.Apply(rows(1, 100))
	l.Render(80, 20, true)
	for _, c := range []struct {
		name string
		do   func()
		most int
	}{
		{"nothing", func() {}, 1}, // the selected row is always drawn
		{"a step", func() { l.Move(-1) }, 2},
		{"a change", func() {
			l.Apply([]event.Change{{Row: &event.Row{N: 90, Rev: 1, At: noon, Kind: "repo.create", Verdict: event.VerdictOK}}})
		}, 2},
		{"a change out of sight", func() {
			l.Apply([]event.Change{{Row: &event.Row{N: 2, Rev: 1, At: noon, Kind: "repo.create", Verdict: event.VerdictOK}}})
		}, 1},
	} {
		drawn = 0
		c.do()
		l.Render(80, 20, true)
		if drawn > c.most {
			t.Errorf("%s drew %d rows, want at most %d", c.name, drawn, c.most)
		}
	}
}

func TestClicksAskForWhatTheyMean(t *testing.T) {
	l := newTestList()
	l.Apply([]event.Change{{State: &event.State{At: noon, Subject: event.SubjectTunnel, State: "up"}}})
	l.Apply(rows(1, 5))
	l.Render(80, 20, true)
	for _, c := range []struct {
		y       int
		focused bool
		want    Intent
		n       int64
	}{
		{2, true, Focus, 2}, {2, false, Focus, 2}, {2, true, Open, 2}, {0, true, Focus, 0}, {0, true, Focus, 0}, {9, true, None, 0},
	} {
		got := l.Click(c.y, c.focused)
		n := int64(0)
		if r := l.SelectedRow(); r != nil {
			n = r.N
		}
		if got != c.want || n != c.n {
			t.Errorf("a click on line %d: intent %d, #%d is selected; want %d, #%d", c.y, got, n, c.want, c.n)
		}
	}
}

func TestAboveTheFirstEventAreOlderOnes(t *testing.T) {
	l := newTestList()
	l.Apply(rows(101, 103))
	for i, want := range []Intent{None, None, ReadOlder} {
		if got := l.Move(-1); got != want {
			t.Errorf("step %d: intent %d, want %d", i, got, want)
		}
	}
	if n := l.Prepend([]*event.Row{{N: 101}, {N: 100}, {N: 99}}); n != 2 {
		t.Errorf("%d older events, want 2", n)
	}
	if l.SelectedRow().N != 101 || l.Oldest() != 99 || l.Position() != 2 {
		t.Errorf("#%d is selected at %d, the oldest is #%d", l.SelectedRow().N, l.Position(), l.Oldest())
	}
}

func TestTheNewestRowsAreKept(t *testing.T) {
	l := newTestList()
	l.Apply(rows(1, 1))
	l.Follow(false)
	for from := int64(2); from < maxEntries+3*maxEntries/50; from += 1000 {
		l.Apply(rows(from, from+999))
	}
	if l.Total() > maxEntries+maxEntries/50 || l.Events() != l.Total() {
		t.Errorf("%d entries are held, and %d numbers", l.Total(), l.Events())
	}
	if r := l.SelectedRow(); r == nil || r.N != l.Oldest() {
		t.Errorf("the selected event was removed, and the oldest is not selected but %+v", r)
	}
	l.SetFilter(parse(t, "n:>=103000"))
	if got := shown(l); len(got) == 0 || got[0] != 103_000 || got[len(got)-1] != l.store.entries[l.Total()-1].row.N {
		t.Errorf("the filter shows %d rows", len(got))
	}
}

func TestTheNewestBodiesAreReadFirst(t *testing.T) {
	l := newTestList()
	l.SetFilter(parse(t, "body:x"))
	l.Apply(rows(1, 5))
	first := l.NextUndecided(3)
	if got := fmt.Sprint(first); got != "[5 4 3]" {
		t.Errorf("the first are %s", got)
	}
	l.Decide(first, []bool{true}) // the others were not read in time
	if got := fmt.Sprint(l.NextUndecided(9)); got != "[4 3 2 1]" {
		t.Errorf("the next are %s", got)
	}
	l.Decide([]int64{4, 3, 2, 1}, []bool{false, true, false, true})
	if got := fmt.Sprint(shown(l), l.Undecided()); got != "[1 3 5] 0" {
		t.Errorf("shown and undecided are %s", got)
	}
	l.Decide([]int64{99}, nil) // removed meanwhile
	if l.Undecided() != 0 {
		t.Error("an event that was removed is undecided")
	}
}

func TestARowHasRoomForWhatMattersMost(t *testing.T) {
	l := newTestList()
	l.Apply([]event.Change{{Row: &event.Row{N: 1, At: noon, Kind: "discussion.comment.create", Repo: "model:me/m", Verdict: event.VerdictWrong}}})
	for w := 20; w < 200; w++ {
		rows, _ := l.Render(w, 5, true)
		if text := ansi.Strip(rows[0]); ansi.StringWidth(text) != w || !strings.Contains(text, "BAD SECR") {
			t.Errorf("at %d cells the row is %q", w, text)
		}
		if heading := l.Heading(); heading.Width() > w {
			t.Errorf("at %d cells the heading is %q", w, heading.PlainText())
		}
	}
}

func TestDeletedEventsLeaveTheList(t *testing.T) {
	l := newTestList()
	l.Apply(rows(1, 10))
	l.Apply([]event.Change{{Row: &event.Row{N: 3, At: noon, Failed: true}}})
	if l.Failed() != 1 {
		t.Errorf("%d failed", l.Failed())
	}
	l.Move(-5) // to 5
	l.ToggleMark()
	l.Move(1) // to 7
	deleted := event.DeletedState([]int64{2, 3, 5, 9})
	l.Apply([]event.Change{{State: &deleted}, {Row: &event.Row{N: 11, At: noon}}})
	var left []int64
	for r := range l.Rows() {
		left = append(left, r.N)
	}
	if !slices.Equal(left, []int64{11, 10, 8, 7, 6, 4, 1}) {
		t.Errorf("left: %v", left)
	}
	if l.Failed() != 0 {
		t.Errorf("%d failed that are not there", l.Failed())
	}
	if n := l.SelectedRow().N; n != 7 {
		t.Errorf("the selection went to %d", n)
	}
	if len(l.Marked()) > 0 {
		t.Errorf("marked: %v", l.Marked())
	}
	// The selected one itself: what came after it is selected.
	deleted = event.DeletedState([]int64{7, 8})
	l.Apply([]event.Change{{State: &deleted}})
	if n := l.SelectedRow().N; n != 10 {
		t.Errorf("the selection went to %d", n)
	}
	l.SetFilter(parse(t, "n:10..11"))
	deleted = event.DeletedState([]int64{10})
	l.Apply([]event.Change{{State: &deleted}})
	if l.Shown() != 1 || l.SelectedRow().N != 11 {
		t.Errorf("%d are shown, %d is selected", l.Shown(), l.SelectedRow().N)
	}
	// All of them.
	all := make([]int64, 20)
	for i := range all {
		all[i] = int64(i)
	}
	deleted = event.DeletedState(all)
	l.Apply([]event.Change{{State: &deleted}})
	if l.Shown() != 0 || l.Events() != 0 {
		t.Errorf("%d are shown of %d", l.Shown(), l.Events())
	}
}

// FuzzList filters, extends, searches and trims a list. Its order, its keys and its
// selection stay valid.
func FuzzList(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 200, 201, 202})
	f.Fuzz(func(t *testing.T, ops []byte) {
		l := newTestList()
		s := l.store
		n, low := int64(1000), int64(1000)
		kinds := []event.Kind{"repo.create", "discussion.create", ""}
		filters := []string{"", "kind:repo", "is:failed", "nowhere", "jq:.n"}
		for i, op := range ops[:min(len(ops), 200)] {
			switch op % 8 {
			case 0, 1:
				n++
				l.Apply([]event.Change{{Row: &event.Row{N: n, Rev: int64(i), Kind: kinds[op%3]}}, {State: &event.State{}}})
			case 2:
				l.Apply([]event.Change{{Row: &event.Row{N: low + int64(op)%(n-low+1), Rev: int64(i), Kind: kinds[op%3], Failed: op > 100}}})
			case 3:
				low--
				l.Prepend([]*event.Row{{N: low, Kind: kinds[op%3]}})
			case 4:
				l.SetFilter(parse(t, filters[int(op)%len(filters)]))
			case 5:
				batch := l.NextUndecided(3)
				matches := make([]bool, min(len(batch), int(op)%4))
				for i := range matches {
					matches[i] = op > 100
				}
				l.Decide(batch, matches)
			case 6:
				deleted := event.DeletedState([]int64{low + int64(op)%(n-low+1), low + int64(op)%(n-low+1) + 1})
				l.Apply([]event.Change{{State: &deleted}})
			case 7:
				l.Move(int(op) - 128)
				if len(s.entries) > 20 {
					s.removeFirst(int(op) % 10)
					l.updateSelection(0)
				}
			}
			if s.shown != nil && (!slices.IsSorted(s.shown) || len(slices.Compact(slices.Clone(s.shown))) != len(s.shown)) {
				t.Fatalf("shown is out of order: %v", s.shown)
			}
			for i := range s.len() {
				if s.at(i) == nil {
					t.Fatalf("entry %d of %d is shown and was removed", s.key(i), s.base)
				}
			}
			events := 0
			for i := range s.len() {
				if s.at(i).row != nil {
					events++
				}
			}
			if _, of := l.EventPosition(); of != events {
				t.Fatalf("%d events are counted, %d are shown", of, events)
			}
			for at := range s.keys {
				if e := s.event(at); e == nil || e.row == nil || e.row.N != at {
					t.Fatalf("#%d has the entry %+v", at, e)
				}
			}
			if _, exact := s.index(l.selected); s.len() > 0 && !exact {
				t.Fatalf("the selection %d is not shown", l.selected)
			}
			rows, cursor := l.Render(60, 10, true)
			if s.len() > 0 && !strings.Contains(rows[cursor], "›") {
				t.Fatalf("the cursor is on %q", rows[cursor])
			}
		}
	})
}
