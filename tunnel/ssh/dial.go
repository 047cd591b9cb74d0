package ssh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/internal/announce"
)

// dialer connects to a server, and records how far it came.
type dialer struct {
	cfg     Config
	service service
	key     ssh.Signer // the one in Config.KeyFile
	known   *knownServers

	connected time.Duration // to a TCP connection, 0 if there is none
	trusted   time.Duration // from there to a host key that is trusted
	entered   time.Duration // from there to a successful login
	banner    string
}

func newDialer(cfg Config, provider string) (*dialer, error) {
	key, err := ownKey(cfg.KeyFile)
	if err != nil {
		return nil, err
	}
	service, err := serviceOf(cfg, provider, cmp.Or(cfg.Name, nameFor(key.PublicKey())))
	if err != nil {
		return nil, err
	}
	known, err := openKnown(cfg.KnownHosts)
	if err != nil {
		return nil, err
	}
	return &dialer{cfg: cfg, service: service, key: key, known: known}, nil
}

// dial connects and logs in. The end of ctx stops that only.
func (d *dialer) dial(ctx context.Context) (*ssh.Client, error) {
	start := time.Now()
	conn, err := d.cfg.Dial(ctx, "tcp", d.service.server)
	if err != nil {
		return nil, d.at(tunnel.StepReach, err)
	}
	d.connected = max(1, time.Since(start))
	keys, done := d.authMethods(ctx)
	defer done()
	config := &ssh.ClientConfig{
		User: d.service.user, Auth: keys, ClientVersion: "SSH-2.0-hf-tap",
		HostKeyAlgorithms: d.known.algorithms(d.service.server),
		HostKeyCallback: func(address string, remote net.Addr, key ssh.PublicKey) error {
			err := d.known.verify(address, remote, key)
			if err == nil {
				d.trusted = max(1, time.Since(start)-d.connected)
			}
			return err
		},
		BannerCallback: func(message string) error {
			d.banner = announce.Plain(message[:min(len(message), announce.MaxSaid)])
			return nil
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, d.service.server, config)
	if !stop() && err == nil {
		_ = c.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer: %w", ctx.Err())
		}
		return nil, d.handshakeError(err)
	}
	d.entered = max(1, time.Since(start)-d.connected-d.trusted)
	return ssh.NewClient(c, channels, requests), nil
}

// handshakeError returns why a handshake failed.
func (d *dialer) handshakeError(err error) error {
	var changed *tunnel.HostKeyError
	switch {
	case errors.As(err, &changed):
		return d.at(tunnel.StepTrust, changed)
	case errors.Is(err, ErrFiles):
		return err
	case d.trusted == 0:
		return d.at(tunnel.StepProtocol, unprefixed(err))
	}
	// With KeyboardInteractive, a plain refusal is an unexpected message.
	text := err.Error()
	if strings.Contains(text, "unable to authenticate") || strings.Contains(text, "unexpected message type 51") {
		no := &tunnel.ProviderError{Provider: d.service.provider, Message: "permission denied for " + d.service.user, Permanent: true}
		if d.banner != "" {
			no.Message += ": " + d.banner
		}
		return no
	}
	return d.at(tunnel.StepProtocol, unprefixed(err))
}

// unprefixed removes the library's prefix from an error.
func unprefixed(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "ssh: handshake failed: ") {
		return inner
	}
	return err
}

func (d *dialer) at(step tunnel.Step, err error) *tunnel.ConnectError {
	return d.cfg.ConnectError(d.service.provider, d.service.server, step, err)
}
