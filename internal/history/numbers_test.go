package history

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

func TestStoresThatTakeTurnsNeverGiveANumberOrARevisionTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	stores := []*Store{openAt(t, path), openAt(t, path)}
	last, rev := int64(0), int64(0)
	for i := range 60 {
		s := stores[i/2%2] // two in a row: the second goes by what the store remembers
		switch {
		case i%10 == 9:
			must(t, s.AppendState(t.Context(), event.State{Session: "s"}))
			changes := follow(t, s, "s")
			newest := int64(0)
			for _, c := range changes {
				newest = max(newest, c.Rev)
			}
			if newest <= rev {
				t.Fatalf("step %d: a state has the revision %d after %d", i, newest, rev)
			}
			rev = newest
			continue
		case i%10 == 5 || i%10 == 6: // what held the last number and the last revision
			deleted, err := s.Delete(t.Context(), last)
			if err != nil || deleted != 1 {
				t.Fatalf("step %d: Delete = %d, %v", i, deleted, err)
			}
		}
		e := get(t, s, keep(t, s, &event.Event{Session: "s"}).N)
		if e.N != last+1 || e.Rev <= rev {
			t.Fatalf("step %d: number %d after %d, and revision %d after %d", i, e.N, last, e.Rev, rev)
		}
		last, rev = e.N, e.Rev
	}
	sound(t, stores[0])
}

func TestTheLogIsCopiedBesideTheWriter(t *testing.T) {
	s := open(t)
	before := fileSize(t, s.Path())
	for range checkpointAfter {
		keep(t, s, &event.Event{Session: "s", Body: make([]byte, 4096)})
	}
	// The writer itself copies only at lastCheckpoint.
	await(t, "the file holds what the log held", func() bool { return fileSize(t, s.Path()) > before })
	sound(t, s)
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Size()
}
