//go:build unix && !linux

package tunnel

import "syscall"

// groupAttributes put a program into a group of its own.
func groupAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
