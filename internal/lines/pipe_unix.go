//go:build unix

package lines

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// isClosedPipe reports whether a write failed because nobody reads any more.
func isClosedPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// watchPipe calls gone when the reader of a pipe goes away. A write would fail only at
// the next event. It returns when ctx ends. It ignores files other than pipes and
// sockets.
func watchPipe(ctx context.Context, out io.Writer, gone func()) {
	f, ok := out.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return
	}
	// A second pipe wakes the poll when ctx ends.
	r, w, err := os.Pipe()
	if err != nil {
		return
	}
	defer r.Close()
	stop := context.AfterFunc(ctx, func() { w.Close() })
	defer func() {
		if stop() {
			w.Close()
		}
	}()
	for {
		// No event is asked for: POLLERR and POLLHUP come unasked.
		fds := []unix.PollFd{{Fd: int32(f.Fd())}, {Fd: int32(r.Fd())}}
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err == nil && fds[0].Revents != 0 && ctx.Err() == nil:
			gone()
		}
		return
	}
}
