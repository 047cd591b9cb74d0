//go:build unix

package tunnel

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// gone waits until a process has ended, for some seconds. One that waits to be
// taken note of by its parent has ended.
func gone(t testing.TB, pid int) bool {
	t.Helper()
	ctx := patience(t)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		if unix.Kill(pid, 0) == unix.ESRCH {
			return true
		}
		if status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && strings.Contains(string(status), ") Z ") {
			return true
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
}

func TestWhatTheProgramStartedEndsWithIt(t *testing.T) {
	cfg := cloudflaredSettings(t, "child")
	if _, err := Open(t.Context(), cfg); err == nil {
		t.Fatal("it opened")
	}
	file := os.Getenv(fakeCloudflaredEnv+"_PID") + ".child"
	if data, err := os.ReadFile(file); err == nil { // else it was killed before its first word
		pid, err := strconv.Atoi(strings.Fields(string(data))[0])
		if err != nil || !gone(t, pid) {
			t.Errorf("what the program started is left running: %v", err)
		}
	}
}
