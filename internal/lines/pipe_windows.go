package lines

import (
	"context"
	"errors"
	"io"
	"syscall"

	"golang.org/x/sys/windows"
)

// isClosedPipe reports whether a write failed because nobody reads any more.
func isClosedPipe(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// watchPipe does nothing: Windows reports a closed pipe at the next write.
func watchPipe(context.Context, io.Writer, func()) {}
