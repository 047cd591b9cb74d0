package session

import "os"

// machineName is what systemd and D-Bus call this machine. It outlives changes
// of the host name and is the same in containers that share the state folder
// with their host, where file locks work across them.
func machineName() string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if b, err := os.ReadFile(path); err == nil && len(b) > 1 {
			return string(b)
		}
	}
	return ""
}
