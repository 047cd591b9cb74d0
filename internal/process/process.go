// Package process starts a program, and ends it together with all processes that it
// has started: a server that a reloader leaves behind keeps its port.
//
// On unix the program leads a process group of its own, which is not the
// terminal's foreground group, so that a Ctrl+C reaches hf-tap alone. What it
// starts belongs to it, too, in whatever group. On Linux that holds also for
// daemons and other orphans, because a supervisor adopts them (see Supervise). On
// macOS it holds as long as a process's parents live; an orphan that has left the
// group is lost. On Windows a job object has them all, and closes with hf-tap,
// however that ends.
package process

import (
	"os/exec"
	"syscall"
)

// Config says how a program is started.
type Config struct {
	// Supervisor is the path of a program whose main calls Supervise. On Linux it
	// becomes the parent of the program and of all orphans that it leaves; empty:
	// orphans are lost. Elsewhere it has no meaning.
	Supervisor string
	// Death is sent on Linux to the program, and to all that it has started if
	// there is a supervisor, when the thread ends that has called Start, as it does
	// when this process is killed. The caller keeps to one thread until Close
	// (runtime.LockOSThread). 0: none.
	Death syscall.Signal
}

// Status is the exit status of a program.
type Status struct {
	Code   int    // exit status; 128 and the signal's number if a signal ended it, as a shell has it
	Signal string // the signal's name, "SIGKILL", or ""
}

// Start starts cmd, with nothing set of ExtraFiles and SysProcAttr but its CmdLine
// on Windows. The error is
// that of cmd.Start, or the system's about the group. Whoever starts a tree waits
// for it, and closes it.
func Start(cmd *exec.Cmd, cfg Config) (*Tree, error) { return start(cmd, cfg) }
