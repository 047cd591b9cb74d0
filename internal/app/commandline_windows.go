package app

import (
	"os/exec"
	"syscall"
)

func setCommandLine(cmd *exec.Cmd, line string) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: line}
}
