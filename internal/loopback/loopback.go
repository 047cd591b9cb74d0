// Package loopback recognizes the hosts that mean this machine, in any spelling. What
// is sent to them never leaves it: it needs no encryption and no proxy.
package loopback

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Is reports whether a host, as it stands in a URL or in front of a port, means
// this machine: "localhost" and names below it (RFC 6761), a loopback address,
// the address that stands for all, an address of one of its network interfaces.
// The machine's own name does not count: the resolver decides where that leads.
func Is(host string) bool {
	addr, ok := Addr(host)
	if !ok {
		return isLocalhost(host)
	}
	return addr.IsLoopback() || addr.IsUnspecified() || ofAnInterface(addr)
}

// Addrs returns the addresses behind a host that needs no look-up, in the order in
// which to try them; none for a host that the resolver has to know.
func Addrs(host string) []netip.Addr {
	addr, ok := Addr(host)
	switch {
	case ok && !addr.IsUnspecified():
		return []netip.Addr{addr}
	case ok || isLocalhost(host): // what stands for all addresses is none to dial
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return nil
}

// Dial is d.DialContext, except for hosts that need no look-up: Go's resolver takes
// 127.1 for a name, and whatever a resolver says, the names of this machine must not
// lead elsewhere.
func Dial(ctx context.Context, d *net.Dialer, network, address string) (conn net.Conn, err error) {
	host, port, splitErr := net.SplitHostPort(address)
	addrs := Addrs(host)
	if splitErr != nil || len(addrs) == 0 {
		return d.DialContext(ctx, network, address)
	}
	for i, addr := range addrs {
		opened, dialErr := d.DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
		if dialErr == nil {
			return opened, nil
		}
		if i == 0 {
			err = dialErr
		}
	}
	return nil, err
}

// ProxyFromEnvironment is http.ProxyFromEnvironment, except for requests to this
// machine, of which that knows only a few spellings.
func ProxyFromEnvironment(req *http.Request) (*url.URL, error) {
	if Is(req.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

func isLocalhost(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

func ofAnInterface(addr netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		ipnet, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if own, ok := netip.AddrFromSlice(ipnet.IP); ok && own.Unmap() == addr.WithZone("") {
			return true
		}
	}
	return false
}

// Addr parses an IP address in any form that the C library and browsers accept: the
// usual forms, fewer than four numbers (127.1), hexadecimal (0x7f.1), octal
// (0177.0.0.1), a dot at the end, brackets, and IPv4 in IPv6 (::ffff:127.0.0.1). ok is
// false for a name.
func Addr(host string) (addr netip.Addr, ok bool) {
	if inner, found := strings.CutPrefix(host, "["); found {
		host = strings.TrimSuffix(inner, "]")
	}
	host = strings.TrimSuffix(host, ".")
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap(), true
	}
	return classic(host)
}

// classic reads an IPv4 address as inet_aton does: up to four numbers, of which
// the last fills the bytes that are left.
func classic(s string) (addr netip.Addr, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return addr, false
	}
	var bytes [4]byte
	for i, part := range parts {
		last := i == len(parts)-1
		left := 1
		if last {
			left = 4 - i
		}
		n, ok := number(part)
		if !ok || n >= 1<<(8*left) {
			return addr, false
		}
		for j := range left {
			bytes[i+j] = byte(n >> (8 * (left - 1 - j)))
		}
	}
	return netip.AddrFrom4(bytes), true
}

// number reads digits in base 10, in base 8 behind a zero, in base 16 behind 0x.
func number(s string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(s, "0x"), strings.HasPrefix(s, "0X"):
		base, s = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base = 8
	}
	n, err := strconv.ParseUint(s, base, 33) // base 10 takes no underscore, no sign
	return n, err == nil
}
