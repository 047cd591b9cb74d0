package frp

import (
	"bytes"
	"io"
	"net"
)

// babble sends the same again and again until the other side has enough.
func babble(conn net.Conn, what []byte) error {
	block := bytes.Repeat(what, 1+4096/len(what))
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, conn)
	}()
	var err error
	for err == nil {
		_, err = conn.Write(block)
	}
	_ = conn.Close()
	<-drained
	return err
}

// readFirst is a connection of which something is read already.
type readFirst struct {
	net.Conn
	r io.Reader
}

func (c *readFirst) Read(p []byte) (int, error) { return c.r.Read(p) }
