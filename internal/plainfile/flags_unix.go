//go:build unix

package plainfile

import "golang.org/x/sys/unix"

// Flags opens a file without waiting for it, and fails at a symbolic link.
const Flags = unix.O_NONBLOCK | unix.O_NOFOLLOW
