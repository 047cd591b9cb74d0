//go:build unix

package exectarget_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/exectarget"
)

// payloads are the files in a folder, which need not exist.
func payloads(t *testing.T, folder string) (files []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sweep removes the files of a folder that nobody has locked.
func sweep(t *testing.T, folder string) {
	t.Helper()
	for _, file := range payloads(t, folder) {
		l := flock.New(file, flock.SetFlag(os.O_RDWR))
		if free, err := l.TryLock(); err == nil && free {
			_ = os.Remove(file)
		}
		_ = l.Close()
	}
}

var large = strings.Repeat("x", 200<<10)

func TestAPayloadIsLockedWhileItsCommandRuns(t *testing.T) {
	command, running := holder(t)
	target, err := exectarget.New(`test "$(wc -c <"$WEBHOOK_PAYLOAD_FILE")" -eq 204800 && ` + command)
	if err != nil {
		t.Fatal(err)
	}
	target.Folder = filepath.Join(t.TempDir(), "state", "payloads")
	target.Grace = 1
	done := make(chan event.Attempt)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		a, _ := target.Try(ctx, delivery(large))
		done <- a
	}()
	ended := running()
	if info, err := os.Stat(target.Folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info, err)
	}
	files := payloads(t, target.Folder)
	sweep(t, target.Folder)
	if left := payloads(t, target.Folder); len(files) != 1 || len(left) != 1 {
		t.Errorf("the payload's file is %q, and %q after a sweep", files, left)
	}
	cancel()
	<-done
	ended()
	if left := payloads(t, target.Folder); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestASweepAtTheSameTimeTakesNoPayloadAway(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "payloads")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				sweep(t, folder)
			}
		}
	}()
	for range 30 {
		target, err := exectarget.New(`cat "$WEBHOOK_PAYLOAD_FILE" | wc -c; wc -c`)
		if err != nil {
			t.Fatal(err)
		}
		target.Folder = folder
		if a, _ := target.Try(t.Context(), delivery(large)); !a.OK() || strings.Join(strings.Fields(string(a.Body)), " ") != "204800 204800" {
			t.Errorf("got %q, %s", a.Body, a.Err)
		}
	}
	close(stop)
	<-stopped
}

func TestAPayloadIsKeptElsewhereWhereItsFolderCannotBeWrittenTo(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	target, err := exectarget.New(`echo "$WEBHOOK_PAYLOAD_FILE"`)
	if err != nil {
		t.Fatal(err)
	}
	target.Folder = filepath.Join(file, "payloads")
	if a, _ := target.Try(t.Context(), delivery(large)); !a.OK() || !strings.HasPrefix(string(a.Body), tmp) {
		t.Errorf("got %q, %s", a.Body, a.Err)
	}
	if left := payloads(t, tmp); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
