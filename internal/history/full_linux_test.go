package history

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

// TestADiskThatIsReallyFull fills a small file system, which only root can
// make; elsewhere SQLite's limit of pages stands in for it.
func TestADiskThatIsReallyFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("cannot mount a file system: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	path := filepath.Join(dir, "history.db")
	ballast := filepath.Join(dir, "ballast")
	fillUp := func() {
		f, err := os.Create(ballast)
		must(t, err)
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		must(t, f.Close())
	}

	fillUp()
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrFull) {
		t.Errorf("Open: %v, want ErrFull", err)
	}
	must(t, os.Remove(ballast))

	s, f := live(t, path)
	e := keep(t, s, &event.Event{Session: "s", Body: make([]byte, 1000)})
	fillUp()
	s.Update(event.Update{N: e.N, Phase: event.PhaseSettled, Attempt: &event.Attempt{Body: make([]byte, 300<<10)}})
	readUntil(t, f, "failing")
	if err := s.Err(); !errors.Is(err, ErrFull) {
		t.Errorf("Err() = %v, want ErrFull", err)
	}
	if err := s.Append(t.Context(), &event.Event{Body: make([]byte, 1<<20)}); !errors.Is(err, ErrFull) {
		t.Errorf("Append: %v, want ErrFull", err)
	}
	if got := get(t, s, e.N); got.Phase != event.PhaseOpen || len(got.Body) != 1000 {
		t.Errorf("meanwhile the event is %s with %d bytes", got.Phase, len(got.Body))
	}
	must(t, os.Remove(ballast))
	readUntil(t, f, "healed")
	if got := get(t, s, e.N); got.Phase != event.PhaseSettled || len(got.Attempts) != 1 {
		t.Errorf("afterwards the event is %s with %d attempts", got.Phase, len(got.Attempts))
	}
	keep(t, s, &event.Event{Body: make([]byte, 1000)})
	sound(t, s)
	must(t, s.Close())
}
