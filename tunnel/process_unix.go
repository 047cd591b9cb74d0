//go:build unix

package tunnel

import (
	"os"

	"golang.org/x/sys/unix"
)

// processGroup is the group that a program leads.
type processGroup struct{ id int }

func newProcessGroup(leader *os.Process) (processGroup, error) {
	return processGroup{leader.Pid}, nil
}

// The group may be empty: then there is nobody to signal.
func (g processGroup) terminate() { _ = unix.Kill(-g.id, unix.SIGTERM) }
func (g processGroup) kill()      { _ = unix.Kill(-g.id, unix.SIGKILL) }
func (g processGroup) close()     {}
