package process

import (
	"bytes"
	"os"
	"strconv"
)

// list returns all processes that can be seen, nil where /proc does not exist.
func list() []entry {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var all []entry
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if e, ok := look(pid); ok {
				all = append(all, e)
			}
		}
	}
	return all
}

// look reads /proc/PID/stat: PID (NAME) STATE PARENT GROUP …, where the name may
// hold anything (man 5 proc_pid_stat).
func look(pid int) (entry, bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return entry{}, false // it has just ended
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return entry{}, false
	}
	parent, err1 := strconv.Atoi(string(fields[1]))
	group, err2 := strconv.Atoi(string(fields[2]))
	started, err3 := strconv.ParseInt(string(fields[19]), 10, 64)
	ended := fields[0][0] == 'Z' || fields[0][0] == 'X'
	return entry{pid, parent, group, started, ended}, err1 == nil && err2 == nil && err3 == nil
}
