//go:build unix

package ssh

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Opening a pipe waits for its other end.
func TestAPipeInPlaceOfAFileIsNotWaitedFor(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ownKey(pipe); !errors.Is(err, ErrFiles) {
		t.Errorf("the key: %v", err)
	}
	if _, err := openKnown(pipe); !errors.Is(err, ErrFiles) {
		t.Errorf("the known hosts: %v", err)
	}
}
