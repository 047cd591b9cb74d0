//go:build unix && !linux

package app

import "syscall"

// attributes put the child into a group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// hasLiving reports whether a signal reached somebody. Darwin refuses one to a
// group of zombies.
func hasLiving(_ int, err error) bool { return err == nil }
