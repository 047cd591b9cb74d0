package porttest

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"
)

func TestNobodyListensUntilTheTestDoes(t *testing.T) {
	for range 20 {
		addr := Addr(t)
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Fatalf("somebody listens at %s", addr)
		} else if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Logf("%v", err) // Windows has another name for it
		}
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
	}
}

func TestNoSystemGivesThePortToAnother(t *testing.T) {
	for range 100 {
		if port, err := strconv.Atoi(Port(t)); err != nil || port < 1024 || port >= 32768 {
			t.Fatalf("%d, %v", port, err)
		}
	}
}
