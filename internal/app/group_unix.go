//go:build unix

package app

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// group is the process group that the child leads.
//
// A number of a group can come to mean another one only after the group has
// become empty, and then after all the system's numbers were used; the group is
// never signaled after it was seen to be empty.
type group struct{ id int }

func newGroup(leader *os.Process) (group, error) { return group{leader.Pid}, nil }

// terminate asks all to end, and wakes who is stopped to hear it.
func (g group) terminate() {
	_ = unix.Kill(-g.id, unix.SIGTERM)
	_ = unix.Kill(-g.id, unix.SIGCONT)
}

func (g group) kill() { _ = unix.Kill(-g.id, unix.SIGKILL) }

// alive reports whether a member has not ended. It makes sense once the child
// was waited for.
func (g group) alive() bool {
	err := unix.Kill(-g.id, 0)
	return err != unix.ESRCH && hasLiving(g.id, err)
}

func (g group) close() {}

// resultOf reads a status as a shell does.
func resultOf(state *os.ProcessState) Result {
	if state == nil {
		return Result{Code: -1}
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return Result{Code: 128 + int(status.Signal()), Signal: unix.SignalName(status.Signal())}
	}
	return Result{Code: state.ExitCode()}
}
