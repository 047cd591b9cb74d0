package history

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

// The last writer that closes takes the whole file for a moment, to empty the log.
func TestAReaderOpensWhileTheLastWriterCloses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	first := openAt(t, path)
	keep(t, first, &event.Event{Session: "s"})
	must(t, first.Close())
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			s, err := Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			keep(t, s, &event.Event{Session: "s"})
			must(t, s.Close())
		}
	})
	for range 150 {
		r, err := OpenReader(t.Context(), path)
		if err != nil {
			t.Error(err)
			break
		}
		must(t, r.Close())
	}
	close(stop)
	wg.Wait()
}
