package sshtest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports that FreePort gives. Systems give others to who asks for any, and
// to connections that go out.
const firstPort, lastPort = 20000, 32000

// FreePort gives a loopback port that nobody has now, and that is not likely to
// be taken before it is used.
func FreePort() (int, error) {
	var failed error
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		ln, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, ln.Close()
		}
		failed = err
	}
	return 0, fmt.Errorf("find a free port: %w", failed)
}
