package app

import "os/exec"

func setCommandLine(cmd *exec.Cmd, line string) { cmd.SysProcAttr.CmdLine = line }
