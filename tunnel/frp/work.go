package frp

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/tunnel/frp/internal/wire"
)

// work opens a work connection, unless there are too many: then the server has
// to wait, and may ask again.
func (s *session) work() {
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
		s.hand(conn, s.mux.CloseChan())
	})
}

// openWork opens a stream and waits until somebody has connected to its other
// end, which may take for ever.
func (s *session) openWork() (net.Conn, error) {
	stream, err := s.mux.Open()
	if err != nil {
		return nil, err
	}
	now := time.Now().Unix()
	err = wire.Write(stream, wire.TypeNewWorkConn, wire.NewWorkConn{RunID: s.runID, Timestamp: now, PrivilegeKey: wire.PrivilegeKey(s.cfg.Token, now)})
	var remote net.Addr
	if err == nil {
		remote, err = started(stream)
	}
	if err != nil {
		_ = stream.Close()
		return nil, err
	}
	if remote == nil {
		remote = s.mux.RemoteAddr()
	}
	return &workConn{Conn: stream, remote: remote, closed: func() { <-s.slots }}, nil
}

// started waits for StartWorkConn, and tells who the public client is, nil if
// the server does not say.
func started(stream net.Conn) (net.Addr, error) {
	typ, body, err := wire.Read(stream)
	if err != nil {
		return nil, err
	}
	start, err := wire.Decode[wire.StartWorkConn](body)
	switch {
	case err != nil:
		return nil, err
	case typ != wire.TypeStartWorkConn:
		return nil, wire.ErrMessage
	case start.Error != "":
		return nil, refusal(start.Error)
	}
	if addr, err := netip.ParseAddr(start.SrcAddr); err == nil {
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, start.SrcPort)), nil
	}
	return nil, nil
}

// workConn is a connection of the public.
type workConn struct {
	net.Conn
	remote net.Addr
	once   sync.Once
	closed func()
}

// RemoteAddr is the public client's address, or the server's where that does
// not tell.
func (c *workConn) RemoteAddr() net.Addr { return c.remote }

func (c *workConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.closed)
	return err
}
