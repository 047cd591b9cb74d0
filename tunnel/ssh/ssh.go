// Package ssh opens tunnels by servers that forward ports over SSH: public
// services, which need no account, and any server of the user's.
package ssh

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/tunnel"
)

// The names of the services.
const (
	LocalhostRun = "localhost.run"
	Serveo       = "serveo"
	Pinggy       = "pinggy"
	SrvUs        = "srv.us"
	Tuns         = "tuns.sh"
)

// Services returns the names of the services.
func Services() []string { return []string{LocalhostRun, Serveo, Pinggy, SrvUs, Tuns} }

const scheme = "ssh://"

// AnyServer stands for the names of all servers of the user's.
const AnyServer = scheme + "[user@]host"

// IsServer reports whether a provider's name is that of a server of the user's,
// for example "ssh://me@host".
func IsServer(name string) bool { return strings.HasPrefix(name, scheme) }

// IsProvider reports whether a name is that of a provider of this package.
func IsProvider(name string) bool { return IsServer(name) || slices.Contains(Services(), name) }

// Config is the keys to use, and what to ask a server for.
type Config struct {
	tunnel.Options

	KeyFile    string // a file with the private key, created if it does not exist; empty: a new key each time
	KnownHosts string // a file for the host keys of servers, created if it does not exist; required
	Name       string // the name to request from tuns.sh, and from sish at ssh://…; empty: one derived from the key
	Server     string // host:port to connect to instead of the service's own server; empty: that one

	// The rest is for a server of the user's.
	Home      string   // the user's folder of SSH keys; empty: they are not used
	Agent     string   // the socket of the user's SSH agent; empty: it is not used
	PublicURL string   // the address that leads to the server's Port, if it announces none
	Port      int      // the port to listen on at the server's loopback address, with PublicURL; 0 for any
	Domains   []string // domains in which the server may announce addresses, besides the one that it is registered under
}

// New returns the provider of a service, or of a server at ssh://[user@]host[:port].
// The error is a tunnel.ErrUsage, or tunnel.ErrUnknownProvider.
func New(name string, cfg Config) (tunnel.Provider, error) {
	if !IsProvider(name) {
		return nil, fmt.Errorf("%w %q", tunnel.ErrUnknownProvider, name)
	}
	cfg.Options = cfg.WithDefaults()
	if _, err := serviceOf(cfg, name, ""); err != nil {
		return nil, err
	}
	return provider{name, cfg}, nil
}

type provider struct {
	name string
	cfg  Config
}

func (p provider) Name() string { return p.name }

// Open connects to the server, and asks it to forward.
func (p provider) Open(ctx context.Context) (tunnel.Tunnel, error) {
	t, err := open(ctx, p.cfg, p.name)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Diagnose connects to the server. A server that was not known before is known
// afterwards.
func (p provider) Diagnose(ctx context.Context) []tunnel.Finding {
	d, err := newDialer(p.cfg, p.name)
	if err != nil {
		return []tunnel.Finding{{Step: tunnel.FindingSession, Err: err}}
	}
	trying, cancel := p.cfg.Limited(ctx, nil)
	defer cancel()
	client, err := d.dial(trying)
	if err == nil {
		_ = client.Close() // it was let in: that is all there was to know
		_ = client.Wait()
	}
	trust := "the host key is the known one, " + d.known.fingerprint
	if d.known.fresh {
		trust = "the host key was new, and is stored now, " + d.known.fingerprint
	}
	return tunnel.Steps(err,
		p.cfg.Reached(d.service.server, d.connected),
		tunnel.Finding{Step: string(tunnel.StepTrust), Detail: trust, Took: d.trusted},
		tunnel.Finding{Step: string(tunnel.StepProtocol), Detail: "the server accepts the login", Took: d.entered})
}
