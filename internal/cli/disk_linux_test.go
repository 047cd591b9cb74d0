package cli_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

// smallDisk mounts a disk of 4 MiB at path; half of it is taken by a file
// "ballast" that can be removed.
func smallDisk(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("mounting a small disk needs root: sudo go test ./internal/cli")
	}
	if err := syscall.Mount("hf-tap-test", path, "tmpfs", 0, "size=4m"); err != nil {
		peertest.Missing(t, "a small disk, which cannot be mounted here: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(path, "ballast"), make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
