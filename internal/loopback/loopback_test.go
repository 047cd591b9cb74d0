package loopback_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

func TestThisMachineIsKnownInEverySpelling(t *testing.T) {
	for _, host := range []string{
		"localhost", "LocalHost", "localhost.", "app.localhost", "App.LOCALHOST.",
		"127.0.0.1", "127.0.0.1.", "127.9.9.9", "127.1", "127.0.1", "0x7f.1", "0X7F.0.0.1", "0177.0.0.1", "017700000001", "2130706433", "0x7f000001",
		"0.0.0.0", "0", "00", "0x0", "::", "[::]", "::1", "[::1]", "0:0:0:0:0:0:0:1", "::1%lo", "[::1%25lo]",
		"::ffff:127.0.0.1", "[::ffff:127.0.0.1]", "::ffff:7f00:1", "::ffff:0.0.0.0",
	} {
		if !loopback.Is(host) {
			t.Errorf("%q is not taken for this machine", host)
		}
	}
}

func TestOtherMachinesAreNotTakenForThisOne(t *testing.T) {
	for _, host := range []string{
		"", ".", "..", "localhost.example.com", "notlocalhost", "localhost..", "128.0.0.1", "126.255.255.255", "127", "127.0.0.1.2", "127.0.0.256",
		"127.0.0.1.example.com", "0x", "0x7g.1", "08.0.0.1", "1_27.0.0.1", "+127.0.0.1", "127..1", ".127.0.0.1", "4294967296", "2001:db8::1", "192.0.2.1",
		"::2", "64:ff9b::7f00:1", "127.1:80", "127.0.0.1/8", "127.-1",
	} {
		if loopback.Is(host) {
			t.Errorf("%q is taken for this machine", host)
		}
	}
}

func TestTheAddressesOfItsInterfacesMeanThisMachine(t *testing.T) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		host, _, _ := strings.Cut(a.String(), "/")
		if !loopback.Is(host) {
			t.Errorf("%s is not taken for this machine", host)
		}
	}
}

func TestWhatNeedsNoLookUpHasItsAddresses(t *testing.T) {
	for host, want := range map[string]string{
		"localhost": "[127.0.0.1 ::1]", "App.localhost.": "[127.0.0.1 ::1]", "0.0.0.0": "[127.0.0.1 ::1]", "[::]": "[127.0.0.1 ::1]", "0": "[127.0.0.1 ::1]",
		"127.0.0.1": "[127.0.0.1]", "127.1": "[127.0.0.1]", "::ffff:127.0.0.1": "[127.0.0.1]", "[::1]": "[::1]", "0xc0.0.2.1": "[192.0.2.1]", "fe80::1%lo": "[fe80::1%lo]",
		"example.com": "[]", "": "[]",
	} {
		if got := fmt.Sprint(loopback.Addrs(host)); got != want {
			t.Errorf("%q leads to %s, want %s", host, got, want)
		}
	}
}

func TestNamesOfThisMachineAreDialledWithoutAResolver(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	d := &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("the resolver was asked")
		return nil, net.ErrClosed
	}}}
	for _, host := range []string{"no-such-name.localhost", "localhost.", "127.1", "0x7f000001", "0.0.0.0"} {
		conn, err := loopback.Dial(t.Context(), d, "tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		conn.Close()
	}
}
