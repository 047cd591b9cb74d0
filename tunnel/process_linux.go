package tunnel

import "syscall"

// groupAttributes put a program into a group of its own, and end it when the
// thread ends that started it: also when hf-tap is killed.
func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
