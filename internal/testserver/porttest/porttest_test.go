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

func TestAServerListensAgainWhereItDid(t *testing.T) {
	for range 20 {
		ln, err := Listen()
		if err != nil {
			t.Fatal(err)
		}
		addr := ln.Addr().String()
		if _, port, err := net.SplitHostPort(addr); err != nil || port < "20000" || port >= "32768" {
			t.Errorf("%s, %v", addr, err)
		}
		ln.Close()
		if ln, err = net.Listen("tcp4", addr); err != nil {
			t.Fatal(err)
		}
		ln.Close()
	}
}
