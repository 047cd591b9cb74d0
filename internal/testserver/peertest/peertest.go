// Package peertest ends tests whose peer, a program that they try hf-tap with, is
// missing.
package peertest

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// Missing skips a test whose peer is missing, and says what is needed and how to get it.
// In CI on Linux, where .ci/run installs all peers, it is a failure.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" && runtime.GOOS == "linux" {
		t.Fatal("CI lacks " + what)
	}
	t.Skip("needs " + what)
}

// Need ends a test as [Missing] does if a program is not on the PATH. pkg is the Debian
// package that it is in. It returns the program's path.
func Need(t testing.TB, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(t, program+": apt-get install "+pkg)
	}
	return path
}
