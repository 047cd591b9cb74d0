//go:build unix

package term

import (
	"os"

	"golang.org/x/sys/unix"
)

// foreground reports whether this process is in the foreground of a terminal. In doubt it
// is: not every terminal is the one that controls the process.
func foreground(terminal *os.File) bool {
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}
