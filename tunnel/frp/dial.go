package frp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
)

// tlsByte announces TLS to a server that has plain connections, web sockets
// and TLS on one port. Gradio's own client sends it.
const tlsByte = 0x17

// lineConn is a connection to a server, with TLS or without. To close it
// never waits: TLS alone would try to say good-bye to a peer that may be gone.
type lineConn struct {
	net.Conn          // what is read and written
	raw      net.Conn // what is closed
}

func (c *lineConn) Close() error { return c.raw.Close() }

// dial connects to the server.
func dial(ctx context.Context, cfg Config, p place) (net.Conn, error) {
	connect := cfg.Dial
	if connect == nil {
		connect = new(net.Dialer).DialContext
	}
	raw, err := connect(ctx, "tcp", p.address)
	if err != nil {
		return nil, &Error{StepReach, p.address, err}
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
		return nil, &Error{stepOf(err, StepTLS), p.address, err}
	}
	if _, err := raw.Write([]byte{tlsByte}); err != nil {
		return fail(err)
	}
	secured := tls.Client(raw, &tls.Config{
		ServerName: p.host, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection verifies
		VerifyConnection: func(state tls.ConnectionState) error {
			return verifyPeer(state.PeerCertificates, p.host, roots)
		},
	})
	if err := secured.HandshakeContext(ctx); err != nil {
		return fail(err)
	}
	return &lineConn{secured, raw}, nil
}

// verifyPeer checks a chain of certificates against each pool, as pools cannot
// be put together. Of the errors, one that says more than that the authority
// is unknown is preferred.
func verifyPeer(chain []*x509.Certificate, name string, pools []*x509.CertPool) (err error) {
	if len(chain) == 0 {
		return errors.New("the server shows no certificate")
	}
	opts := x509.VerifyOptions{DNSName: name, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	for _, opts.Roots = range pools {
		_, failed := chain[0].Verify(opts)
		if failed == nil {
			return nil
		}
		var unknown x509.UnknownAuthorityError
		if err == nil || !errors.As(failed, &unknown) {
			err = failed
		}
	}
	return err
}
