package session

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestASweepRemovesThePayloadsThatNobodyHolds(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	if swept, err := w.sweep(w.token); err != nil {
		t.Errorf("without payloads it swept %+v, %v", swept, err)
	}
	folder := w.dir.Payloads()
	if err := os.MkdirAll(filepath.Join(folder, "of the user"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"left.json", "held.json"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	held := flock.New(filepath.Join(folder, "held.json"), flock.SetFlag(os.O_RDONLY)) // open, too
	if ok, err := held.TryRLock(); !ok || err != nil {
		t.Fatalf("locked %v, %v", ok, err)
	}
	names := func() (names []string) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	_, err := w.sweep(w.token)
	if got := names(); err != nil || len(got) != 2 || got[0] != "held.json" || got[1] != "of the user" {
		t.Errorf("left are %q, %v", got, err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = w.sweep(w.token)
	if got := names(); err != nil || len(got) != 1 {
		t.Errorf("left at the end are %q, %v", got, err)
	}
}
