//go:build unix

package tui

import (
	"os"
	"os/signal"
	"syscall"
)

const canStop = true

// stopProcess stops the shell's job, and returns when it is continued.
func stopProcess() error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGCONT)
	defer signal.Stop(again)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return err
	}
	<-again
	return nil
}

// notifyContinued passes on when the process is continued after a stop.
func notifyContinued(c chan<- os.Signal) { signal.Notify(c, syscall.SIGCONT) }
