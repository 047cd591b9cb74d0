package cloudflared

import (
	"os"
	"testing"
)

// gone waits until a process has ended.
func gone(t testing.TB, pid int) bool {
	t.Helper()
	p, err := os.FindProcess(pid) // fails for one that is not there
	if err != nil {
		return true
	}
	_, err = p.Wait()
	return err == nil
}
