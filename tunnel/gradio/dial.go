package gradio

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/tunnel"
)

// tlsByte announces TLS to a server that has plain connections, web sockets and TLS
// on one port. Gradio's own client sends it, too.
const tlsByte = 0x17

// serverConn is a TLS connection to a server. Its Close does not wait: that of TLS
// sends a last message to a peer that may be gone.
type serverConn struct {
	net.Conn          // what is read and written
	raw      net.Conn // what is closed
}

func (c *serverConn) Close() error { return c.raw.Close() }

// dial connects to the server.
func dial(ctx context.Context, cfg Config, p place) (net.Conn, error) {
	raw, err := cfg.Dial(ctx, "tcp", p.address)
	if err != nil {
		return nil, cfg.ConnectError(Name, p.address, tunnel.StepReach, err)
	}
	roots := p.usableRoots()
	if len(roots) == 0 {
		return raw, nil
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	fail := func(err error) (net.Conn, error) {
		_ = raw.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, cfg.ConnectError(Name, p.address, stepOf(err, tunnel.StepTLS), err)
	}
	if _, err := raw.Write([]byte{tlsByte}); err != nil {
		return fail(err)
	}
	secured := tls.Client(raw, &tls.Config{
		ServerName: p.host, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection verifies
		VerifyConnection: func(state tls.ConnectionState) error {
			return network.VerifyPeer(state.PeerCertificates, p.host, roots)
		},
	})
	if err := secured.HandshakeContext(ctx); err != nil {
		return fail(err)
	}
	return &serverConn{secured, raw}, nil
}
