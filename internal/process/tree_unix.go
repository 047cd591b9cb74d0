//go:build unix

package process

import (
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Tree is a program with all that it has started. Its methods can be called from
// several goroutines; Wait and Close once each, in this order.
type Tree struct {
	leader     int         // the program, which leads the process group of that number
	cmd        *exec.Cmd   // the program; nil with a supervisor
	super      *supervised // nil without one
	supervisor int         // its number, 0 for none

	mu     sync.Mutex
	closed bool          // nobody is signaled any more
	known  map[int]int64 // who was seen to belong to it: when each was started, by number
}

// entry is a process of the system's.
type entry struct {
	pid, parent, group int
	started            int64 // differs between two processes of the same number
	ended              bool  // it is a zombie
}

func startPlain(cmd *exec.Cmd, death syscall.Signal) (*Tree, error) {
	cmd.SysProcAttr = attributes(death)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &Tree{leader: cmd.Process.Pid, cmd: cmd, known: roots(cmd.Process.Pid)}, nil
}

// roots are what is known of a tree at its beginning: whose descendants belong to it.
func roots(pids ...int) map[int]int64 {
	known := map[int]int64{}
	for _, pid := range pids {
		if e, ok := look(pid); ok {
			known[pid] = e.started
		}
	}
	return known
}

// PID is the program's number.
func (t *Tree) PID() int { return t.leader }

// Wait waits for the program's end. What it has started may live on.
func (t *Tree) Wait() (Status, error) {
	if t.super != nil {
		return t.super.wait()
	}
	err := t.cmd.Wait()
	if t.cmd.ProcessState == nil {
		return Status{Code: -1}, err
	}
	return statusOf(t.cmd.ProcessState.Sys().(syscall.WaitStatus)), nil
}

// statusOf reads a status as a shell does.
func statusOf(s syscall.WaitStatus) Status {
	if s.Signaled() {
		return Status{Code: 128 + int(s.Signal()), Signal: unix.SignalName(s.Signal())}
	}
	return Status{Code: s.ExitStatus()}
}

// membersLocked returns the processes of the tree that have not ended. With a
// supervisor, these are its descendants. Without one, they are the processes of the
// program's group, and the descendants of all processes that were members before. false
// means that the system does not list its processes.
//
// A process id can be used again, so a member is identified by its start time, too. The
// id of a group can be used again only after the group was empty, and then nothing looks
// at it any more.
func (t *Tree) membersLocked() ([]entry, bool) {
	all := list()
	if all == nil {
		return nil, false
	}
	children := map[int][]entry{}
	var found []entry
	seen := map[int]bool{}
	add := func(e entry) {
		if !seen[e.pid] {
			seen[e.pid] = true
			found = append(found, e)
		}
	}
	for _, e := range all {
		children[e.parent] = append(children[e.parent], e)
		if started, ok := t.known[e.pid]; ok && started == e.started || e.group == t.leader && t.supervisor == 0 {
			add(e)
		}
	}
	var living []entry
	clear(t.known)
	for i := 0; i < len(found); i++ { // the loop appends to found
		e := found[i]
		t.known[e.pid] = e.started
		for _, child := range children[e.pid] {
			add(child)
		}
		if !e.ended && e.pid != t.supervisor {
			living = append(living, e)
		}
	}
	return living, true
}

// Terminate asks all to end, and wakes who is stopped to hear it.
func (t *Tree) Terminate() { t.signal(unix.SIGTERM, unix.SIGCONT) }

// Kill ends all processes of the tree. It looks again for processes that were started
// while it did.
func (t *Tree) Kill() {
	const rounds = 10
	for range rounds {
		if t.signal(unix.SIGKILL) == 0 {
			return
		}
	}
}

// signal sends signals to each process once, and reports to how many.
func (t *Tree) signal(signals ...syscall.Signal) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0
	}
	members, ok := t.membersLocked()
	// Without a supervisor the group is signaled in any case: one that is being
	// started may not be in the list.
	to, inGroup := []int{}, !ok || t.supervisor == 0
	for _, e := range members {
		if e.group == t.leader {
			inGroup = true
		} else {
			to = append(to, e.pid)
		}
	}
	if inGroup {
		to = append(to, -t.leader) // at once, also those that are being started
	}
	for _, s := range signals {
		for _, pid := range to {
			_ = unix.Kill(pid, s)
		}
	}
	return len(members)
}

// Alive reports whether any of them has not ended. It makes sense once the
// program was waited for.
func (t *Tree) Alive() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	if members, ok := t.membersLocked(); ok {
		return len(members) > 0
	}
	return unix.Kill(-t.leader, 0) == nil
}

// Close releases the processes: Terminate and Kill signal nothing afterwards.
func (t *Tree) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.super != nil {
		t.super.close()
	}
}
