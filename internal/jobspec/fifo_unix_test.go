//go:build unix

package jobspec_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hf-tap/hf-tap/internal/jobspec"
)

func TestANamedPipeIsNotWaitedFor(t *testing.T) {
	name := filepath.Join(t.TempDir(), "job.yaml")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := jobspec.ReadFile(name); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}
