package process

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Ports are the TCP ports on which the processes of the tree listen, in order. known
// is false where the system does not show it.
func (t *Tree) Ports() (ports []int, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	members, ok := t.membersLocked()
	if !ok || t.closed {
		return nil, false
	}
	for _, e := range members {
		proc := "/proc/" + strconv.Itoa(e.pid)
		sockets := map[string]bool{} // the inodes of those that it has
		files, err := os.ReadDir(proc + "/fd")
		if err != nil {
			continue // it has just ended, or belongs to somebody else
		}
		for _, file := range files {
			if link, err := os.Readlink(proc + "/fd/" + file.Name()); err == nil {
				if inode, ok := strings.CutPrefix(link, "socket:["); ok {
					sockets[strings.TrimSuffix(inode, "]")] = true
				}
			}
		}
		if len(sockets) == 0 {
			continue
		}
		for _, table := range []string{"/net/tcp", "/net/tcp6"} { // of the network that it sees
			ports = append(ports, listening(proc+table, sockets)...)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), true
}

// listening reads a table of sockets (man 5 proc_pid_net): "sl local_address
// rem_address st tx:rx tr:when retrnsmt uid timeout inode …", where the address
// ends in the port in hex, and the state 0A is LISTEN.
func listening(table string, sockets map[string]bool) (ports []int) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != "0A" || !sockets[fields[9]] {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
			ports = append(ports, int(port))
		}
	}
	return ports
}
