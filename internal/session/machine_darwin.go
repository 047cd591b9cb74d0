package session

import "golang.org/x/sys/unix"

// machineName is the hardware's UUID. The host name would not do: macOS takes
// it from the network it happens to be in.
func machineName() string {
	uuid, _ := unix.Sysctl("kern.uuid")
	return uuid
}
