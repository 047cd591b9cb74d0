package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// attributes put the child into a group of its own, and let it be asked to end
// when the thread ends that starts it (see App.run).
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// hasLiving reports whether a group has members other than zombies. In a
// container whose first process does not wait for the orphans that it gets,
// these stay for ever, and take signals without an error.
func hasLiving(group int, _ error) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return true // no /proc: believe the signal
	}
	want := []byte(strconv.Itoa(group))
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has just ended
		}
		// PID (NAME) STATE PARENT GROUP …: the name may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 2 && bytes.Equal(fields[2], want) && fields[0][0] != 'Z' && fields[0][0] != 'X' {
			return true
		}
	}
	return false
}
