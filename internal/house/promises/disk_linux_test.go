package promises

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestAFullDiskIsNotAnswered200 fills the disk of the state folder: what cannot
// be recorded is refused, so that the Hub sends it again.
func TestAFullDiskIsNotAnswered200(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.MkdirAll(w.state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("hf-tap-promises", w.state, "tmpfs", 0, "size=4m"); err != nil {
		missing(t, "a small disk, which only root can mount ("+err.Error()+"): sudo go test ./internal/house/promises")
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(w.state, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(w.state, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	p := w.listen("--json")
	url := p.ready(t)
	s := newSender(t)
	body := make([]byte, 100<<10)
	var answered []string
	for i := 0; ; i++ {
		id := fmt.Sprint("filling-", i)
		status, err := s.post(url, id, body)
		if err != nil {
			t.Fatalf("%v\n%s", err, p.said())
		}
		if status != http.StatusOK {
			if status != http.StatusServiceUnavailable {
				t.Errorf("a delivery that cannot be recorded was answered %d, want 503", status)
			}
			break
		}
		if answered = append(answered, id); len(answered) > 100 {
			t.Fatal("more was answered 200 than there is room for")
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.mustPost(t, url, "with-room-again", body)
	w.interrupt(p)
	w.clean(t)
	events := byDelivery(w.history(0))
	for _, id := range append(answered, "with-room-again") {
		if list := events[id]; len(list) != 1 || !list[0].bodyIs(body) {
			t.Errorf("delivery %s was answered 200; the history has %d of it", id, len(list))
		}
	}
	if len(events) != len(answered)+1 {
		t.Errorf("%d deliveries were answered 200, and the history has %d", len(answered)+1, len(events))
	}
}
