package history

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

// Whatever page of a history is damaged, a search returns what the others hold
// and counts the rest.
func TestASearchGoesOnPastDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	want := full(t, path, 20)
	whole, err := os.ReadFile(path)
	must(t, err)
	missed := 0
	for offset := pageSize4K; offset < len(whole); offset += pageSize4K {
		damaged := filepath.Join(t.TempDir(), "history.db")
		b := bytes.Clone(whole)
		for i := range b[offset : offset+64] {
			b[offset+i] ^= 0xff
		}
		writeFile(t, damaged, b)
		r, err := OpenReader(t.Context(), damaged)
		if errors.Is(err, ErrDamaged) {
			continue // of the tables' own descriptions
		}
		must(t, err)
		found := map[int64]bool{}
		var missing *UnreadableError
		err = r.Search(t.Context(), Query{}, func(row *event.Row) error { found[row.N] = true; return nil })
		if err != nil && !errors.As(err, &missing) && !errors.Is(err, ErrDamaged) {
			t.Errorf("page %d: %v", offset/pageSize4K+1, err)
		}
		if errors.As(err, &missing) {
			missed++
			if !errors.Is(err, ErrDamaged) || missing.Events < len(want)-len(found) {
				t.Errorf("page %d: %d of %d were found, and %v", offset/pageSize4K+1, len(found), len(want), err)
			}
		} else if err == nil && len(found) != len(want) {
			t.Errorf("page %d: %d of %d were found, and no error", offset/pageSize4K+1, len(found), len(want))
		}
		must(t, r.Close())
	}
	if missed == 0 {
		t.Error("no page mattered to the search")
	}
}
