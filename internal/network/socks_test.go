package network_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/network"
)

// socksProxy is a SOCKS5 proxy (RFC 1928) that leads every connection to target.
type socksProxy struct {
	target   string
	password string // "user:password" that it wants, "" for none (RFC 1929)
	reply    byte   // 0 to connect, else the code of a refusal
	asked    asked
}

func (p *socksProxy) handle(conn net.Conn) {
	head := take(conn, 2)
	methods := take(conn, int(head[1]))
	switch {
	case p.password == "":
		conn.Write([]byte{5, 0})
	case !bytes.Contains(methods, []byte{2}):
		conn.Write([]byte{5, 0xff})
		return
	default:
		conn.Write([]byte{5, 2})
		user := take(conn, int(take(conn, 2)[1]))
		password := take(conn, int(take(conn, 1)[0]))
		if string(user)+":"+string(password) != p.password {
			conn.Write([]byte{1, 1})
			return
		}
		conn.Write([]byte{1, 0})
	}
	request := take(conn, 4)
	var host string
	switch request[3] {
	case 1:
		host = net.IP(take(conn, 4)).String()
	case 3:
		host = string(take(conn, int(take(conn, 1)[0])))
	}
	port := binary.BigEndian.Uint16(take(conn, 2))
	p.asked.add(net.JoinHostPort(host, strconv.Itoa(int(port))))
	conn.Write([]byte{5, p.reply, 0, 1, 0, 0, 0, 0, 0, 0})
	if p.reply != 0 {
		return
	}
	out, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer out.Close()
	join(conn, out)
}

// take reads n bytes; after the end they are zeros.
func take(conn net.Conn, n int) []byte {
	b := make([]byte, n)
	io.ReadFull(conn, b)
	return b
}

func TestAConnectionGoesThroughASOCKSProxy(t *testing.T) {
	for _, scheme := range []string{"socks5", "socks5h"} {
		p := &socksProxy{target: echo(t)}
		n := open(t, "HTTPS_PROXY="+scheme+"://"+serve(t, p.handle))
		for _, address := range []string{"tunnel.test:4443", "192.0.2.7:22"} {
			if got := says(t, n, address, "through"); got != "THROUGH" {
				t.Errorf("%s: got %q", scheme, got)
			}
		}
		if got := p.asked.String(); got != "tunnel.test:4443; 192.0.2.7:22" {
			t.Errorf("%s: the proxy was asked for %q", scheme, got)
		}
	}
}

func TestASOCKSProxyGetsTheUserAndThePassword(t *testing.T) {
	p := &socksProxy{target: echo(t), password: "me:pa ss@"}
	n := open(t, "ALL_PROXY=socks5://me:pa%20ss%40@"+serve(t, p.handle))
	if got := says(t, n, "tunnel.test:443", "through"); got != "THROUGH" {
		t.Errorf("got %q", got)
	}
}

func TestASOCKSProxyTellsAMissingPasswordFromAWrongOne(t *testing.T) {
	p := &socksProxy{target: echo(t), password: "me:right"}
	address := serve(t, p.handle)
	for _, c := range []struct {
		user string
		want error
	}{{"", network.ErrPasswordNeeded}, {"me:wrong@", network.ErrPasswordRefused}} {
		err := fails(t, open(t, "HTTPS_PROXY=socks5://"+c.user+address), "tunnel.test:443")
		var refused *network.ProxyError
		if !errors.As(err, &refused) || !errors.Is(err, c.want) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("with %q: got %v", c.user, err)
		}
	}
}

func TestASOCKSProxysRefusalIsTold(t *testing.T) {
	p := &socksProxy{reply: 2}
	err := fails(t, open(t, "HTTPS_PROXY=socks5://"+serve(t, p.handle)), "tunnel.test:443")
	var refused *network.ProxyError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "not allowed by ruleset") {
		t.Errorf("got %v", err)
	}
}

func TestAnHTTPServerIsNoSOCKSProxy(t *testing.T) {
	n := open(t, "HTTPS_PROXY=socks5://"+serve(t, func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") }))
	var refused *network.ProxyError
	if err := fails(t, n, "tunnel.test:443"); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}
