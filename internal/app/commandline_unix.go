//go:build unix

package app

import "os/exec"

func setCommandLine(*exec.Cmd, string) {}
