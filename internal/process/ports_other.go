//go:build unix && !linux

package process

import (
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// Ports are the TCP ports on which the processes of the tree listen, in order. known
// is false where the system does not show it, or has no lsof.
func (t *Tree) Ports() (ports []int, known bool) {
	t.mu.Lock()
	members, ok := t.membersLocked()
	closed := t.closed
	t.mu.Unlock()
	if !ok || closed || len(members) == 0 {
		return nil, false
	}
	var pids []string
	for _, e := range members {
		pids = append(pids, strconv.Itoa(e.pid))
	}
	out, err := exec.Command("lsof", "-nP", "-a", "-p", strings.Join(pids, ","), "-iTCP", "-sTCP:LISTEN", "-Fn").Output()
	if none := new(exec.ExitError); err != nil && !errors.As(err, &none) {
		return nil, false
	} // it ends with 1 if there is none
	for line := range strings.Lines(string(out)) { // "n127.0.0.1:8000", "n*:8000"
		line = strings.TrimSpace(line)
		if at := strings.LastIndexByte(line, ':'); at >= 0 && line[0] == 'n' {
			if port, err := strconv.Atoi(line[at+1:]); err == nil {
				ports = append(ports, port)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), true
}
