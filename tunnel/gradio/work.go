package gradio

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/internal/frpwire"
)

// addWork opens a work connection, unless there are too many. The server waits then,
// and may ask again.
func (s *session) addWork() {
	select {
	case <-s.over:
		return
	default:
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return
	}
	s.wg.Go(func() {
		conn, err := s.openWork()
		if err != nil {
			<-s.slots
			return
		}
		s.pass(conn, s.mux.CloseChan())
	})
}

// openWork opens a stream and waits until a client has connected to its other end.
// That has no time limit.
func (s *session) openWork() (net.Conn, error) {
	stream, err := s.mux.Open()
	if err != nil {
		return nil, err
	}
	now := time.Now().Unix()
	err = frpwire.Write(stream, frpwire.TypeNewWorkConn, frpwire.NewWorkConn{RunID: s.runID, Timestamp: now, PrivilegeKey: frpwire.PrivilegeKey(s.cfg.Token, now)})
	var remote net.Addr
	if err == nil {
		remote, err = s.started(stream)
	}
	if err != nil {
		_ = stream.Close()
		return nil, err
	}
	if remote == nil {
		remote = s.mux.RemoteAddr()
	}
	conn := &workConn{Conn: stream, bytes: stream, remote: remote, closed: func() { <-s.slots }}
	if s.encrypts() {
		if conn.bytes, err = frpwire.NewControl(stream, s.cfg.Token); err != nil {
			_ = stream.Close()
			return nil, err
		}
	}
	return conn, nil
}

// encrypts reports whether public connections are encrypted with the token, as the
// control stream is. That is unnecessary inside TLS, and useless without a token.
func (s *session) encrypts() bool {
	return s.cfg.Token != "" && len(s.place.usableRoots()) == 0
}

// started waits for StartWorkConn, and returns the address of the public client, or
// nil if the server does not send it.
func (s *session) started(stream net.Conn) (net.Addr, error) {
	typ, body, err := frpwire.Read(stream)
	if err != nil {
		return nil, err
	}
	start, err := frpwire.Decode[frpwire.StartWorkConn](body)
	switch {
	case err != nil:
		return nil, err
	case typ != frpwire.TypeStartWorkConn:
		return nil, frpwire.ErrMessage
	case start.Error != "":
		return nil, refusal(start.Error, s.cfg.Token)
	}
	if addr, err := netip.ParseAddr(start.SrcAddr); err == nil {
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, start.SrcPort)), nil
	}
	return nil, nil
}

// workConn is a public connection.
type workConn struct {
	net.Conn
	bytes  io.ReadWriter // what is read and written: the Conn, or its encryption
	remote net.Addr
	once   sync.Once
	closed func()
}

// RemoteAddr is the public client's address, or the server's if the server does not
// send it.
func (c *workConn) RemoteAddr() net.Addr { return c.remote }

func (c *workConn) Read(p []byte) (int, error)  { return c.bytes.Read(p) }
func (c *workConn) Write(p []byte) (int, error) { return c.bytes.Write(p) }

func (c *workConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.closed)
	return err
}
