//go:build unix

package config

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// open opens a file to read it. A FIFO that took its place does not block, and a
// project's file is not opened through a link.
func open(path string, own bool) (*os.File, error) {
	flags := os.O_RDONLY | unix.O_NONBLOCK
	if !own {
		flags |= unix.O_NOFOLLOW
	}
	return os.OpenFile(path, flags, 0)
}

// otherOwner reports whether a file belongs to somebody else, and to whom. The
// user's own configuration may be root's: the system's package manager makes it.
func otherOwner(info fs.FileInfo, own bool) (name string, other bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() || own && stat.Uid == 0 {
		return "", false
	}
	uid := strconv.Itoa(int(stat.Uid))
	if u, err := user.LookupId(uid); err == nil {
		return u.Username, true
	}
	return "user id " + uid, true
}
