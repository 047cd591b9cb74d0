package process

import "golang.org/x/sys/unix"

// zombie is SZOMB of <sys/proc.h>.
const zombie = 5

// list returns all processes that can be seen.
func list() []entry {
	found, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil
	}
	var all []entry
	for _, p := range found {
		all = append(all, entryOf(p))
	}
	return all
}

func look(pid int) (entry, bool) {
	found, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return entry{}, false
	}
	return entryOf(*found), true
}

func entryOf(p unix.KinfoProc) entry {
	at := p.Proc.P_starttime
	return entry{
		pid: int(p.Proc.P_pid), parent: int(p.Eproc.Ppid), group: int(p.Eproc.Pgid),
		started: at.Sec*1e6 + int64(at.Usec), ended: p.Proc.P_stat == zombie,
	}
}
