package ssh

import (
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// channelConn is a channel of an SSH connection as a net.Conn. A channel has no
// deadlines. An http.Server needs them for its time-outs, and to end the read that
// waits for the next request. Pipes in memory have deadlines. There is one for each
// direction, because the other side may close its half.
type channelConn struct {
	net.Conn // what is written here goes out
	in       net.Conn
	local    net.Addr
	remote   net.Addr
}

// newChannelConn starts to copy, in goroutines that run waits for. They end when both
// sides have closed, or one side and the whole connection. Then they call ended.
func newChannelConn(ch ssh.Channel, requests <-chan *ssh.Request, local, remote net.Addr, run *sync.WaitGroup, ended func(*channelConn)) *channelConn {
	in, arriving := net.Pipe()
	leaving, out := net.Pipe()
	c := &channelConn{Conn: out, in: in, local: local, remote: remote}
	var copying sync.WaitGroup
	copying.Go(func() {
		_, _ = io.Copy(arriving, ch)
		_ = arriving.Close()
	})
	copying.Go(func() {
		_, _ = io.Copy(ch, leaving)
		_ = leaving.Close()
		_ = ch.Close() // the other side may have closed it
	})
	copying.Go(func() { ssh.DiscardRequests(requests) })
	run.Go(func() {
		copying.Wait()
		ended(c)
	})
	return c
}

func (c *channelConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// SetDeadline sets both deadlines.
func (c *channelConn) SetDeadline(t time.Time) error {
	_ = c.in.SetReadDeadline(t) // a pipe in memory does not fail
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the deadline of reads.
func (c *channelConn) SetReadDeadline(t time.Time) error { return c.in.SetReadDeadline(t) }

// Close closes the connection after everything that was written has been sent.
func (c *channelConn) Close() error {
	_ = c.in.Close() // a pipe in memory does not fail
	return c.Conn.Close()
}

// LocalAddr is the address at the server that the client came to.
func (c *channelConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the client's address, as the server sends it.
func (c *channelConn) RemoteAddr() net.Addr { return c.remote }

// serverAddr is an address that a server sends, which may not be an IP address.
type serverAddr string

func (a serverAddr) Network() string { return "tcp" }
func (a serverAddr) String() string  { return string(a) }

func addrOf(host string, port uint32) net.Addr {
	if ip, err := netip.ParseAddr(host); err == nil && port < 1<<16 {
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port)))
	}
	if len(host) > maxHost {
		host = host[:maxHost]
	}
	return serverAddr(net.JoinHostPort(host, strconv.FormatUint(uint64(port), 10)))
}

// maxHost is the longest name in the DNS, in bytes.
const maxHost = 253
