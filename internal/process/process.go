// Package process starts a program, and ends it together with all processes that it
// has started: a server that a reloader leaves behind keeps its port.
//
// On unix the program leads a process group of its own. That group is not the
// terminal's foreground group, so that a Ctrl+C reaches only hf-tap. The processes that
// the program starts are ended with it, also those in other groups. On Linux this
// includes daemons and other orphans, because a supervisor adopts them (see Supervise).
// On macOS an orphan that has left the group is not found. On Windows all of them are in
// a job object, which the system closes when hf-tap ends in any way.
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

// Start starts cmd, whose ExtraFiles and SysProcAttr must be empty, except for CmdLine
// on Windows. The error is that of cmd.Start, or the system's about the group. The
// caller waits for the tree, and closes it.
func Start(cmd *exec.Cmd, cfg Config) (*Tree, error) { return start(cmd, cfg) }
