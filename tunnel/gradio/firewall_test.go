package gradio

import (
	"context"
	"net"
	"sync"
	"testing"
)

// firewall is a network that can forget a connection without a word: nothing
// comes through it any more, and neither side hears of it.
type firewall struct {
	mu    sync.Mutex
	conns []*forgotten
}

func newFirewall(t *testing.T) *firewall {
	f := &firewall{}
	t.Cleanup(func() {
		for _, c := range f.conns {
			_ = c.Conn.Close()
		}
	})
	return f
}

func (f *firewall) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &forgotten{Conn: conn, gone: make(chan struct{}), closed: make(chan struct{})}
	f.conns = append(f.conns, c)
	return c, nil
}

// swallow forgets the connections that there are.
func (f *firewall) swallow() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		close(c.gone)
	}
}

type forgotten struct {
	net.Conn
	gone   chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (c *forgotten) isGone() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

func (c *forgotten) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.isGone() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *forgotten) Write(p []byte) (int, error) {
	if c.isGone() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close of a connection that is forgotten does not reach the other side.
func (c *forgotten) Close() error {
	c.once.Do(func() { close(c.closed) })
	if c.isGone() {
		return c.CloseRead()
	}
	return c.Conn.Close()
}

// CloseRead wakes a reader without a word to the other side.
func (c *forgotten) CloseRead() error { return c.Conn.(*net.TCPConn).CloseRead() }
