//go:build !linux

package cli_test

import "testing"

func smallDisk(t *testing.T, _ string) string {
	t.Skip("a small disk is mounted on Linux only")
	return ""
}
