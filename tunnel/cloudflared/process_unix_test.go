//go:build unix

package cloudflared

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"golang.org/x/sys/unix"
)

// gone waits until a process has ended, for some seconds. One that waits to be
// taken note of by its parent has ended.
func gone(t testing.TB, pid int) bool {
	t.Helper()
	ctx := tunneltest.Patience(t)
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
	e, cfg := startCloudflare(t, cloudflaredtest.Parent)
	if _, err := try(t.Context(), cfg); err == nil {
		t.Fatal("it opened")
	}
	noneLeft(t, e)
}
