package tunnel

import (
	"errors"
	"net"
	"sync"
	"time"
)

// acceptFrom passes the connections of a tunnel to the listener, until Accept fails
// for good.
func (k *Keeper) acceptFrom(t *keptTunnel) {
	defer close(t.done)
	_, linked := t.Tunnel.(ReconnectingTunnel)
	for pause := 5 * time.Millisecond; ; {
		conn, err := t.Accept()
		if err == nil {
			pause = 5 * time.Millisecond
			k.pass(t, conn)
			continue
		}
		if linked || errors.Is(err, net.ErrClosed) {
			t.err = err
			return
		}
		// A listener on this machine fails while too many files are open, and works
		// again afterwards.
		select {
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		case <-t.retired:
		}
	}
}

func (k *Keeper) pass(t *keptTunnel, conn net.Conn) {
	select {
	case k.conns <- conn:
	case <-t.retired:
		_ = conn.Close()
	case <-k.listener.closed:
		_ = conn.Close()
	}
}

// lastingListener is the Listener of a Keeper. An http.Server that shuts down waits
// until Accept returns, so that Accept must end without closing the tunnel, which
// would cut the answers under way. A channel in between makes that possible.
type lastingListener struct {
	k      *Keeper
	once   sync.Once
	closed chan struct{}
}

// Accept returns the next connection of any tunnel.
func (f *lastingListener) Accept() (net.Conn, error) {
	select {
	case <-f.closed:
		return nil, net.ErrClosed
	case <-f.k.ctx.Done():
		return nil, net.ErrClosed
	default:
	}
	select {
	case conn := <-f.k.conns:
		return conn, nil
	case <-f.closed:
		return nil, net.ErrClosed
	case <-f.k.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (f *lastingListener) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

// Addr is the address of the latest tunnel's listener.
func (f *lastingListener) Addr() net.Addr {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	return f.k.addr
}
