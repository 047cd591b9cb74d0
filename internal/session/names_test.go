package session

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/hf-tap/hf-tap/tunnel/edgetest"
	"golang.org/x/net/dns/dnsmessage"
)

// names are what names lead to in these tests. They are this process's from the
// start, as nothing may look a name up while they become so. The stand-in Hub
// delivers to public names as the real one does: it looks them up, connects to
// port 443, and verifies a certificate.
var names = takeNames()

// nameService answers for every name with one address, or with none.
type nameService struct {
	mu sync.Mutex
	to netip.Addr
}

func takeNames() *nameService {
	n := &nameService{}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: n.dial}
	return n
}

// dial gives a connection to the name service, which serves it to its end.
func (n *nameService) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		for n.answer(theirs) == nil {
		}
	}()
	return ours, nil
}

// answer reads a question as DNS asks it over a stream, and answers it.
func (n *nameService) answer(conn net.Conn) error {
	size := make([]byte, 2)
	if _, err := io.ReadFull(conn, size); err != nil {
		return err
	}
	asked := make([]byte, binary.BigEndian.Uint16(size))
	if _, err := io.ReadFull(conn, asked); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(asked); err != nil || len(m.Questions) != 1 {
		return fmt.Errorf("no question: %w", err)
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	n.mu.Lock()
	to := n.to
	n.mu.Unlock()
	switch q := m.Questions[0]; {
	case !to.IsValid():
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: to.As4()},
		}}
	}
	told, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(told))), told...))
	return err
}

// publicEdge makes public names lead to a service until the test ends.
func publicEdge(t testing.TB, dial edgetest.Dial) *edgetest.Edge {
	t.Helper()
	var e *edgetest.Edge
	var err error
	// An address of its own where the system has more than one for itself: others
	// may have the port at 127.0.0.1.
	for _, host := range []string{fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)), "127.0.0.1"} {
		if e, err = edgetest.Start(net.JoinHostPort(host, "443"), dial); err == nil {
			break
		}
	}
	if err != nil {
		t.Skipf("public names lead to port 443, which needs root here, or sysctl net.ipv4.ip_unprivileged_port_start=443: %v", err)
	}
	names.lead(netip.MustParseAddrPort(e.Addr()).Addr())
	t.Cleanup(func() {
		names.lead(netip.Addr{})
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (n *nameService) lead(to netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.to = to
}
