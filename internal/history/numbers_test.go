package history

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

func TestStoresThatTakeTurnsNeverGiveANumberOrARevisionTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	stores := []*Store{openAt(t, path, Config{}), openAt(t, path, Config{})}
	numbers, last := map[int64]bool{}, int64(0)
	for i := range 60 {
		s := stores[i/2%2] // two in a row: the second goes by what the store remembers
		switch {
		case i%10 == 9:
			must(t, s.AppendState(t.Context(), event.State{Session: "s"}))
			changes := since(t, s, "s", last, 0)
			if len(changes) != 1 {
				t.Fatalf("step %d: a state gives %d changes after revision %d", i, len(changes), last)
			}
			last = changes[0].Rev
			continue
		case i%10 == 5 || i%10 == 6: // what held the last number and the last revision
			deleted, err := s.Delete(t.Context(), int64(len(numbers)))
			if err != nil || deleted != 1 {
				t.Fatalf("step %d: Delete = %d, %v", i, deleted, err)
			}
		}
		e := get(t, s, keep(t, s, &event.Event{Session: "s"}).N)
		if numbers[e.N] || e.Rev <= last {
			t.Fatalf("step %d: number %d (given before: %v) and revision %d after %d", i, e.N, numbers[e.N], e.Rev, last)
		}
		numbers[e.N], last = true, e.Rev
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
