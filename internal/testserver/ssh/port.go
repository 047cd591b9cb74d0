package ssh

import (
	"net"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// FreePort returns a loopback port that nobody has now, and that no system gives
// to another.
func FreePort() (int, error) {
	ln, err := porttest.Listen()
	if err != nil {
		return 0, err
	}
	return ln.Addr().(*net.TCPAddr).Port, ln.Close()
}
