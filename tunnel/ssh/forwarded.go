package ssh

import "golang.org/x/crypto/ssh"

// maxForwarded is the largest number of connections at a time. Further ones are
// refused, because the server decides how many come.
const maxForwarded = 1024

// serve accepts the connections that the server forwards.
func (t *forwarding) serve(channels <-chan ssh.NewChannel) {
	for offered := range channels {
		var from struct {
			Addr       string
			Port       uint32
			OriginAddr string
			OriginPort uint32
		}
		if err := ssh.Unmarshal(offered.ExtraData(), &from); err != nil {
			_ = offered.Reject(ssh.ConnectionFailed, "malformed") // the connection may have ended
			continue
		}
		if t.full() {
			_ = offered.Reject(ssh.ResourceShortage, "too many connections")
			continue
		}
		ch, requests, err := offered.Accept()
		if err != nil {
			continue
		}
		t.mu.Lock() // it cannot end before it is in the map
		conn := newChannelConn(ch, requests, addrOf(from.Addr, from.Port), addrOf(from.OriginAddr, from.OriginPort), &t.run, t.forget)
		t.live[conn] = struct{}{}
		t.mu.Unlock()
		t.run.Go(func() {
			select {
			case t.conns <- conn:
			case <-t.closed:
				_ = conn.Close()
			case <-t.over:
				_ = conn.Close()
			}
		})
	}
}

func (t *forwarding) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.live) >= maxForwarded
}

func (t *forwarding) forget(c *channelConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, c)
}

// hangUp closes the forwarded connections. The goroutines of one that nobody reads or
// closes would never end.
func (t *forwarding) hangUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.live {
		_ = c.Close() // a pipe in memory does not fail
	}
}
