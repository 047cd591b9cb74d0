package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	xproxy "golang.org/x/net/proxy"
)

// connectSOCKS asks a SOCKS5 proxy on conn for a connection to address (RFC 1928,
// with the user and password of RFC 1929). It reads no byte of what follows the
// proxy's answer.
func connectSOCKS(ctx context.Context, conn net.Conn, p *proxy, address string) error {
	var auth *xproxy.Auth
	if user, password, given := p.credentials(); given {
		auth = &xproxy.Auth{User: user, Password: password}
	}
	dialer, err := xproxy.SOCKS5("tcp", p.address(), auth, opened{conn})
	if err != nil {
		return fmt.Errorf("ask for the connection: %w", err)
	}
	// The connection that comes back is the one that went in, in a wrapper that
	// hides its CloseWrite.
	if _, err = dialer.(xproxy.ContextDialer).DialContext(ctx, "tcp", address); err != nil {
		return socksReason(err, auth != nil)
	}
	return nil
}

// socksReason distinguishes the errors that concern a password. The library has no
// names for them.
func socksReason(err error, given bool) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && strings.HasPrefix(op.Op, "socks ") {
		err = op.Err // the addresses are in the error around it
	}
	text := err.Error()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		// The library gives the connection the context's deadline, and may be
		// a moment ahead of the context.
		return context.DeadlineExceeded
	case strings.Contains(text, "username/password authentication failed"):
		return fmt.Errorf("%w: %w", ErrPasswordRefused, err)
	case strings.Contains(text, "no acceptable authentication methods") && !given:
		return fmt.Errorf("%w: %w", ErrPasswordNeeded, err)
	}
	return err
}

// opened is a dialer that returns an existing connection.
type opened struct{ conn net.Conn }

// Dial returns the connection.
func (o opened) Dial(string, string) (net.Conn, error) { return o.conn, nil }

// DialContext returns the connection.
func (o opened) DialContext(context.Context, string, string) (net.Conn, error) { return o.conn, nil }
