//go:build !windows

package cli_test

import (
	"os"
	"runtime"
	"syscall"
)

// memory is the most that a process had, in bytes.
func memory(p *os.ProcessState) float64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 1
	}
	if runtime.GOOS == "darwin" {
		return float64(usage.Maxrss)
	}
	return float64(usage.Maxrss) * 1024
}
