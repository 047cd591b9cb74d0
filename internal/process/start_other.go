//go:build unix && !linux

package process

import (
	"os/exec"
	"syscall"
)

func start(cmd *exec.Cmd, cfg Config) (*Tree, error) { return startPlain(cmd, cfg.Death) }

func attributes(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// supervised is for Linux.
type supervised struct{}

func (*supervised) wait() (Status, error) { return Status{}, nil }
func (*supervised) close()                {}

// Supervising is for Linux: it reports false.
func Supervising() bool { return false }

// Supervise is for Linux.
func Supervise() int { return 0 }
