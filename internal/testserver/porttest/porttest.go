// Package porttest returns addresses on which nobody listens, for tests of a server
// that is down, and of a program that listens on a given address.
package porttest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports are below those that systems give to connections and to listeners
// that ask for any: Linux from 32768 on, others from 49152. One of those might
// get the port of a listener that has just been closed.
const (
	lowest = 20000
	count  = 12000
)

// Listen listens on loopback at such a port: a server that stops and listens
// again later gets the same port then.
func Listen() (ln net.Listener, err error) {
	for range 100 {
		if ln, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(count))); err == nil {
			return ln, nil
		}
	}
	return nil, fmt.Errorf("find a free port: %w", err)
}

// Addr returns a host:port on loopback that refuses connections until the test
// listens there.
func Addr(t testing.TB) string {
	t.Helper()
	ln, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	return ln.Addr().String()
}

// Port returns the port of such an address.
func Port(t testing.TB) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(Addr(t))
	return port
}
