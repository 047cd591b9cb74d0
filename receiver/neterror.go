package receiver

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/hf-tap/hf-tap/internal/network"
)

// Windows has error numbers of its own for sockets, which are not the constants of
// package syscall there.
const (
	wsaeConnAborted = syscall.Errno(10053)
	wsaeConnReset   = syscall.Errno(10054)
	wsaeConnRefused = syscall.Errno(10061)
)

// notConnected reports whether there was no connection to the target itself: it has
// not seen the request. A failure of a proxy does not count.
func notConnected(err error) bool {
	var call *net.OpError
	var proxy *network.ProxyError
	return errors.As(err, &call) && call.Op == "dial" && !errors.As(err, &proxy)
}

// connectError is the reason in a few words why there is no connection.
type connectError struct{ err error }

func (e *connectError) Unwrap() error { return e.err }

func (e *connectError) Error() string {
	err := e.err
	var name *net.DNSError
	var call *os.SyscallError
	var timeout net.Error
	var proxy *network.ProxyError
	switch {
	case errors.As(err, &proxy):
		return proxy.Error()
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaeConnRefused):
		return "connection refused"
	case errors.As(err, &name) && name.IsNotFound:
		return "no such host"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no connection in time"
	case errors.As(err, &call):
		return call.Err.Error()
	}
	return err.Error()
}

// dropReason returns in a few words how a connection ended without an answer.
func dropReason(err error) string {
	switch {
	case errors.Is(err, io.EOF), closedWhileIdle(err):
		return "connection closed before an answer"
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, wsaeConnReset),
		errors.Is(err, syscall.EPIPE) || errors.Is(err, wsaeConnAborted):
		return "connection reset before an answer"
	}
	return err.Error()
}

// closedWhileIdle reports whether the other side closed a connection before a
// request was sent on it. net/http does not export that error.
func closedWhileIdle(err error) bool {
	return strings.Contains(err.Error(), "server closed idle connection")
}

// cutReason returns in a few words how an incomplete answer ended. length is its
// Content-Length, negative if there was none.
func cutReason(err error, read, length int64) string {
	size := fmt.Sprint(read)
	if length >= 0 {
		size = fmt.Sprintf("%d of %d", read, length)
	}
	why := err.Error()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		why = "connection closed"
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, wsaeConnReset):
		why = "connection reset"
	}
	return fmt.Sprintf("the answer was cut short after %s bytes: %s", size, why)
}
