package ssh

import "syscall"

// ownGroup puts a program into a group of its own, and ends it with this one.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
