package history

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// settled appends an event that is settled, with a body of size bytes.
func settled(t testing.TB, s *Store, session string, at time.Time, size int) int64 {
	t.Helper()
	e := delivery(session, int(at.UnixNano()), size)
	e.ReceivedAt, e.Phase = at, event.PhaseSettled
	return keep(t, s, e).N
}

// deletedOf returns the ranges that changes say were deleted.
func deletedOf(changes []event.Change) (all [][2]int64) {
	for _, c := range changes {
		all = append(all, c.Deleted()...)
	}
	return all
}

func TestFollowersLearnWhatWasDeleted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	own, other := openAt(t, path), openAt(t, path)
	for _, id := range []string{"mine", "ended"} {
		must(t, own.StartSession(t.Context(), Session{ID: id}))
	}
	if _, err := own.EndSession(t.Context(), "ended", safeTime); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		settled(t, own, "mine", safeTime.Add(time.Duration(i)), 10)
	}
	settled(t, own, "ended", safeTime, 10)
	f := own.Follow("mine")
	defer f.Close()
	read(t, f)
	if n, err := own.Delete(t.Context(), 1); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := deletedOf(read(t, f)); !slices.Equal(got, [][2]int64{{1, 1}}) {
		t.Errorf("of a deletion by its own process a follower reads %v", got)
	}
	// The other process says it in the file.
	if n, err := other.Delete(t.Context(), 2, 3, 4, 6, 7, 99); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	must(t, own.Check(t.Context()))
	if got := deletedOf(read(t, f)); !slices.Equal(got, [][2]int64{{2, 4}, {6, 6}}) {
		t.Errorf("of a deletion by another process a follower reads %v", got)
	}
	if got := count(t, own, "states"); got != 2 {
		t.Errorf("%d states are kept, want none of the session that has ended", got)
	}
}

func TestAPinnedEventIsDeletedOnlyByName(t *testing.T) {
	s := open(t)
	for range 3 {
		settled(t, s, "s", safeTime, 10)
	}
	if _, err := s.Pin(t.Context(), true, 2); err != nil {
		t.Fatal(err)
	}
	if n, err := s.DeleteUnpinned(t.Context(), 1, 2, 3); n != 2 || err != nil {
		t.Errorf("DeleteUnpinned = %d, %v", n, err)
	}
	if got := list(t, s, Query{}); !slices.Equal(got, []int64{2}) {
		t.Errorf("left: %v", got)
	}
	if n, err := s.Delete(t.Context(), 2); n != 1 || err != nil {
		t.Errorf("Delete = %d, %v", n, err)
	}
}

func TestRetentionDeletesTheOldestButPinnedAndUnfinishedOnes(t *testing.T) {
	s := open(t)
	must(t, s.StartSession(t.Context(), Session{ID: "runs"}))
	now := time.Now()
	old := settled(t, s, "runs", now.Add(-48*time.Hour), 10)
	pinned := settled(t, s, "runs", now.Add(-48*time.Hour), 10)
	waiting := delivery("runs", 1, 10)
	waiting.ReceivedAt, waiting.Phase = now.Add(-48*time.Hour), event.PhaseWaiting
	keep(t, s, waiting)
	var large []int64
	for i := range 1000 {
		large = append(large, settled(t, s, "runs", now.Add(time.Duration(i)), 4096))
	}
	if _, err := s.Pin(t.Context(), true, pinned, large[0]); err != nil {
		t.Fatal(err)
	}
	f := s.Follow("runs")
	defer f.Close()
	read(t, f)
	for _, keepsAll := range []Retention{{}, {MaxAge: 72 * time.Hour}, {MaxSize: 1 << 30}} {
		if n, err := s.Enforce(t.Context(), keepsAll); n != 0 || err != nil {
			t.Errorf("%+v deletes %d, %v", keepsAll, n, err)
		}
	}
	if n, err := s.Enforce(t.Context(), Retention{MaxAge: 24 * time.Hour}); n != 1 || err != nil {
		t.Errorf("by age it deletes %d, %v; want event %d", n, err, old)
	}
	if got := deletedOf(read(t, f)); !slices.Equal(got, [][2]int64{{old, old}}) {
		t.Errorf("the session's follower reads %v", got)
	}
	const limit = 3 << 20
	n, err := s.Enforce(t.Context(), Retention{MaxSize: limit})
	if err != nil || n == 0 || n >= 999 {
		t.Errorf("by size it deletes %d, %v", n, err)
	}
	if used, err := s.used(t.Context()); err != nil || used > limit || used < limit/2 {
		t.Errorf("%d bytes are used, %v; want some less than %d", used, err, limit)
	}
	left := list(t, s, Query{Limit: 2000})
	for _, n := range []int64{pinned, waiting.N, large[0], large[999]} {
		if !slices.Contains(left, n) {
			t.Errorf("event %d is gone", n)
		}
	}
	// What it may not delete does not keep it busy for ever.
	if n, err := s.Enforce(t.Context(), Retention{MaxSize: 1}); n != len(left)-3 || err != nil {
		t.Errorf("to the last it deletes %d, %v; want all but 3 of %d", n, err, len(left))
	}
}

// deleteForever deletes events one transaction after the other, as a process of its
// own that is killed, and prints how many it has deleted.
func deleteForever(path string) {
	s, err := Open(context.Background(), path)
	gone := 0
	for n := int64(1); err == nil; n += 5 {
		deleted := 0
		if deleted, err = s.Delete(context.Background(), n, n+1, n+2, n+3, n+4); err == nil {
			gone += deleted
			fmt.Println(gone)
		}
	}
	fmt.Println("error:", err)
}

func TestADeletionKilledInTheMiddleBesideAWriterLeavesWholeEvents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path)
	must(t, s.StartSession(t.Context(), Session{ID: "writes"}))
	write := func() {
		e := keep(t, s, delivery("writes", 0, 6000))
		for _, u := range handedOver(e.N) {
			s.Update(u)
		}
	}
	for range 1000 {
		write()
	}
	flush(t, s)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "HISTORY_TEST_DELETE_FROM="+path)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	var gone int64
	for range 40 {
		if !lines.Scan() {
			t.Fatal("the deletion ended")
		}
		if _, err := fmt.Sscan(lines.Text(), &gone); err != nil {
			t.Fatal(lines.Text(), err)
		}
		write()
	}
	must(t, cmd.Process.Kill())
	for lines.Scan() {
		_, _ = fmt.Sscan(lines.Text(), &gone)
	}
	_ = cmd.Wait()
	write()
	flush(t, s)
	sound(t, s)
	events := count(t, s, "events")
	for _, table := range []string{"payloads", "attempts"} {
		if got := count(t, s, table+" WHERE "+map[string]string{"payloads": "n", "attempts": "event"}[table]+" IN (SELECT n FROM events)"); got != events || got != count(t, s, table) {
			t.Errorf("%d events have %d %s of %d", events, got, table, count(t, s, table))
		}
	}
	if deleted := 1041 - int64(events); deleted < gone || deleted > gone+5 { // the last ones may not have been printed
		t.Errorf("%d events are deleted, %d of them were reported", deleted, gone)
	}
}
